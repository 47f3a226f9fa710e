"""Learn: how does one unit work?"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from sk_viz.app.learn.facts import Walk, facts, most_decided, strongest_place, telling_channel
from sk_viz.app.learn.sheet import HANDOUT, QUIZ, handout, quiz
from sk_viz.app.learn.steps import draw_equations, draw_pictures
from sk_viz.app.learn.text import Text
from sk_viz.app.learn.words import text as words_of_the_page
from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.shared.scene import Scene, scene
from sk_viz.app.state.address import (
    in_address,
    number,
    numbers,
    one_of,
    write_number,
    write_numbers,
)
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.errors import ModelError
from sk_viz.figures.screen.learn_numbers import PUSH
from sk_viz.figures.screen.style import kernel_label, scale_label
from sk_viz.language import gettext as _
from sk_viz.measures.unit_trace import UnitTrace, count_parameters, trace_unit
from sk_viz.networks.sknet import SKNet
from sk_viz.zoo.catalogue import BUNDLED

STEPS = ("input", "split", "fuse", "select", "sum")
UNSET = -1.0


@dataclass(frozen=True)
class LearnView:
    """What this page alone chooses; only unit and scale need the network.

    Attributes:
        step: one of ``STEPS``.
        channel: of the unit; ``UNSET`` for one that shows much.
        place: (row, column) of the unit's output, () for where the channel answers most.
        of: the branch whose logit is pushed; ``UNSET`` for the largest kernel.
        push: what is added to it.
        sheet: ``HANDOUT`` or ``QUIZ`` in place of the walk, or "".
    """

    step: str = in_address("split", "step", one_of(*STEPS))
    channel: float = in_address(UNSET, "channel", number(0, 65535), write_number)
    place: tuple[float, ...] = in_address((), "place", numbers(0, 65535, 2), write_numbers)
    of: float = in_address(UNSET, "of", number(0, 7), write_number)
    push: float = in_address(0.0, "push", number(-PUSH, PUSH), write_number)
    sheet: str = in_address("", "sheet", one_of("", HANDOUT, QUIZ))


def page() -> None:
    """Draw the page."""
    view = current(LearnView)  # first, so that the sidebar tells what of the address it refuses
    settings = controls.shared()
    controls.version_line()
    text = words_of_the_page()
    shell.question(text.question)
    write_address(Settings, LearnView)
    if _cannot_be_walked(settings, text):
        return
    now = shell.last_good("learn.scene", lambda: scene(settings))
    if now is None:
        return
    trace = shell.last_good("learn", lambda: _trace(now))
    if trace is None:
        return
    walk = _walk(now, trace, view)
    _sheets(view)
    if view.sheet:
        (handout if view.sheet == HANDOUT else quiz)(walk, text)
        return
    _choose(now, walk, text)
    _steps(view, text)
    words, pictures = st.columns([1, 1.7], gap="medium")
    with pictures:
        draw_pictures(walk, view.step, now.stimulus, text)
        _push(walk, view, text)
    with words:
        st.markdown(text.steps[view.step].text.format(**facts(walk, text.joined)))
        draw_equations(walk, view.step)
        if view.step in ("split", "fuse", "sum"):
            _place(walk, text)
    identity.line(now.model, now.picture)
    _more(walk, text)


def _sheets(view: LearnView) -> None:
    """The walk, the handout or the quiz."""
    names = {"": _("Step by step"), HANDOUT: _("Handout"), QUIZ: _("Quiz")}
    with st.container(key="learn-sheets"):
        st.segmented_control(
            _("Show"),
            list(names),
            format_func=lambda name: names[name],
            required=True,
            label_visibility="collapsed",
            **controls.bound("learn.sheet", view.sheet, LearnView, "sheet"),
        )


def _cannot_be_walked(settings: Settings, text: Text) -> bool:
    """Say so where the model is not one of this project's, before it is swept for nothing."""
    try:
        model = shell.model(settings)
    except ModelError:
        return False  # the scene says why
    if isinstance(model.network, SKNet):
        return False
    try:
        count_parameters(model, model.units[0].name)
    except ModelError as error:
        shell.tell(str(error))
    st.button(
        text.other_model, key="learn.bundled", on_click=lambda: change(Settings, model=BUNDLED)
    )
    return True


def _trace(now: Scene) -> UnitTrace:
    key = (
        "trace",
        *now.inputs,
        now.settings.protocol,
        now.presentation.point,
        now.scale,
        now.unit.name,
    )
    return shell.result(
        key,
        _("Opening {unit}").format(unit=now.unit.name),
        lambda _report: trace_unit(now.model, now.stimulus, now.unit.name),
    )


def _walk(now: Scene, trace: UnitTrace, view: LearnView) -> Walk:
    """The view as far as this unit has it, else what shows most."""
    own, plain = count_parameters(now.model, trace.unit.name)
    branches = len(trace.unit.kernels)
    channel = int(view.channel)
    if not 0 <= channel < trace.unit.channels:
        channel = telling_channel(trace)
    height, width = trace.summed.shape[1:]
    place = tuple(map(int, view.place))
    if len(place) != 2 or place[0] >= height or place[1] >= width:
        place = strongest_place(trace, channel)
    return Walk(
        trace=trace,
        own=own,
        plain=plain,
        side=now.stimulus.rgb.shape[0],
        before=[unit.name for unit in now.model.units].index(trace.unit.name),
        channel=channel,
        place=(place[0], place[1]),
        branch=int(view.of) if 0 <= view.of < branches else branches - 1,
        push=view.push,
    )


def _choose(now: Scene, walk: Walk, text: Text) -> None:
    units = {unit.name: unit for unit in now.model.units}
    unit, channel, scale = st.columns([1, 1, 1.4], gap="medium")
    unit.selectbox(
        text.unit,
        list(units),
        format_func=lambda name: (
            f"{name} · {text.joined.join(map(kernel_label, units[name].kernels))}"
        ),
        **controls.bound("learn.unit", now.unit.name, Settings, "unit"),
    )
    with channel:
        _channel(walk, text)
    scales = now.sweep.scales
    if len(scales) > 1:
        scale.select_slider(
            f"{text.scale} ({terms.protocol(now.settings.protocol)})",
            scales,
            format_func=scale_label,
            **controls.bound("learn.scale", now.scale, Settings, "scale"),
        )


def _channel(walk: Walk, text: Text) -> None:
    weights = walk.trace.weights[-1]
    largest = kernel_label(walk.kernels[-1])
    st.session_state["learn.channel"] = walk.channel

    def moved() -> None:
        change(LearnView, channel=float(st.session_state["learn.channel"]), place=())

    st.selectbox(
        text.channel,
        range(walk.trace.unit.channels),
        format_func=lambda c: f"{c} · {largest} {weights[c]:.2f}",
        key="learn.channel",
        on_change=moved,
    )


def _steps(view: LearnView, text: Text) -> None:
    """Back, the five steps, and forth."""
    at = STEPS.index(view.step)

    def go(to: int) -> None:
        change(LearnView, step=STEPS[to])

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            text.back,
            key="learn.back",
            icon=":material/arrow_back:",
            disabled=at == 0,
            on_click=go,
            args=(at - 1,),
        )
        st.segmented_control(
            text.question,
            STEPS,
            format_func=lambda name: f"{STEPS.index(name) + 1} {text.steps[name].name}",
            required=True,
            label_visibility="collapsed",
            **controls.bound("learn.step", view.step, LearnView, "step"),
        )
        st.button(
            text.forth,
            key="learn.forth",
            icon=":material/arrow_forward:",
            disabled=at == len(STEPS) - 1,
            on_click=go,
            args=(at + 1,),
            type="primary",
        )


def _place(walk: Walk, text: Text) -> None:
    """Sliders for the place whose numbers stand in the equations."""
    height, width = walk.trace.summed.shape[1:]

    def moved() -> None:
        chosen = st.session_state["learn.row"], st.session_state["learn.column"]
        change(LearnView, place=tuple(map(float, chosen)))

    st.session_state["learn.row"], st.session_state["learn.column"] = walk.place
    columns = st.columns(2, gap="medium")
    for column, label, key, size in (
        (columns[0], text.row, "learn.row", height),
        (columns[1], text.column, "learn.column", width),
    ):
        if size > 1:
            column.slider(f"{text.place}: {label}", 0, size - 1, step=1, key=key, on_change=moved)


def _push(walk: Walk, view: LearnView, text: Text) -> None:
    """The slider that pushes a logit, and what follows from it."""
    if view.step not in ("select", "sum"):
        return
    named = facts(walk, text.joined)
    which, slider, back = st.columns([1, 2, 1], gap="medium", vertical_alignment="bottom")
    which.segmented_control(
        text.push_which,
        range(len(walk.kernels)),
        format_func=lambda branch: kernel_label(walk.kernels[branch]),
        required=True,
        **controls.bound("learn.of", walk.branch, LearnView, "of"),
    )
    slider.slider(
        text.push.format(**named),
        -PUSH,
        PUSH,
        step=0.1,
        format="%+.1f",
        **controls.bound("learn.push", view.push, LearnView, "push"),
    )
    back.button(
        text.reset,
        key="learn.reset",
        disabled=not view.push,
        on_click=lambda: change(LearnView, push=0.0),
    )
    if view.push:
        st.markdown(text.pushed.format(**named))


def _more(walk: Walk, text: Text) -> None:
    """Questions, the plain variant, and the glossary."""
    questions, variant, glossary = st.tabs(text.tabs)
    named = facts(walk, text.joined)
    with questions:
        # Where each answer is to be seen: step, channel and push.
        shown = (
            ("select", walk.channel, 0.0),
            ("select", walk.channel, 3.0),
            ("split", walk.channel, 0.0),
            ("fuse", walk.channel, 0.0),
            ("sum", most_decided(walk.trace), 0.0),
        )
        for place, (one, view) in enumerate(zip(text.questions, shown, strict=True)):
            with st.expander(f"**{place + 1}.** {one.ask.format(**named)}"):
                st.markdown(one.answer.format(**named))
                st.button(
                    text.show, key=f"learn.show.{place}", on_click=_show, args=view, type="tertiary"
                )
    with variant:
        st.markdown(text.variant.format(**named))
        st.dataframe(_parameters(walk, text), hide_index=True, width="content")
        st.code(
            'SelectiveKernelConv(channels, dense=True, fuse="plain", bias=True)', language="python"
        )
    with glossary:
        st.markdown("\n".join(f"- **{word}**: {meaning}" for word, meaning in text.glossary))


def _show(step: str, channel: int, push: float) -> None:
    change(LearnView, step=step, channel=float(channel), push=push, of=UNSET)


def _parameters(walk: Walk, text: Text) -> pd.DataFrame:
    branch, fuse, select, whole = text.variant_parts
    parts = [branch.format(kernel=kernel_label(kernel)) for kernel in walk.kernels]
    columns = [walk.own, walk.plain]
    counts = [[*one.branches, one.fuse, one.select, one.total] for one in columns]
    first, second, third = text.variant_columns
    return pd.DataFrame(
        {
            first.format(unit=walk.trace.unit.name): [*parts, fuse, select, whole],
            second: [f"{count:,}" for count in counts[0]],
            third: [f"{count:,}" for count in counts[1]],
        }
    )
