"""A sweep as one HTML file that makes no request: to send, to embed, and to open offline."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen.style import DARK, LIGHT, difference_colours
from sk_viz.measures.sweep.changes import most_moving_unit
from sk_viz.measures.sweep.result import Sweep

LIMIT = 3_000_000
"""Bytes of a page, at most."""

_SIDE = 224  # pixels of a stimulus on the page, at most
_QUALITIES = (90, 70, 40)

_templates = Environment(
    loader=PackageLoader("sk_viz.publish", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def sweep_page(sweep: Sweep) -> str:
    """The page: scrub through the scales, choose a unit and a channel, hover for the values.

    The values are those of the sweep's tables, digit by digit. A page that would be larger than
    ``LIMIT`` gets coarser pictures, then goes without the weights of single channels, then
    without pictures; what it goes without it says.
    """
    for page in _from_full_to_plain(sweep):
        if len(page.encode()) <= LIMIT:
            return page
    raise AssertionError("the tables alone are larger than the limit")


def _from_full_to_plain(sweep: Sweep) -> Iterator[str]:
    with_channels = not sweep.weights.empty
    for channels in dict.fromkeys((with_channels, False)):
        for quality in _QUALITIES if sweep.stimuli else ():
            yield _page(sweep, channels=channels, quality=quality)
        if not sweep.stimuli:
            yield _page(sweep, channels=channels, quality=None)
    yield _page(sweep, channels=False, quality=None)


def _page(sweep: Sweep, *, channels: bool, quality: int | None) -> str:
    missing = []
    if not channels:
        missing.append(
            "The weights of single channels are not on this page, which is at most 3 MB: "
            "save the sweep as parquet to keep them."
            if not sweep.weights.empty
            else "The sweep was loaded from JSON, which keeps no weights of single channels."
        )
    if quality is None:
        missing.append(
            "The pictures are not on this page, which is at most 3 MB."
            if sweep.stimuli
            else "The sweep was loaded from a file, which keeps no pictures."
        )
    record = dict(sweep.record)
    data = {
        "scales": list(sweep.scales),
        "units": [_unit(sweep, unit, channels=channels) for unit in sweep.units],
        "first": most_moving_unit(sweep.differences),
        "predictions": [
            sweep.predictions.loc[sweep.predictions["scale"] == scale, ["name", "probability"]]
            .astype({"probability": "float64"})
            .to_dict("records")
            for scale in sweep.scales
        ],
        "pictures": [] if quality is None else [_jpeg(s.rgb, quality) for s in sweep.stimuli],
        "ink": {
            theme: {"stops": difference_colours(ink)}
            for theme, ink in (("light", LIGHT), ("dark", DARK))
        },
    }
    return _templates.get_template("sweep/page.html").render(
        data=data,
        record=record,
        missing=missing,
        notes=record.get("notes", []),
        light=LIGHT,
        dark=DARK,
        style=_own("style.css"),
        script=_own("script.js"),
    )


def _own(name: str) -> Markup:
    """A file of this project's own, to be taken as it stands."""
    assert _templates.loader is not None
    source, _, _ = _templates.loader.get_source(_templates, f"sweep/{name}")
    return Markup(source)


def _unit(sweep: Sweep, unit: str, *, channels: bool) -> dict[str, Any]:
    """The numbers of one unit: differences (S,), branch means (M, S), channels (M, C, S)."""
    made: dict[str, Any] = {
        "name": unit,
        "differences": sweep.unit_differences(unit).tolist(),
        "kernels": [],
        "colours": [],
        "means": [],
        "count": 0,
        "weights": None,
    }
    if sweep.weights.empty:
        return made
    rows = sweep.branches[sweep.branches["unit"] == unit]
    first = rows[rows["scale"] == sweep.scales[0]]
    kernels = [int(kernel) for kernel in first["kernel"]]
    order = sorted(range(len(kernels)), key=lambda branch: kernels[branch])
    made["kernels"] = kernels
    made["colours"] = [branch_colour(order.index(b), len(kernels)) for b in range(len(kernels))]
    made["means"] = rows["weight"].to_numpy().reshape(len(sweep.scales), -1).T.tolist()
    if channels:
        weights = sweep.unit_weights(unit)
        made["count"] = weights.shape[2]
        packed = np.ascontiguousarray(weights.transpose(1, 2, 0), "<f4").tobytes()
        made["weights"] = base64.b64encode(packed).decode("ascii")
    return made


def _jpeg(rgb: np.ndarray[Any, np.dtype[np.uint8]], quality: int) -> str:
    image = Image.fromarray(rgb)
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
