"""RepLKNet's recipe for the effective receptive field, as its tool computes it.

Ding, Zhang, Han, Ding: Scaling Up Your Kernels to 31x31, CVPR 2022, section 4.6; the tool in the
folder ``erf`` of the authors' repository. The map is the positive part of the gradient, summed over
the colours, mean over the pictures, then log10(x + 1) divided by its largest value; a field is the
smallest square around the middle pixel that holds a share of that map. The authors take 50
validation pictures of ImageNet at 1024 x 1024; the ranking of networks can change at other sizes,
and the logarithm makes the shares depend on the gradient's own scale.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SHARES = (0.2, 0.3, 0.5, 0.99)


@dataclass(frozen=True)
class HighContribution:
    """The square around the middle that holds a share of the map.

    Attributes:
        share: in (0, 1).
        side: pixels, odd; None where no square inside the map holds as much.
        area_ratio: its area over that of the map; None likewise.
    """

    share: float
    side: int | None
    area_ratio: float | None

    def to_record(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def replknet_map(positive: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """The map in [0, 1] that the tool draws.

    Args:
        positive: (H, W), the mean over pictures of the positive gradient summed over colours.
    """
    logarithm = np.log10(positive.astype(np.float64) + 1)
    largest = logarithm.max()
    scaled: npt.NDArray[np.float64] = logarithm / largest if largest > 0 else logarithm
    return scaled


def high_contribution(positive: npt.NDArray[np.floating[Any]]) -> tuple[HighContribution, ...]:
    """The square of each of :data:`SHARES`.

    A square has a side of 3 at least, and one that would reach the frame is not looked at, as in
    the tool.

    Args:
        positive: as that of :func:`replknet_map`.
    """
    scaled = replknet_map(positive)
    height, width = scaled.shape
    row, column = height // 2, width // 2
    whole = scaled.sum()
    held = [
        scaled[row - i : row + i + 1, column - i : column + i + 1].sum() / whole
        if whole > 0
        else 0.0
        for i in range(1, height // 2)
    ]
    found = []
    for share in SHARES:
        first = next((i for i, part in enumerate(held, start=1) if part > share), None)
        side = None if first is None else 2 * first + 1
        ratio = None if side is None else side / height * side / width
        found.append(HighContribution(share, side, ratio))
    return tuple(found)
