"""Timing cases against each other: interleaved, so that a noisy machine is noisy for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Took:
    """Returned by work that has a preparation of its own: how long it took without that."""

    seconds: float


@dataclass(frozen=True)
class Case:
    """One way to do some work.

    Attributes:
        name: short, as in the tables.
        what: what runs, in a few words.
        run: the work; called with nothing, what it returns is dropped, but for :class:`Took`.
    """

    name: str
    what: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """How long one case took, in units of another.

    Attributes:
        name: what the ratio means.
        over: the case in the numerator.
        under: the case in the denominator.
        aim: what it should be, in words; "" where nothing is aimed at.
    """

    name: str
    over: str
    under: str
    aim: str = ""


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value a round."""
        return cls(float(np.median(values)), min(values), max(values))


def interleave(
    cases: Sequence[Case],
    rounds: int,
    *,
    told: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, tuple[float, ...]]:
    """Seconds of every case in every round, after one round that does not count.

    Each round starts with another case, so that none always follows the same one.

    Args:
        cases: with different names.
        rounds: how often each is timed.
        told: called after each run.
        clock: seconds.

    Returns:
        By name, one value a round.
    """
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(-1, rounds):
        first = number % len(cases)
        for case in (*cases[first:], *cases[:first]):
            began = clock()
            result = case.run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number >= 0:
                took = clock() - began
                seconds[case.name].append(result.seconds if isinstance(result, Took) else took)
            told()
    return {name: tuple(values) for name, values in seconds.items()}


def ratio_of(ratio: Ratio, seconds: Mapping[str, Sequence[float]]) -> Spread:
    """The spread of a ratio over the rounds: each round is divided by itself."""
    pairs = zip(seconds[ratio.over], seconds[ratio.under], strict=True)
    return Spread.of([over / under for over, under in pairs])
