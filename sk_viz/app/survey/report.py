"""The report of a survey, on the page Survey."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from sk_viz.app.shared import controls, identity, shell
from sk_viz.app.survey.access import SurveyAtHand
from sk_viz.app.survey.coverage import draw_coverage
from sk_viz.app.survey.view import SurveyView
from sk_viz.figures.screen.style import scale_label
from sk_viz.figures.screen.survey import at, effect_forest, rising_forest
from sk_viz.surveys.coverage import survey_coverage
from sk_viz.surveys.store import RECORD, Store

SURE = 0.05


def report(survey: SurveyAtHand, data: Mapping[str, Any], view: SurveyView) -> None:
    """Draw it: the answer, the units, the classes, and the files."""
    changes = data["changes"]
    if not changes:
        st.info("Effects need at least two pictures and a scale besides 1.0.")
        draw_coverage(survey_coverage(Store(survey.folder)))
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
    _about(survey, data)


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


def _about(survey: SurveyAtHand, data: Mapping[str, Any]) -> None:
    record = data["record"]
    split = any(unit["split_input"] for unit in Store(survey.folder).header()["units"])
    conditions = (
        f"{', '.join(record['protocols'])} at {', '.join(map(scale_label, record['scales']))}"
    )
    note = (
        f"{record['model_note']} {data['readable']:,} pictures under {conditions}, "
        f"{data['labelled']:,} with a class that the model knows. {data['tests']:,} tests, "
        "corrected by Holm."
    )
    badges = identity.marks(record["model_kind"], split=split)
    st.markdown(identity.brief(record["model"], note, badges))
    draw_coverage(survey_coverage(Store(survey.folder)))


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
