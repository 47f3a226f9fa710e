"""Why: which pixels decide a unit's choice?"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

import sk_viz
from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.shared.downloads import file_stem
from sk_viz.app.shared.scene import File, Scene, choose_scale, choose_unit, download, scene
from sk_viz.app.state.address import in_address, one_of, word
from sk_viz.app.state.settings import Settings, change, current, refuse, write_address
from sk_viz.app.why import trust
from sk_viz.app.why.maps import Maps, describe, is_saturated, named
from sk_viz.errors import ModelError
from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.attribution import (
    attribution_panel,
    full_strength,
)
from sk_viz.figures.screen.grid import signed
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import decimals, kernel_label, scale_label
from sk_viz.language import gettext as _
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.attribution.targets import Target
    from sk_viz.networks.units import Unit

ALL = "all"
QUICK = "grad_cam"  # shown at once, before the method that was chosen has an answer


@dataclass(frozen=True)
class WhyView:
    """What this page alone chooses.

    Attributes:
        by: the method of both maps.
        channel: the number of the channel that is explained, or ``ALL`` for the unit's difference.
    """

    by: str = in_address("integrated_gradients", "by", one_of(*METHODS))
    channel: str = in_address(ALL, "channel", word)


def page() -> None:
    """Draw the page."""
    current(WhyView)  # before the sidebar, which tells what of the address was refused
    settings = controls.shared()
    controls.version_line()
    shell.question(_("Which pixels decide a unit's choice?"))
    now = shell.last_good("why.scene", lambda: scene(settings))
    if now is None:
        write_address(Settings, WhyView)
        return
    view = _choices(now)
    write_address(Settings, WhyView)
    first = st.empty()
    if not _at_hand(now, view) and view.by != QUICK:
        quick = _first(now, replace(view, by=QUICK))
        if quick is not None:
            with first.container():
                _panels(quick, "quick")
    maps = shell.last_good("why", lambda: _compute(now, view))
    first.empty()
    if maps is None:
        return
    _answer(maps)
    _panels(maps, "why")
    identity.line(maps.scene.model, maps.scene.picture)
    trust.ask(maps)


def _choices(now: Scene) -> WhyView:
    view = current(WhyView)
    if view.channel != ALL and view.channel not in map(str, range(now.unit.channels)):
        refuse(
            _("{unit} has no channel {channel}: all channels together are shown instead.").format(
                unit=now.unit.name, channel=view.channel
            )
        )
        change(WhyView, channel=ALL)
        view = current(WhyView)
        shell.tell_refused()
    unit, channel, method, scale = st.columns([1.1, 1.1, 1.1, 1.4], gap="medium")
    with unit:
        choose_unit(now)
    with channel:
        st.selectbox(
            _("Channel"),
            [ALL, *map(str, range(now.unit.channels))],
            format_func=lambda c: (
                _("All: the difference") if c == ALL else _("Channel {channel}").format(channel=c)
            ),
            help=terms.definitions("channel", "difference"),
            **controls.bound("why.channel", view.channel, WhyView, "channel"),
        )
    with method:
        st.selectbox(
            _("Method"),
            list(METHODS),
            format_func=lambda name: METHODS[name].title,
            help=_(
                "How the map is computed. Grad-CAM is fast and coarse, integrated gradients are "
                "slower and add up to the result."
            ),
            **controls.bound("why.by", view.by, WhyView, "by"),
        )
    with scale:
        choose_scale(now)
    return view


def _targets(now: Scene, view: WhyView) -> tuple[Target, int]:
    """What the two maps explain: the unit's choice, or a channel's, and the class."""
    name = now.unit.name
    return (name if view.channel == ALL else (name, int(view.channel))), now.best[0]


def _at_hand(now: Scene, view: WhyView) -> bool:
    """Whether both maps are there already."""
    keys = [_key(now, view, target) for target in _targets(now, view)]
    return all(shell.jobs().kept(key) is not None for key in keys)


def _first(now: Scene, view: WhyView) -> Maps | None:
    """The quick method's maps; None where it cannot explain this unit."""
    try:
        return _compute(now, view)
    except (ModelError, shell.StoppedByUserError):
        return None


def _compute(now: Scene, view: WhyView) -> Maps:
    target, label = _targets(now, view)
    keys = _key(now, view, target), _key(now, view, label)
    task = _("Explaining {what}").format(what=now.unit.name)
    choice = shell.result(keys[0], task, _work(now, view, target))
    task = _("Explaining {what}").format(what=_("the class"))
    answer = shell.result(keys[1], task, _work(now, view, label))
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
            st.markdown(_("One of the maps is the same everywhere, so they cannot be compared."))
        else:
            st.markdown(
                _likeness(alike).format(
                    scale=scale_label(maps.scene.scale),
                    choice=f"**{shell.plain(named(maps.choice))}**",
                    name=f"**{shell.plain(maps.answer.text)}**",
                )
                + " "
                + _("(Rank correlation of the two maps: {value}.)").format(value=signed(alike, 2))
            )
    with files:
        download(_files(maps))


def _likeness(alike: float) -> str:
    """The correlation in words; between random pixels of two maps it is 0."""
    if alike > 0.7:
        return _(
            "At {scale} the pixels that decide {choice} are much the same as those that decide the "
            "answer {name}."
        )
    if alike > 0.3:
        return _(
            "At {scale} the pixels that decide {choice} are partly the same as those that decide "
            "the answer {name}."
        )
    if alike > -0.3:
        return _(
            "At {scale} the pixels that decide {choice} are hardly related to those that decide "
            "the answer {name}."
        )
    return _(
        "At {scale} the pixels that decide {choice} are the opposite of those that decide the "
        "answer {name}."
    )


def _panels(maps: Maps, key: str) -> None:
    now = maps.scene
    ink = shell.ink()
    rgb = maps.choice.stimulus.rgb
    first, second, third = st.columns(3, gap="medium")
    chart: dict[str, Any] = {"theme": None, "config": {"displayModeBar": False}}
    with first:
        st.markdown(_("**What the network is shown**"))
        st.plotly_chart(
            picture_panel(rgb, ink), key=f"{key}.shown", alt=_("The picture as shown."), **chart
        )
        largest, smallest = max(now.unit.kernels), min(now.unit.kernels)
        st.caption(
            _("{answer}. {unit} prefers {kernel}: its difference is {value}.").format(
                answer=shell.plain(now.said),
                unit=shell.plain(now.unit.name),
                kernel=kernel_label(largest if now.difference > 0 else smallest),
                value=signed(now.difference, 3),
            )
        )
    choice = _("The choice of {unit}").format(unit=named(maps.choice))
    answer = _("The answer {name}").format(name=maps.answer.text)
    for column, one, title, of, what in (
        (second, maps.choice, choice, _("the choice"), "choice"),
        (third, maps.answer, answer, _("the logit"), "answer"),
    ):
        with column:
            badge = f" :orange-badge[{_('saturated: pre-softmax')}]" if is_saturated(one) else ""
            st.markdown(f"**{shell.plain(title)}** · {METHODS[one.method].title}{badge}")
            st.plotly_chart(
                attribution_panel(rgb, one.heatmap, ink, signed=one.signed, of=of),
                key=f"{key}.{what}",
                alt=_("Map over the picture: {what}.").format(what=title),
                **chart,
            )
            st.caption(_caption(one, now.unit), unsafe_allow_html=True)


def _caption(one: Attribution, unit: Unit) -> str:
    """What the map explains, its colours, and its completeness error."""
    green = f'<span style="color:rgb{FOR}">■</span>'
    purple = f'<span style="color:rgb{AGAINST}">■</span>'
    if one.signed:
        colours = _("{green} for, {purple} against").format(green=green, purple=purple)
    else:
        colours = _("{green} how much, for or against").format(green=green)
    strength = _("full colour = {value} per pixel").format(
        value=_plain_number(full_strength(one.heatmap))
    )
    explains = describe(one, unit)
    if one.delta is None:
        complete = _("The values of {method} need not add up to it.").format(
            method=METHODS[one.method].title
        )
    else:
        complete = _(
            "Its values add up to the change from {baseline} with an error of **{error} %**."
        ).format(
            baseline=terms.sentence(METHODS[one.method].baseline or ""),
            error=f"{100 * one.delta:.2g}",
        )
    here = _("here {value}").format(value=signed(one.value, 3))
    return f"{colours}; {strength}. {shell.plain(explains)}, {here}. {complete}"


def _plain_number(value: float) -> str:
    """Two digits, written out."""
    return f"{value:.{decimals(value, 1)}f}"


def _files(maps: Maps) -> list[File]:
    stem = file_stem(maps.choice.record)
    files: list[File] = []
    for one, what, npy in (
        (maps.choice, "choice", _("Map of the choice, NPY")),
        (maps.answer, "class", _("Map of the class, NPY")),
    ):
        files += [
            (
                npy,
                partial(_npy, one),
                f"{stem}_{what}.npy",
                "application/octet-stream",
            ),
            (
                _("Its record, JSON"),
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
