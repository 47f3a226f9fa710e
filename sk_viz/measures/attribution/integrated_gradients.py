"""Integrated gradients, with as many gradients as the path needs and where it needs them.

Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, ICML 2017. The integral along a
path is the sum of the integrals along its parts; what a part must add up to is known exactly, the
change of the value from its start to its end, and so is the error of each part. Branch weights
often change within a small part of the path, where evenly spread steps miss them.

Several values of several pictures share their forwards: what costs most of the time is done once
for all that is explained of a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

NODES = 4  # gradients in one part, at the nodes of Gauss and Legendre
PARTS = 16  # to begin with
MOST = 640  # gradients
TOLERANCE = 0.01

# (N, 3, H, W) and to which of S pictures each of the N belongs -> (N, T), T values of each.
Values = Callable[[Tensor, Sequence[int]], Tensor]


@dataclass(frozen=True)
class _Part:
    """A part of the path of one picture, and the values whose integral over it is sought."""

    picture: int
    start: float
    end: float
    wanted: tuple[int, ...]


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
    """Integrated gradients of one value, (N, 3, H, W) -> (N,), of one picture.

    Args and returns as those of :func:`integrate_all`, which this is for S = T = 1, without the
    axis of the values: (1, 3, H, W) -> (1, 3, H, W).
    """

    def values(pictures: Tensor, _: Sequence[int]) -> Tensor:
        return explained(pictures)[:, None]

    return integrate_all(values, x, baseline, chunk=chunk, tolerance=tolerance, most=most)[:, 0]


def integrate_all(
    values: Values,
    x: Tensor,
    baseline: Tensor,
    *,
    chunk: int,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> Tensor:
    """Integrated gradients of T values of each of S pictures, by Captum on parts of the path.

    For each value a part is halved until its error is within its share of ``tolerance``; the
    shares are such that the errors of all parts, if independent, add up to it at most. A part is
    shown to the network once for all values that need it, and no value gets another result than
    it would alone, but for rounding.

    Args:
        values: what is explained; see ``Values``.
        x: (S, 3, H, W).
        baseline: (1, 3, H, W), where the paths begin.
        chunk: pictures in one forward, at most.
        tolerance: completeness error to reach, relative to the change of the value.
        most: gradients for one value of one picture, at most; a part that would need more is
            taken as it is.

    Returns:
        (S, T, 3, H, W).
    """
    path = x.detach() - baseline
    edges = torch.linspace(0, 1, PARTS + 1, dtype=torch.float64).tolist()
    known: dict[tuple[int, float], list[float]] = {}

    def points(places: Sequence[tuple[int, float]]) -> Tensor:
        steps = torch.tensor([place for _, place in places]).to(x)[:, None, None, None]
        return baseline + steps * path[[picture for picture, _ in places]]

    def learn(places: Sequence[tuple[int, float]]) -> None:
        """The values at these places, into ``known``."""
        new = sorted(set(places) - set(known))
        for first in range(0, len(new), chunk):
            group = new[first : first + chunk]
            with torch.no_grad():
                found = values(points(group), [picture for picture, _ in group])
            known.update(zip(group, found.tolist(), strict=True))

    learn([(picture, edge) for picture in range(len(x)) for edge in edges])
    count = len(known[0, 0.0])
    changes = [
        [end - start for start, end in zip(known[n, 0.0], known[n, 1.0], strict=True)]
        for n in range(len(x))
    ]
    total = x.new_zeros(len(x), count, *x.shape[1:])
    planned = [[PARTS * NODES] * count for _ in x]
    parts = [
        _Part(picture, start, end, tuple(range(count)))
        for picture in range(len(x))
        for start, end in pairwise(edges)
    ]
    together = max(1, chunk // NODES)
    while parts:
        group, parts = parts[:together], parts[together:]
        starts = [(part.picture, part.start) for part in group]
        ends = [(part.picture, part.end) for part in group]
        learn([*starts, *ends])
        wanted = sorted({value for part in group for value in part.wanted})
        found = shared_gradients(
            values,
            points(ends),
            points(starts),
            [part.picture for part in group],
            wanted,
            steps=NODES,
            chunk=chunk,
        )
        for number, part in enumerate(group):
            n, length = part.picture, part.end - part.start
            refused = []
            for value in part.wanted:
                attribution = found[number, wanted.index(value)]
                change = known[ends[number]][value] - known[starts[number]][value]
                error = float(attribution.sum(dtype=torch.float64)) - change
                fine = abs(error) <= tolerance * abs(changes[n][value]) * length**0.5
                if fine or planned[n][value] + 2 * NODES > most:
                    total[n, value] += attribution
                else:
                    refused.append(value)
                    planned[n][value] += 2 * NODES
            if refused:
                middle = (part.start + part.end) / 2
                halves = ((part.start, middle), (middle, part.end))
                parts += [_Part(n, start, end, tuple(refused)) for start, end in halves]
    return total


def shared_gradients(
    values: Values,
    x: Tensor,
    baselines: Tensor,
    owners: Sequence[int],
    wanted: Sequence[int],
    *,
    steps: int,
    chunk: int,
) -> Tensor:
    """Captum's integrated gradients of several values, from one forward for all of them.

    Args:
        values: what is explained; see ``Values``.
        x: (N, 3, H, W), where the paths end.
        baselines: (N or 1, 3, H, W), where they begin.
        owners: N numbers, to which picture each belongs.
        wanted: which of the values to integrate, W of them.
        steps: nodes of Gauss and Legendre on each path.
        chunk: pictures in one forward, at most, but N at least.

    Returns:
        (N, W, 3, H, W).
    """
    from captum.attr import IntegratedGradients

    def gradients(inputs: tuple[Tensor, ...], **_: Any) -> tuple[Tensor, ...]:
        """One gradient for each of Captum's inputs, which are W times the same pictures."""
        shown = inputs[0]
        with torch.enable_grad():
            found = values(shown, [*owners] * (len(shown) // len(owners)))
            sums = [found[:, value].sum() for value in wanted]
        last = len(sums) - 1
        return tuple(
            torch.autograd.grad(one, shown, retain_graph=number < last)[0]
            for number, one in enumerate(sums)
        )

    method = IntegratedGradients(values)
    method.gradient_func = gradients
    found = method.attribute(
        (x.detach(),) * len(wanted),
        baselines=(baselines,) * len(wanted),
        n_steps=steps,
        internal_batch_size=max(chunk, len(x)),
    )
    return torch.stack([one.detach() for one in found], dim=1)
