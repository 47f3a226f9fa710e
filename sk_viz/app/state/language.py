"""The language of the pages: English, or a catalogue in ``app/locale``.

A language is a file ``locale/<tag>/LC_MESSAGES/sk_viz.mo``, compiled from the ``.po`` beside it.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from sk_viz.app.state.settings import Look, current
from sk_viz.language import translate_by

ENGLISH = "en"
# The context of sentences that the library says, such as errors: templates with {0}, {1} ...
SENTENCE = "sentence"
# The key that the catalogue of every language translates by its own name for itself.
OWN_NAME = "English"
_DOMAIN = "sk_viz"
_LOCALE = Path(__file__).parents[1] / "locale"
_here = threading.local()


@cache
def languages() -> dict[str, str]:
    """The languages that can be chosen: tag to the language's name for itself."""
    found = {ENGLISH: OWN_NAME}
    for file in sorted(_LOCALE.glob(f"*/LC_MESSAGES/{_DOMAIN}.mo")):
        tag = file.parts[-3]
        found[tag] = catalogue(tag).pgettext("name of the language", OWN_NAME)
    return found


@cache
def catalogue(tag: str) -> NullTranslations:
    """The translations of a language; none for English."""
    if tag == ENGLISH:
        return NullTranslations()
    return translation(_DOMAIN, _LOCALE, [tag])


def language() -> str:
    """The tag of the session's language: as chosen, else the browser's, else English."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH  # work on a thread of its own, whose words are translated when shown
    chosen = current(Look).lang
    if chosen in languages():
        return chosen
    browser = (st.context.locale or ENGLISH).split("-")[0].lower()
    return browser if browser in languages() else ENGLISH


def begin() -> None:
    """At the start of a run: speak the language that is chosen now."""
    _here.spoken = catalogue(language())


def sentence(text: str) -> str:
    """A sentence that the library made, such as an error's, in the session's language."""
    spoken = _spoken()
    if not isinstance(spoken, GNUTranslations):
        return text
    for template, said in _sentences(spoken):
        if found := template.fullmatch(text):
            # What stands within a sentence may be one itself; a name is left as it is.
            parts = (sentence(part) if " " in part else part for part in found.groups())
            return said.format(*parts)
    first, stop, rest = text.partition(". ")
    return f"{sentence(first + '.')}{sentence(rest)}" if stop else text


@cache
def _sentences(spoken: GNUTranslations) -> list[tuple[re.Pattern[str], str]]:
    """What the library may say, the most particular first, and its translations."""
    messages = spoken._catalog  # type: ignore[attr-defined]
    start = f"{SENTENCE}\x04"
    known = {
        key.removeprefix(start): said
        for key, said in messages.items()
        if isinstance(key, str) and key.startswith(start)
    }
    by_length = sorted(known, key=lambda key: len(re.sub(r"\{\d+\}", "", key)), reverse=True)
    return [(_pattern(key), known[key]) for key in by_length]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\d+)\}", template)
    text = "".join("(.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(text, re.DOTALL)


def _spoken() -> NullTranslations:
    spoken: NullTranslations | None = getattr(_here, "spoken", None)
    if spoken is None:  # a fragment, which runs without the start of its page
        if get_script_run_ctx(suppress_warning=True) is None:
            return catalogue(ENGLISH)
        begin()
        spoken = _here.spoken
    return spoken


translate_by(_spoken)
