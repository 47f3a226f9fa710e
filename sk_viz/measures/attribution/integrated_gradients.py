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


@dataclass(frozen=True, eq=False)
class Integrals:
    """Integrated gradients of T values of each of S pictures.

    Attributes:
        maps: (S, T, 3, H, W).
        gradients: S rows of T numbers, how many gradients each integral is the sum of.
    """

    maps: Tensor
    gradients: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Span:
    """A part of the path of one picture."""

    picture: int
    start: float
    end: float

    def halves(self) -> tuple[_Span, _Span]:
        middle = (self.start + self.end) / 2
        return _Span(self.picture, self.start, middle), _Span(self.picture, middle, self.end)


@dataclass(eq=False)
class _Integral:
    """The integral of one value of one picture while it is refined.

    Attributes:
        wanted: what the map must add up to.
        tolerance: the error allowed, in units of the value.
        negligible: an error that cannot be the largest of all parts while the total is too large.
        settled: (3, H, W), the sum of the parts whose error is negligible.
        settled_sum: what ``settled`` adds up to.
        parts: the attribution (3, H, W) of every other part, and what it adds up to.
        errors: of these parts, as far as they are known.
        gradients: how many were used.
    """

    wanted: float
    tolerance: float
    negligible: float
    settled: Tensor
    settled_sum: float
    parts: dict[_Span, tuple[Tensor, float]]
    errors: dict[_Span, float]
    gradients: int = 0

    @classmethod
    def of(cls, change: float, tolerance: float, most: int, x: Tensor) -> _Integral:
        """One that has no parts yet."""
        # A little less than what is allowed, for the rounding of the sums.
        allowed = 0.99 * tolerance * abs(change)
        return cls(change, allowed, allowed * NODES / most, torch.zeros_like(x), 0.0, {}, {})

    def add(self, span: _Span, attribution: Tensor) -> None:
        self.parts[span] = attribution, float(attribution.sum(dtype=torch.float64))
        self.gradients += NODES

    def judge(self, span: _Span, change: float) -> None:
        """Compare a part with the change of the value over it."""
        attribution, found = self.parts[span]
        if abs(found - change) < self.negligible:
            self.settled += attribution
            self.settled_sum += found
            del self.parts[span]
        else:
            self.errors[span] = found - change

    def error(self) -> float:
        """By how much the sum of all parts misses the change of the value."""
        return self.settled_sum + sum(found for _, found in self.parts.values()) - self.wanted

    @property
    def exact(self) -> bool:
        """Whether the sum of all parts is as exact as it should be."""
        return abs(self.error()) <= self.tolerance

    def worst(self, most: int) -> list[_Span]:
        """The parts to halve next: the worst, as many as it takes to make the whole exact."""
        left, chosen = self.error(), []
        affordable = (most - self.gradients) // (2 * NODES)
        for span in sorted(self.errors, key=lambda span: -abs(self.errors[span]))[:affordable]:
            if abs(left) <= self.tolerance:
                break
            chosen.append(span)
            left -= self.errors[span]
        return chosen

    def drop(self, span: _Span) -> None:
        del self.parts[span], self.errors[span]

    def result(self) -> Tensor:
        total = self.settled.clone()
        for span in sorted(self.parts, key=lambda span: span.start):
            total += self.parts[span][0]
        return total


def most_pictures() -> int:
    """How many pictures one integral shows at most: its gradients, and the ends of its parts."""
    return MOST + PARTS + 1 + (MOST - PARTS * NODES) // (2 * NODES)


def integrate(
    explained: Callable[[Tensor], Tensor],
    x: Tensor,
    baseline: Tensor,
    *,
    chunk: int,
    ends: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> Integrals:
    """Integrated gradients of one value, (N, 3, H, W) -> (N,), of one picture.

    Args and returns as those of :func:`integrate_all`, which this is for S = T = 1.
    """

    def values(pictures: Tensor, _: Sequence[int]) -> Tensor:
        return explained(pictures)[:, None]

    known = None if ends is None else [[ends]]
    return integrate_all(
        values, x, baseline, chunk=chunk, ends=known, tolerance=tolerance, most=most
    )


def integrate_all(
    values: Values,
    x: Tensor,
    baseline: Tensor,
    *,
    chunk: int,
    ends: Sequence[Sequence[tuple[float, float]]] | None = None,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> Integrals:
    """Integrated gradients of T values of each of S pictures, by Captum on parts of the path.

    The parts with the largest errors are halved until the whole map adds up to the change of the
    value within ``tolerance``. A part is shown to the network once for all values that need it,
    and no value gets another result than it would alone, but for rounding.

    Args:
        values: what is explained; see ``Values``.
        x: (S, 3, H, W).
        baseline: (1, 3, H, W), where the paths begin.
        chunk: pictures in one forward, at most.
        ends: S rows of T pairs, each value of the baseline and of the picture; computed if left
            out.
        tolerance: completeness error to reach, relative to the change of the value.
        most: gradients for one value of one picture, at most; with these the integral is taken
            as it is.
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

    def differentiate(spans: Sequence[_Span], wanted: Sequence[int]) -> Tensor:
        return shared_gradients(
            values,
            points([(span.picture, span.end) for span in spans]),
            points([(span.picture, span.start) for span in spans]),
            [span.picture for span in spans],
            wanted,
            steps=NODES,
            chunk=chunk,
        )

    def add(needed: dict[_Span, list[int]]) -> None:
        """The attribution of each part to each value that needs it."""
        spans = list(needed)
        for first in range(0, len(spans), together):
            group = spans[first : first + together]
            wanted = sorted({value for span in group for value in needed[span]})
            found = differentiate(group, wanted)
            for number, span in enumerate(group):
                for value in needed[span]:
                    one = found[number, wanted.index(value)]
                    integrals[span.picture][value].add(span, one.clone())

    if ends is None:
        learn([(n, end) for n in range(len(x)) for end in (0.0, 1.0)])
        ends = [list(zip(known[n, 0.0], known[n, 1.0], strict=True)) for n in range(len(x))]
    for n, row in enumerate(ends):
        known[n, 0.0], known[n, 1.0] = [start for start, _ in row], [end for _, end in row]
    integrals = [
        [_Integral.of(end - start, tolerance, most, x[0]) for start, end in row] for row in ends
    ]
    together = max(1, chunk // NODES)
    spans = [_Span(n, *along) for n in range(len(x)) for along in pairwise(edges)]
    add({span: list(range(len(ends[span.picture]))) for span in spans})
    judged = {
        (n, value): list(one.parts)
        for n, row in enumerate(integrals)
        for value, one in enumerate(row)
        if not one.exact
    }
    while judged:
        judging = {span for spans in judged.values() for span in spans}
        learn([(span.picture, end) for span in judging for end in (span.start, span.end)])
        needed: dict[_Span, list[int]] = {}
        chosen: dict[tuple[int, int], list[_Span]] = {}
        for (n, value), spans in judged.items():
            one = integrals[n][value]
            for span in spans:
                one.judge(span, known[n, span.end][value] - known[n, span.start][value])
            for span in one.worst(most):
                one.drop(span)
                chosen.setdefault((n, value), []).extend(span.halves())
                for half in span.halves():
                    needed.setdefault(half, []).append(value)
        add(needed)
        judged = {(n, v): spans for (n, v), spans in chosen.items() if not integrals[n][v].exact}
    return Integrals(
        torch.stack([torch.stack([one.result() for one in row]) for row in integrals]),
        tuple(tuple(one.gradients for one in row) for row in integrals),
    )


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
