"""The words that people read: English message ids, translated by whoever shows them.

Code that writes for the screen calls :func:`gettext` with plain English. Outside the web app the
English is what is shown. The app calls :func:`translate_by` with a function that finds the
translation for the session that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from gettext import NullTranslations

_ENGLISH = NullTranslations()
_translations: Callable[[], NullTranslations] = lambda: _ENGLISH  # noqa: E731


def translate_by(find: Callable[[], NullTranslations]) -> None:
    """Translate from now on by the catalogue that ``find`` returns, asked for each message."""
    global _translations  # noqa: PLW0603
    _translations = find


def gettext(message: str) -> str:
    """The message in the reader's language."""
    return _translations().gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The message for a count in the reader's language."""
    return _translations().ngettext(singular, plural, count)


def pgettext(context: str, message: str) -> str:
    """The message in the reader's language, where one English text has several meanings."""
    return _translations().pgettext(context, message)


def mark(message: str) -> str:
    """The message as it is: marks a constant for the catalogue that is translated when shown."""
    return message
