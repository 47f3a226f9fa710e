"""How much of the picture a unit sees: in theory, and measured on pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np
import pandas as pd

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.fields.effective import RECIPES, FieldProbe, Floats, Gate, field_sizes
from sk_viz.measures.fields.layer import LayerField, layer_field
from sk_viz.measures.fields.theoretical import BranchField, theoretical_fields
from sk_viz.measures.reading import to_tensor
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result, map_of, map_table
from sk_viz.pictures import (
    CENTRE,
    Background,
    Picture,
    PictureLike,
    Presentation,
    check_point,
    read_picture,
)
from sk_viz.preprocessing import Preprocessing
from sk_viz.types import Progress
from sk_viz.zoo.given import as_loaded
from sk_viz.zoo.plain import PlainNetwork, as_plain

if TYPE_CHECKING:
    from torch import nn

    from sk_viz.networks.units import Unit
    from sk_viz.zoo.model import Model

NOISE_PICTURES = 4


@dataclass(frozen=True, eq=False)
class ReceptiveField(Result):
    """The receptive field of one unit at one place.

    Attributes:
        theoretical: one entry per branch, in the order of the kernels.
        effective: float32 (H, W) at input size, |gradient| of the unit's output at the place
            summed over colours, mean over what was shown; not negative, in units of output per
            unit of normalised input.
        size: of the effective field in pixels, by definition: ``luo``, ``share_20`` ...
            ``share_99``, ``replknet_20`` ... ``replknet_99``; see ``field_sizes``.
        position: (row, column) in the unit's map that the place falls on.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "receptive_field"
    NOUN: ClassVar[str] = "a receptive field"

    theoretical: tuple[BranchField, ...]
    effective: Floats
    size: dict[str, float]
    position: tuple[int, int]
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "theoretical", "size", "position"}`` of plain values."""
        return {
            "record": dict(self.record),
            "theoretical": [branch.to_record() for branch in self.theoretical],
            "size": {name: _or_none(side) for name, side in self.size.items()},
            "position": list(self.position),
        }

    def _table(self) -> pd.DataFrame:
        return map_table(self.effective)

    def _besides(self, *, table: bool) -> dict[str, Any]:
        return {} if table else {"effective": self.effective.tolist()}

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        row, column = contents["position"]
        return cls(
            theoretical=tuple(BranchField.of_record(one) for one in contents["theoretical"]),
            effective=map_of(table, contents.get("effective")),
            size={n: np.nan if side is None else side for n, side in contents["size"].items()},
            position=(row, column),
            record=contents["record"],
        )


@overload
def receptive_field(
    model: Model | nn.Module,
    unit: str,
    picture: PictureLike | Sequence[PictureLike] | None = None,
    gate: Gate = "held",
    *,
    place: tuple[float, float] = (0.5, 0.5),
    scales: Sequence[float] = (1.0,),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ReceptiveField: ...


@overload
def receptive_field(
    model: Model | PlainNetwork | nn.Module,
    *,
    layer: str,
    picture: PictureLike | Sequence[PictureLike] | None = None,
    place: tuple[float, float] = (0.5, 0.5),
    scales: Sequence[float] = (1.0,),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    seed: int = 0,
    input_sizes: Sequence[int] = (),
    untrained: bool = False,
    progress: Progress | None = None,
) -> LayerField: ...


def receptive_field(
    model: Model | PlainNetwork | nn.Module,
    unit: str | None = None,
    picture: PictureLike | Sequence[PictureLike] | None = None,
    gate: Gate = "held",
    *,
    layer: str | None = None,
    place: tuple[float, float] = (0.5, 0.5),
    scales: Sequence[float] = (1.0,),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    seed: int = 0,
    input_sizes: Sequence[int] = (),
    untrained: bool = False,
    progress: Progress | None = None,
) -> ReceptiveField | LayerField:
    """The receptive field of an SK unit, or of a layer of any network.

    Of a unit, the theoretical field of each branch and the effective field of its output; of a
    layer, see :class:`~sk_viz.measures.fields.layer.LayerField`.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``); with a
            ``layer`` any network that takes (N, 3, H, W).
        unit: name of the unit, such as ``SK_3_4``.
        picture: one picture, or several to average over. Without one, the effective field is
            measured on pictures of seeded noise, as Luo et al. do; the record says so.
        gate: ``"held"`` takes the branch weights as constants, so that only the convolutions
            count; ``"free"`` also counts what a pixel does through the choice of the weights,
            which pools the whole picture: then every pixel counts.
        layer: in place of a unit, the path of a layer such as ``layer3.5``; the gates of SK units
            are then free.
        place: (x, y) in [0, 1], where in the network's input the field is measured; ``point``
            is where in the picture the zoom goes.
        scales: to average over; with the protocol ``resolution`` one.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        seed: of the noise.
        input_sizes: of a layer: the sizes to measure at, in pixels; the network's own if left out.
        untrained: of a layer: also measure a copy whose layers were reset to random weights.
        progress: called with (done, total) after each stimulus; what it raises ends the work.

    Raises:
        ModelError: the model has no such unit or layer, the gate is neither held nor free, or not
            exactly one of a unit and a layer was given.
        ScaleError: scales, protocol, point or place that make no sense.
        PictureError: ``object`` with a picture that has no transparency.
    """
    if (unit is None) == (layer is None):
        raise ModelError("Give either a unit, such as 'SK_3_4', or layer='layer3.5'.")
    if layer is not None:
        network = as_plain(model)
        noise = picture is None
        return layer_field(
            network,
            layer,
            _noise(network.preprocessing, seed) if picture is None else as_pictures(picture),
            presentation=Presentation(protocol, point, background),
            scales=scales,
            place=check_point(place),
            input_sizes=input_sizes,
            untrained=untrained,
            seed=seed if noise else None,
            notes=[_on_noise(NOISE_PICTURES)] if noise else [],
            progress=progress,
        )
    assert unit is not None
    if isinstance(model, PlainNetwork):
        raise ModelError(f"{model.id} is not loaded with its units: give sk_viz.load_model's.")
    if input_sizes or untrained:
        raise ModelError("Input sizes and an untrained copy are for a layer: give layer=.")
    if gate not in ("held", "free"):
        raise ModelError(f"The gate is 'held' or 'free', not {gate!r}.")
    if protocol == "resolution" and len(tuple(scales)) > 1:
        raise ScaleError("Fields at several resolutions have no mean; give one scale.")
    model = as_loaded(model)
    chosen = find_unit(model, unit)
    presentation = Presentation(protocol, point, background)
    place = check_point(place)
    noise = picture is None
    pictures = _noise(model.preprocessing, seed) if picture is None else as_pictures(picture)
    shown = [
        stimulus
        for one in pictures
        for stimulus in presentation.stimuli(one, scales, model.preprocessing)
    ]
    theoretical = theoretical_fields(model.network, model.units, model.preprocessing.input_size)
    absolute, positive, position = [], [], (0, 0)
    probe = FieldProbe(model, (chosen,), gate, place)
    for done, stimulus in enumerate(shown, start=1):
        maps = probe.maps(to_tensor([stimulus], model))[unit]
        absolute.append(maps.absolute[0])
        positive.append(maps.positive[0])
        position = maps.position
        if progress is not None:
            progress(done, len(shown))
    effective: Floats = np.mean(absolute, axis=0)
    branches = theoretical[unit]
    centre = centre_pixel(branches[0], position, effective.shape[0])
    record = build_record(
        "receptive_field",
        model,
        pictures[0],
        presentation=presentation,
        scales=scales,
        seed=seed if noise else None,
        notes=_notes(branches, noise, len(pictures)),
        unit=unit,
        gate=gate,
        place=place,
        position=position,
        centre=centre,
        differentiated="sum over channels of ReLU(V) at the position",
        recipes=dict(RECIPES),
        pictures=[{"picture": one.name, "sha256": one.sha256} for one in pictures],
    )
    size = field_sizes(effective, np.mean(positive, axis=0), centre)
    effective.flags.writeable = False
    return ReceptiveField(branches, effective, size, position, record)


def find_unit(model: Model, name: str) -> Unit:
    """A unit by its name.

    Raises:
        ModelError: there is no unit of that name.
    """
    for unit in model.units:
        if unit.name == name:
            return unit
    names = ", ".join(unit.name for unit in model.units)
    raise ModelError(f"There is no unit {name!r}: choose one of {names}.")


def as_pictures(picture: PictureLike | Sequence[PictureLike]) -> tuple[Picture, ...]:
    """One picture or a list or tuple of them, each of ``sk_viz.read_picture`` or read by it.

    Raises:
        ScaleError: none at all.
    """
    several = picture if isinstance(picture, list | tuple) else (picture,)
    pictures = tuple(read_picture(one) for one in several)
    if not pictures:
        raise ScaleError("There is no picture to measure on; give at least one.")
    return pictures


def centre_pixel(branch: BranchField, position: tuple[int, int], side: int) -> tuple[int, int]:
    """The pixel (row, column) that a position's field is centred at, inside the picture."""
    # Of an upper bound no more is known than the middle of a position's cell.
    first = branch.centre if branch.status == "exact" else (branch.stride - 1) / 2
    row, column = (int(first + branch.stride * index + 0.5) for index in position)
    return min(max(row, 0), side - 1), min(max(column, 0), side - 1)


def _noise(preprocessing: Preprocessing, seed: int) -> tuple[Picture, ...]:
    """Pictures of uniform noise, of a size that the evaluation crop leaves as it is."""
    side = round(preprocessing.input_size / preprocessing.crop_fraction)
    rng = np.random.default_rng(seed)
    pictures = []
    for number in range(NOISE_PICTURES):
        pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
        pixels.flags.writeable = False
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        pictures.append(Picture(pixels, digest, f"noise {number}, seed {seed}", "noise"))
    return tuple(pictures)


def _on_noise(count: int) -> str:
    return f"The effective field was measured on {count} pictures of noise."


def _notes(branches: tuple[BranchField, ...], noise: bool, count: int) -> list[str]:
    notes = []
    if noise:
        notes.append(_on_noise(count))
    if max(branch.size for branch in branches) > branches[0].input_size:
        notes.append("The theoretical field is larger than the picture, which cuts it off.")
    if any(branch.status == "upper bound" for branch in branches):
        notes.append("The theoretical field is an upper bound: the reach of a layer is not known.")
    return notes


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else value
