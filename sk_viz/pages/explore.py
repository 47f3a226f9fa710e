"""Explore: how do the weights move with scale?"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

import sk_viz
from sk_viz.figures.screen_channels import channel_curves
from sk_viz.figures.screen_lines import stage_branches, stage_lines
from sk_viz.figures.screen_map import difference_map, end_changes, most_moving_unit
from sk_viz.figures.screen_overlay import common_limit, heat_layer
from sk_viz.figures.screen_style import kernel_label, scale_label, spread
from sk_viz.measures.methods import METHODS
from sk_viz.pages import controls, downloads, shell
from sk_viz.pages.address import (
    in_address,
    number,
    numbers,
    one_of,
    switch,
    write_number,
    write_numbers,
    write_switch,
)
from sk_viz.pages.filmstrip import Frame, data_address, filmstrip
from sk_viz.pages.jobs import Report
from sk_viz.pages.state import MAX_COUNT, Settings, change, current, write_address
from sk_viz.pictures import Picture

if TYPE_CHECKING:
    from sk_viz.measures.attribution import Attribution
    from sk_viz.measures.sweep import Sweep
    from sk_viz.networks.zoo import Model

QUESTION = "How do the weights move with scale?"
MOST_FRAMES = 12
MOST_CURVES = 5
NO_METHOD = "none"


@dataclass(frozen=True)
class View:
    """What this page alone chooses; none of it needs a new sweep.

    Attributes:
        change: show changes from the smallest scale in place of the differences.
        order: of the channels, ``"sorted"`` or ``"averaged"``.
        control: lay the blur alone under a zoom.
        method: of the attributions, or ``NO_METHOD``.
        explained: the scales whose attribution is shown; None for the first, middle and last.
        strength: of the attribution over its picture.
    """

    change: bool = in_address(False, "change", switch, write_switch)
    order: str = in_address("sorted", "channels", one_of("sorted", "averaged"))
    control: bool = in_address(True, "control", switch, write_switch)
    method: str = in_address("integrated_gradients", "method", one_of(NO_METHOD, *METHODS))
    explained: tuple[float, ...] | None = in_address(
        None, "explain", numbers(0, 64, MAX_COUNT), lambda v: write_numbers(v or ())
    )
    strength: float = in_address(0.9, "overlay", number(0, 1), write_number)


@dataclass(frozen=True, eq=False)
class Shown:
    """Everything that the page draws, from one choice of settings."""

    settings: Settings
    model: Model
    picture: Picture
    background: Picture | None
    sweep: Sweep
    control: Sweep | None

    @property
    def inputs(self) -> tuple[Hashable, ...]:
        """What names model, picture and how it is shown, but for protocol and scales."""
        model = self.model
        behind = self.background.sha256 if self.background else ""
        return (model.id, model.sha256, str(model.device), self.picture.sha256, behind)


def page() -> None:
    """Draw the page."""
    settings = controls.shared()
    view = _own_controls(settings)
    controls.version_line()
    write_address(Settings, View)
    shown = shell.last_good("explore", lambda: _compute(settings, view))
    if shown is None:
        return
    sweep = shown.sweep
    unit = settings.unit if settings.unit in sweep.units else most_moving_unit(sweep.differences)
    scale = settings.scale if settings.scale in sweep.scales else sweep.scales[0]
    _header(shown, view)
    progress = st.container()
    keys = {s: _attribution_key(shown, view, s) for s in _explained(shown, view)}
    heats = {s: shell.jobs().kept(key) for s, key in keys.items()}
    _filmstrip(shown, view, scale, heats)
    _map(shown, view, unit, scale)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _stages(shown, unit, scale)
    with right:
        _unit(shown, view, unit, scale)
    with progress:
        _fill_in(shown, view, keys)


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


def _compute(settings: Settings, view: View) -> Shown:
    scales = settings.scale_values
    model = shell.model(settings)
    picture = shell.picture(settings)
    behind = shell.background(settings)
    inputs = Shown(settings, model, picture, behind, None, None).inputs  # type: ignore[arg-type]

    def sweep(protocol: str, label: str) -> Sweep:
        point = settings.point if protocol in ("zoom", "object") else (0.5, 0.5)
        key = ("sweep", *inputs, protocol, scales, point)

        def work(report: Report) -> Sweep:
            return sk_viz.sweep(
                model,
                picture,
                scales=scales,
                protocol=protocol,
                point=point,
                background=behind,
                progress=report,
            )

        return shell.result(key, label, work)

    main = sweep(settings.protocol, "Sweeping the scales")
    control = None
    if settings.protocol == "zoom" and view.control:
        control = sweep("blur", "Sweeping the blur control")
    return Shown(settings, model, picture, behind, main, control)


def _header(shown: Shown, view: View) -> None:
    smallest, largest = (kernel_label(k) for k in _kernels(shown))
    what = f"the mean weight of {largest} minus that of {smallest}"
    left, right = st.columns([1, 1], vertical_alignment="center")
    with left:
        shell.question(QUESTION)
    with (
        right,
        st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"),
    ):
        st.segmented_control(
            "Show",
            [False, True],
            format_func=lambda change_: "Change" if change_ else "Difference",
            help=f"What the map shows: {what}, or its change from the smallest scale.",
            required=True,
            label_visibility="collapsed",
            **controls.bound("change", view.change, View, "change"),
        )
        downloads.button(shown.sweep, shown.control)
    st.markdown(_answer(shown))
    _model_line(shown)


def _answer(shown: Shown) -> str:
    """What was found, in one sentence of Markdown."""
    sweep = shown.sweep
    first, last = min(sweep.scales), max(sweep.scales)
    changes = end_changes(sweep.differences)
    smallest, largest = (kernel_label(k) for k in _kernels(shown))
    unit = most_moving_unit(sweep.differences)
    wide = sweep.differences.pivot(index="unit", columns="scale", values="difference").loc[unit]
    text = (
        f"From {scale_label(first)} to {scale_label(last)}, {(changes > 0).sum()} of "
        f"{len(changes)} units move towards {largest}, {(changes < 0).sum()} towards {smallest}; "
        f"most of all **{shell.plain(unit)}**, {wide[first]:+.3f} → {wide[last]:+.3f}"
    )
    if shown.control is not None:
        blur = end_changes(shown.control.differences)[unit]
        text += f" (by {changes[unit]:+.3f}; blur alone {blur:+.3f})"
    return re.sub(r"-(?=\d)", "−", text) + "."


def _model_line(shown: Shown) -> None:
    model, picture = shown.model, shown.picture
    colour = {"bundled": "green", "pretrained": "blue", "untrained": "red"}.get(model.kind, "gray")
    side = model.preprocessing.input_size
    badges = f":{colour}-badge[{model.kind}]"
    if any(unit.split_input for unit in model.units):
        badges += " :orange-badge[split halves]"
    dead = sum(unit.dead for unit in model.units)
    if dead:
        badges += f" :red-badge[{dead} dead {'unit' if dead == 1 else 'units'}]"
    st.caption(
        f"**{shell.plain(model.id)}** {badges} {shell.plain(model.note)} "
        f"Input {side} × {side} on {model.device}. Picture: {shell.plain(picture.name)}, "
        f"{picture.width} × {picture.height}."
    )


def _kernels(shown: Shown) -> tuple[int, int]:
    kernels = [k for unit in shown.model.units for k in unit.kernels]
    return min(kernels), max(kernels)


def _explained(shown: Shown, view: View) -> tuple[float, ...]:
    """The scales whose attribution is asked for."""
    if view.method == NO_METHOD:
        return ()
    scales = shown.sweep.scales
    return spread(scales, 3) if view.explained is None else view.explained


def _filmstrip(
    shown: Shown, view: View, scale: float, heats: dict[float, Attribution | None]
) -> None:
    sweep = shown.sweep
    scales = sweep.scales
    frames_at = spread(scales, MOST_FRAMES, scale, *heats)
    first = str(sweep.predictions["name"].iloc[0])
    done = {s: attribution.heatmap for s, attribution in heats.items() if attribution is not None}
    limit = common_limit(list(done.values())) if done else 0.0
    frames = []
    for column, stimulus in enumerate(sweep.stimuli):
        if stimulus.scale not in frames_at:
            continue
        top = sweep.predictions[sweep.predictions["scale"] == stimulus.scale]
        heat = done.get(stimulus.scale)
        name, probability = str(top["name"].iloc[0]), float(top["probability"].to_numpy()[0])
        frames.append(
            Frame(
                column=column,
                scale=stimulus.scale,
                label=scale_label(stimulus.scale),
                source=data_address(stimulus.rgb),
                name=name,
                probability=probability,
                others="\n".join(
                    f"{p:.1%}  {n}" for n, p in zip(top["name"], top["probability"], strict=True)
                ),
                changed=name != first,
                chosen=stimulus.scale == scale,
                explained=stimulus.scale in heats,
                heat=None if heat is None else data_address(heat_layer(heat, limit)),
            )
        )
    filmstrip(
        frames,
        columns=len(scales),
        strength=view.strength,
        explanation="" if view.method == NO_METHOD else f"{METHODS[view.method].title}: {first}",
        on_click=_strip_clicked,
        key="filmstrip",
    )


def _strip_clicked() -> None:
    clicked = st.session_state["filmstrip"].clicked
    scale = float(clicked["scale"])
    if clicked["row"] == "picture":
        change(Settings, scale=scale)
        return
    shown: Shown = st.session_state["explore.good"]
    explained = set(_explained(shown, current(View)))
    change(View, explained=tuple(sorted(explained ^ {scale})))


def _map(shown: Shown, view: View, unit: str, scale: float) -> None:
    st.plotly_chart(
        difference_map(
            shown.sweep.differences,
            shell.ink(),
            kernels=_kernels(shown),
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


def _map_clicked() -> None:
    points = st.session_state["map"].selection.points
    if points:
        unit, scale = points[0]["customdata"]
        change(Settings, unit=str(unit), scale=float(scale))


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
            kernels=_kernels(shown),
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


def _unit(shown: Shown, view: View, unit: str, scale: float) -> None:
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


def _explained_class(shown: Shown) -> int:
    """The likeliest class at the first scale: one class for all scales, so that they compare."""
    return int(shown.sweep.predictions["label"].to_numpy()[0])


def _attribution_key(shown: Shown, view: View, scale: float) -> Hashable:
    settings = shown.settings
    point = settings.point if settings.protocol in ("zoom", "object") else (0.5, 0.5)
    label = _explained_class(shown)
    return ("attribution", *shown.inputs, view.method, label, scale, settings.protocol, point)


def _attribute(shown: Shown, view: View, scale: float) -> Callable[[Report], Attribution]:
    settings = shown.settings
    label = _explained_class(shown)

    def work(report: Report) -> Attribution:
        return sk_viz.attribute(
            shown.model,
            shown.picture,
            method=view.method,
            target=label,
            scale=scale,
            protocol=settings.protocol,
            point=settings.point,
            background=shown.background,
            progress=report,
        )

    return work


def _fill_in(shown: Shown, view: View, keys: dict[float, Hashable]) -> None:
    """Compute the attributions that are missing, while all else is on the page already."""
    missing = {s: key for s, key in keys.items() if shell.jobs().kept(key) is None}
    if not missing:
        return

    def compute() -> bool:
        for count, (scale, key) in enumerate(missing.items(), start=1):
            label = f"Attributing at {scale_label(scale)}, {count} of {len(missing)}"
            shell.result(key, label, _attribute(shown, view, scale))
        return all(shell.jobs().kept(key) is not None for key in missing.values())

    st.session_state.pop("attributions.good", None)
    if shell.last_good("attributions", compute):
        st.rerun()
