"""Survey: is it true of many pictures?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from sk_viz.app.shared import controls, shell
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.app.survey.access import (
    SurveyAtHand,
    at_hand,
    forget,
    may_delete,
    on_loopback,
    open_folder,
    remember,
    surveys_at_hand,
)
from sk_viz.app.survey.report import report
from sk_viz.app.survey.runs import SurveyRun, SurveyRuns
from sk_viz.app.survey.start import NewSurvey, new_survey
from sk_viz.app.survey.view import EXAMPLE, NEW, SurveyView
from sk_viz.errors import PictureError
from sk_viz.language import gettext as _
from sk_viz.surveys.shelf import StoredSurvey, done_and_total, find, sweep_shelf
from sk_viz.types import Progress
from sk_viz.version import __version__

WATCH = 1.0  # seconds between two looks at a run


@st.cache_resource(show_spinner=False)
def runs() -> SurveyRuns:
    """The process's surveys; what others left behind that were killed is gone."""
    sweep_shelf()
    return SurveyRuns()


def page() -> None:
    """Draw the page."""
    _page()
    st.caption(f"SK-Viz {__version__}")  # here is no sidebar to say it


def _page() -> None:
    shell.begin()
    view = current(SurveyView)
    settings = current(Settings)
    shell.question(_("Is it true of many pictures?"))
    _choice(view)
    write_address(Settings, SurveyView, NewSurvey)
    if refused := st.session_state.pop("survey.refused", ""):
        shell.tell(refused)
    if view.survey == NEW:
        started = new_survey(settings)
        if started is not None:
            _begin(started)
        st.info(
            _(
                "Every picture is swept over the scales. Each unit's change from 1.0× gets an "
                "effect size and a 95 % interval: over all pictures, per class, and beside the "
                "blur control."
            ),
            icon=":material/monitoring:",
        )
        return
    survey = shell.last_good(f"survey.{view.survey}", lambda: at_hand(view.survey))
    if survey is None:
        return
    stored = _stored(view.survey)
    run = runs().of(view.survey)
    if run is not None and run.running:
        _watch(run)
        return
    done, total = done_and_total(survey.folder)
    _unfinished(stored, run, done, total)
    if done:
        data = shell.last_good(f"survey.report.{view.survey}", lambda: _data(survey))
        if data is not None:
            report(survey, data, view)
    if stored is not None and may_delete(stored.name):
        _deletion(stored)


def _begin(stored: StoredSurvey) -> None:
    remember(stored.name)
    runs().start(stored)
    change(SurveyView, survey=stored.name, seen=0.0)
    st.rerun()


def _choice(view: SurveyView) -> None:
    which, other = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    running = [name for name in st.session_state.get("survey.opened", []) if runs().of(name)]
    names = list(dict.fromkeys([EXAMPLE, NEW, *running, *surveys_at_hand(), view.survey]))
    with which:
        st.selectbox(
            _("Survey"),
            names,
            format_func=_title,
            **controls.bound("survey.which", view.survey, SurveyView, "survey"),
        )
    if on_loopback():
        with other, st.popover(_("Open a folder"), icon=":material/folder_open:"):
            st.text_input(
                _("Folder of a survey"),
                key="survey.folder",
                placeholder=_("the folder given to sk-viz survey with --out"),
                on_change=_open_folder,
            )


def _title(name: str) -> str:
    if name == EXAMPLE:
        return _("Example: the 254 photographs of the bundled model's card")
    return name or _("A new survey")


def _open_folder() -> None:
    text = st.session_state["survey.folder"].strip()
    if text:
        change(SurveyView, survey=open_folder(text), seen=0.0)


def _stored(name: str) -> StoredSurvey | None:
    """The survey on the shelf; None for one that the command line made elsewhere."""
    try:
        return find(name)
    except PictureError:
        return None


@st.fragment(run_every=WATCH)
def _watch(run: SurveyRun) -> None:
    """How far a run is, and a button to stop it; the whole page again when it is over."""
    if not run.running:
        st.rerun()
    progress = run.progress
    if progress is None:
        ahead = runs().ahead_of(run)
        text = _("Loading the model and the pictures …")
        if ahead:
            text = _("Waiting for {count} other surveys").format(count=ahead)
        st.progress(0.0, text=text)
    else:
        parts = [
            _("{done} of {total} pictures").format(
                done=f"{progress.done:,}", total=f"{progress.total:,}"
            )
        ]
        if progress.rate:
            parts.append(_("{rate} per second").format(rate=f"{progress.rate:.1f}"))
        if progress.seconds_left is not None:
            parts.append(_("{time} left").format(time=_duration(progress.seconds_left)))
        if progress.unreadable:
            parts.append(_("{count} unreadable").format(count=f"{progress.unreadable:,}"))
        st.progress(progress.done / max(progress.total, 1), text=" · ".join(parts))
    st.button(_("Stop"), key="survey.stop", icon=":material/stop:", on_click=run.stop)
    st.caption(
        _(
            "It continues when this page is closed. What has been measured is stored: you can stop "
            "and resume."
        )
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _("{count} s").format(count=f"{seconds:.0f}")
    if seconds < 5400:
        return _("{count} min").format(count=f"{seconds / 60:.0f}")
    return _("{count} h").format(count=f"{seconds / 3600:.1f}")


def _unfinished(stored: StoredSurvey | None, run: SurveyRun | None, done: int, total: int) -> None:
    """Why it is not finished, and the button that resumes it."""
    if run is not None and run.error:
        shell.tell(run.error)
    if total and done >= total:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        text = _("Not finished: nothing is stored yet.")
        if total:
            text = _("Not finished: {done} of {total} pictures are stored.").format(
                done=f"{done:,}", total=f"{total:,}"
            )
        st.info(text, icon=":material/pause:")
        if stored is not None:
            st.button(
                _("Resume"),
                key="survey.go_on",
                icon=":material/play_arrow:",
                on_click=_go_on,
                args=(stored,),
            )


def _go_on(stored: StoredSurvey) -> None:
    runs().start(stored)


def _deletion(stored: StoredSurvey) -> None:
    """A button that asks, and under it the one that deletes."""
    with st.popover(_("Delete"), type="tertiary", icon=":material/delete:"):
        text = _("Delete **{name}**, its results and its report? This cannot be undone.").format(
            name=stored.name
        )
        own = _("The pictures stay where they are.")
        if not stored.request.source:
            own = _("The pictures that were uploaded for it are deleted as well.")
        st.markdown(f"{text} {own}")
        st.button(
            _("Delete permanently"),
            key="survey.delete",
            type="primary",
            icon=":material/delete_forever:",
            on_click=_delete,
            args=(stored,),
        )


def _delete(stored: StoredSurvey) -> None:
    try:
        runs().discard(stored)
    except PictureError as error:
        st.session_state["survey.refused"] = str(error)
        return
    forget(stored.name)
    change(SurveyView, survey=NEW, seen=0.0)
    st.toast(_("{name} was deleted.").format(name=stored.name), icon=":material/delete:")


def _data(survey: SurveyAtHand) -> dict[str, Any]:
    """The report's numbers, worked out once for as much as is stored."""
    from sk_viz.publish.report import make_report

    def work(_report: Progress) -> dict[str, Any]:
        try:
            return dict(make_report(survey.folder).data)
        except OSError as error:
            raise PictureError(
                f"The report cannot be written beside the survey ({error.strerror or error}): "
                "copy the survey to a writable folder."
            ) from error

    return shell.result(("survey.report", *survey.stamp), _("Computing the effects"), work)
