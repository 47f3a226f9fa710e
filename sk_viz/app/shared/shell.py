"""What the pages share: loading, waiting for long work, and the boundary that errors stop at.

To add a page, write ``sk_viz/app/<name>.py`` with a function ``page() -> None`` and name it in
``entry.PAGES``. A page

1. calls ``controls.shared()`` for the sidebar that all pages have, and adds its own below it;
   what its own controls choose stands in a frozen dataclass with ``address.in_address`` fields,
   read by ``state.current`` and changed by ``state.change``, as ``state.Settings`` is;
2. computes inside ``last_good(name, compute)``: whatever goes wrong becomes one sentence, and the
   page draws what it computed last;
3. gets its inputs by ``model()`` and ``picture()``, and everything that takes longer than a
   glance by ``result(key, label, work)``, which shows progress and a button to stop;
4. draws with figures from ``sk_viz.figures`` and calls ``state.write_address``.

All sessions share the loaded models, without a lock here: every measure may be called by any
number of threads at once, and no page puts anything on a model itself.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from sk_viz.app.server import log, presence
from sk_viz.app.server.drawn import Drawn
from sk_viz.app.server.jobs import Jobs, StoppedError, was_stopped
from sk_viz.app.shared import checkpoint, uploads
from sk_viz.app.state import language, own_network
from sk_viz.app.state.settings import (
    DEFAULT_MODEL,
    UPLOAD,
    Look,
    Settings,
    current,
    is_upload,
    refused_parameters,
)
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.figures.screen.style import Ink, ink_for
from sk_viz.language import gettext as _
from sk_viz.pictures import Picture, read_sample, samples
from sk_viz.types import Progress

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sk_viz.zoo.model import Model

T = TypeVar("T")

MAX_BYTES_KEPT = 512 * 2**20
MOST_FIGURES = 256
MAX_BYTES_IDLE = 32 * 2**20  # of what sessions computed that have left
WORKERS = 2
FIRST = "cutout-goldfish"  # the sample of the first screen, on which much happens
QUIET = 0.4  # seconds before progress is shown: quicker work only flickers
POLL = 0.1


class StoppedByUserError(Exception):
    """The work was stopped with the page's button."""


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The process's jobs and results."""
    return Jobs(WORKERS, MAX_BYTES_KEPT, MAX_BYTES_IDLE)


@st.cache_resource(max_entries=3, show_spinner="…")
def load(model_id: str, device: str) -> Model:
    """A model of the catalogue, loaded once for all sessions.

    Raises:
        ModelError: it cannot be loaded.
    """
    return own_network.load(model_id, device)


@st.cache_resource(max_entries=8, show_spinner=False)
def sample(sample_id: str) -> Picture:
    """A sample picture, read once for all sessions.

    Raises:
        PictureError: there is no such sample.
    """
    return read_sample(sample_id)


def model_ids() -> dict[str, str]:
    """The models that can be chosen: id to what it is."""
    from sk_viz.zoo.catalogue import KNOWN  # list_models also counts, which takes seconds

    return {known.id: known.kind for known in KNOWN.values()}


def model(settings: Settings) -> Model:
    """The model that is chosen.

    A failure holds for this model until :func:`begin`, so that a download which cannot be made is
    tried once in a run of the page and not by everyone who asks.

    Raises:
        ModelError: it is unknown or cannot be loaded.
    """
    failures: dict[tuple[str, str], ModelError]
    failures = st.session_state.setdefault("model.failures", {})
    chosen = (settings.model, settings.device)
    if chosen in failures:
        raise failures[chosen]
    if settings.model == UPLOAD:
        return checkpoint.load_own(settings.device)
    # An id out of an address must not reach the file system.
    if settings.model not in model_ids() and settings.model != DEFAULT_MODEL:
        raise ModelError(
            f"There is no model {settings.model!r}: choose one of {', '.join(model_ids())}."
        )
    try:
        return load(settings.model, settings.device)
    except ModelError as error:
        failures[chosen] = error
        raise


def begin() -> None:
    """The start of a run of a page.

    Progress has a place of its own, so that whether there is some does not move what comes after
    it: Streamlit tells elements by their order, and would draw all of them again.
    """
    language.begin()
    _session()
    st.session_state["progress"] = st.container()
    st.session_state["model.failures"] = {}
    st.session_state["asked"] = set()


def settle() -> None:
    """The end of a run: let go of what this session waited for before and no longer asks for."""
    waiting: set[Hashable] = st.session_state.get("waiting", set())
    for key in waiting - st.session_state.get("asked", set()):
        jobs().release(key, _session())
        waiting.discard(key)


def sample_ids(protocol: str) -> tuple[str, ...]:
    """The samples that a protocol can show: cut-outs for ``object``, else photographs."""
    kind = "cutout" if protocol == "object" else "photo"
    return tuple(sample.id for sample in samples(kind))  # type: ignore[arg-type]


def default_sample(protocol: str) -> str:
    """The sample that a protocol begins with."""
    offered = sample_ids(protocol)
    return FIRST if FIRST in offered else offered[0]


def picture(settings: Settings) -> Picture:
    """The picture that is chosen.

    Raises:
        PictureError: there is no such sample.
    """
    if is_upload(settings.picture) and (own := uploads.find(settings.picture)) is not None:
        return own
    if is_upload(settings.picture) or not settings.picture:
        return sample(default_sample(settings.protocol))
    return sample(settings.picture)


def background(settings: Settings) -> Picture | None:
    """The picture under an object, None for the plain colour.

    Raises:
        PictureError: there is no such sample.
    """
    if settings.protocol != "object" or not settings.background:
        return None
    return sample(settings.background)


def result(key: Hashable, label: str, work: Callable[[Progress], T]) -> T:
    """The result of ``work``, from what is kept or from a job that this session waits for.

    Args:
        key: plain values that name the result: hashes of the inputs, and all settings.
        label: what is being done, for the progress.
        work: called on another thread with a function ``report(done, total)``.

    Raises:
        StoppedByUserError: it was stopped, now or before.
    """
    st.session_state.setdefault("asked", set()).add(key)
    session = _session()
    kept: T | None = jobs().kept(key, session)
    if kept is not None:
        return kept
    if key in st.session_state.get("stopped", ()):
        raise StoppedByUserError
    settle()
    job = jobs().want(key, session, _logged(label, session, work))
    st.session_state.setdefault("waiting", set()).add(key)
    place = st.session_state["progress"].empty()
    start = time.monotonic()
    shown = None
    while not job.future.done():
        try:
            job.future.exception(timeout=QUIET if time.monotonic() - start < QUIET else POLL)
            break
        except TimeoutError:
            pass
        if shown is None:
            # Its key is what style() floats it by, so that the page does not jump.
            with place.container(
                key=f"progress-{hash(key)}", horizontal=True, vertical_alignment="center"
            ):
                shown = st.progress(0.0)
                st.button(_("Stop"), key=f"stop.{hash(key)}", on_click=_stop, args=(key, session))
        ahead = jobs().ahead_of(job)
        text = f"{label} …"
        if ahead:
            text = _("{task}: waiting for {count} other tasks").format(task=label, count=ahead)
        shown.progress(job.done / job.total if job.total else 0.0, text=text)
    place.empty()
    st.session_state["waiting"].discard(key)
    if was_stopped(job):
        raise StoppedByUserError
    done: T = job.future.result()
    return done


def _logged(label: str, session: str, work: Callable[[Progress], T]) -> Callable[[Progress], T]:
    """The same work, with a line in the log when it ends."""
    asked = time.monotonic()

    def run(report: Progress) -> T:
        begun, outcome = time.monotonic(), "failed"
        try:
            made = work(report)
            outcome = "done"
            return made
        except StoppedError:
            outcome = "stopped"
            raise
        finally:
            took = {"seconds": time.monotonic() - begun, "waited": begun - asked}
            log.event("work", session=session[:8], what=label, outcome=outcome, **took)

    return run


def _session() -> str:
    """What tells this session from others."""
    return presence.session(jobs())


def _stop(key: Hashable, session: str) -> None:
    jobs().release(key, session)
    st.session_state.setdefault("stopped", set()).add(key)


def forget_stop() -> None:
    """Let what was stopped begin again."""
    st.session_state.pop("stopped", None)


def figure(key: tuple[Hashable, ...], make: Callable[[], go.Figure]) -> go.Figure:
    """A figure for the screen, drawn once for all sessions that show the same.

    Args:
        key: plain values that name what is drawn. The theme and the language are added here.
        make: draws it.
    """
    whole = (key, ink().surface, language.language())
    kept: go.Figure | None = figures().get(whole)
    if kept is None:
        kept = make()
        figures().put(whole, kept)
    return kept


@st.cache_resource(show_spinner=False)
def figures() -> Drawn:
    """The process's drawn figures."""
    return Drawn(MOST_FIGURES)


def last_good(name: str, compute: Callable[[], T]) -> T | None:
    """What ``compute`` returns; after an error the sentence on the page, and the result before.

    Args:
        name: of the page.
        compute: raises one of the three errors for what the user can mend.

    Returns:
        None when there has been no result yet.
    """
    key = f"{name}.good"
    try:
        st.session_state[key] = compute()
    except StoppedByUserError:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(_("Stopped. The last result is still shown."), icon=":material/pause:")
            st.button(_("Resume"), key=f"go_on.{name}", on_click=forget_stop)
    except (PictureError, ModelError, ScaleError) as error:
        tell(str(error))
    except Exception as error:
        from sk_viz.networks.device import device_sentence  # loads torch, which is there by now

        log.failure("page", error, page=name)
        bug = _("Something went wrong; see the server's log. The last result is still shown.")
        tell(device_sentence(error) or bug)
    good: T | None = st.session_state.get(key)
    return good


def tell(sentence: str) -> None:
    """One sentence about what is wrong and what to do, in the visitor's language."""
    st.error(plain(language.sentence(sentence)), icon=":material/error:")


def tell_refused() -> None:
    """Say which parts of the address, or of the choice, cannot be shown."""
    for sentence in refused_parameters():
        tell(sentence)


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no links, pictures or formulas out of a file's name."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def ink() -> Ink:
    """The colours of figures for the theme that the browser shows."""
    return ink_for(st.context.theme.type)


def question(text: str) -> None:
    """The one question that the page answers, as its title."""
    st.html(f'<h1 class="sk-question">{html.escape(text)}</h1>')


def style() -> None:
    """The rules that Streamlit has no setting for: the row of pages, margins, a presentation."""
    colours, look = ink(), current(Look)
    rules = _RULES.replace("SURFACE", colours.surface).replace("LINE", colours.faint)
    rules = rules.replace("TEXT", colours.text)
    if look.present:
        rules += _PRESENT
    st.html(f"<style>{rules}</style>")


_HERE = Path(__file__).parent
_RULES = (_HERE / "page.css").read_text(encoding="utf-8")
_PRESENT = (_HERE / "present.css").read_text(encoding="utf-8")
