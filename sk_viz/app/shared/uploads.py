"""The pictures that visitors give: found again after a reload by the browser that gave them.

A picture's name in the address, ``upload.<digest>``, says which one it is and to nobody what it
shows: it opens only for the browser that holds the cookie of whoever gave it. Pictures are in
memory alone, for ``MINUTES`` after they were last looked at, and while all fit in ``MAX_BYTES``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import streamlit as st

from sk_viz.app.state.settings import UPLOAD
from sk_viz.pictures import Picture

COOKIE = "sk_viz"
MINUTES = 60
MAX_BYTES = 96 * 2**20
_LETTERS = 12  # of the digest in the address


@dataclass
class _Given:
    picture: Picture
    seen: float


class Shelf:
    """Pictures by the secret of their browser and their name.

    Args:
        max_bytes: of all pixels; the ones not looked at for longest go first.
        seconds: that a picture stays after it was last looked at.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, seconds: float = 60 * MINUTES) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._lock = threading.Lock()
        self._given: OrderedDict[tuple[str, str], _Given] = OrderedDict()

    def put(self, secret: str, picture: Picture) -> str:
        """Keep a picture; its name in the address."""
        name = f"{UPLOAD}.{picture.sha256[:_LETTERS]}"
        with self._lock:
            self._given[secret, name] = _Given(picture, time.monotonic())
            self._given.move_to_end((secret, name))
            self._trim()
        return name

    def find(self, secret: str, name: str) -> Picture | None:
        """The picture of that name, None where this browser has none."""
        with self._lock:
            self._trim()
            given = self._given.get((secret, name))
            if given is None:
                return None
            given.seen = time.monotonic()
            self._given.move_to_end((secret, name))
            return given.picture

    def _trim(self) -> None:
        oldest = time.monotonic() - self._seconds
        size = sum(given.picture.pixels.nbytes for given in self._given.values())
        while self._given:
            key, given = next(iter(self._given.items()))
            if size <= self._max_bytes and given.seen >= oldest:
                return
            size -= given.picture.pixels.nbytes
            del self._given[key]


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The process's pictures."""
    return Shelf()


def take(picture: Picture) -> str:
    """Keep the session's new picture; its name in the address."""
    own: dict[str, Picture] = st.session_state.setdefault("uploads", {})
    name = shelf().put(_secret(), picture)
    own.clear()  # the shelf has room for the ones before
    own[name] = picture
    return name


def find(name: str) -> Picture | None:
    """The visitor's own picture of that name; None where it is somebody else's, or gone."""
    own: dict[str, Picture] = st.session_state.setdefault("uploads", {})
    if name == UPLOAD and own:
        return next(reversed(own.values()))
    if name in own:
        return own[name]
    found = shelf().find(_secret(), name)
    if found is not None:
        own.clear()
        own[name] = found
    return found


def latest() -> str:
    """The name of the picture that this session gave last, or of any; "" where it gave none."""
    own: dict[str, Picture] = st.session_state.get("uploads", {})
    return next(reversed(own), "")


def cookie() -> str:
    """What the browser is to remember: nothing before it has given a picture."""
    return _secret() if st.session_state.get("uploads") else ""


def returned() -> bool:
    """Whether this browser has given a picture before: what it asks for is its own."""
    return bool(_remembered())


def _secret() -> str:
    """By which this browser's pictures are found."""
    known: str | None = st.session_state.get("uploads.secret")
    if known is None:
        known = _remembered() or secrets.token_urlsafe(24)
        st.session_state["uploads.secret"] = known
    return known


def _remembered() -> str:
    """The word that the browser has kept; "" where it has none."""
    kept = st.context.cookies.get(COOKIE)
    return kept if isinstance(kept, str) else ""
