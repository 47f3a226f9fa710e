"""How much of one picture's movement is noise: what a shift by one pixel changes.

A shift by one pixel, or a compression, changes neither the object nor its size. What a unit's
difference changes by then is the smallest change under a zoom that says anything.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from sk_viz.measures.reading import read
from sk_viz.pictures import Stimulus
from sk_viz.pictures.decoding.formats import Pixels
from sk_viz.pictures.picture import frozen

if TYPE_CHECKING:
    from sk_viz.types import Progress
    from sk_viz.zoo.model import Model

Array = npt.NDArray[np.float64]

# Columns and rows.
SHIFTS = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True)
class Movement:
    """Which units a zoom moves, beyond the noise of the picture.

    Attributes:
        larger: units that move towards the largest kernel.
        smaller: units that move towards the smallest kernel.
        too_small: units whose change is not larger than their noise.
    """

    larger: tuple[str, ...]
    smaller: tuple[str, ...]
    too_small: tuple[str, ...]


def noise_floor(
    model: Model, first: Stimulus, last: Stimulus, *, jpeg: int | None = None
) -> dict[str, float]:
    """The noise of each unit's change from one stimulus to another.

    Both are shifted by one pixel in each of four directions (the edge repeated), the same way at
    both ends. Costs ten stimuli, twelve with ``jpeg``.

    Args:
        model: of ``sk_viz.load_model``.
        first: such as the first of ``Sweep.stimuli``.
        last: such as the last.
        jpeg: a JPEG quality in 1..95, to count compression of both ends as a fifth disturbance.

    Returns:
        By unit, the root mean square over the disturbances of how much the change changes.
    """
    ends = read_differences(model, [*disturbed(first, jpeg), *disturbed(last, jpeg)])
    count = len(ends) // 2
    noise = noise_of(ends[:count], ends[count:])
    return {unit.name: float(value) for unit, value in zip(model.units, noise, strict=True)}


def movement(differences: pd.DataFrame, noise: Mapping[str, float]) -> Movement:
    """Sort the units of a sweep by what they do between its first and its last scale.

    Args:
        differences: of a sweep: columns scale, unit, difference.
        noise: of :func:`noise_floor` for the same two stimuli.
    """
    scales = differences["scale"].unique()
    table = differences.pivot(index="unit", columns="scale", values="difference")
    change = table[scales[-1]] - table[scales[0]]
    named = [(str(unit), float(value)) for unit, value in change.items()]
    return Movement(
        larger=tuple(unit for unit, value in named if value > noise[unit]),
        smaller=tuple(unit for unit, value in named if -value > noise[unit]),
        too_small=tuple(unit for unit, value in named if abs(value) <= noise[unit]),
    )


def disturbed(stimulus: Stimulus, jpeg: int | None = None) -> list[Stimulus]:
    """A stimulus as it is, shifted by one pixel in four directions, and compressed."""
    frames = [stimulus.rgb, *(shifted(stimulus.rgb, x, y) for x, y in SHIFTS)]
    if jpeg is not None:
        frames.append(_compressed(stimulus.rgb, jpeg))
    return [replace(stimulus, rgb=frozen(rgb)) for rgb in frames]


def shifted(rgb: Pixels, columns: int, rows: int) -> Pixels:
    """A frame moved to the right and down; what comes in repeats the edge."""
    side = rgb.shape[0]
    reach = max(abs(columns), abs(rows))
    padded = np.pad(rgb, ((reach, reach), (reach, reach), (0, 0)), "edge")
    top, left = reach - rows, reach - columns
    return np.ascontiguousarray(padded[top : top + side, left : left + side])


def noise_of(first: Array, last: Array) -> Array:
    """The noise (units,) of a change.

    Args:
        first: (1 + n, units), the differences at one end: undisturbed, then disturbed.
        last: the same at the other end.
    """
    changes = last - first
    noise: Array = np.sqrt(((changes[1:] - changes[:1]) ** 2).mean(axis=0))
    return noise


def read_differences(
    model: Model, shown: Sequence[Stimulus], progress: Progress | None = None
) -> Array:
    """The difference of every unit on some stimuli: (stimuli, units) in [-1, 1].

    Stimuli of one size and pooling are read together, whatever their order.
    """
    kinds: dict[object, list[int]] = {}
    for number, stimulus in enumerate(shown):
        kinds.setdefault((stimulus.rgb.shape, stimulus.pool), []).append(number)
    order = [number for numbers in kinds.values() for number in numbers]
    reading = read(model, [shown[number] for number in order], progress=progress)
    found = np.empty((len(shown), len(model.units)))
    for column, (unit, weights) in enumerate(zip(model.units, reading.weights, strict=True)):
        change = weights[:, unit.largest] - weights[:, unit.smallest]
        found[order, column] = change.mean(axis=1, dtype=np.float64)
    return found


def _compressed(rgb: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"), np.uint8)
