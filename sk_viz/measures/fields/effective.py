"""The effective receptive field: how much each pixel really moves a unit's output at one place.

Luo, Li, Urtasun, Zemel: Understanding the Effective Receptive Field in Deep Convolutional Neural
Networks, NeurIPS 2016; and the tool of Ding, Zhang, Han, Ding: Scaling Up Your Kernels to 31x31
(RepLKNet), CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sk_viz.errors import ModelError
from sk_viz.measures.private import private_readout
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
    """Measures the gradient maps of several units, from one forward and one backward per unit.

    What is differentiated is the sum over channels of the unit's output V (the weighted sum of
    its branches) at one position, after a ReLU. The forward ends where the last of these is made.
    It runs on a private double of the network, which others can use meanwhile; the probe itself is
    for one thread.

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
        self._units = tuple(units)
        self._place = place

    def maps(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> dict[str, FieldMaps]:
        """The maps of every unit, by name.

        Args:
            x: (N, 3, H, W) normalised pictures on the model's device, measured independently.
            weights: (N or 1, M, C) by name, for all units of the model: put in place of what the
                units choose, as constants.

        Raises:
            ModelError: a unit whose output is not a map (N, C, H, W).
        """
        with torch.inference_mode(False), torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            with (
                private_readout(self._model) as private,
                reading(
                    private.network,
                    self._model.units,
                    weights,
                    constant=self._held,
                    sums=[unit.name for unit in self._units],
                    end=True,
                ) as read,
            ):
                private.network(x)
            found = {}
            for unit in self._units:
                more = unit is not self._units[-1]
                output, position = self._output(read.sums[unit.name], unit)
                (gradient,) = torch.autograd.grad(output, x, retain_graph=more)
                found[unit.name] = FieldMaps(
                    _array(gradient.abs()), _array(gradient.clamp_min(0)), position
                )
            return found

    def _output(self, summed: Tensor, unit: Unit) -> tuple[Tensor, tuple[int, int]]:
        """The sum over pictures and channels of ReLU(V) at the position, and the position."""
        if summed.ndim != 4:
            raise ModelError(
                f"The output of {unit.name} has the shape {tuple(summed.shape)} and is not a map "
                "of two axes, so it has no receptive field to show."
            )
        height, width = summed.shape[-2:]
        row = min(int(self._place[1] * height), height - 1)
        column = min(int(self._place[0] * width), width - 1)
        return summed[:, :, row, column].relu().sum(), (row, column)


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


def _array(gradient: Tensor) -> Floats:
    return gradient.sum(dim=1).float().cpu().numpy()
