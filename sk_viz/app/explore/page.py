"""Explore: how does the network's choice change as the picture is enlarged?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from sk_viz.app.components.grid import grid
from sk_viz.app.explore import story
from sk_viz.app.explore.strip import draw_strip, fill_in
from sk_viz.app.explore.view import NO_METHOD, Shown, View, compute
from sk_viz.app.shared import controls, downloads, identity, shell, terms
from sk_viz.app.shared.prediction import grounds
from sk_viz.app.shared.scene import unit_at
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.figures.screen.channels import channel_curves
from sk_viz.figures.screen.grid import difference_grid
from sk_viz.figures.screen.lines import stage_branches, stage_lines
from sk_viz.figures.screen.style import kernel_label, scale_label, spread
from sk_viz.language import gettext as _
from sk_viz.measures.attribution.methods import METHODS

MOST_CURVES = 5


def page() -> None:
    """Draw the page."""
    view = current(View)  # before the sidebar, which tells what of the address was refused
    settings = controls.shared()
    view = _own_controls(settings)
    controls.version_line()
    write_address(Settings, View)
    shown = shell.last_good("explore", lambda: compute(settings, view))
    if shown is None:
        shell.question(_("How does the network's choice change as the picture is enlarged?"))
        return
    unit, scale = unit_at(shown.sweep, settings, shown.model.id)
    write_address(Settings, View)
    _header(shown)
    progress = st.container()
    draw_strip(shown, view, scale)
    _map(shown, unit, scale)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _stages(shown, unit, scale)
    with right:
        _unit(shown, unit, scale)
    identity.line(shown.model, shown.picture)
    with progress:
        fill_in(shown, view)


def _own_controls(settings: Settings) -> View:
    view = current(View)
    with st.sidebar:
        if settings.protocol == "zoom":
            st.toggle(
                _("Blur control"),
                help=_(
                    "Sweeps once more with only the detail removed that the zoom would lose, at "
                    "unchanged size. Dashed in the plots."
                ),
                **controls.bound("control", view.control, View, "control"),
            )
        st.selectbox(
            _("Attribution"),
            [*METHODS, NO_METHOD],
            format_func=lambda name: METHODS[name].title if name in METHODS else _("None"),
            help=terms.definition("attribution"),
            **controls.bound("method", view.method, View, "method"),
        )
        if view.method != NO_METHOD:
            st.slider(
                _("Overlay strength"),
                0.0,
                1.0,
                step=0.05,
                **controls.bound("strength", view.strength, View, "strength"),
            )
    return view


def _header(shown: Shown) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        shell.question(_("How does the network's choice change as the picture is enlarged?"))
        story.line(shown)
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        downloads.button(shown.sweep, shown.control, kernels=shown.kernels, limit=shown.limit)
    st.markdown(story.answer(shown))
    for note in shown.picture.notes:  # such as nothing to be seen in it
        st.warning(shell.plain(note), icon=":material/visibility_off:")


@st.fragment
def _map(shown: Shown, unit: str, scale: float) -> None:
    """The map and what it shows; a fragment, so that its switches draw nothing else."""
    if st.session_state.pop("map.clicked", False):
        st.rerun()
    view = current(View)
    smallest, largest = (kernel_label(k) for k in shown.kernels)
    with st.container(horizontal=True, key="map-head", vertical_alignment="center"):
        st.markdown(
            _("**Which window does each unit prefer?** At {scale}: {answer}").format(
                scale=scale_label(scale), answer=f"**{shell.plain(shown.said(scale))}**"
            ),
            help=grounds(shown.model),
        )
        st.segmented_control(
            _("Show"),
            [False, True],
            format_func=lambda change_: _("Change") if change_ else _("Difference"),
            help=_(
                "Difference: the mean weight of {largest} minus that of {smallest}. Change: how "
                "far that has moved from the smallest scale."
            ).format(largest=largest, smallest=smallest),
            required=True,
            label_visibility="collapsed",
            **controls.bound("change", view.change, View, "change"),
        )
        st.toggle(
            _("Free colours"),
            help=_(
                "Colours normally keep one range per model, so that pictures can be compared. Free "
                "colours reach the largest value on screen."
            ),
            **controls.bound("free", view.free, View, "free"),
        )
        with st.popover(_("Terms"), icon=":material/help:", type="tertiary"):
            st.markdown(terms.definitions("unit", "kernel", "branch weight", "difference", "stage"))
    cells = difference_grid(
        shown.sweep.differences,
        shell.ink(),
        kernels=shown.kernels,
        limit=None if view.free else shown.limit,
        change=view.change,
        dead=[u.name for u in shown.model.units if u.dead],
        protocol=terms.protocol(shown.settings.protocol),
        ends=(_("towards {kernel}"), _("towards {kernel}")) if view.change else None,
    )
    grid(
        cells,
        shell.ink(),
        row=unit,
        column=repr(scale),
        label=_(
            "Map of unit by scale: which window each unit prefers at each scale. Arrow keys move, "
            "Enter chooses."
        ),
        key="map",
        on_click=_map_clicked,
    )
    write_address(Settings, View)


def _map_clicked() -> None:
    clicked = st.session_state["map"].clicked
    if clicked:
        change(Settings, unit=str(clicked["row"]), scale=float(clicked["column"]))
        st.session_state["map.clicked"] = True


def _stages(shown: Shown, unit: str, scale: float) -> None:
    sweep, control = shown.sweep, shown.control
    st.markdown(
        _("**Stages**: change from {scale}").format(scale=scale_label(min(sweep.scales))),
        help=terms.definitions("stage", "control"),
    )
    ink = shell.ink()
    looks: dict[str, Any] = {"scale": scale, "protocol": terms.protocol(shown.settings.protocol)}
    branches = max(len(u.kernels) for u in shown.model.units) > 2
    figure = shell.figure(
        ("stages", *shown.keys, unit, scale, branches),
        lambda: (
            stage_branches(sweep.stages, ink, control=control.stages if control else None, **looks)
            if branches
            else stage_lines(
                sweep.differences,
                ink,
                kernels=shown.kernels,
                control=control.differences if control else None,
                unit=unit,
                **looks,
            )
        ),
    )
    st.plotly_chart(
        figure,
        theme=None,
        key="stages",
        config={"displayModeBar": False},
        alt=_("One panel per stage: how its mean changes over the scales. Dashed: blur only."),
    )
    if control is not None:
        st.caption(story.about_blur(shown))


@st.fragment
def _unit(shown: Shown, unit: str, scale: float) -> None:
    """The unit that is opened; a fragment, so that the order of its channels redraws it alone."""
    view = current(View)
    found = next(u for u in shown.model.units if u.name == unit)
    with st.container(horizontal=True, vertical_alignment="center", key="unit-head"):
        st.markdown(
            _("**Channels of {unit}**").format(unit=shell.plain(unit)),
            help=terms.definitions("channel", "branch weight"),
        )
        st.segmented_control(
            _("Channels"),
            ["sorted", "averaged"],
            format_func=lambda o: _("Sorted") if o == "sorted" else _("Averaged over 16"),
            required=True,
            label_visibility="collapsed",
            **controls.bound("order", view.order, View, "order"),
        )
    scales = spread(sorted(shown.sweep.scales), MOST_CURVES, scale)
    ink = shell.ink()
    figure = shell.figure(
        ("channels", *shown.keys, unit, scales, view.order),
        lambda: channel_curves(
            shown.sweep.weights,
            unit,
            ink,
            scales=scales,
            order="averaged" if view.order == "averaged" else "sorted",
        ),
    )
    st.plotly_chart(
        figure,
        theme=None,
        key="channels",
        config={"displayModeBar": False},
        alt=_(
            "The weight that each of the {count} channels of {unit} gives to its largest kernel, "
            "at several scales, with histograms."
        ).format(count=found.channels, unit=unit),
    )
    st.caption(story.about_unit(found))
    write_address(Settings, View)
