"""Who is there: a random word for each session, and a line in the log when it comes and leaves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import streamlit as st

from sk_viz.app.server import log
from sk_viz.app.server.jobs import Jobs
from sk_viz.version import __version__


@dataclass(frozen=True)
class _Presence:
    """A session that is connected.

    Attributes:
        session: its word.
        jobs: where it may have work waiting.
    """

    session: str
    jobs: Jobs

    def leave(self) -> None:
        """Called when the session's connection is gone; one that comes back is a new presence."""
        self.jobs.leave(self.session)
        log.event("left", session=self.session[:8])


def session(jobs: Jobs) -> str:
    """The word that tells this session from others, the same after a broken connection."""
    word: str = st.session_state.setdefault("session", uuid.uuid4().hex)
    _enter(word, jobs)
    return word


@st.cache_resource(
    scope="session", on_release=_Presence.leave, show_spinner=False, hash_funcs={Jobs: id}
)
def _enter(word: str, jobs: Jobs) -> _Presence:
    log.event("session", session=word[:8], version=__version__)
    return _Presence(word, jobs)
