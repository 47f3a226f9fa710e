"""What of a zoom is size: the change of every unit, split by several controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result, in_order
from sk_viz.measures.size.arms import (
    BASE,
    CONTROLS,
    PARTS,
    WAYS,
    ZOOM,
    Way,
    arms,
    check_controls,
)
from sk_viz.measures.size.noise import SHIFTS, disturbed, noise_of, read_differences, shifted
from sk_viz.measures.size.nulls import NULL_PICTURES, Null, nulls
from sk_viz.pictures import (
    CENTRE,
    PictureLike,
    Presentation,
    Stimulus,
    detail_lost,
    read_picture,
)
from sk_viz.pictures.picture import frozen
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from torch import nn

    from sk_viz.types import Progress
    from sk_viz.zoo.model import Model

Array = npt.NDArray[np.float64]

# A size counts beyond so many standard deviations of what the control finds on 1/f noise, and
# beyond so many times the picture's own noise. Of 120 photographs shifted by one pixel, 115 keep
# the verdict on all nine units of the bundled model.
NULL_DEVIATIONS = 6.0
NOISE_TIMES = 2.0


@dataclass(frozen=True, eq=False)
class SizeEffect(Result):
    """How each unit changes from the whole frame to a zoom, and what of it is size.

    Attributes:
        table: one row a unit and control: columns unit, control, total, content, detail, size,
            frame: the change of the difference in all, and its parts, whose sum it is. See
            :func:`size_effect` for what each part compares.
        noise: columns unit, noise: by how much (root mean square) the total changes when both
            ends are shifted by one pixel.
        null: columns unit, control, mean, sd, d: the part *size* that the control finds on 1/f
            noise, which has no size, and Cohen's d of it.
        settled: columns unit, direction, agree. ``direction`` is ``"smaller"`` or ``"larger"``
            where every control finds a size with that sign, further from the mean of its null
            than ``NULL_DEVIATIONS`` standard deviations and larger than ``NOISE_TIMES`` the
            noise; otherwise ``"none"``. ``agree`` is whether it is one of the two. Sizes are
            means over shifts by one pixel here, so that a shift seldom changes the verdict.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "size_effect"
    NOUN: ClassVar[str] = "a size effect"

    table: pd.DataFrame
    noise: pd.DataFrame
    null: pd.DataFrame
    settled: pd.DataFrame
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "table", "noise", "null", "settled"}`` of plain values."""
        return {
            "record": dict(self.record),
            "table": _rows(self.table),
            "noise": _rows(self.noise),
            "null": _rows(self.null),
            "settled": _rows(self.settled),
        }

    def _table(self) -> pd.DataFrame:
        return self.table

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        rows = contents["table"] if table is None else table
        return cls(
            table=in_order(pd.DataFrame(rows)),
            noise=in_order(pd.DataFrame(contents["noise"])),
            null=in_order(pd.DataFrame(contents["null"])),
            settled=in_order(pd.DataFrame(contents["settled"])),
            record=contents["record"],
        )


def size_effect(
    model: Model | nn.Module,
    picture: PictureLike,
    scale: float = 2.0,
    controls: Sequence[str] = CONTROLS,
    *,
    point: tuple[float, float] = CENTRE,
    jpeg: int | None = None,
    progress: Progress | None = None,
) -> SizeEffect:
    """Split what a zoom does to every unit into content, detail, size and frame.

    The total is the difference at ``zoom`` s minus that at ``zoom`` 1. Each control goes from one
    to the other by steps that change one thing each:

    - ``blur``: *detail* is the whole frame without the detail that the zoom lacks, minus the whole
      frame; *size* is the zoom minus that. What enters or leaves the frame counts as size.
    - ``tile``: *content* is the zoom's window mirrored over the frame at unchanged size, minus the
      whole frame; *detail* is that without the detail that the zoom lacks, minus it; *size* is the
      zoom minus that. Seams and mirrored copies count as content.
    - ``window``: every gate takes its global mean over the zoom's window alone. *content* is the
      whole frame so pooled, minus the whole frame; *detail* is that without the detail that the
      zoom lacks, minus it; *size* is the whole crop at s times the input size so pooled, minus
      that; *frame* is the zoom minus that: the cut edge, beyond which the zoom has zeros and the
      large crop has surroundings.
    - ``periodic``: as ``tile``, with the window repeated in place of mirrored, to check it.

    *detail* is 0 where the picture has a pixel for each of the zoom (``detail_lost`` 1 in the
    record). A part that a control does not have is 0.

    The first effect of a model at a scale also measures the nulls, on ``NULL_PICTURES`` pictures
    of 1/f noise.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``).
        picture: of ``sk_viz.read_picture``, or anything that it takes.
        scale: s of the zoom, above 1.
        controls: of ``blur``, ``tile``, ``window`` and ``periodic``, each once.
        point: (x, y) in [0, 1], where to zoom to.
        jpeg: a JPEG quality in 1..95, to count compression of both ends as noise, too.
        progress: called with (done, total) stimuli; what it raises ends the work.

    Raises:
        ScaleError: a scale that is not above 1, a point outside the picture, unknown controls.
        PictureError: not a picture.
        ModelError: ``window``, and a network whose choice does not come from a global mean.
    """
    model, picture = as_loaded(model), read_picture(picture)
    controls = check_controls(controls)
    preprocessing = model.preprocessing
    presentation = Presentation("zoom", point)
    shown = arms(picture, scale, preprocessing, controls, presentation.point)
    varied = _varied(shown, jpeg)
    flat = [stimulus for of_one in varied.values() for stimulus in of_one]
    found = iter(read_differences(model, flat, progress))
    # By stimulus, since where no detail is lost two arms are one: (1 + disturbances, units).
    read = {key: np.stack([next(found) for _ in of_one]) for key, of_one in varied.items()}
    at = {arm: read[id(stimulus)] for arm, stimulus in shown.items()}
    differences = {arm: values[0] for arm, values in at.items()}
    noise = noise_of(at[BASE], at[ZOOM])
    lost = detail_lost(picture, scale, preprocessing)
    null = nulls(model, scale, controls, lost)
    parts = {control: parts_of(differences, control) for control in controls}
    steady = {arm: values.mean(axis=0) for arm, values in at.items()}
    sizes = {control: parts_of(steady, control)["size"] for control in controls}
    units = [unit.name for unit in model.units]
    direction = _direction(sizes, null, noise)
    return SizeEffect(
        table=_parts_table(units, parts),
        noise=in_order(pd.DataFrame({"unit": units, "noise": noise})),
        null=_null_table(units, null),
        settled=in_order(
            pd.DataFrame(
                {
                    "unit": units,
                    "direction": [("none", "larger", "smaller")[sign] for sign in direction],
                    "agree": direction != 0,
                }
            )
        ),
        record=build_record(
            SizeEffect.MEASURE,
            model,
            picture,
            presentation=presentation,
            scales=(1.0, scale),
            controls=controls,
            detail_lost=lost,
            noise={"shifts": SHIFTS, "jpeg": jpeg},
            null={"pictures": NULL_PICTURES, "deviations": NULL_DEVIATIONS},
            noise_times=NOISE_TIMES,
            notes=_notes(lost, scale),
        ),
    )


def _varied(shown: Mapping[str, Stimulus], jpeg: int | None) -> dict[int, list[Stimulus]]:
    """Each different stimulus with its disturbances, by its identity.

    The two ends are disturbed as the noise needs it. The arms between that a size is measured from
    are small, so noisy: two shifts make their mean steadier. The enlarged frame of the window is
    large and steady by itself.
    """
    from_them = {id(shown[before]) for way in WAYS.values() for before in _size_arms(way, shown)}
    varied: dict[int, list[Stimulus]] = {}
    for arm, stimulus in shown.items():
        if arm in (BASE, ZOOM):
            varied[id(stimulus)] = disturbed(stimulus, jpeg)
        elif id(stimulus) not in varied:
            moved = [shifted(stimulus.rgb, n, n) for n in (1, -1)]
            varied[id(stimulus)] = [
                stimulus,
                *(replace(stimulus, rgb=frozen(rgb)) for rgb in moved if id(stimulus) in from_them),
            ]
    return varied


def _size_arms(way: Way, shown: Mapping[str, Stimulus]) -> list[str]:
    """The arm that a way measures size from, if it is shown."""
    return [before for before, _, part in way if part == "size" and before in shown]


def parts_of(differences: Mapping[str, Array], control: str) -> dict[str, Array]:
    """The total and its parts by one control, from the difference on every arm.

    Args:
        differences: by arm, of any one shape, such as (units,) or (pictures,).
        control: of ``WAYS``.

    Returns:
        ``total`` and each of ``PARTS``, of that shape.
    """
    total = differences[ZOOM] - differences[BASE]
    parts = {part: np.zeros_like(total) for part in PARTS}
    for before, after, part in WAYS[control]:
        parts[part] = parts[part] + differences[after] - differences[before]
    return {"total": total, **parts}


def _direction(sizes: Mapping[str, Array], null: Mapping[str, Null], noise: Array) -> Any:
    """(units,): 1 for larger, -1 for smaller, 0 where not every control says so."""
    found = np.zeros(len(noise), np.int64)
    for sign in (1, -1):
        beyond = [
            (sign * null[control].excess(size) > NULL_DEVIATIONS)
            & (sign * size > NOISE_TIMES * noise)
            for control, size in sizes.items()
        ]
        found[np.all(beyond, axis=0)] = sign
    return found


def _parts_table(units: Sequence[str], parts: Mapping[str, Mapping[str, Array]]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"unit": units, "control": control, **found})
        for control, found in parts.items()
    ]
    table = in_order(pd.concat(tables, ignore_index=True))
    return table.sort_values("unit", kind="stable", ignore_index=True)


def _null_table(units: Sequence[str], null: Mapping[str, Null]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"unit": units, "control": c, "mean": n.mean, "sd": n.sd, "d": n.d})
        for c, n in null.items()
    ]
    table = in_order(pd.concat(tables, ignore_index=True))
    return table.sort_values("unit", kind="stable", ignore_index=True)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype({"unit": str}).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _notes(lost: float, scale: float) -> list[str]:
    if lost <= 1:
        return []
    return [
        f"The picture has too few pixels for a zoom to {scale:g}: detail {lost:.3g} times coarser "
        "than in the whole frame counts as detail and not as size."
    ]
