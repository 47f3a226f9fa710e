"""Match labels to the classes of a model: by name, WordNet id, number or spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

How = Literal["name", "WordNet", "number", "spelling"]

_WORDNET = re.compile(r"(?:^|[^0-9A-Za-z])(n\d{8})(?:$|[^0-9A-Za-z])")
_NUMBERED = re.compile(r"^\d{1,4}[\s.)_-]+(?=\D)")  # "003.tabby_cat"
_SEPARATORS = re.compile(r"[\s_\-.+/]+")


@dataclass(frozen=True)
class Match:
    """The class that a label means.

    Attributes:
        index: of the class.
        how: the comparison that found it.
    """

    index: int
    how: How


class ClassMatcher:
    """From labels to the classes of a model.

    A label is compared by its name without regard to case, by a WordNet id in it or known for it,
    then by its spelling without separators, accents, a leading number or the plural, and by
    WordNet's synonyms for the class; last, a bare number is the number of a class. An
    ambiguous label matches nothing.

    Args:
        classes: names of the model's classes, in order.
        class_wordnet_ids: WordNet ids of each class.
        wordnet_ids: WordNet ids of the data set's labels.
    """

    def __init__(
        self,
        classes: Sequence[str],
        class_wordnet_ids: Sequence[Sequence[str]],
        wordnet_ids: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.classes = tuple(classes)
        self._label_ids = wordnet_ids
        self._by_name = {name.casefold(): index for index, name in enumerate(classes)}
        self._by_id = {i: index for index, ids in enumerate(class_wordnet_ids) for i in ids}
        self._by_spelling = _unique((spelling(n), index) for index, n in enumerate(classes))
        self._ids_of_classes = class_wordnet_ids
        self._synonyms: dict[str, int] | None = None
        self._found: dict[str, Match | None] = {}

    @classmethod
    def of(cls, model: Model, wordnet_ids: Mapping[str, tuple[str, ...]]) -> ClassMatcher:
        """For the classes of a model.

        Args:
            model: any loaded model.
            wordnet_ids: those of the data set's labels.
        """
        return cls(model.classes, model.wordnet_ids, wordnet_ids)

    def __call__(self, label: str) -> Match | None:
        """The class that a label means; None where the model has no such class."""
        if label not in self._found:
            self._found[label] = self._match(label)
        return self._found[label]

    def nearest(self, label: str) -> str | None:
        """The class whose name is most like a label's; None where none is."""
        by_spelling = {spelling(name): name for name in self.classes}
        close = get_close_matches(spelling(label), by_spelling, n=1, cutoff=0.5)
        return by_spelling[close[0]] if close else None

    def _match(self, label: str) -> Match | None:
        if (index := self._by_name.get(label.casefold())) is not None:
            return Match(index, "name")
        ids = [*_WORDNET.findall(label), *self._label_ids.get(label, ())]
        if ids:  # with a foreign id it is another class, whatever its name is like
            index = next((self._by_id[i] for i in ids if i in self._by_id), None)
            return None if index is None else Match(index, "WordNet")
        if label.isdecimal():
            number = int(label)
            return Match(number, "number") if number < len(self.classes) else None
        if (index := self._by_spelling.get(spelling(label))) is not None:
            return Match(index, "spelling")
        index = self._by_synonym().get(spelling(label))
        return None if index is None else Match(index, "WordNet")

    def _by_synonym(self) -> Mapping[str, int]:
        if self._synonyms is None:
            described = _descriptions() if any(self._ids_of_classes) else {}
            self._synonyms = _unique(
                (spelling(word), index)
                for index, ids in enumerate(self._ids_of_classes)
                for one in ids
                for word in [described.get(one, ""), *described.get(one, "").split(",")]
                if word.strip()
            )
        return self._synonyms


def spelling(text: str) -> str:
    """A name in a form that different spellings share."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    plain = _NUMBERED.sub("", plain.strip())
    words = [_singular(word) for word in _SEPARATORS.split(plain.replace("'", "")) if word]
    return "".join(words).replace(",", "")


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The pairs whose key belongs to a single class."""
    found: dict[str, int] = {}
    several: set[str] = set()
    for key, index in pairs:
        if found.setdefault(key, index) != index:
            several.add(key)
    return {key: index for key, index in found.items() if key not in several}


@lru_cache(maxsize=1)
def _descriptions() -> dict[str, str]:
    """What WordNet calls the classes of ImageNet, by their ids, from timm's tables."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    ids = [str(one) for one in info.label_names()]
    return {one: str(info.index_to_description(i)) for i, one in enumerate(ids)}
