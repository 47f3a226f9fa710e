"""What each control finds on pictures that have no size.

1/f noise looks the same at every scale, so what a control calls size there is its own error: seams
and copies of a tile, the surroundings of a window. An effect counts only beyond it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from torch import nn

from sk_viz.measures.size.arms import WAYS, arms
from sk_viz.measures.size.noise import read_differences
from sk_viz.pictures import CENTRE
from sk_viz.pictures.nulls import scale_free_noise

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

Array = npt.NDArray[np.float64]

NULL_PICTURES = 16
# Seeds of their own, so that noise made with small seeds is other noise.
_FIRST_SEED = 1_000_000

_known: WeakKeyDictionary[nn.Module, dict[object, Array]] = WeakKeyDictionary()
_locks: WeakKeyDictionary[nn.Module, threading.Lock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Null:
    """The part *size* that one control finds on n pictures of 1/f noise.

    Attributes:
        mean: (units,).
        sd: (units,), with n - 1 below.
        n: number of pictures.
    """

    mean: Array
    sd: Array
    n: int

    @property
    def d(self) -> Array:
        """Cohen's d of the null (units,)."""
        return self.mean / self.sd

    def excess(self, size: Array) -> Array:
        """How many standard deviations a size (..., units) lies from the null's mean.

        The standard deviation is that of one more picture: it counts that mean and deviation are
        known from n pictures only.
        """
        away: Array = (size - self.mean) / (self.sd * np.sqrt(1 + 1 / self.n))
        return away


def nulls(
    model: Model, scale: float, controls: Sequence[str], lost: float = 1.0
) -> dict[str, Null]:
    """The null of each control; measured once for a model, a scale and a loss of detail.

    Args:
        model: of ``sk_viz.load_model``.
        scale: s of the zoom, above 1.
        controls: of ``WAYS``.
        lost: of ``detail_lost``; the noise is made as if it lost nothing, or as much as a zoom
            can lose, whichever is nearer.
    """
    side = model.preprocessing.input_size / model.preprocessing.crop_fraction
    # Of a picture of this side the zoom loses nothing, or all the detail that it enlarges.
    side *= scale if lost < np.sqrt(scale) else 1.0
    with _lock_of(model.readout):
        known = _known.setdefault(model.readout, {})
        missing = [c for c in controls if (c, scale, round(side)) not in known]
        if missing:
            for control, measured in _measured(model, scale, missing, round(side)).items():
                known[control, scale, round(side)] = measured
        sizes = {control: known[control, scale, round(side)] for control in controls}
    return {c: Null(s.mean(axis=0), s.std(axis=0, ddof=1), len(s)) for c, s in sizes.items()}


def _measured(model: Model, scale: float, controls: Sequence[str], side: int) -> dict[str, Array]:
    """The sizes (NULL_PICTURES, units) that each control finds."""
    shown = [
        arms(scale_free_noise(_FIRST_SEED + n, side), scale, model.preprocessing, controls, CENTRE)
        for n in range(NULL_PICTURES)
    ]
    flat = [stimulus for one in shown for stimulus in one.values()]
    found = read_differences(model, flat).reshape(NULL_PICTURES, -1, len(model.units))
    at = {arm: found[:, column] for column, arm in enumerate(shown[0])}
    return {
        control: at[after] - at[before]
        for control in controls
        for before, after, part in WAYS[control]
        if part == "size"
    }


def _lock_of(readout: nn.Module) -> threading.Lock:
    with _locks_lock:
        return _locks.setdefault(readout, threading.Lock())
