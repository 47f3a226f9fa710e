"""Whatever is not measured: counted by reason, the first of each reason named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMED = 100  # names that are kept per reason

HIDDEN = "hidden"
NOT_A_PICTURE = "not a picture"
OUTSIDE = "link that leads out"
BROKEN_LINK = "link to nothing"
CIRCLE = "link in a circle"
NO_PERMISSION = "no permission to read"
NOT_A_FILE = "not a regular file"
BESIDE_PICTURES = "table or archive beside picture files"
BESIDE_TABLES = "picture file beside tables or archives"
NOT_LISTED = "not in the list"
OTHER_SPLIT = "in another split"
OVER_LIMIT = "over the limit"
UNREADABLE = "unreadable"
NO_LABEL = "no label"
UNKNOWN_LABEL = "label unknown to the model"


@dataclass
class LeftOut:
    """Files, rows or members that are not measured, and why.

    Attributes:
        counts: how many, by reason.
        names: by reason, the first ``NAMED`` of them with a detail, "" where there is none.
    """

    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, reason: str, name: str, detail: str = "") -> None:
        """Count one more."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        named = self.names.setdefault(reason, [])
        if len(named) < NAMED:
            named.append((name, detail))

    def add_many(self, reason: str, count: int) -> None:
        """Count some more that need no names."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def merged(self, other: LeftOut) -> LeftOut:
        """Both together."""
        both = LeftOut(dict(self.counts), {k: list(v) for k, v in self.names.items()})
        for reason, count in other.counts.items():
            both.counts[reason] = both.counts.get(reason, 0) + count
            named = [*both.names.get(reason, []), *other.names.get(reason, [])]
            both.names[reason] = named[:NAMED]
        return both

    def rows(self) -> list[dict[str, str]]:
        """The named ones as rows of a table: name, reason, detail."""
        return [
            {"name": name, "reason": reason, "detail": detail}
            for reason in self.counts
            for name, detail in self.names.get(reason, ())
        ]

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"counts": dict(self.counts), "named": self.rows()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LeftOut:
        """From what :meth:`to_json` made."""
        found = cls(dict(values["counts"]))
        for row in values["named"]:
            found.names.setdefault(row["reason"], []).append((row["name"], row["detail"]))
        return found


def count_sentence(counts: Mapping[str, int]) -> str:
    """``"3 hidden, 1 not a picture"``, the most frequent reason first."""
    ordered: Iterable[tuple[str, int]] = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered)
