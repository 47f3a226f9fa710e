"""What the figures of a size effect draw, on paper and on screen."""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True)
class SizeMark:
    """What one control takes for size in one unit.

    Attributes:
        unit: its name.
        control: its name.
        size: change of the difference.
        interval: of that change, or None.
        null: the same of the mean on 1/f noise, which has no size; None where not measured.
        null_interval: of the null.
        settled: whether all controls agree on the unit.
    """

    unit: str
    control: str
    size: float
    interval: Interval | None
    null: float | None
    null_interval: Interval | None
    settled: bool
