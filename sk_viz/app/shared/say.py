"""The words of what all pages share, for a page that speaks another language."""

from __future__ import annotations

from collections.abc import Callable

# From the English words of a control to those that are shown.
Say = Callable[[str], str]


def english(words: str) -> str:
    """As they stand in the code."""
    return words
