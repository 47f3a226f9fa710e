"""Survey: is it true of many pictures?"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from sk_viz.errors import PictureError
from sk_viz.figures.screen_style import scale_label
from sk_viz.figures.screen_survey import at, effect_forest, rising_forest
from sk_viz.pages import controls, shell
from sk_viz.pages.address import in_address, number, write_number
from sk_viz.pages.jobs import Report
from sk_viz.pages.state import Settings, change, current, write_address
from sk_viz.pages.survey_runs import SurveyRun, SurveyRuns
from sk_viz.pages.survey_start import NewSurvey, new_survey
from sk_viz.pages.surveys_at_hand import (
    SurveyAtHand,
    at_hand,
    on_loopback,
    remember,
    surveys_at_hand,
)
from sk_viz.surveys.shelf import Kept, done_and_total, find
from sk_viz.surveys.store import RECORD, Store

QUESTION = "Is it true of many pictures?"
NEW = ""
SURE = 0.05
WATCH = 1.0  # seconds between two looks at a run


@dataclass(frozen=True)
class SurveyView:
    """What this page alone chooses.

    Attributes:
        survey: the name of a kept one, the folder of another, or ``NEW``.
        seen: the scale that is looked at, 0 for the largest.
    """

    survey: str = in_address(NEW, "survey", str)
    seen: float = in_address(0.0, "seen", number(0, 64), write_number)


@st.cache_resource(show_spinner=False)
def runs() -> SurveyRuns:
    """The process's surveys."""
    return SurveyRuns()


def page() -> None:
    """Draw the page."""
    shell.begin()
    view = current(SurveyView)
    settings = current(Settings)
    shell.question(QUESTION)
    _choice(view)
    write_address(Settings, SurveyView, NewSurvey)
    if view.survey == NEW:
        started = new_survey(settings)
        if started is not None:
            _begin(started)
        return
    survey = shell.last_good(f"survey.{view.survey}", lambda: at_hand(view.survey))
    if survey is None:
        return
    kept = _kept(view.survey)
    run = runs().of(view.survey)
    if run is not None and run.running:
        _watch(run)
        return
    done, total = done_and_total(survey.folder)
    _unfinished(kept, run, done, total)
    if done:
        data = shell.last_good(f"survey.report.{view.survey}", lambda: _data(survey))
        if data is not None:
            _report(survey, data, view)


def _begin(kept: Kept) -> None:
    remember(kept.name)
    runs().start(kept)
    change(SurveyView, survey=kept.name, seen=0.0)
    st.rerun()


def _choice(view: SurveyView) -> None:
    which, other = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    running = [name for name in st.session_state.get("survey.opened", []) if runs().of(name)]
    names = list(dict.fromkeys([NEW, *running, *surveys_at_hand(), view.survey]))
    with which:
        st.selectbox(
            "Survey",
            names,
            format_func=lambda name: name or "A new survey",
            **controls.bound("survey.which", view.survey, SurveyView, "survey"),
        )
    if on_loopback():
        with other, st.popover("Open a folder", icon=":material/folder_open:"):
            st.text_input(
                "Folder of a survey",
                key="survey.folder",
                placeholder="what was given to sk-viz survey with --out",
                on_change=_open_folder,
            )


def _open_folder() -> None:
    text = st.session_state["survey.folder"].strip()
    if text:
        change(SurveyView, survey=str(Path(text).expanduser().absolute()), seen=0.0)


def _kept(name: str) -> Kept | None:
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
        text = f"Waits: {ahead} before it" if ahead else "Loading the model and the pictures …"
        st.progress(0.0, text=text)
    else:
        text = f"{progress.done:,} of {progress.total:,} pictures"
        if progress.rate:
            text += f" · {progress.rate:.1f} a second"
        if progress.seconds_left is not None:
            text += f" · {_duration(progress.seconds_left)} left"
        if progress.unreadable:
            text += f" · {progress.unreadable:,} unreadable"
        st.progress(progress.done / max(progress.total, 1), text=text)
    st.button("Stop", key="survey.stop", icon=":material/stop:", on_click=run.stop)
    st.caption(
        "It runs on when this page is closed. What is measured is stored; stopped, it can go on."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _unfinished(kept: Kept | None, run: SurveyRun | None, done: int, total: int) -> None:
    """Why it is not finished, and the button that goes on."""
    if run is not None and run.error:
        shell.tell(run.error)
    if total and done >= total:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        stored = f"{done:,} of {total:,} pictures are stored" if total else "nothing is stored yet"
        st.info(f"Not finished: {stored}.", icon=":material/pause:")
        if kept is not None:
            st.button(
                "Go on",
                key="survey.go_on",
                icon=":material/play_arrow:",
                on_click=_go_on,
                args=(kept,),
            )


def _go_on(kept: Kept) -> None:
    runs().start(kept)


def _data(survey: SurveyAtHand) -> dict[str, Any]:
    """The report's numbers, worked out once for as much as is stored."""
    from sk_viz.surveys.report import make_report

    def work(_: Report) -> dict[str, Any]:
        try:
            return dict(make_report(survey.folder).data)
        except OSError as error:
            raise PictureError(
                f"The report cannot be written beside the survey ({error.strerror or error}): "
                "copy the survey to a folder that can be written."
            ) from error

    return shell.result(("survey.report", *survey.stamp), "Working out the effects", work)


def _report(survey: SurveyAtHand, data: Mapping[str, Any], view: SurveyView) -> None:
    changes = data["changes"]
    if not changes:
        st.info("Effects need two pictures and the scale 1.0 beside another: survey such ones.")
        _files(survey, data)
        return
    protocols = list(dict.fromkeys(row["protocol"] for row in changes))
    protocol = "zoom" if "zoom" in protocols else protocols[0]
    scales = sorted({row["scale"] for row in changes})
    seen = view.seen if view.seen in scales else scales[-1]
    units = [unit["name"] for unit in data["units"]]
    answer, which, files = st.columns([5, 1.4, 1], gap="medium", vertical_alignment="center")
    with which:
        st.segmented_control(
            f"Scale ({protocol})",
            scales,
            format_func=scale_label,
            required=True,
            **controls.bound("survey.seen", seen, SurveyView, "seen"),
        )
    with answer:
        st.markdown(_answer(data, protocol, seen))
    with files:
        _files(survey, data)
    ink = shell.ink()
    effect, share = st.columns([1.5, 1], gap="medium")
    chart: dict[str, Any] = {"theme": None, "config": {"displayModeBar": False}}
    with effect:
        st.markdown("**How strongly each unit changes**")
        st.plotly_chart(
            effect_forest(changes, data["controlled"], units, seen, protocol, ink),
            key="survey.effect",
            alt=f"Cohen's d of every unit's change at {seen:g}x with its 95 % interval; the "
            "numbers stand in report.json.",
            **chart,
        )
    with share:
        st.markdown("**In how many pictures**")
        st.plotly_chart(
            rising_forest(changes, units, seen, protocol, ink),
            key="survey.rising",
            alt="Share of pictures in which each unit turns to the larger kernel.",
            **chart,
        )
    st.caption(
        "Changes are paired by picture; lines are 95 % intervals (bootstrap over pictures, Wilson "
        "for shares). Blur takes away the detail that such a zoom would lose and leaves the size: "
        "what zoom does beyond it is zoom minus blur. Right of the middle a unit turns to its "
        "larger kernel."
    )
    _classes(data, protocol, seen, units)
    _about(data)


def _answer(data: Mapping[str, Any], protocol: str, scale: float) -> str:
    """The answer to the page's question, in one paragraph."""
    rows = list(at(data["changes"], scale, protocol).values())
    up, down = _sure(rows)
    rest = len(rows) - up - down
    strongest = max(rows, key=lambda row: abs(row["d"] or 0.0))
    text = (
        f"From 1.0× to {scale_label(scale)} {protocol}, over {data['readable']:,} pictures, "
        f"**{up} of {len(rows)} units turn to the larger kernel**, {down} to the smaller"
        f"{f' and {rest} cannot be told' if rest else ''}."
    )
    if strongest["d"] is not None:
        text += (
            f" Strongest: {strongest['unit']}, d {_signed(strongest['d'], 2)}, "
            f"change {_signed(strongest['change'], 4)}."
        )
    beyond = list(at(data["controlled"], scale).values()) if protocol == "zoom" else []
    if beyond:
        more, less = _sure(beyond)
        text += (
            f" Beyond what blur alone does, the larger kernel gains in {more} and the smaller in "
            f"{less}."
        )
    return text


def _sure(rows: list[Mapping[str, Any]]) -> tuple[int, int]:
    """How many rise and fall, after the correction for many tests."""
    sure = [row for row in rows if row["p_holm"] is not None and row["p_holm"] < SURE]
    up = sum(row["change"] > 0 for row in sure)
    return up, len(sure) - up


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _classes(data: Mapping[str, Any], protocol: str, scale: float, units: list[str]) -> None:
    condition = f"{protocol} {scale:g}"
    rows = [
        {"class": row["label"], "pictures": row["n"]} | row["changes"][condition]
        for row in data["classes"]
        if condition in row["changes"]
    ]
    if not rows:
        return
    table = pd.DataFrame(rows).sort_values("pictures", ascending=False, kind="stable")
    st.markdown(f"**Class by class** Mean change at {scale_label(scale)} {protocol}")
    formats = {unit: st.column_config.NumberColumn(format="%+.4f") for unit in units}
    st.dataframe(
        table,
        hide_index=True,
        height=min(420, 36 + 35 * len(table)),
        column_config=formats,
        key="survey.classes",
    )


def _about(data: Mapping[str, Any]) -> None:
    record = data["record"]
    conditions = (
        f"{', '.join(record['protocols'])} at {', '.join(map(scale_label, record['scales']))}"
    )
    st.caption(
        f"**{shell.plain(record['model'])}** :gray-badge[{record['model_kind']}] "
        f"{shell.plain(record['model_note'])} {data['readable']:,} pictures under {conditions}, "
        f"{data['labelled']:,} with a class that the model knows. {data['tests']:,} tests, "
        "corrected by Holm."
    )
    if data["unreadable_count"]:
        with st.expander(f"Could not be read: {data['unreadable_count']:,}"):
            st.dataframe(pd.DataFrame(data["unreadable"]), hide_index=True)


def _files(survey: SurveyAtHand, data: Mapping[str, Any]) -> None:
    with st.popover("Download", icon=":material/download:"):
        for label, work, name, mime in (
            (
                "Report, HTML",
                (survey.folder / "report.html").read_bytes,
                "report.html",
                "text/html",
            ),
            ("Report, JSON", partial(_json, data), "report.json", "application/json"),
            (
                "All rows, parquet",
                partial(_parquet, survey.folder),
                "survey.parquet",
                "application/vnd.apache.parquet",
            ),
        ):
            st.download_button(
                label, work, file_name=name, mime=mime, on_click="ignore", key=f"survey.{name}"
            )


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _parquet(folder: Path) -> bytes:
    """The parts as one table, with the record."""
    store = Store(folder)
    table = store.table()
    record = json.dumps(store.header()["record"]).encode()
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({RECORD: record}), buffer, compression="zstd")
    return buffer.getvalue()
