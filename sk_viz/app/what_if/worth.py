"""What if, over many pictures: what is the choice worth?"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from sk_viz.app.shared import controls, identity, shell
from sk_viz.app.shared.downloads import file_stem, table_parquet
from sk_viz.app.shared.scene import File, download
from sk_viz.app.state.address import in_address, number
from sk_viz.app.state.settings import Settings, current
from sk_viz.app.survey.coverage import draw_coverage
from sk_viz.app.survey.start import MAX_SCALES, asked_pictures, store_zip
from sk_viz.datasets.coverage import Coverage
from sk_viz.datasets.opening import fingerprint, open_dataset
from sk_viz.errors import ScaleError
from sk_viz.figures.screen.style import scale_label, share_label
from sk_viz.figures.screen.worth import accuracy_lines
from sk_viz.pictures import check_scales, parse_scales
from sk_viz.spreadsheets import to_csv
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.choice.value import ChoiceValue
    from sk_viz.zoo.model import Model

MOST = 2000  # pictures by default: a minute or two with the bundled model


@dataclass(frozen=True)
class WorthView:
    """What the form holds.

    Attributes:
        scales: as on the command line.
        limit: at most so many pictures, 0 for all.
    """

    scales: str = in_address("1,1.5,2", "worth_scales", str)
    limit: int = in_address(200, "worth_limit", lambda text: int(number(0, MOST)(text)), str)


@dataclass(frozen=True, eq=False)
class Worth:
    """What is drawn: the measure, of which model, and what became of the pictures.

    Attributes:
        model: that was measured.
        value: what was found.
        coverage: what became of everything that was given.
    """

    model: Model
    value: ChoiceValue
    coverage: Coverage


def many(settings: Settings) -> None:
    """Ask for pictures, and draw what was found."""
    view = current(WorthView)
    pictures, asked = st.columns([1.2, 1], gap="large")
    with pictures:
        given = asked_pictures("worth", "they are not kept")
    with asked:
        scales, limit = st.columns(2, gap="medium")
        scales.text_input(
            "Scales",
            help="Such as 1,1.5,2 or 1:2:5.",
            **controls.bound("worth.scales", view.scales, WorthView, "scales"),
        )
        limit.number_input(
            "At most",
            0,
            MOST,
            step=100,
            help="Pictures, evenly spread over all; 0 for all.",
            **controls.bound("worth.limit", view.limit, WorthView, "limit"),
        )
        st.caption(
            "The pictures need labels that the model knows: one folder a class, named by the "
            "class or its WordNet id, or parquet with labels."
        )
    if st.button(
        "Measure", key="worth.start", type="primary", disabled=not given, icon=":material/balance:"
    ):
        st.session_state["worth.asked"] = True
        shell.forget_stop()
    if given and st.session_state.get("worth.asked"):
        shell.last_good("worth", lambda: _compute(settings, view, given))
    found: Worth | None = st.session_state.get("worth.good")
    if found is None:
        st.info(
            "Accuracy with the weights that the units choose, against the same network with every "
            "weight held: at what it chose for the same picture at 1.0×, and at its mean over all "
            "pictures. What is lost is what the choice is worth.",
            icon=":material/balance:",
        )
        return
    _draw(found)


def _compute(settings: Settings, view: WorthView, given: Any) -> Worth:
    from sk_viz.datasets.known import known_pictures
    from sk_viz.measures.choice.value import value_of_choice

    protocol = "zoom" if settings.protocol == "object" else settings.protocol
    scales = check_scales(tuple(sorted(set(parse_scales(view.scales)))), protocol)
    if len(scales) > MAX_SCALES:
        raise ScaleError(f"{len(scales)} scales were given: this takes {MAX_SCALES}.")
    model = shell.model(settings)
    data = None if isinstance(given, str) else given.getvalue()
    source: Hashable
    if data is None:
        source = (given, fingerprint(open_dataset(given).abouts()))
    else:
        source = hashlib.sha256(data).hexdigest()

    def work(report: Progress) -> Worth:
        with tempfile.TemporaryDirectory(prefix="sk-viz-") as folder:
            place = Path(given) if data is None else Path(folder) / "pictures.zip"
            if data is not None:
                store_zip(data, place)
            pictures = known_pictures(model, place, view.limit or None)
            value = value_of_choice(model, pictures, scales, protocol, progress=report)
            return Worth(model, value, pictures.coverage)

    key = ("worth", model.sha256, model.id, str(model.device), source)
    return shell.result((*key, scales, protocol, view.limit), "Holding the weights", work)


def _draw(found: Worth) -> None:
    record, table = found.value.record, found.value.table
    text, files = st.columns([6, 1], vertical_alignment="center")
    with text:
        st.markdown(_sentence(found))
    with files:
        download(_files(found))
    st.plotly_chart(
        accuracy_lines(table, shell.ink(), protocol=str(record["protocol"])),
        theme=None,
        key="worth.lines",
        config={"displayModeBar": False},
        alt="Top-1 accuracy over scale with live weights, with weights held at 1.0×, and with "
        "weights held at their mean. The same numbers can be downloaded as a table.",
    )
    draw_coverage(found.coverage)
    model = found.model
    st.markdown(identity.brief(model.id, model.note, identity.marks_of(model)))
    st.caption(
        f"{int(table['n'].iloc[0])} pictures. Bars are Wilson's 95 % intervals; the intervals of "
        "a loss are bootstraps over the same pictures with and without. The mean is of these "
        f"pictures' own weights."
    )


def _sentence(found: Worth) -> str:
    from sk_viz.measures.choice.value import AT_MEAN, AT_ONE, LIVE

    value = found.value
    scales = sorted({float(scale) for scale in value.table["scale"]})
    first, last = scales[0], scales[-1]
    mean = value.row(first, AT_MEAN)
    parts = [
        f"At {scale_label(first)} the network is right for "
        f"**{share_label(value.row(first, LIVE)['accuracy'])}** of the pictures, and for "
        f"**{share_label(mean['accuracy'])}** with every weight held at its mean: the "
        f"choice is worth {_points(mean)}."
    ]
    if last > first:
        at_one = value.row(last, AT_ONE)
        parts.append(
            f"At {scale_label(last)} choosing anew, in place of what was chosen at 1.0×, is worth "
            f"{_points(at_one)}."
        )
    return " ".join(parts)


def _points(row: dict[str, Any]) -> str:
    """A loss in points with its interval."""
    loss, low, high = (100 * row[name] for name in ("loss", "loss_low", "loss_high"))
    return f"**{loss:+.1f} points** [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def _files(found: Worth) -> list[File]:
    value = found.value
    stem = f"{file_stem(value.record)}_worth"
    return [
        (
            "Accuracy, JSON",
            lambda: json.dumps(value.to_json(), indent=1).encode(),
            f"{stem}.json",
            "application/json",
        ),
        (
            "Accuracy, CSV",
            partial(to_csv, value.table),
            f"{stem}.csv",
            "text/csv",
        ),
        (
            "Accuracy, Parquet",
            lambda: table_parquet(value.table, value.record),
            f"{stem}.parquet",
            "application/vnd.apache.parquet",
        ),
    ]
