"""Infidelity: how much of what hiding a square changes does a map not predict?

Yeh, Hsieh, Suggala, Inouye, Ravikumar: On the (In)fidelity and Sensitivity of Explanations, NeurIPS
2019, with their optimal scaling, divided by the mean squared change. With p the sum of the map over
a hidden square and c the change of the value, that is 1 - (sum p c)^2 / (sum p^2 sum c^2). It is
what Captum's ``infidelity`` estimates too; the sums of each square are kept here, because its
uncertainty is needed as well: with 32 squares two maps of one picture often cannot be ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sk_viz.measures.reading import Floats

if TYPE_CHECKING:
    from sk_viz.measures.attribution.explanation import Explanation

SQUARES = 128
_RESAMPLES = 2000

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Infidelity:
    """The infidelity of one map.

    Attributes:
        value: in [0, 1]: 0 predicts every change, 1 predicts nothing.
        low: of its 95 % interval, bootstrapped over the squares.
        high: of the same.
    """

    value: float
    low: float
    high: float


def infidelity(explanation: Explanation, maps: Sequence[Floats], seed: int) -> list[Infidelity]:
    """The infidelity of some maps of one stimulus, over the same hidden squares.

    A square is a quarter of the picture wide, hidden by the mean colour of the preprocessing.

    Args:
        explanation: what is explained, and of which stimulus.
        maps: (H, W) each.
        seed: of the squares and of the bootstrap.
    """
    x, blank = explanation.x, explanation.plan.baseline
    hidden = _squares(x.shape[-1], torch.Generator().manual_seed(seed))
    values = [
        explanation.values(torch.where(part[:, None], blank, x))
        for part in torch.split(hidden.to(x.device), explanation.plan.chunk)
    ]
    changes = explanation.value - torch.cat(values).double().cpu().numpy()
    squares = hidden.flatten(1).double().numpy()
    drawn = np.random.default_rng(seed).integers(0, SQUARES, (_RESAMPLES, SQUARES))
    found = []
    for one in maps:
        predicted = squares @ one.astype(np.float64).ravel()
        low, high = np.quantile(_missed(predicted[drawn], changes[drawn]), (0.025, 0.975))
        found.append(Infidelity(float(_missed(predicted, changes)), float(low), float(high)))
    return found


def _missed(predicted: _Doubles, changes: _Doubles) -> _Doubles:
    """The share of the mean squared change that is not predicted, over the last axis."""
    power = (predicted**2).sum(-1) * (changes**2).sum(-1)
    explained = (predicted * changes).sum(-1) ** 2
    # Nothing is predicted by a map of zeros, nor where no square changes anything.
    share = np.divide(explained, power, out=np.zeros_like(power), where=power > 0)
    missed: _Doubles = 1 - share
    return missed


def _squares(side: int, generator: torch.Generator) -> Tensor:
    """True in one square per picture, a quarter of it wide, at a random place: (S, H, W)."""
    size = max(1, side // 4)
    top, left = torch.randint(0, side - size + 1, (2, SQUARES, 1, 1), generator=generator)
    place = torch.arange(side)
    rows = (place[:, None] >= top) & (place[:, None] < top + size)
    columns = (place >= left) & (place < left + size)
    inside: Tensor = rows & columns
    return inside
