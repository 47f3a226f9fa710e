"""Integrated gradients, with as many gradients as the path needs and where it needs them.

Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, ICML 2017. The integral along a
path is the sum of the integrals along its parts; what a part must add up to is known exactly, the
change of the value from its start to its end, and so is the error of each part. Branch weights
often change within a small part of the path, where evenly spread steps miss them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

NODES = 4  # gradients in one part, at the nodes of Gauss and Legendre
PARTS = 16  # to begin with
MOST = 640  # gradients
TOLERANCE = 0.01


def most_pictures() -> int:
    """How many pictures one integral shows at most: its gradients, and the ends of its parts."""
    return MOST + PARTS + 1 + (MOST - PARTS * NODES) // (2 * NODES)


def integrate(
    explained: Callable[[Tensor], Tensor],
    x: Tensor,
    baseline: Tensor,
    *,
    chunk: int,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> Tensor:
    """Integrated gradients of one picture, by Captum on parts of the path.

    A part is halved until its error is within its share of ``tolerance``; the shares are such
    that the errors of all parts, if independent, add up to it at most.

    Args:
        explained: (N, 3, H, W) -> (N,).
        x: (1, 3, H, W).
        baseline: (1, 3, H, W), where the path begins.
        chunk: pictures in one forward, at most.
        tolerance: completeness error to reach, relative to the change of the value.
        most: gradients, at most; a part that would need more is taken as it is.

    Returns:
        (1, 3, H, W).
    """
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(explained)
    path = x.detach() - baseline
    edges = torch.linspace(0, 1, PARTS + 1, dtype=torch.float64).tolist()
    parts = list(pairwise(edges))
    known: dict[float, float] = {}

    def points(places: list[float]) -> Tensor:
        return baseline + torch.tensor(places).to(x)[:, None, None, None] * path

    def learn(places: list[float]) -> None:
        """The values at these places, into ``known``."""
        new = sorted(set(places) - set(known))
        for first in range(0, len(new), chunk):
            group = new[first : first + chunk]
            with torch.no_grad():
                known.update(zip(group, explained(points(group)).tolist(), strict=True))

    total = torch.zeros_like(path)
    planned = PARTS * NODES
    learn(edges)
    allowed = tolerance * abs(known[1.0] - known[0.0])
    together = max(1, chunk // NODES)
    while parts:
        group, parts = parts[:together], parts[together:]
        starts, ends = [part[0] for part in group], [part[1] for part in group]
        learn([*starts, *ends])
        found = method.attribute(
            points(ends).requires_grad_(),
            baselines=points(starts),
            n_steps=NODES,
            internal_batch_size=max(chunk, len(group)),
        ).detach()
        for (start, end), attribution in zip(group, found, strict=True):
            error = float(attribution.sum(dtype=torch.float64)) - (known[end] - known[start])
            fine = abs(error) <= allowed * (end - start) ** 0.5
            if fine or planned + 2 * NODES > most:
                total += attribution
            else:
                middle = (start + end) / 2
                parts += [(start, middle), (middle, end)]
                planned += 2 * NODES
    return total
