"""Which surveys a visitor may open: on one's own machine all, else those that one can name.

A server that others can reach shows nobody the list of surveys, nor takes paths of its folders. One
on this machine alone takes a path that is typed on its page, and in an address only one that was
typed before: a link from elsewhere must not choose what is read here.
"""

from __future__ import annotations

import ipaddress
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from sk_viz.app.survey.view import EXAMPLE
from sk_viz.errors import PictureError
from sk_viz.paths import models_dir
from sk_viz.surveys.shelf import find, stored_surveys
from sk_viz.surveys.store import Store

OPENED = "survey.opened"
_typed: set[str] = set()


@dataclass(frozen=True)
class SurveyAtHand:
    """A survey that can be chosen.

    Attributes:
        name: shown, and in commands where the path says nothing to the visitor.
        folder: of the survey.
    """

    name: str
    folder: Path

    @property
    def stamp(self) -> tuple[str, int]:
        """Changes when more of it has been measured."""
        return str(self.folder), len(Store(self.folder).parts())


def on_loopback() -> bool:
    """Whether this server can be reached from this machine alone.

    One behind a proxy listens to this machine alone, too, but has to be told the proxy's name.
    """
    outer = st.get_option("browser.serverAddress") or "localhost"
    if st.get_option("server.corsAllowedOrigins"):
        return False
    return _is_loopback(st.get_option("server.address")) and _is_loopback(outer)


def _is_loopback(address: str | None) -> bool:
    if not address:
        return False
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def surveys_at_hand() -> dict[str, SurveyAtHand]:
    """By name, the newest first; those that have not begun are left out."""
    own: list[str] = st.session_state.get(OPENED, [])
    names = [one.name for one in stored_surveys()] if on_loopback() else []
    found = {}
    for name in dict.fromkeys([*names, *own]):
        try:
            one = at_hand(name)
        except PictureError:  # removed meanwhile
            continue
        if Store(one.folder).exists:
            found[name] = one
    return found


def at_hand(name: str) -> SurveyAtHand:
    """A survey by its name, or by its folder's path where that was opened.

    Raises:
        PictureError: there is none.
    """
    if name == EXAMPLE:
        return SurveyAtHand(name, _example())
    if on_loopback() and name in _typed:
        folder = Path(name)
        if not Store(folder).exists:
            raise PictureError(
                f"{name!r} holds no survey: name the folder that was given to survey with --out."
            )
        return SurveyAtHand(name, folder)
    return SurveyAtHand(name, find(name).survey)


@cache
def _example() -> Path:
    """A copy of the survey behind the bundled model's card, since a report is written beside it."""
    folder = Path(tempfile.mkdtemp(prefix="sk-viz-example-")) / "survey"
    shutil.copytree(models_dir() / "sknet_tiny" / "survey", folder)
    return folder


def open_folder(text: str) -> str:
    """Take a path that was typed on the page; the name that it goes by from now on."""
    name = str(Path(text).expanduser().absolute())
    _typed.add(name)
    return name


def may_delete(name: str) -> bool:
    """Whether this visitor began it, or sits at the machine that it lies on."""
    return on_loopback() or name in st.session_state.get(OPENED, [])


def forget(name: str) -> None:
    """List it no longer."""
    own: list[str] = st.session_state.get(OPENED, [])
    if name in own:
        own.remove(name)


def remember(name: str) -> None:
    """List it in this session from now on."""
    own: list[str] = st.session_state.setdefault(OPENED, [])
    if name not in own:
        own.insert(0, name)
