"""The sentences of the first screen."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.app.explore.view import Shown
from sk_viz.app.shared import shell
from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.grid import signed
from sk_viz.figures.screen.style import decimals, kernel_label, scale_label
from sk_viz.language import gettext as _
from sk_viz.measures.sweep.changes import end_changes

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit

# A small window and a wider one on a picture, and the balance between them.
_DRAWN = f"""<svg viewBox="0 0 114 36" width="114" height="36"
 xmlns="http://www.w3.org/2000/svg">
<g fill="none" stroke-width="2.5">
<rect x="11" y="11" width="14" height="14" stroke="{SMALLEST}"/>
<rect x="3" y="3" width="30" height="30" stroke="{LARGEST}" stroke-dasharray="3 3"/>
<path d="M44 18h22m-6-5 6 5-6 5" stroke="#7D8894" stroke-width="1.8"/>
<rect x="89" y="11" width="14" height="14" stroke="{SMALLEST}" stroke-dasharray="3 3"/>
<rect x="81" y="3" width="30" height="30" stroke="{LARGEST}"/>
</g></svg>"""
_ADDRESS = f"data:image/svg+xml;base64,{base64.b64encode(_DRAWN.encode()).decode()}"
_PICTOGRAM = f'<img class="sk-pictogram" src="{_ADDRESS}" width="114" height="36" alt="">'


def line(shown: Shown) -> None:
    """What the page is about, for somebody who has never heard of it."""
    smallest, largest = (kernel_label(k) for k in shown.kernels)
    words = _(
        "Each unit of this network looks through a small window ({smallest}) and a wider one "
        "({largest}) and chooses how much to use of each. Enlarge the picture and watch the choice "
        "change."
    ).format(smallest=smallest, largest=largest)
    st.html(f'<p class="sk-line">{_PICTOGRAM}<span>{words}</span></p>')


def answer(shown: Shown) -> str:
    """What was found, in a sentence or two of Markdown."""
    sweep = shown.sweep
    first, last = min(sweep.scales), max(sweep.scales)
    changes = end_changes(sweep.differences)
    smallest, largest = (kernel_label(k) for k in shown.kernels)
    unit = str(changes.abs().idxmax())
    moved = sweep.differences[sweep.differences["unit"] == unit].set_index("scale")["difference"]
    digits = decimals(abs(changes[unit]), 2)
    text = _answers(shown, first, last) + " "
    text += _(
        "{up} of {count} units shift towards the wider window ({largest}), {down} towards the "
        "smaller ({smallest}). The largest change is in **{unit}**: {before} → {after}."
    ).format(
        up=(changes > 0).sum(),
        down=(changes < 0).sum(),
        count=len(changes),
        largest=largest,
        smallest=smallest,
        unit=shell.plain(unit),
        before=signed(moved[first], digits),
        after=signed(moved[last], digits),
    )
    if shown.control is not None:
        blur = end_changes(shown.control.differences)[unit]
        text += " " + _("Blur alone, at the same size, changes it by {change}.").format(
            change=signed(blur, digits)
        )
    return text


def _answers(shown: Shown, first: float, last: float) -> str:
    """What the network takes the picture for at both ends."""
    before, after = shown.said(first), shown.said(last)
    return _("From {first} to {last} the answer goes from **{before}** to **{after}**.").format(
        first=scale_label(first),
        last=scale_label(last),
        before=shell.plain(before),
        after=shell.plain(after),
    )


def about_blur(shown: Shown) -> str:
    """Why the control is there, with what it means for this picture."""
    picture, preprocessing = shown.picture, shown.model.preprocessing
    crop = preprocessing.crop_fraction * min(picture.width, picture.height)
    detail = crop / preprocessing.input_size
    last = max(shown.sweep.scales)
    why = _("Dashed: blur only, same size. A change that also appears here is not caused by size.")
    if detail >= last:
        more = _("This picture has real detail for zooms up to {detail}×.")
    elif detail > 1:
        more = _("Beyond {detail}× a zoom of this picture enlarges it without new detail.")
    else:
        more = _(
            "This picture has no more detail than the input, so its zoom blurs as it enlarges."
        )
    return f"{why} {more.format(detail=f'{detail:.1f}')}"


def about_unit(unit: Unit) -> str:
    """What the channels choose between."""
    kernels = _(" and ").join(kernel_label(k) for k in unit.kernels)
    text = _(
        "{count} channels choose between {kernels}. Click the map to open another unit."
    ).format(count=unit.channels, kernels=kernels)
    if unit.dead:
        text += " " + _("This unit is dead: its weights are the same for every input.")
    return text
