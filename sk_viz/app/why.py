"""Why: which pixels decide a unit's choice?"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

import sk_viz
from sk_viz.app.shared import controls, identity, shell
from sk_viz.app.shared.downloads import file_stem
from sk_viz.app.shared.scene import File, Scene, choose_scale, choose_unit, download, scene
from sk_viz.app.state.address import in_address, one_of, word
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.attribution import (
    CurvePair,
    attribution_panel,
    faithfulness_curves,
    full_strength,
)
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import decimals, kernel_label, scale_label
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.attribution.faithfulness import Faithfulness
    from sk_viz.measures.attribution.targets import Target

QUESTION = "Which pixels decide a unit's choice?"
ALL = "all"


@dataclass(frozen=True)
class WhyView:
    """What this page alone chooses.

    Attributes:
        by: the method of both maps.
        channel: the number of the channel that is explained, or ``ALL`` for the unit's difference.
    """

    by: str = in_address("integrated_gradients", "by", one_of(*METHODS))
    channel: str = in_address(ALL, "channel", word)


@dataclass(frozen=True, eq=False)
class Maps:
    """What the page draws.

    Attributes:
        scene: what is explained, and of what.
        choice: the map of the unit or of its channel.
        answer: the map of the class.
        keys: of both results.
    """

    scene: Scene
    choice: Attribution
    answer: Attribution
    keys: tuple[Hashable, Hashable]


def page() -> None:
    """Draw the page."""
    current(WhyView)  # before the sidebar, which tells what of the address was refused
    settings = controls.shared()
    controls.version_line()
    now = shell.last_good("why.scene", lambda: scene(settings))
    if now is None:
        write_address(Settings, WhyView)
        shell.question(QUESTION)
        return
    view = _heading(now)
    write_address(Settings, WhyView)
    maps = shell.last_good("why", lambda: _compute(now, view))
    if maps is None:
        return
    _answer(maps)
    _panels(maps)
    identity.line(maps.scene.model, maps.scene.picture)
    _faithfulness(maps)


def _heading(now: Scene) -> WhyView:
    view = current(WhyView)
    if view.channel != ALL and view.channel not in map(str, range(now.unit.channels)):
        change(WhyView, channel=ALL)
        view = current(WhyView)
    shell.question(QUESTION)
    unit, channel, method, scale = st.columns([1.1, 1.1, 1.1, 1.4], gap="medium")
    with unit:
        choose_unit(now)
    with channel:
        st.selectbox(
            "Channel",
            [ALL, *map(str, range(now.unit.channels))],
            format_func=lambda c: "All: the difference" if c == ALL else f"Channel {c}",
            **controls.bound("why.channel", view.channel, WhyView, "channel"),
        )
    with method:
        st.selectbox(
            "Method",
            list(METHODS),
            format_func=lambda name: METHODS[name].title,
            **controls.bound("why.by", view.by, WhyView, "by"),
        )
    with scale:
        choose_scale(now)
    return view


def _compute(now: Scene, view: WhyView) -> Maps:
    label, _, _ = now.best
    name = now.unit.name
    target: Target = name if view.channel == ALL else (name, int(view.channel))
    keys = _key(now, view, target), _key(now, view, label)
    choice = shell.result(keys[0], f"Explaining {name}", _work(now, view, target))
    answer = shell.result(keys[1], "Explaining the class", _work(now, view, label))
    return Maps(now, choice, answer, keys)


def _key(now: Scene, view: WhyView, target: Target) -> Hashable:
    # Explore's, so that a class explained there is not explained again.
    protocol = now.settings.protocol
    return (
        "attribution",
        *now.inputs,
        view.by,
        target,
        now.scale,
        protocol,
        now.presentation.point,
    )


def _work(now: Scene, view: WhyView, target: Target) -> Callable[[Progress], Attribution]:
    def work(report: Progress) -> Attribution:
        return sk_viz.attribute(
            now.model,
            now.picture,
            method=view.by,
            target=target,
            scale=now.scale,
            progress=report,
            **now.presentation.arguments,
        )

    return work


def _answer(maps: Maps) -> None:
    from sk_viz.measures.attribution.attribute import rank_correlation

    alike = rank_correlation(maps.choice.heatmap, maps.answer.heatmap)
    text, files = st.columns([6, 1], vertical_alignment="center")
    with text:
        if np.isnan(alike):
            st.markdown("One of the maps is the same everywhere, so they cannot be compared.")
        else:
            st.markdown(
                f"At {scale_label(maps.scene.scale)} the pixels that decide "
                f"**{shell.plain(_named(maps.choice))}** {_likeness(alike)} those of the class "
                f"**{shell.plain(maps.answer.text)}**: rank correlation of the two maps "
                f"{_signed(alike, 2)}."
            )
    with files:
        download(_files(maps))


def _likeness(alike: float) -> str:
    """The correlation in words; between random pixels of two maps it is 0."""
    if alike > 0.7:
        return "are much the same as"
    if alike > 0.3:
        return "are partly the same as"
    if alike > -0.3:
        return "are hardly related to"
    return "are the opposite of"


def _named(one: Attribution) -> str:
    return one.text.replace(":", ", channel ")


def _panels(maps: Maps) -> None:
    now = maps.scene
    ink = shell.ink()
    rgb = maps.choice.stimulus.rgb
    first, second, third = st.columns(3, gap="medium")
    chart: dict[str, Any] = {"theme": None, "config": {"displayModeBar": False}}
    with first:
        st.markdown("**What the network is shown**")
        st.plotly_chart(
            picture_panel(rgb, ink), key="why.shown", alt="The picture as it is shown.", **chart
        )
        largest, smallest = max(now.unit.kernels), min(now.unit.kernels)
        st.caption(
            f"{shell.plain(now.said)}. {shell.plain(now.unit.name)} prefers "
            f"{kernel_label(largest if now.difference > 0 else smallest)}: its difference is "
            f"{_signed(now.difference, 3)}."
        )
    for column, one, title, of, what in (
        (second, maps.choice, f"The choice of {_named(maps.choice)}", "the choice", "choice"),
        (third, maps.answer, f"The class {maps.answer.text}", "the logit", "answer"),
    ):
        with column:
            badge = " :orange-badge[saturated: pre-softmax]" if _is_saturated(one) else ""
            st.markdown(f"**{shell.plain(title)}**{badge}")
            st.plotly_chart(
                attribution_panel(rgb, one.heatmap, ink, signed=one.signed, of=of),
                key=f"why.{what}",
                alt=f"Map over the picture of {one.explains}.",
                **chart,
            )
            st.caption(_caption(one), unsafe_allow_html=True)


def _is_saturated(one: Attribution) -> bool:
    return "before the softmax" in one.explains


def _caption(one: Attribution) -> str:
    """What the map explains, its colours, and its completeness error."""
    green = f'<span style="color:rgb{FOR}">■</span>'
    purple = f'<span style="color:rgb{AGAINST}">■</span>'
    colours = (
        f"{green} for, {purple} against" if one.signed else f"{green} how much, for or against"
    )
    explains = re.sub(r"(\d)x(?=\d)", r"\1×", one.explains[0].upper() + one.explains[1:])
    strength = f"full colour at {_plain_number(full_strength(one.heatmap))} a pixel"
    if one.delta is None:
        complete = f"The values of {METHODS[one.method].title} need not add up to it."
    else:
        complete = (
            f"Its values add up to the change from {METHODS[one.method].baseline} with an error "
            f"of **{100 * one.delta:.2g} %**."
        )
    return (
        f"{colours}; {strength}. {shell.plain(explains)}, here {_signed(one.value, 3)}. {complete}"
    )


def _plain_number(value: float) -> str:
    """Two digits, written out."""
    return f"{value:.{decimals(value, 1)}f}"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _files(maps: Maps) -> list[File]:
    stem = file_stem(maps.choice.record)
    files: list[File] = []
    for one, what in ((maps.choice, "choice"), (maps.answer, "class")):
        files += [
            (
                f"Map of the {what}, NPY",
                partial(_npy, one),
                f"{stem}_{what}.npy",
                "application/octet-stream",
            ),
            (
                "Its record, JSON",
                partial(_json, one),
                f"{stem}_{what}.json",
                "application/json",
            ),
        ]
    return files


def _json(one: Attribution) -> bytes:
    return json.dumps(one.to_json(), indent=1).encode()


def _npy(one: Attribution) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, one.heatmap)
    return buffer.getvalue()


def _faithfulness(maps: Maps) -> None:
    """Whether the maps say what the network does: measured when it is asked for."""
    keys = tuple(("faithfulness", *key) for key in maps.keys)  # type: ignore[misc]
    asked: set[Hashable] = st.session_state.setdefault("why.asked", set())
    wanted = set(keys) <= asked or all(shell.jobs().kept(key) is not None for key in keys)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Is it so?** Are these maps better than chance?")
        if not wanted:
            st.button(
                "Measure",
                key="why.measure",
                icon=":material/monitoring:",
                help="Pixels are taken away and put back in the map's order, squares are hidden, "
                "and the picture is changed a little; random maps show what chance gives. Takes "
                "as long as several maps.",
                on_click=lambda: asked.update(keys),
            )
    if not wanted:
        return
    st.session_state.pop("why.faithful.good", None)
    both = shell.last_good("why.faithful", lambda: _measure(maps, keys))
    if both is None:
        return
    for column, one, found, what in zip(
        st.columns(2, gap="medium"),
        (maps.choice, maps.answer),
        both,
        ("choice", "answer"),
        strict=True,
    ):
        with column:
            _curves(one, found, what)
    st.dataframe(_table(maps, both), hide_index=True, key="why.table")
    st.caption(
        "Random maps are smooth noise and know nothing; their range is the floor. Deletion and "
        "insertion: area under the curve. Infidelity: the share of the change that the map does "
        "not predict when squares are hidden, 0 is perfect, 1 says nothing, with its 95 % "
        "interval: maps whose intervals overlap cannot be ranked by it. Sensitivity: how "
        "much the map itself changes for nearly the same picture."
    )


def _measure(maps: Maps, keys: tuple[Hashable, ...]) -> tuple[Faithfulness, Faithfulness]:
    from sk_viz.measures.attribution.faithfulness import faithfulness

    def measured(one: Attribution, key: Hashable, what: str) -> Faithfulness:
        return shell.result(
            key,
            f"Testing the map of the {what}",
            lambda report: faithfulness(maps.scene.model, one, progress=report),
        )

    return measured(maps.choice, keys[0], "choice"), measured(maps.answer, keys[1], "class")


def _curves(one: Attribution, found: Faithfulness, what: str) -> None:
    pairs = [
        CurvePair(title, curve.shares, curve.scores, [r.scores for r in random])
        for title, curve, random in (
            ("taken away, the strongest first", found.deletion, found.random_deletion),
            ("put back, the strongest first", found.insertion, found.random_insertion),
        )
    ]
    axis = f"probability of {one.text}"
    if what == "choice":
        axis = "logit difference" if _is_saturated(one) else "difference"
        if isinstance(one.target, tuple) and not _is_saturated(one):
            axis = "branch weight"
    st.plotly_chart(
        faithfulness_curves(pairs, axis, shell.ink()),
        theme=None,
        key=f"why.curves.{what}",
        config={"displayModeBar": False},
        alt=f"Deletion and insertion curves of the map of {one.explains}, beside random maps. "
        "The areas under them stand in the table below.",
    )


def _table(maps: Maps, both: tuple[Faithfulness, Faithfulness]) -> pd.DataFrame:
    rows: dict[str, dict[str, str]] = {
        name: {"measure": name, "better is": better}
        for name, better in (
            ("deletion", "lower"),
            ("insertion", "higher"),
            ("infidelity", "lower"),
            ("sensitivity", "lower"),
        )
    }
    for one, found in zip((maps.choice, maps.answer), both, strict=True):
        for name, value, random in (
            ("deletion", found.deletion.auc, [c.auc for c in found.random_deletion]),
            ("insertion", found.insertion.auc, [c.auc for c in found.random_insertion]),
            ("infidelity", found.infidelity, list(found.random_infidelity)),
            ("sensitivity", found.sensitivity, []),
        ):
            low, high = found.infidelity_interval
            spread = f" [{low:.3f}, {high:.3f}]" if name == "infidelity" else ""
            chance = f"{min(random):.3f} to {max(random):.3f}" if random else "not of chance"
            rows[name] |= {
                f"map of {_named(one)}": f"{value:.3f}{spread}",
                f"random, {_named(one)}": chance,
            }
    return pd.DataFrame(rows.values()).replace("-", "−", regex=True)
