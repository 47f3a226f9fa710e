"""A result as HTML for a notebook and as text for a terminal."""

from __future__ import annotations

import base64
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from PIL import Image

from sk_viz.figures.paper.heatmap import heatmap
from sk_viz.figures.paper.style import paper_style, render
from sk_viz.measures.attribution.attribute import Attribution
from sk_viz.measures.choice.intervention import ChoiceMap, Effect
from sk_viz.measures.choice.value import ChoiceValue
from sk_viz.measures.fields.layer import LayerField
from sk_viz.measures.fields.receptive_field import ReceptiveField
from sk_viz.measures.result import Result
from sk_viz.measures.size.effect import SizeEffect
from sk_viz.measures.sweep.result import Sweep
from sk_viz.publish.maps import map_image

_ROWS = 12  # of a table of a result that has no summary of its own
_MOST_SCALES = 12  # whose numbers a table beside a sweep's map shows
_DPI = 160
_LINE = 100

_templates = Environment(loader=PackageLoader("sk_viz.publish"), autoescape=True)


@dataclass(frozen=True)
class Summary:
    """What a result shows of itself.

    Attributes:
        title: what was measured and its outcome, in one line.
        tables: each with its caption.
        image: a picture of the result as a PNG or JPEG file, or None.
        text: what the picture shows, for those who cannot see it.
    """

    title: str
    tables: Sequence[tuple[str, pd.DataFrame]]
    image: bytes | None = None
    text: str = ""


@singledispatch
def summary(result: Result) -> Summary:
    """The summary of a result: of the kinds below their own, of any other its first rows."""
    rows = result._table()
    caption = f"{len(rows):,} rows" + (f", the first {_ROWS}" if len(rows) > _ROWS else "")
    return Summary(result.NOUN.capitalize(), [(caption, rows.head(_ROWS))])


def html(result: Result) -> str:
    """A result as one HTML element: no script, no style sheet, no request."""
    shown = summary(result)
    record = dict(result.record)
    return _templates.get_template("result.html").render(
        shown=shown,
        source=_data_address(shown.image) if shown.image else None,
        tables=[(caption, Markup(_html_table(table))) for caption, table in shown.tables],
        identity=_identity(result),
        notes=record.get("notes", ()),
        record=json.dumps(record, indent=1, ensure_ascii=False, default=str),
    )


def text(result: Result) -> str:
    """A result as lines of text, at most 100 characters wide."""
    shown = summary(result)
    lines = [shown.title, _identity(result)]
    for caption, table in shown.tables:
        lines += ["", *([caption] if caption else [])]
        lines.append(table.to_string(index=False, line_width=_LINE, float_format="{:.4g}".format))
    lines += result.record.get("notes", ())
    # What is longer than a line is a sentence: tables were cut to it.
    return "\n".join(textwrap.fill(line, _LINE) if "\n" not in line else line for line in lines)


def page(sweep: Sweep) -> str:
    """A sweep as one HTML page that makes no request; see :mod:`sk_viz.publish.sweep_page`."""
    from sk_viz.publish.sweep_page import sweep_page

    return sweep_page(sweep)


@summary.register
def _(result: Sweep) -> Summary:
    values = np.stack([result.unit_differences(unit) for unit in result.units])
    with paper_style():
        title = f"{result.record['picture']}, {result.record['protocol']}"
        drawn, _ = heatmap(result.units, result.scales, values, title, "cvpr-text")
        png = render(drawn, "png", {}, _DPI)
    best = result.predictions[result.predictions["rank"] == 1]
    tables = []
    if len(best):
        tables.append(("The likeliest class", best[["scale", "name", "probability"]]))
    if len(result.scales) <= _MOST_SCALES:
        columns = {f"{scale:g}x": values[:, n] for n, scale in enumerate(result.scales)}
        frame = pd.DataFrame({"unit": list(result.units), **columns})
        tables.append(("Difference: mean weight of the largest minus the smallest kernel", frame))
    return Summary(
        f"Sweep over {len(result.scales)} scales, {len(result.units)} units",
        tables,
        png,
        "Map of the difference of every unit at every scale",
    )


@summary.register
def _(result: Attribution) -> Summary:
    facts = {"method": result.method, "value": result.value}
    if result.delta is not None:
        facts["completeness error"] = result.delta
    frame = pd.DataFrame({"": list(facts), " ": [_number(v) for v in facts.values()]})
    sides = "green for, purple against" if result.signed else "green how much, for or against"
    title = f"Attribution of {result.text} at {result.stimulus.scale:g}x"
    return Summary(
        title, [(f"Explains {result.explains}. Map: {sides}", frame)], _jpeg(result), title
    )


@summary.register
def _(result: ReceptiveField) -> Summary:
    boxes = [branch.box(*result.position) for branch in result.theoretical]
    white = np.full((*result.effective.shape, 3), 255, np.uint8)
    theory = pd.DataFrame(
        [
            {"kernel": f"{b.kernel}x{b.kernel}", "size": b.size, "status": b.status}
            for b in result.theoretical
        ]
    )
    measured = pd.DataFrame({"definition": list(result.size), "size": list(result.size.values())})
    return Summary(
        f"Receptive field of {result.record['unit']}, gate {result.record['gate']}",
        [("In theory, pixels", theory), ("Measured, pixels", measured)],
        _png(map_image(white, result.effective, boxes)),
        "Map of the measured field with a frame for each branch's theoretical field",
    )


@summary.register
def _(result: LayerField) -> Summary:
    extent, white = result.extent, np.full((*result.effective.shape, 3), 255, np.uint8)
    columns = ["input_size", "weights", "height", "status", "luo", "share_50", "share_99"]
    return Summary(
        f"Receptive field of {result.layer} of {result.record['model']}: "
        f"{extent.width} x {extent.height} px ({extent.status})",
        [("Sizes, pixels", result.table[columns])],
        _png(map_image(white, result.effective)),
        "Map of the measured field",
    )


@summary.register
def _(result: Effect) -> Summary:
    columns = ["rank", "name", "probability"]
    held = ", ".join(str(key) for key in result.record["held"])
    return Summary(
        f"Intervention in {held}",
        [("Before", result.before[columns]), ("After", result.after[columns])],
    )


@summary.register
def _(result: ChoiceMap) -> Summary:
    wide = result.table.pivot_table(
        index="unit", columns="intervention", values="probability_change", sort=False
    )
    return Summary(
        f"{result.name} {result.probability:.1%} with the units' own weights",
        [("Change of its probability with one unit held", wide.reset_index())],
    )


@summary.register
def _(result: SizeEffect) -> Summary:
    wide = result.table.pivot(index="unit", columns="control", values="size").reset_index()
    total = result.table.drop_duplicates("unit")["total"].to_numpy()
    wide = wide.assign(
        total=total, noise=result.noise["noise"], settled=result.settled["direction"]
    )
    agreed = int(result.settled["agree"].sum())
    return Summary(
        f"Size effect from 1x to {result.record['scales'][-1]:g}x: "
        f"{agreed} of {len(wide)} units settled",
        [("The part of each unit's change that is size, by control", wide)],
    )


@summary.register
def _(result: ChoiceValue) -> Summary:
    return Summary("Accuracy with the units' own and with held weights", [("", result.table)])


def _identity(result: Result) -> str:
    """Which model and picture made the numbers, and what is to be known of the model."""
    record = result.record
    return (
        f"{record['model']} ({record['model_kind']}), {record['picture']}, {record['protocol']}. "
        f"{record['model_note']}"
    )


def _html_table(table: pd.DataFrame) -> str:
    made: str = table.to_html(index=False, border=0, float_format="{:.4g}".format)
    return made


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _data_address(image: bytes) -> str:
    kind = "jpeg" if image.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def _jpeg(result: Attribution) -> bytes:
    """A tenth of what a PNG of the photograph takes: a notebook keeps it in its file."""
    buffer = io.BytesIO()
    map_image(result.stimulus.rgb, result.heatmap).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
