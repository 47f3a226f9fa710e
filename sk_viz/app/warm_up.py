"""The first screen's results, computed before anybody asks: most visitors begin with them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from sk_viz.app.explore.strip import attributions
from sk_viz.app.explore.view import Shown, View
from sk_viz.app.server import log
from sk_viz.app.server.jobs import StoppedError
from sk_viz.app.shared import shell
from sk_viz.app.shared.sweeping import presentation_of, range_work, sweep_work
from sk_viz.app.state.settings import Settings
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

T = TypeVar("T")
_NOBODY = "first screen"  # stands for a session among those that want a result
_over = threading.Event()
_asked: list[Hashable] = []
_LATER = ("sk_viz.app.explore.page", "sk_viz.measures.attribution.attribute", "captum.attr")


def prepare() -> None:
    """Compute what an address without parameters shows, and keep it as if somebody had left it.

    A visitor who comes meanwhile waits for the same work. What cannot be computed is left to the
    page, which says why.
    """
    _over.clear()
    _asked.clear()
    try:
        _compute(Settings(), View())
    except (StoppedError, CancelledError):
        pass
    except Exception as error:
        if _served():
            log.failure("first screen", error)
    finally:
        shell.jobs().leave(_NOBODY)


def over() -> None:
    """Stop it: somebody's page is drawn, and what is still computed is not what they look at."""
    _over.set()
    for key in tuple(_asked):
        shell.jobs().release(key, _NOBODY)


def _compute(settings: Settings, view: View) -> None:
    model = _load(settings.model, settings.device)
    picture = shell.picture(settings)
    limit = _done(*range_work(model))
    presentation = presentation_of(settings, settings.protocol, None)
    main = _done(*sweep_work(settings, presentation, model, picture))
    for module in _LATER:
        if _served():
            import_module(module)
    # Streamlit looks for garbage after every run of a page, and nobody's page moves meanwhile.
    # Imported modules are not garbage: without them the search takes a tenth of the time.
    gc.freeze()
    shown = Shown(settings, model, picture, presentation, main, None, limit)
    for key, work in attributions(shown, view).values():
        _done(key, work)


@st.cache_resource(max_entries=1, show_spinner=False)
def _load(model_id: str, device: str) -> Model:
    # A cached function within another shows no spinner, for which there is no page here.
    return shell.load(model_id, device)


def _done(key: Hashable, work: Callable[[Progress], T]) -> T:
    def run(report: Progress) -> T:
        def step(done: int, total: int) -> None:
            if not _served():
                raise StoppedError
            report(done, total)

        return work(step)

    job = shell.jobs().want(key, _NOBODY, run)
    _asked.append(key)
    if _over.is_set():
        shell.jobs().release(key, _NOBODY)
    result: T = job.future.result()
    return result


def _served() -> bool:
    """Whether the server goes on; its end waits for work that runs."""
    return threading.main_thread().is_alive()
