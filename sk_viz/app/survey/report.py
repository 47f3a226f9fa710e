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

from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.survey.access import SurveyAtHand
from sk_viz.app.survey.coverage import draw_coverage
from sk_viz.app.survey.view import SurveyView
from sk_viz.figures.screen.grid import signed
from sk_viz.figures.screen.style import scale_label
from sk_viz.figures.screen.survey import at, effect_forest, rising_forest
from sk_viz.language import gettext as _
from sk_viz.surveys.coverage import survey_coverage
from sk_viz.surveys.store import RECORD, Store

SURE = 0.05


def report(survey: SurveyAtHand, data: Mapping[str, Any], view: SurveyView) -> None:
    """Draw it: the answer, the units, the classes, and the files."""
    changes = data["changes"]
    if not changes:
        st.info(_("Effects need at least two pictures and a scale besides 1.0."))
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
            _("Scale ({protocol})").format(protocol=terms.protocol(protocol)),
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
        st.markdown(_("**How strongly each unit changes**"), help=terms.definition("95 % interval"))
        st.plotly_chart(
            effect_forest(changes, data["controlled"], units, seen, protocol, ink),
            key="survey.effect",
            alt=_(
                "Cohen's d of every unit's change at {scale} with its 95 % interval. The numbers "
                "are in report.json."
            ).format(scale=scale_label(seen)),
            **chart,
        )
    with share:
        st.markdown(_("**In how many pictures**"))
        st.plotly_chart(
            rising_forest(changes, units, seen, protocol, ink),
            key="survey.rising",
            alt=_("Share of pictures in which each unit shifts towards the larger kernel."),
            **chart,
        )
    st.caption(
        _(
            "Changes are paired by picture. Lines are 95 % intervals (bootstrap over pictures, "
            "Wilson for shares). Blur removes only the detail such a zoom would lose, so zoom "
            "minus blur is what the zoom does beyond that. Right of the middle a unit shifts "
            "towards its larger kernel."
        )
    )
    _classes(data, protocol, seen, units)
    _about(survey, data)


def _answer(data: Mapping[str, Any], protocol: str, scale: float) -> str:
    """The answer to the page's question, in one paragraph."""
    rows = list(at(data["changes"], scale, protocol).values())
    up, down = _sure(rows)
    rest = len(rows) - up - down
    strongest = max(rows, key=lambda row: abs(row["d"] or 0.0))
    text = _(
        "From 1.0× to {scale} ({protocol}), over {pictures} pictures, **{up} of {count} units "
        "shift towards the larger kernel**, {down} towards the smaller."
    ).format(
        scale=scale_label(scale),
        protocol=terms.protocol(protocol),
        pictures=f"{data['readable']:,}",
        up=up,
        count=len(rows),
        down=down,
    )
    if rest:
        text += " " + _("{count} show no clear direction.").format(count=rest)
    if strongest["d"] is not None:
        text += " " + _("Strongest: {unit}, d = {d}, change {change}.").format(
            unit=strongest["unit"],
            d=signed(strongest["d"], 2),
            change=signed(strongest["change"], 4),
        )
    beyond = list(at(data["controlled"], scale).values()) if protocol == "zoom" else []
    if beyond:
        more, less = _sure(beyond)
        text += " " + _(
            "Beyond what blur alone does, the larger kernel gains in {more} units and the smaller "
            "in {less}."
        ).format(more=more, less=less)
    return text


def _sure(rows: list[Mapping[str, Any]]) -> tuple[int, int]:
    """How many rise and fall, after the correction for many tests."""
    sure = [row for row in rows if row["p_holm"] is not None and row["p_holm"] < SURE]
    up = sum(row["change"] > 0 for row in sure)
    return up, len(sure) - up


def _classes(data: Mapping[str, Any], protocol: str, scale: float, units: list[str]) -> None:
    condition = f"{protocol} {scale:g}"
    rows = [
        {_("class"): row["label"], _("pictures"): row["n"]} | row["changes"][condition]
        for row in data["classes"]
        if condition in row["changes"]
    ]
    if not rows:
        return
    table = pd.DataFrame(rows).sort_values(_("pictures"), ascending=False, kind="stable")
    st.markdown(
        _("**Per class**: mean change at {scale} ({protocol})").format(
            scale=scale_label(scale), protocol=terms.protocol(protocol)
        )
    )
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
    conditions = _("{protocols} at {scales}").format(
        protocols=", ".join(map(terms.protocol, record["protocols"])),
        scales=", ".join(map(scale_label, record["scales"])),
    )
    more = _(
        "{count} pictures under {conditions}, {labelled} with a class that the model knows. "
        "{tests} tests, corrected by Holm's method."
    ).format(
        count=f"{data['readable']:,}",
        conditions=conditions,
        labelled=f"{data['labelled']:,}",
        tests=f"{data['tests']:,}",
    )
    badges = identity.marks(record["model_kind"], split=split)
    st.markdown(f"{identity.brief(record['model'], record['model_note'], badges)} :small[{more}]")
    draw_coverage(survey_coverage(Store(survey.folder)))


def _files(survey: SurveyAtHand, data: Mapping[str, Any]) -> None:
    with st.popover(_("Download"), icon=":material/download:"):
        for label, work, name, mime in (
            (
                _("Report, HTML"),
                (survey.folder / "report.html").read_bytes,
                "report.html",
                "text/html",
            ),
            (_("Report, JSON"), partial(_json, data), "report.json", "application/json"),
            (
                _("All rows, Parquet"),
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
