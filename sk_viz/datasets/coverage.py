"""The summary of a run over a data set, which adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sk_viz.datasets.left_out import NO_LABEL, UNKNOWN_LABEL, LeftOut, count_sentence
from sk_viz.datasets.matching import ClassMatcher

PRINTED = 100  # names that are printed at most


@dataclass(frozen=True)
class UnknownLabel:
    """A label that the model has no class for.

    Attributes:
        label: as the data set has it.
        pictures: how many have it.
        nearest: the class whose name is most like it; None where none is.
    """

    label: str
    pictures: int
    nearest: str | None


@dataclass(frozen=True)
class Labels:
    """Known, unknown and missing labels of some pictures.

    Attributes:
        unlabelled: pictures without a label.
        known: pictures whose label the model knows.
        unknown: the labels that it does not know, the most frequent first.
        unlabelled_names: the first of the measured pictures without a label, where others have
            one.
        spelled: by label the class that it was matched to, where their names differ, and how.
    """

    unlabelled: int = 0
    known: int = 0
    unknown: tuple[UnknownLabel, ...] = ()
    unlabelled_names: tuple[str, ...] = ()
    spelled: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def unknown_pictures(self) -> int:
        """Pictures whose label the model does not know."""
        return sum(one.pictures for one in self.unknown)

    @classmethod
    def of(cls, counts: Counter[str | None], matcher: ClassMatcher) -> Labels:
        """From how many pictures have each label."""
        known, unknown, spelled = 0, [], {}
        for label, count in counts.most_common():
            if label is None:
                continue
            match = matcher(label)
            if match is None:
                unknown.append(UnknownLabel(label, count, matcher.nearest(label)))
                continue
            known += count
            if match.how != "name":
                spelled[label] = matcher.classes[match.index], match.how
        return cls(counts[None], known, tuple(unknown), spelled=spelled)

    def lines(self) -> list[str]:
        """One line for each unknown label and each that matched by another name."""
        said = [f"{name}: measured, without a label" for name in self.unlabelled_names]
        for one in self.unknown:
            hint = f"; did you mean {one.nearest!r}?" if one.nearest else ""
            said.append(f"{one.label!r} ({one.pictures:,}): label unknown to the model{hint}")
        said += [
            f"{label!r} is taken for {name!r} (by {how})"
            for label, (name, how) in self.spelled.items()
        ]
        return said

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "unlabelled": self.unlabelled,
            "unlabelled_names": list(self.unlabelled_names),
            "known": self.known,
            "unknown": [
                {"label": one.label, "pictures": one.pictures, "nearest": one.nearest}
                for one in self.unknown
            ],
            "spelled": {
                label: {"class": name, "how": how} for label, (name, how) in self.spelled.items()
            },
        }


@dataclass(frozen=True)
class Coverage:
    """What became of everything that a data set holds.

    Attributes:
        found: everything that was found: pictures, and what is not a picture.
        measured: pictures that were read and measured.
        left_out: the others, by reason; ``measured`` and these add up to ``found``.
        labels: of the pictures that could be read.
        copies: measured pictures whose file is that of another one, byte for byte.
        used: what was done with the measured ones, in a word.
    """

    found: int
    measured: int
    left_out: LeftOut
    labels: Labels
    copies: int = 0
    used: str = "measured"

    def sentence(self) -> str:
        """All counts in one line."""
        text = f"{self.found:,} found: {self.measured:,} {self.used}"
        about = [
            f"{count:,} {words}"
            for count, words, reason in (
                (self.labels.unlabelled, "without a label", NO_LABEL),
                (self.labels.unknown_pictures, "with a label unknown to the model", UNKNOWN_LABEL),
                (self.copies, "duplicates", ""),
            )
            if count and reason not in self.left_out.counts
        ]
        if about:
            text += f" ({', '.join(about)})"
        if self.left_out.total:
            text += f", {count_sentence(self.left_out.counts)}"
        return f"{text}."

    def lines(self) -> list[str]:
        """What is left out by name, at most ``PRINTED`` of all, and the lines of the labels."""
        rows = self.left_out.rows()
        share = max(1, PRINTED // max(1, len(self.left_out.counts)))
        seen: Counter[str] = Counter()
        said = []
        for row in rows:
            seen[row["reason"]] += 1
            if seen[row["reason"]] <= share:
                said.append(_line(**row))
        return [*said, *self.labels.lines()[:PRINTED]]

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "found": self.found,
            "measured": self.measured,
            "left_out": self.left_out.to_json(),
            "labels": self.labels.to_json(),
            "copies": self.copies,
        }


def _line(name: str, reason: str, detail: str) -> str:
    """One thing that is left out; a detail that is a sentence names it itself."""
    if repr(name) in detail:
        return f"{reason}: {detail}"
    return f"{name}: {reason}{f' ({detail})' if detail else ''}"
