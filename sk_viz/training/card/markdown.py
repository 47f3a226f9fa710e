"""Numbers as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def share(entry: Mapping[str, Any]) -> str:
    """A share with its 95 % interval, from the values of ``Share``."""
    low, high = entry["interval"]
    return f"{entry['share']:.1%} [{low:.1%}, {high:.1%}]"


def number(value: float, interval: Sequence[float], digits: int = 3) -> str:
    """A number with its 95 % interval."""
    low, high = interval
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
