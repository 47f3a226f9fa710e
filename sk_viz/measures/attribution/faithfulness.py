"""Whether a map says what the network does: four measures, and chance beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.attribute import Attribution
from sk_viz.measures.attribution.explanation import SEED, Explanation, prepare
from sk_viz.measures.attribution.infidelity import SQUARES, infidelity
from sk_viz.measures.attribution.methods import find_method
from sk_viz.measures.reading import Floats, counter
from sk_viz.measures.record import Record
from sk_viz.measures.result import Result
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

SHARES = tuple(float(share) for share in np.linspace(0, 1, 17))
RANDOM_MAPS = 4
RANDOM_GRID = 8
RADIUS = 0.02
NEIGHBOURS = 3


@dataclass(frozen=True)
class Curve:
    """How the score falls or rises as pixels are taken away or put back.

    Attributes:
        shares: of the pixels that were changed, from 0 to 1.
        scores: at each share: the probability of a class, or a unit's value.
    """

    shares: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def auc(self) -> float:
        """The area under the curve, which is the mean score."""
        return float(np.trapezoid(self.scores, self.shares))


@dataclass(frozen=True)
class Faithfulness(Result):
    """The measures of one map and of random maps.

    Attributes:
        deletion: pixels turned to the mean colour, the most important first: the lower the area,
            the better (Petsiuk et al. 2018, RISE).
        insertion: the same pixels put onto the mean colour: the higher, the better.
        infidelity: of the changes that hiding a square makes, the share that the map does not
            predict, in [0, 1]: 0 is perfect, 1 says nothing (Yeh et al. 2019); see
            ``sk_viz.measures.attribution.infidelity``.
        infidelity_interval: its 95 % interval over the squares. Maps whose intervals overlap
            cannot be ranked by it.
        sensitivity: how much the map changes, relative to itself, at most over pictures that
            differ by ``RADIUS`` (Yeh et al. 2019): lower is steadier.
        random_deletion: of each random map.
        random_insertion: of each random map.
        random_infidelity: of each random map.
        record: the attribution's record with the settings of these measures.
    """

    MEASURE: ClassVar[str] = "faithfulness"
    NOUN: ClassVar[str] = "a map's faithfulness"

    deletion: Curve
    insertion: Curve
    infidelity: float
    infidelity_interval: tuple[float, float]
    sensitivity: float
    random_deletion: tuple[Curve, ...]
    random_insertion: tuple[Curve, ...]
    random_infidelity: tuple[float, ...]
    record: Record

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return {
            **asdict(self),
            "deletion_auc": self.deletion.auc,
            "insertion_auc": self.insertion.auc,
            "random_deletion_auc": [curve.auc for curve in self.random_deletion],
            "random_insertion_auc": [curve.auc for curve in self.random_insertion],
        }

    def _table(self) -> pd.DataFrame:
        maps = {
            "deletion": (self.deletion, *self.random_deletion),
            "insertion": (self.insertion, *self.random_insertion),
        }
        return pd.DataFrame(
            [
                {
                    "curve": name,
                    "map": f"random {n}" if n else "attribution",
                    "share": x,
                    "score": y,
                }
                for name, curves in maps.items()
                for n, curve in enumerate(curves)
                for x, y in zip(curve.shares, curve.scores, strict=True)
            ]
        )

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        del table  # its rows are in the contents as well
        return cls(
            deletion=_curve(contents["deletion"]),
            insertion=_curve(contents["insertion"]),
            infidelity=contents["infidelity"],
            infidelity_interval=tuple(contents["infidelity_interval"]),
            sensitivity=contents["sensitivity"],
            random_deletion=tuple(_curve(one) for one in contents["random_deletion"]),
            random_insertion=tuple(_curve(one) for one in contents["random_insertion"]),
            random_infidelity=tuple(contents["random_infidelity"]),
            record=contents["record"],
        )


def _curve(kept: Mapping[str, Any]) -> Curve:
    return Curve(tuple(kept["shares"]), tuple(kept["scores"]))


def faithfulness(
    model: Model, attribution: Attribution, *, progress: Progress | None = None
) -> Faithfulness:
    """Measure a map against the network it explains.

    Args:
        model: the model that the attribution was made with.
        attribution: of ``sk_viz.attribute``.
        progress: called with (done, total) pictures shown; what it raises ends the work.

    Raises:
        ModelError: another model; memory too small.
    """
    if attribution.record["model_sha256"] != model.sha256:
        raise ModelError(
            f"This map explains {attribution.record['model']}, not {model.id}: give that model."
        )
    method = find_method(attribution.method)
    steps = attribution.record.get("steps")
    side = attribution.heatmap.shape[0]
    total = 1 + 2 * (1 + RANDOM_MAPS) * len(SHARES) + SQUARES
    total += (1 + NEIGHBOURS) * method.pictures(side, steps)
    (explanation,) = prepare(
        model,
        attribution.stimulus,
        method,
        (attribution.target,),
        steps,
        counter(total, progress),
    )
    maps = [attribution.heatmap, *random_maps(side)]
    deletions, insertions = zip(*(curves(explanation, one) for one in maps), strict=True)
    infidelities = infidelity(explanation, maps, SEED)
    return Faithfulness(
        deletion=deletions[0],
        insertion=insertions[0],
        infidelity=infidelities[0].value,
        infidelity_interval=(infidelities[0].low, infidelities[0].high),
        sensitivity=sensitivity(explanation),
        random_deletion=deletions[1:],
        random_insertion=insertions[1:],
        random_infidelity=tuple(one.value for one in infidelities[1:]),
        record={
            **attribution.record,
            "measure": "faithfulness",
            "seed": SEED,
            "filling": "the mean colour of the preprocessing",
            "random_maps": f"{RANDOM_MAPS} of smooth noise on a grid of {RANDOM_GRID}",
            "squares": SQUARES,
            "radius": RADIUS,
            "neighbours": NEIGHBOURS,
        },
    )


def random_maps(side: int) -> Iterator[Floats]:
    """Smooth noise (side, side): maps that know nothing, as coarse as a map that is of use."""
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(RANDOM_MAPS):
        noise = torch.randn(1, 1, RANDOM_GRID, RANDOM_GRID, generator=generator)
        yield F.interpolate(noise, (side, side), mode="bicubic")[0, 0].numpy()


def curves(explanation: Explanation, heatmap: Floats) -> tuple[Curve, Curve]:
    """The deletion and the insertion curve of a map (H, W)."""
    order = np.argsort(-heatmap, axis=None, kind="stable")
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    ranks = torch.from_numpy(rank.reshape(heatmap.shape)).to(explanation.x.device)
    counts = [round(share * order.size) for share in SHARES]
    changed = torch.stack([ranks < count for count in counts])[:, None]
    x, blank = explanation.x, explanation.plan.baseline
    return (
        Curve(SHARES, explanation.scores(torch.where(changed, blank, x))),
        Curve(SHARES, explanation.scores(torch.where(changed, x, blank))),
    )


def sensitivity(explanation: Explanation) -> float:
    """The largest relative change of the map over pictures within ``RADIUS``, by Captum."""
    from captum.metrics import sensitivity_max

    generator = torch.Generator().manual_seed(SEED)

    def near(x: Tensor, radius: float) -> Tensor:
        noise = torch.rand(x.shape, generator=generator) * 2 - 1
        return x + radius * noise.to(x)

    def explain(inputs: Tensor | tuple[Tensor]) -> tuple[Tensor]:
        # Captum gives the picture in a tuple and the pictures near it without one. A map not in
        # a tuple it would divide row by row, by the norm of the row.
        return (explanation.maps(inputs if isinstance(inputs, Tensor) else inputs[0]),)

    return float(
        sensitivity_max(
            explain,
            explanation.x,
            near,
            perturb_radius=RADIUS,
            n_perturb_samples=NEIGHBOURS,
            max_examples_per_batch=1,
        )
    )
