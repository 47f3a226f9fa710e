"""How far: how much of the picture does a unit see?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

import sk_viz
from sk_viz.app.how_far.sizes import SIZES, growth_sentence, sizes_table
from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.shared.downloads import file_stem, table_parquet
from sk_viz.app.shared.scene import File, Scene, choose_scale, choose_unit, download, scene
from sk_viz.app.state.address import in_address, numbers, one_of, write_numbers
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.figures.screen.field import (
    FieldBox,
    beyond_view,
    box_key,
    field_boxes,
    field_growth_lines,
    field_panel,
)
from sk_viz.figures.screen.style import kernel_label, spread
from sk_viz.language import gettext as _
from sk_viz.measures.fields.effective import LUO_SHARE, Gate
from sk_viz.pictures import CENTRE
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.fields.growth import FieldGrowth
    from sk_viz.measures.fields.receptive_field import ReceptiveField
    from sk_viz.measures.fields.theoretical import BranchField, Extent

MOST_SCALES = 6


def _read_place(text: str) -> tuple[float, ...]:
    place = numbers(0, 1, 2)(text)
    if len(place) != 2:
        raise ValueError("give two numbers x,y from 0 to 1")
    return place


@dataclass(frozen=True)
class HowFarView:
    """What this page alone chooses.

    Attributes:
        place: (x, y) in [0, 1] of what the network is shown, whose field is looked at.
        size: the definition of size that is followed over the scales.
    """

    place: tuple[float, float] = in_address(CENTRE, "place", _read_place, write_numbers)
    size: str = in_address("share_50", "size", one_of(*SIZES))


@dataclass(frozen=True, eq=False)
class Fields:
    """What the page draws: the same field twice."""

    scene: Scene
    place: tuple[float, float]
    held: ReceptiveField
    free: ReceptiveField


def page() -> None:
    """Draw the page."""
    view = current(HowFarView)  # before the sidebar, which tells what of the address was refused
    settings = controls.shared()
    controls.version_line()
    now = shell.last_good("how_far.scene", lambda: scene(settings))
    write_address(Settings, HowFarView)
    shell.question(_("How much of the picture does a unit see?"))
    if now is None:
        return
    _choices(now, view)
    fields = shell.last_good("how_far", lambda: _compute(now, view))
    if fields is None:
        return
    _answer(fields)
    _panels(fields)
    identity.line(fields.scene.model, fields.scene.picture)
    left, right = st.columns([1, 1.1], gap="medium")
    with left:
        _tables(fields)
    with right:
        _growth(now, view)


def _choices(now: Scene, view: HowFarView) -> None:
    unit, scale, x, y = st.columns([1.2, 1.4, 0.8, 0.8], gap="medium")
    with unit:
        choose_unit(now)
    with scale:
        choose_scale(now)

    def moved() -> None:
        change(HowFarView, place=(st.session_state["place.x"], st.session_state["place.y"]))

    titles = (_("Horizontal position"), _("Vertical position"))
    for column, name, title, value in zip((x, y), "xy", titles, view.place, strict=True):
        st.session_state[f"place.{name}"] = value
        column.slider(title, 0.0, 1.0, step=0.01, key=f"place.{name}", on_change=moved)


def _compute(now: Scene, view: HowFarView) -> Fields:
    def field(gate: Gate) -> ReceptiveField:
        def work(report: Progress) -> ReceptiveField:
            return sk_viz.receptive_field(
                now.model,
                now.unit.name,
                now.picture,
                gate,
                place=view.place,
                scales=(now.scale,),
                progress=report,
                **now.presentation.arguments,
            )

        return shell.result(
            ("field", gate, *_key(now, view), now.scale),
            _("Measuring the field, choice {gate}").format(gate=GATES[gate]()),
            work,
        )

    return Fields(now, view.place, field("held"), field("free"))


def _key(now: Scene, view: HowFarView) -> tuple[Hashable, ...]:
    return (*now.inputs, now.unit.name, now.settings.protocol, now.presentation.point, view.place)


GATES: dict[Gate, Callable[[], str]] = {
    "held": lambda: _("frozen"),
    "free": lambda: _("free"),
}


def _answer(fields: Fields) -> None:
    now, side = fields.scene, fields.held.effective.shape[0]
    branches = fields.held.theoretical
    small, large = (
        next(b for b in branches if b.kernel == k)
        for k in (min(now.unit.kernels), max(now.unit.kernels))
    )
    text, files = st.columns([6, 1], vertical_alignment="center")
    bounds = _(
        "In theory **{unit}** sees {small} px through its {small_kernel} branch and at most "
        "{large} px through its {large_kernel} branch, of a picture of {side} px."
    )
    exact = _(
        "In theory **{unit}** sees {small} px through its {small_kernel} branch and {large} px "
        "through its {large_kernel} branch, of a picture of {side} px."
    )
    with text:
        st.markdown(
            (exact if large.status == "exact" else bounds).format(
                unit=shell.plain(now.unit.name),
                small=small.size,
                small_kernel=kernel_label(small.kernel),
                large=large.size,
                large_kernel=kernel_label(large.kernel),
                side=side,
            )
            + " "
            + _(
                "Half of its measured influence lies within **{held}** when the choice is frozen, "
                "within **{free}** when it is free."
            ).format(
                held=_pixels(fields.held.size["share_50"]),
                free=_pixels(fields.free.size["share_50"]),
            )
        )
    with files:
        download(_files(fields))


def _pixels(side: float) -> str:
    return _("no pixel") if math.isnan(side) else f"{side:.0f} px"


def _panels(fields: Fields) -> None:
    ink, rgb = shell.ink(), fields.scene.stimulus.rgb
    held, free = fields.held, fields.free
    row, column = held.position
    side = rgb.shape[0]
    chart: dict[str, Any] = {"theme": None, "config": {"displayModeBar": False}}
    boxes = [
        FieldBox(b.kernel, _edges(b, b.smallest, row, column), _edges(b, b.largest, row, column))
        for b in sorted(held.theoretical, key=lambda b: b.kernel)
    ]
    first, second, third = st.columns(3, gap="medium")
    with first:
        st.markdown(
            _("**In theory**: click the picture to choose the position"),
            help=terms.definition("receptive field"),
        )
        st.plotly_chart(
            field_boxes(
                rgb,
                boxes,
                ink,
                place=fields.place,
                positions=math.ceil(side / held.theoretical[0].stride),
            ),
            key="how_far.boxes",
            on_select=_clicked,
            selection_mode="points",
            alt=_("Boxes on the picture: what each branch can see. The table has their sizes."),
            **chart,
        )
        st.caption(_about_boxes(boxes, side), unsafe_allow_html=True)
    for place, one, title, what, text in (
        (
            second,
            held,
            _("**Measured, choice frozen**"),
            "held",
            _("Only the convolutions count."),
        ),
        (
            third,
            free,
            _("**Measured, choice free**"),
            "free",
            _("Also counts what a pixel does through the choice, which pools the whole picture."),
        ),
    ):
        with place:
            st.markdown(title)
            st.plotly_chart(
                field_panel(
                    rgb,
                    one.effective,
                    ink,
                    level=LUO_SHARE,
                    centre=_centre(one),
                    squares={"50 %": one.size["share_50"], "99 %": one.size["share_99"]},
                ),
                key=f"how_far.{what}",
                alt=_("The effective field over the picture. The table has its sizes."),
                **chart,
            )
            st.caption(
                text
                + " "
                + _(
                    "Bright: share of the field's own peak, as its square root. Line: 4.55 % of "
                    "the peak. Dotted: the squares that hold 50 % and 99 %."
                )
            )


def _about_boxes(boxes: list[FieldBox], side: int) -> str:
    text = f"{box_key([box.kernel for box in boxes])}. " + _(
        "Solid: the longest path. Dotted: the shortest, through the shortcuts. Outside the picture "
        "is padding."
    )
    if beyond_view(boxes, side):
        text += " " + _("A box at the edge reaches further.")
    return text


def _edges(
    branch: BranchField, path: Extent, row: int, column: int
) -> tuple[float, float, float, float]:
    step = branch.stride if branch.status == "exact" else 0
    left, top = path.start + step * column, path.start + step * row
    return left, top, left + path.size, top + path.size


def _centre(field: ReceptiveField) -> tuple[int, int]:
    row, column = field.record["centre"]
    return int(row), int(column)


def _clicked() -> None:
    points = st.session_state["how_far.boxes"].selection.points
    if points and points[0].get("customdata"):
        x, y = points[0]["customdata"]
        change(HowFarView, place=(round(float(x), 3), round(float(y), 3)))


def _tables(fields: Fields) -> None:
    st.markdown(_("**In theory**, px"))
    rows = [
        {
            _("branch"): kernel_label(b.kernel),
            _("shortest path"): b.smallest.size,
            _("longest path"): b.largest.size,
            _("stride"): b.stride,
            _("basis"): terms.sentence(b.status),
        }
        for b in sorted(fields.held.theoretical, key=lambda b: b.kernel)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="how_far.theory")
    st.markdown(_("**Measured** on this picture, px"))
    st.dataframe(
        sizes_table(fields.held, fields.free)
        .rename(
            columns={
                "size": _("size"),
                "gate held": _("choice frozen"),
                "gate free": _("choice free"),
                "basis": _("basis"),
            }
        )
        .assign(**{_("size"): [_(title) for title in SIZES.values()], _("basis"): _("measured")}),
        hide_index=True,
        key="how_far.sizes",
    )


def _growth(now: Scene, view: HowFarView) -> None:
    """Over the scales: drawn last, since it takes longest."""
    st.markdown(_("**Does it grow when the object is enlarged?**"))
    st.selectbox(
        _("Size"),
        list(SIZES),
        format_func=lambda name: _(SIZES[name]),
        label_visibility="collapsed",
        **controls.bound("how_far.size", view.size, HowFarView, "size"),
    )
    found = shell.last_good("how_far.growth", lambda: _grow(now, view))
    if found is None:
        return
    st.plotly_chart(
        field_growth_lines(
            found.table,
            view.size,
            shell.ink(),
            scale=now.scale,
            protocol=terms.protocol(str(found.record["protocol"])),
            title=_("side") if view.size != "luo" else _("size"),
        ),
        theme=None,
        key="how_far.lines",
        config={"displayModeBar": False},
        alt=_(
            "Size of the effective field over the scales with the choice frozen as at 1.0×, frozen "
            "as at each scale, and free."
        ),
    )
    st.caption(growth_sentence(found, view.size))


def _grow(now: Scene, view: HowFarView) -> FieldGrowth:
    from sk_viz.measures.fields.growth import field_growth

    # Growth is counted from 1, so it is measured there in any case.
    scales = tuple(sorted({1.0, *spread(now.sweep.scales, MOST_SCALES)}))

    def work(report: Progress) -> FieldGrowth:
        return field_growth(
            now.model,
            now.picture,
            units=[now.unit.name],
            scales=scales,
            place=view.place,
            progress=report,
            **now.presentation.arguments,
        )

    return shell.result(("growth", *_key(now, view), scales), _("Measuring over the scales"), work)


def _files(fields: Fields) -> list[File]:
    stem = f"{file_stem(fields.held.record)}_{fields.scene.unit.name}"
    table = sizes_table(fields.held, fields.free)
    return [
        (
            _("Choice frozen, JSON"),
            lambda: json.dumps(fields.held.to_json(), indent=1).encode(),
            f"{stem}_held.json",
            "application/json",
        ),
        (
            _("Choice free, JSON"),
            lambda: json.dumps(fields.free.to_json(), indent=1).encode(),
            f"{stem}_free.json",
            "application/json",
        ),
        (
            _("Sizes, Parquet"),
            lambda: table_parquet(table, fields.held.record),
            f"{stem}_sizes.parquet",
            "application/vnd.apache.parquet",
        ),
    ]
