"""The effective receptive field: how much each pixel really moves a unit's output at one place.

Luo, Li, Urtasun, Zemel: Understanding the Effective Receptive Field in Deep Convolutional Neural
Networks, NeurIPS 2016; and the tool of Ding, Zhang, Han, Ding: Scaling Up Your Kernels to 31x31
(RepLKNet), CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sk_viz.measures.private import private_readout
from sk_viz.networks.double import branch_modules
from sk_viz.networks.tracing.reading import reading

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]
Gate = Literal["held", "free"]

LUO_SHARE = 0.0455  # of the peak: 1 - 95.45 %, two standard deviations of a Gaussian
SQUARE_SHARES = (0.2, 0.3, 0.5, 0.99)

# How each size is measured, in words for the record.
RECIPES: Mapping[str, str] = {
    "luo": "square root of the number of pixels above 4.55 % of the peak of |gradient|",
    "share": "side of the smallest centred square that holds this percentage of |gradient|",
    "replknet": "the same square on log10(x + 1) of the positive gradient (RepLKNet's tool)",
}


@dataclass(frozen=True, eq=False)
class FieldMaps:
    """The gradient of one unit's output at one position, for N pictures.

    Attributes:
        absolute: float32 (N, H, W), |gradient| summed over red, green and blue.
        positive: float32 (N, H, W), its positive part summed over them.
        position: (row, column) of the position in the unit's map.
    """

    absolute: Floats
    positive: Floats
    position: tuple[int, int]


class FieldProbe:
    """Measures the gradient maps of several units, from one forward and one backward a unit.

    What is differentiated is the sum over channels of the unit's output V (the weighted sum of
    its branches) at one position, after a ReLU. The forward ends where the last of the units has
    chosen. It runs on a private double of the network, which others can use meanwhile; the probe
    itself is for one thread.

    Args:
        model: is not changed.
        units: some of the model's units.
        gate: ``"held"`` takes the branch weights of each picture as constants, which leaves the
            convolution path; ``"free"`` differentiates through them too.
        place: (x, y) in [0, 1] of the picture; the position whose cell it falls in is taken.
    """

    def __init__(
        self, model: Model, units: Sequence[Unit], gate: Gate, place: tuple[float, float]
    ) -> None:
        self._model = model
        self._held = gate == "held"
        self._taps = [_Tap(unit, _turn(unit, model.units), place) for unit in units]

    def maps(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> dict[str, FieldMaps]:
        """The maps of every unit, by name.

        Args:
            x: (N, 3, H, W) normalised pictures on the model's device, measured independently.
            weights: (N or 1, M, C) by name, for all units of the model: put in place of what the
                units choose, as constants.
        """
        with torch.inference_mode(False), torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            for tap in self._taps:
                tap.clear()
            units = self._model.units
            with (
                private_readout(self._model) as private,
                self._tapped(private.network),
                suppress(_EnoughError),
                reading(private.network, units, weights, constant=self._held) as read,
            ):
                private.network(x)
            used = read.weights if weights is None else weights
            for tap in self._taps:
                tap.weights = used[tap.unit.name].to(x)
            found = {}
            for tap in self._taps:
                more = tap is not self._taps[-1]
                (gradient,) = torch.autograd.grad(tap.output(), x, retain_graph=more)
                found[tap.unit.name] = FieldMaps(
                    _array(gradient.abs()), _array(gradient.clamp_min(0)), tap.position
                )
            return found

    @contextmanager
    def _tapped(self, double: nn.Module) -> Iterator[None]:
        """Hooks that read the branches of the units, and end the forward after the last of them."""
        handles = []
        waiting = dict.fromkeys((tap.unit.path for tap in self._taps), 0)
        for tap in self._taps:
            waiting[tap.unit.path] = max(waiting[tap.unit.path], tap.turn + 1)

        def ending(path: str) -> Callable[[nn.Module, object, object], None]:
            def hook(_module: nn.Module, _inputs: object, _output: object) -> None:
                waiting[path] -= 1
                if max(waiting.values()) <= 0 and all(tap.full for tap in self._taps):
                    raise _EnoughError

            return hook

        try:
            for tap in self._taps:
                for index, branch in enumerate(branch_modules(double, tap.unit)):
                    handles.append(branch.register_forward_hook(tap.branch_hook(index)))
            for path in tuple(waiting):
                module = double.get_submodule(path)
                handles.append(module.register_forward_hook(ending(path)))
            yield
        finally:
            for handle in handles:
                handle.remove()


def _turn(unit: Unit, units: Sequence[Unit]) -> int:
    """Which run of its modules a unit is, from 0; another one only where units share modules."""
    return [one.call for one in units if one.path == unit.path].index(unit.call)


class _EnoughError(Exception):
    """All that is differentiated has been computed."""


def field_sizes(absolute: Floats, positive: Floats, centre: tuple[int, int]) -> dict[str, float]:
    """The size of a field by every named definition, in pixels; NaN where it is zero everywhere.

    Args:
        absolute: (H, W) mean of |gradient| over the pictures, summed over colours.
        positive: (H, W) the same of its positive part.
        centre: (row, column) of the pixel that the squares are centred at. A square that
            leaves the picture holds nothing there, and its side counts in full.

    Returns:
        ``luo``: :func:`luo_size` of ``absolute``. ``share_20``, ``share_30``, ``share_50``,
        ``share_99``: :func:`square_sides` of ``absolute``. ``replknet_20`` ...: the same of
        ``log10(positive + 1)``, as RepLKNet's tool has it: it depends on the gradient's own
        scale, and ranks networks differently.
    """
    sizes = {"luo": luo_size(absolute)}
    logarithm = np.log10(positive.astype(np.float64) + 1)
    for name, field in (("share", absolute), ("replknet", logarithm)):
        for share, side in zip(
            SQUARE_SHARES, square_sides(field, SQUARE_SHARES, centre), strict=True
        ):
            sizes[f"{name}_{round(100 * share)}"] = side
    return sizes


def luo_size(field: npt.NDArray[np.floating[Any]]) -> float:
    """Square root of the number of pixels above 4.55 % of the peak (Luo et al., section 3).

    Args:
        field: (H, W), not negative.
    """
    peak = field.max()
    return float(np.sqrt((field > LUO_SHARE * peak).sum())) if peak > 0 else float("nan")


def square_sides(
    field: npt.NDArray[np.floating[Any]], shares: tuple[float, ...], centre: tuple[int, int]
) -> list[float]:
    """Side of the smallest square around a pixel that holds each share of a field; odd.

    Args:
        field: (H, W), not negative.
        shares: in (0, 1].
        centre: (row, column).
    """
    rows, columns = np.indices(field.shape)
    distance = np.maximum(np.abs(rows - centre[0]), np.abs(columns - centre[1]))
    held = np.cumsum(np.bincount(distance.ravel(), weights=field.ravel().astype(np.float64)))
    if held[-1] <= 0:
        return [float("nan")] * len(shares)
    # Rounding of the sums must not cost a ring of pixels where a share is met exactly.
    return [
        float(2 * int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))) + 1)
        for share in shares
    ]


class _Tap:
    """Takes from one forward what one unit's output at one position is made of."""

    def __init__(self, unit: Unit, turn: int, place: tuple[float, float]) -> None:
        self.unit = unit
        self.turn = turn
        self.place = place
        self.position = (0, 0)
        self.columns: dict[int, Tensor] = {}
        self.weights: Tensor | None = None
        self._runs: dict[int, int] = {}

    def clear(self) -> None:
        """Forget what was taken from a forward."""
        self.weights = None
        self.columns = {}
        self._runs = {}

    @property
    def full(self) -> bool:
        """Whether the forward has passed all of the unit's branches."""
        return len(self.columns) == len(self.unit.kernels)

    def branch_hook(self, index: int) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            self._runs[index] = self._runs.get(index, -1) + 1
            if self._runs[index] != self.turn:
                return
            height, width = output.shape[-2:]
            row = min(int(self.place[1] * height), height - 1)
            column = min(int(self.place[0] * width), width - 1)
            self.position = row, column
            # A copy: what follows in the network may change the map in place.
            self.columns[index] = output[:, :, row, column].clone()

        return hook

    def output(self) -> Tensor:
        """The sum over pictures and channels of ReLU(V) at the position."""
        assert self.weights is not None
        weighted = [column * self.weights[:, m] for m, column in self.columns.items()]
        self.clear()
        return torch.stack(weighted).sum(dim=0).relu().sum()


def _array(gradient: Tensor) -> Floats:
    return gradient.sum(dim=1).float().cpu().numpy()
