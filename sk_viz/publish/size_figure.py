"""The figure ``size``: from a picture's effect or a survey's statistics to what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sk_viz.errors import ScaleError
from sk_viz.figures.size_marks import SizeMark

if TYPE_CHECKING:
    from sk_viz.measures.size.effect import SizeEffect

# Of a normal distribution, so many standard deviations on both sides hold 95 %.
_95 = 1.96


def effect_marks(effect: SizeEffect) -> list[SizeMark]:
    """A picture's marks: its noise as interval, and where single pictures of 1/f noise lie."""
    noise = effect.noise.set_index("unit")["noise"]
    null = effect.null.set_index(["unit", "control"])
    agree = effect.settled.set_index("unit")["agree"]
    marks = []
    for row in effect.table.to_dict("records"):
        unit, control, size = str(row["unit"]), row["control"], row["size"]
        mean, sd = (float(null[name][unit, control]) for name in ("mean", "sd"))
        marks.append(
            SizeMark(
                unit=unit,
                control=control,
                size=size,
                interval=(size - _95 * noise[unit], size + _95 * noise[unit]),
                null=mean,
                null_interval=(mean - _95 * sd, mean + _95 * sd),
                settled=bool(agree[unit]),
            )
        )
    return marks


def survey_marks(data: Mapping[str, Any], scale: float) -> list[SizeMark]:
    """A survey's marks at one scale: mean changes, and the error of the null's mean.

    Args:
        data: of :func:`sk_viz.surveys.effects.compute`.
        scale: which of those surveyed.

    Raises:
        ScaleError: no control was surveyed at this scale.
    """
    rows: Sequence[Mapping[str, Any]] = [row for row in data["size"] if row["scale"] == scale]
    if not rows:
        raise ScaleError(
            f"The survey has no control at {scale:g}x: run one with --protocol "
            "zoom,blur,tile,window."
        )
    agree = {row["unit"]: row["agree"] for row in data["settled"] if row["scale"] == scale}
    return [
        SizeMark(
            unit=row["unit"],
            control=row["control"],
            size=row["change"],
            interval=None if row["interval"] is None else tuple(row["interval"]),
            null=row["null_mean"],
            null_interval=_null_interval(row),
            settled=agree.get(row["unit"], False),
        )
        for row in rows
    ]


def _null_interval(row: Mapping[str, Any]) -> tuple[float, float] | None:
    if row["null_mean"] is None:
        return None
    half = _95 * row["null_sd"] / row["null_n"] ** 0.5
    return row["null_mean"] - half, row["null_mean"] + half
