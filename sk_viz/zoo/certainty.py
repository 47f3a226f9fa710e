"""How far a network's answers can be trusted: what was measured once and is kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Score = Literal["probability", "energy", "logit"]


@dataclass(frozen=True)
class Share:
    """A share of some pictures.

    Attributes:
        share: in [0, 1].
        interval: its 95 % interval (Wilson).
        n: how many pictures it is of.
    """

    share: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True)
class UnknownRule:
    """When a picture is taken to be of none of the classes: its score is below a threshold.

    Attributes:
        score: of the logits: the largest probability, the energy (log of the sum of the
            exponentials), or the largest logit.
        threshold: below it a picture is taken for unknown.
        kept: share of the pictures of known things that are not, at scale 1.
        noticed: share of the pictures of other things that are, at scale 1.
    """

    score: Score
    threshold: float
    kept: Share
    noticed: Share

    @property
    def proven(self) -> bool:
        """Whether other things are taken for unknown more often than known ones, beyond chance."""
        return self.noticed.interval[0] > 1 - self.kept.share


@dataclass(frozen=True)
class Certainty:
    """What the probabilities of a network are worth.

    Attributes:
        temperature: what the logits were divided by, so that the probabilities come true; the
            last layer holds them divided.
        error: expected calibration error of the probabilities, in [0, 1], with the temperature
            fitted on other pictures than it is measured on.
        error_interval: its 95 % interval.
        n: how many pictures this was measured on.
        unknown: None where no pictures of other things were at hand.
    """

    temperature: float
    error: float
    error_interval: tuple[float, float]
    n: int
    unknown: UnknownRule | None = None


def read_certainty(raw: Mapping[str, Any]) -> Certainty:
    """From the plain values that ``dataclasses.asdict`` makes of it.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing or no number.
    """
    rule = raw["unknown"]
    return Certainty(
        temperature=float(raw["temperature"]),
        error=float(raw["error"]),
        error_interval=_interval(raw["error_interval"]),
        n=int(raw["n"]),
        unknown=None if rule is None else _rule(rule),
    )


def _rule(raw: Mapping[str, Any]) -> UnknownRule:
    if raw["score"] not in get_args(Score):
        raise ValueError(f"unknown score {raw['score']!r}")
    return UnknownRule(
        raw["score"], float(raw["threshold"]), _share(raw["kept"]), _share(raw["noticed"])
    )


def _share(raw: Mapping[str, Any]) -> Share:
    return Share(float(raw["share"]), _interval(raw["interval"]), int(raw["n"]))


def _interval(raw: tuple[float, float]) -> tuple[float, float]:
    low, high = raw
    return float(low), float(high)
