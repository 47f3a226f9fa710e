"""The numbers behind a page, as files that are made when they are asked for."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from sk_viz.language import gettext as _
from sk_viz.language import mark
from sk_viz.measures.result import RECORD_KEY, table_bytes
from sk_viz.spreadsheets import to_csv

if TYPE_CHECKING:
    from sk_viz.measures.record import Record
    from sk_viz.measures.sweep.result import Sweep

TABLES = {
    "differences": mark("Differences"),
    "predictions": mark("Predictions"),
    "weights": mark("Weights"),
}


def button(sweep: Sweep, control: Sweep | None, *, kernels: tuple[int, int], limit: float) -> None:
    """A button that opens the list of files of a sweep and, where there is one, its control.

    Args:
        sweep: what is shown.
        control: its control, where there is one.
        kernels: smallest and largest of the network, for the card to share.
        limit: the difference that has full colour on the card.
    """
    with st.popover(_("Download"), icon=":material/download:"):
        stem = file_stem(sweep.record)
        with st.container(horizontal=True):
            card = partial(_card, sweep, kernels, limit)
            _button(_("Card, PNG"), card, f"{stem}_card.png", "image/png")
            _button(_("Card, GIF"), partial(_moving, sweep), f"{stem}_card.gif", "image/gif")
        _files(sweep, "")
        if control is not None:
            _files(control, _("The blur control"))


def table_parquet(table: pd.DataFrame, record: Record) -> bytes:
    """A table as parquet with the record in its metadata, under ``RECORD_KEY``."""
    return table_bytes(table, {RECORD_KEY: json.dumps(dict(record)).encode()})


def file_stem(record: Record) -> str:
    """The start of a file's name: picture, model and protocol, in plain letters."""
    parts = (PurePath(str(record["picture"])).stem, record["model"], record["protocol"])
    return "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", str(part)).strip("-.") for part in parts)


def _files(sweep: Sweep, title: str) -> None:
    stem = file_stem(sweep.record)
    if title:
        st.markdown(f"**{title}**")
    _button(_("Page that works offline, HTML"), partial(_page, sweep), f"{stem}.html", "text/html")
    _button(_("Sweep, JSON"), partial(sweep.to_bytes, ".json"), f"{stem}.json", "application/json")
    for name, title_ in TABLES.items():
        table: pd.DataFrame = getattr(sweep, name)
        with st.container(horizontal=True):
            _button(
                _("{table}, CSV").format(table=_(title_)),
                partial(to_csv, table),
                f"{stem}_{name}.csv",
                "text/csv",
            )
            _button(
                "Parquet",
                partial(table_parquet, table, sweep.record),
                f"{stem}_{name}.parquet",
                "application/vnd.apache.parquet",
            )


def _page(sweep: Sweep) -> bytes:
    from sk_viz.publish.sweep_page import sweep_page

    return sweep_page(sweep).encode()


def _card(sweep: Sweep, kernels: tuple[int, int], limit: float) -> bytes:
    from sk_viz.figures.paper.card import draw_card

    return draw_card(sweep, kernels, limit)


def _moving(sweep: Sweep) -> bytes:
    from sk_viz.figures.paper.animation import make_animation

    with tempfile.TemporaryDirectory(prefix="sk-viz-") as folder:
        return make_animation(sweep, Path(folder) / "card.gif").read_bytes()


def _button(label: str, data: Callable[[], bytes], name: str, mime: str) -> None:
    st.download_button(
        label, data, file_name=name, mime=mime, on_click="ignore", key=f"download.{name}"
    )
