"""Explore: how do the weights move with scale?"""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from sk_viz.app.explore.strip import draw_strip, fill_in
from sk_viz.app.explore.view import NO_METHOD, Shown, View, compute
from sk_viz.app.shared import controls, downloads, identity, shell
from sk_viz.app.shared.prediction import grounds
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.figures.screen.channels import channel_curves
from sk_viz.figures.screen.lines import stage_branches, stage_lines
from sk_viz.figures.screen.map import difference_map
from sk_viz.figures.screen.style import decimals, kernel_label, scale_label, spread
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.measures.sweep.changes import end_changes, most_moving_unit

QUESTION = "How do the weights move with scale?"
MOST_CURVES = 5


def page() -> None:
    """Draw the page."""
    settings = controls.shared()
    view = _own_controls(settings)
    controls.version_line()
    write_address(Settings, View)
    shown = shell.last_good("explore", lambda: compute(settings, view))
    if shown is None:
        return
    sweep = shown.sweep
    unit = settings.unit if settings.unit in sweep.units else most_moving_unit(sweep.differences)
    scale = settings.scale if settings.scale in sweep.scales else sweep.scales[0]
    _header(shown)
    progress = st.container()
    draw_strip(shown, view, scale)
    _map(shown, unit, scale)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _stages(shown, unit, scale)
    with right:
        _unit(shown, unit, scale)
    with progress:
        fill_in(shown, view)


def _own_controls(settings: Settings) -> View:
    view = current(View)
    with st.sidebar:
        if settings.protocol == "zoom":
            st.toggle(
                "Blur control",
                help="Sweeps once more with the detail removed that the zoom would lose, and "
                "the size unchanged. Dashed in the plots.",
                **controls.bound("control", view.control, View, "control"),
            )
        st.selectbox(
            "Attribution",
            [*METHODS, NO_METHOD],
            format_func=lambda name: METHODS[name].title if name in METHODS else "None",
            **controls.bound("method", view.method, View, "method"),
        )
        if view.method != NO_METHOD:
            st.slider(
                "Overlay strength",
                0.0,
                1.0,
                step=0.05,
                **controls.bound("strength", view.strength, View, "strength"),
            )
    return view


def _header(shown: Shown) -> None:
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        shell.question(QUESTION)
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        downloads.button(shown.sweep, shown.control)
    st.markdown(_answer(shown))
    identity.line(shown.model, shown.picture)


def _answer(shown: Shown) -> str:
    """What was found, in one sentence of Markdown."""
    sweep = shown.sweep
    first, last = min(sweep.scales), max(sweep.scales)
    changes = end_changes(sweep.differences)
    smallest, largest = (kernel_label(k) for k in shown.kernels)
    unit = str(changes.abs().idxmax())
    moved = sweep.differences[sweep.differences["unit"] == unit].set_index("scale")["difference"]
    d = decimals(abs(changes[unit]), 3)
    text = (
        f"From {scale_label(first)} to {scale_label(last)}, {(changes > 0).sum()} of "
        f"{len(changes)} units move towards {largest}, {(changes < 0).sum()} towards {smallest}; "
        f"most of all **{shell.plain(unit)}**, {moved[first]:+.{d}f} → {moved[last]:+.{d}f}"
    )
    if shown.control is not None:
        blur = end_changes(shown.control.differences)[unit]
        text += f" (by {changes[unit]:+.{d}f}; blur alone {blur:+.{d}f})"
    return re.sub(r"-(?=\d)", "−", text) + "."


@st.fragment
def _map(shown: Shown, unit: str, scale: float) -> None:
    """The map and what it shows; a fragment, so that the switch draws nothing else."""
    if st.session_state.pop("map.clicked", False):
        st.rerun()
    view = current(View)
    smallest, largest = (kernel_label(k) for k in shown.kernels)
    what = f"the mean weight of {largest} minus that of {smallest}"
    with st.container(horizontal=True, height=32, border=False, vertical_alignment="center"):
        st.caption(
            f"At {scale_label(scale)}: **{shell.plain(shown.said(scale))}**",
            help=grounds(shown.model),
        )
        st.segmented_control(
            "Show",
            [False, True],
            format_func=lambda change_: "Change" if change_ else "Difference",
            help=f"What the map shows: {what}, or its change from the smallest scale.",
            required=True,
            label_visibility="collapsed",
            **controls.bound("change", view.change, View, "change"),
        )
    st.plotly_chart(
        difference_map(
            shown.sweep.differences,
            shell.ink(),
            kernels=shown.kernels,
            unit=unit,
            scale=scale,
            change=view.change,
            dead=[u.name for u in shown.model.units if u.dead],
            protocol=shown.settings.protocol,
        ),
        theme=None,
        key="map",
        on_select=_map_clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Map of unit by scale: which kernel each unit prefers at each scale. The same numbers "
        "can be downloaded as the table of differences.",
    )
    write_address(Settings, View)


def _map_clicked() -> None:
    points = st.session_state["map"].selection.points
    if points:
        unit, scale = points[0]["customdata"]
        change(Settings, unit=str(unit), scale=float(scale))
        st.session_state["map.clicked"] = True


def _stages(shown: Shown, unit: str, scale: float) -> None:
    sweep, control = shown.sweep, shown.control
    with st.container(height=32, border=False, vertical_alignment="center"):
        st.markdown(f"**Stages, change from {scale_label(min(sweep.scales))}**")
    looks: dict[str, Any] = {
        "scale": scale,
        "protocol": shown.settings.protocol,
    }
    if max(len(u.kernels) for u in shown.model.units) > 2:
        figure = stage_branches(
            sweep.stages, shell.ink(), control=control.stages if control else None, **looks
        )
    else:
        figure = stage_lines(
            sweep.differences,
            shell.ink(),
            kernels=shown.kernels,
            control=control.differences if control else None,
            unit=unit,
            **looks,
        )
    st.plotly_chart(
        figure,
        theme=None,
        key="stages",
        config={"displayModeBar": False},
        alt="One panel a stage: how its mean changes over the scales, and the blur alone, dashed.",
    )
    if control is not None:
        st.caption(_why_blur(shown))


def _why_blur(shown: Shown) -> str:
    """Why the control is there, with what it means for this picture."""
    picture, preprocessing = shown.picture, shown.model.preprocessing
    crop = preprocessing.crop_fraction * min(picture.width, picture.height)
    detail = crop / preprocessing.input_size
    last = max(shown.sweep.scales)
    why = "Dashed is blur alone, size unchanged: what it moves as well is not due to size."
    if detail >= last:
        return f"{why} This picture has real detail for zooms up to {detail:.1f}×."
    if detail > 1:
        return f"{why} Beyond {detail:.1f}× a zoom of this picture enlarges without new detail."
    return f"{why} This picture has no more detail than the input: its zoom blurs as it enlarges."


@st.fragment
def _unit(shown: Shown, unit: str, scale: float) -> None:
    """The unit that is opened; a fragment, so that the order of its channels redraws it alone."""
    view = current(View)
    found = next(u for u in shown.model.units if u.name == unit)
    with st.container(horizontal=True, height=32, border=False, vertical_alignment="center"):
        st.markdown(f"**Channels of {shell.plain(unit)}**")
        st.segmented_control(
            "Channels",
            ["sorted", "averaged"],
            format_func=lambda o: "Sorted" if o == "sorted" else "Averaged over 16",
            required=True,
            label_visibility="collapsed",
            **controls.bound("order", view.order, View, "order"),
        )
    scales = spread(sorted(shown.sweep.scales), MOST_CURVES, scale)
    st.plotly_chart(
        channel_curves(
            shown.sweep.weights,
            unit,
            shell.ink(),
            scales=scales,
            order="averaged" if view.order == "averaged" else "sorted",
        ),
        theme=None,
        key="channels",
        config={"displayModeBar": False},
        alt=f"The weight that each of the {found.channels} channels of {unit} gives to its "
        "largest kernel, at several scales, with histograms.",
    )
    dead = " It is dead: its weights are the same for every input." if found.dead else ""
    st.caption(
        f"{found.channels} channels choose among "
        f"{' and '.join(kernel_label(k) for k in found.kernels)}. A click in the map opens "
        f"another unit.{dead}"
    )
    write_address(Settings, View)
