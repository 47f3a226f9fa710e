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
from sk_viz.figures.screen.grid import signed
from sk_viz.figures.screen.style import scale_label, share_label
from sk_viz.figures.screen.worth import accuracy_lines
from sk_viz.language import gettext as _
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
        limit: use at most this many pictures, 0 for all.
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
        given = asked_pictures("worth", _("they are deleted afterwards"))
    with asked:
        scales, limit = st.columns(2, gap="medium")
        scales.text_input(
            _("Scales"),
            help=_("For example 1,1.5,2 or 1:2:5 (first:last:count)."),
            **controls.bound("worth.scales", view.scales, WorthView, "scales"),
        )
        limit.number_input(
            _("At most"),
            0,
            MOST,
            step=100,
            help=_("Number of pictures, evenly spread over all; 0 for all."),
            **controls.bound("worth.limit", view.limit, WorthView, "limit"),
        )
        st.caption(
            _(
                "The pictures need labels that the model knows: one folder per class, named by the "
                "class or its WordNet id, or a parquet file with labels."
            )
        )
    if st.button(
        _("Measure"),
        key="worth.start",
        type="primary",
        disabled=not given,
        icon=":material/balance:",
    ):
        st.session_state["worth.asked"] = True
        shell.forget_stop()
    if given and st.session_state.get("worth.asked"):
        shell.last_good("worth", lambda: _compute(settings, view, given))
    found: Worth | None = st.session_state.get("worth.good")
    if found is None:
        st.info(
            _(
                "Compares the accuracy of the network with that of the same network with every "
                "weight frozen: to what it chose for the same picture at 1.0×, and to its mean "
                "over all pictures. The drop is the value of choosing."
            ),
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
        raise ScaleError(f"{len(scales)} scales are too many: use at most {MAX_SCALES} here.")
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
    return shell.result((*key, scales, protocol, view.limit), _("Freezing the weights"), work)


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
        alt=_(
            "Top-1 accuracy over scale with chosen weights, with weights frozen as at 1.0×, and "
            "with weights frozen to their mean. The numbers can be downloaded as a table."
        ),
    )
    draw_coverage(found.coverage)
    model = found.model
    st.markdown(identity.brief(model.id, model.note, identity.marks_of(model)))
    st.caption(
        _(
            "{count} pictures. Bars are Wilson's 95 % intervals; the intervals of a drop are "
            "bootstraps over the same pictures with and without. The mean is of these pictures' "
            "own weights."
        ).format(count=int(table["n"].iloc[0]))
    )


def _sentence(found: Worth) -> str:
    from sk_viz.measures.choice.value import AT_MEAN, AT_ONE, LIVE

    value = found.value
    scales = sorted({float(scale) for scale in value.table["scale"]})
    first, last = scales[0], scales[-1]
    mean = value.row(first, AT_MEAN)
    text = _(
        "At {scale} the network is right for **{live}** of the pictures, and for **{mean}** with "
        "every weight frozen to its mean: choosing is worth {points}."
    ).format(
        scale=scale_label(first),
        live=share_label(value.row(first, LIVE)["accuracy"]),
        mean=share_label(mean["accuracy"]),
        points=_points(mean),
    )
    if last > first:
        text += " " + _(
            "At {scale}, choosing again is worth {points} more than keeping the choice of 1.0×."
        ).format(scale=scale_label(last), points=_points(value.row(last, AT_ONE)))
    return text


def _points(row: dict[str, Any]) -> str:
    """A loss in points with its interval."""
    loss, low, high = (100 * row[name] for name in ("loss", "loss_low", "loss_high"))
    return _("**{loss} points** [{low}, {high}]").format(
        loss=signed(loss, 1), low=signed(low, 1), high=signed(high, 1)
    )


def _files(found: Worth) -> list[File]:
    value = found.value
    stem = f"{file_stem(value.record)}_worth"
    return [
        (
            _("Accuracy, JSON"),
            lambda: json.dumps(value.to_json(), indent=1).encode(),
            f"{stem}.json",
            "application/json",
        ),
        (
            _("Accuracy, CSV"),
            partial(to_csv, value.table),
            f"{stem}.csv",
            "text/csv",
        ),
        (
            _("Accuracy, Parquet"),
            lambda: table_parquet(value.table, value.record),
            f"{stem}.parquet",
            "application/vnd.apache.parquet",
        ),
    ]
