"""What if: does the choice matter?"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

import sk_viz
from sk_viz.app.components.grid import grid
from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.shared.downloads import file_stem, table_parquet
from sk_viz.app.shared.scene import File, Scene, choose_scale, choose_unit, download, scene
from sk_viz.app.state.address import in_address, number, one_of, write_number
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.app.what_if.worth import WorthView, many
from sk_viz.figures.screen.grid import choice_grid, signed
from sk_viz.figures.screen.intervention import answer_bars
from sk_viz.figures.screen.picture import picture_panel, sign_cells
from sk_viz.figures.screen.style import kernel_label, scale_label, share_label
from sk_viz.language import gettext as _
from sk_viz.language import mark
from sk_viz.measures.held import KINDS
from sk_viz.spreadsheets import to_csv
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.choice.intervention import ChoiceMap, Effect
    from sk_viz.measures.held import Choice

QUESTION = {
    "one": mark("Does the choice matter?"),
    "many": mark("What is the choice worth?"),
}
OVER = tuple(QUESTION)
WHERE = ("unit", "stage", "all")
OTHER_SCALE = "scale"


@dataclass(frozen=True)
class WhatIfView:
    """What this page alone chooses.

    Attributes:
        over: ask about the one picture, or about many.
        where: hold the chosen unit, all units of its stage, or all.
        hold: one of ``KINDS``, or ``OTHER_SCALE`` for what was chosen at another scale.
        source: that scale; 0 for the last.
    """

    over: str = in_address("one", "over", one_of(*OVER))
    where: str = in_address("unit", "where", one_of(*WHERE))
    hold: str = in_address("largest", "hold", one_of(*KINDS, OTHER_SCALE))
    source: float = in_address(0.0, "from", number(0, 64), write_number)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the page draws.

    Attributes:
        scene: which unit, and of what picture.
        view: what is held where.
        effect: what that does to the answer.
        choices: what each unit's choice does.
    """

    scene: Scene
    view: WhatIfView
    effect: Effect
    choices: ChoiceMap


def page() -> None:
    """Draw the page."""
    view = current(WhatIfView)  # before the sidebar, which tells what of the address was refused
    current(WorthView)
    settings = controls.shared()
    controls.version_line()
    title, over = st.columns([3, 2], vertical_alignment="center")
    with title:
        shell.question(_(QUESTION[view.over]))
    with over, st.container(horizontal=True, horizontal_alignment="right"):
        st.segmented_control(
            _("Over"),
            OVER,
            format_func=lambda name: _("This picture") if name == "one" else _("Many pictures"),
            required=True,
            label_visibility="collapsed",
            **controls.bound("what_if.over", view.over, WhatIfView, "over"),
        )
    if view.over == "many":
        write_address(Settings, WhatIfView, WorthView)
        many(settings)
        return
    now = shell.last_good("what_if.scene", lambda: scene(settings))
    write_address(Settings, WhatIfView)
    if now is None:
        return
    _choices(now, view)
    outcome = shell.last_good("what_if", lambda: _compute(now, view))
    if outcome is None:
        return
    _answer(outcome)
    shown, bars = st.columns([1, 2.2], gap="medium")
    with shown:
        st.markdown(_("**What the network is shown**"))
        st.plotly_chart(
            picture_panel(outcome.scene.stimulus.rgb, shell.ink()),
            theme=None,
            key="what_if.shown",
            config={"displayModeBar": False},
            alt=_("The picture as shown."),
        )
    with bars:
        _bars(outcome)
    _map(outcome)
    identity.line(outcome.scene.model, outcome.scene.picture)


def _choices(now: Scene, view: WhatIfView) -> None:
    unit, where, hold, scale = st.columns([1, 1.05, 1.6, 1], gap="medium")
    with unit:
        choose_unit(now)
    with where:
        places = {
            "unit": now.unit.name,
            "stage": _("stage {stage}").format(stage=now.unit.stage),
            "all": _("all"),
        }
        st.segmented_control(
            _("Freeze"),
            WHERE,
            format_func=lambda place: places[place],
            required=True,
            **controls.bound("what_if.where", view.where, WhatIfView, "where"),
        )
    with hold:
        st.segmented_control(
            _("To"),
            (*KINDS, OTHER_SCALE),
            format_func=_titles(now).__getitem__,
            required=True,
            help=_(
                "These weights replace the ones the unit chooses. Later units still choose, from "
                "what they then see."
            ),
            **controls.bound("what_if.hold", view.hold, WhatIfView, "hold"),
        )
        if view.hold == OTHER_SCALE:
            scales = now.sweep.scales
            if len(scales) > 1:
                st.select_slider(
                    _("The weights chosen at"),
                    scales,
                    format_func=scale_label,
                    **controls.bound("what_if.source", _source(now, view), WhatIfView, "source"),
                )
    with scale:
        choose_scale(now)


def _titles(now: Scene) -> dict[str, str]:
    titles = {"smallest": _("smallest"), "largest": _("largest"), "equal": _("equal")}
    if len({frozenset(unit.kernels) for unit in now.model.units}) == 1:
        only = _("only {kernel}")
        titles["smallest"] = only.format(kernel=kernel_label(min(now.unit.kernels)))
        titles["largest"] = only.format(kernel=kernel_label(max(now.unit.kernels)))
    return titles | {OTHER_SCALE: _("another scale")}


def _source(now: Scene, view: WhatIfView) -> float:
    return view.source if view.source in now.sweep.scales else now.sweep.scales[-1]


def _compute(now: Scene, view: WhatIfView) -> Outcome:
    from sk_viz.measures.choice.intervention import which_choice_mattered

    places = {"unit": now.unit.name, "stage": f"SK_{now.unit.stage}", "all": "all"}
    source = _source(now, view)
    what: Choice = (now.sweep, source) if view.hold == OTHER_SCALE else view.hold
    held = (places[view.where], view.hold, source if view.hold == OTHER_SCALE else None)
    shown: tuple[Hashable, ...] = (
        *now.inputs,
        now.scale,
        now.settings.protocol,
        now.presentation.point,
    )

    def hold(_report: Progress) -> Effect:
        return sk_viz.intervene(
            now.model,
            now.picture,
            {places[view.where]: what},
            scale=now.scale,
            **now.presentation.arguments,
        )

    def each(report: Progress) -> ChoiceMap:
        return which_choice_mattered(
            now.model, now.picture, scale=now.scale, progress=report, **now.presentation.arguments
        )

    return Outcome(
        now,
        view,
        shell.result(("effect", *shown, *held), _("Freezing the weights"), hold),
        shell.result(("choices", *shown), _("Freezing one unit after the other"), each),
    )


def _answer(outcome: Outcome) -> None:
    text, files = st.columns([6, 1], vertical_alignment="center")
    with text:
        st.markdown(f"{_effect_sentence(outcome)} {_map_sentence(outcome)}")
    with files:
        download(_files(outcome))


def _effect_sentence(outcome: Outcome) -> str:
    now, view, effect = outcome.scene, outcome.view, outcome.effect
    before, after = effect.before.iloc[0], effect.after.iloc[0]
    place = {
        "unit": now.unit.name,
        "stage": _("stage {stage}").format(stage=now.unit.stage),
        "all": _("every unit"),
    }[view.where]
    how = {
        "smallest": _("its smallest kernel alone"),
        "largest": _("its largest kernel alone"),
        "equal": _("equal weights"),
        OTHER_SCALE: _("the weights of {scale}").format(scale=scale_label(_source(now, view))),
    }[view.hold]
    same = effect.after[effect.after["label"] == before["label"]]["probability"]
    # Outside the five likeliest it is less likely than the fifth.
    least = float(effect.after["probability"].min())
    if len(same):
        share = share_label(float(same.max()))
    else:
        share = _("less than {share}").format(share=share_label(max(least, 0.001)))
    text = _(
        "With **{place}** frozen to {how}: **{name}** {before} → {after}, its logit {change}."
    ).format(
        place=shell.plain(place),
        how=how,
        name=shell.plain(before["name"]),
        before=share_label(before["probability"]),
        after=share,
        change=signed(effect.change[int(before["label"])], 2),
    )
    if after["label"] == before["label"]:
        return text + " " + _("The answer stays the same.")
    return text + " " + _("The answer becomes **{name}**.").format(name=shell.plain(after["name"]))


def _map_sentence(outcome: Outcome) -> str:
    choices = outcome.choices
    table = choices.table
    most = max(table.to_dict("records"), key=lambda row: abs(row["logit_change"]))
    turned = int((table["label"] != choices.label).sum())
    return _(
        "One unit at a time, **{unit}** matters most ({value}, {title}); {turned} of the {count} "
        "settings below change the answer."
    ).format(
        unit=shell.plain(most["unit"]),
        value=signed(most["logit_change"], 2),
        title=_titles(outcome.scene)[most["intervention"]],
        turned=turned,
        count=len(table),
    )


def _bars(outcome: Outcome) -> None:
    effect = outcome.effect
    st.markdown(_("**The answer before and after**"), help=terms.definition("logit"))
    st.plotly_chart(
        answer_bars(effect.before, effect.after, effect.change, shell.ink()),
        theme=None,
        key="what_if.bars",
        config={"displayModeBar": False},
        alt=_(
            "The five likeliest classes with the network's own weights and with the weights "
            "frozen, and the change of their logits."
        ),
    )
    st.caption(_("A class has no bar where it is not among the five likeliest."))


def _map(outcome: Outcome) -> None:
    choices, ink = outcome.choices, shell.ink()
    st.markdown(
        _(
            "**Which choice mattered?** Change of the logit of {name} when one unit is frozen"
        ).format(name=shell.plain(choices.name))
    )
    grid(
        choice_grid(
            choices.table,
            sign_cells(ink),
            titles=_titles(outcome.scene),
            label=choices.label,
        ),
        ink,
        row=outcome.scene.unit.name,
        column=outcome.view.hold if outcome.view.where == "unit" else None,
        key="what_if.map",
        on_click=_clicked,
        label=_(
            "Map of unit by setting: how the logit of the answer changes when the unit is frozen."
        ),
        tall=True,
    )
    st.caption(
        _(
            "Green: the class gains. Purple: it loses. ≠ marks another answer. Click a cell to "
            "see its answer. One picture: the effect of this choice on this answer, not in general."
        )
    )


def _clicked() -> None:
    clicked = st.session_state["what_if.map"].clicked
    if clicked:
        change(Settings, unit=str(clicked["row"]))
        change(WhatIfView, where="unit", hold=str(clicked["column"]))


def _files(outcome: Outcome) -> list[File]:
    effect, choices = outcome.effect, outcome.choices
    stem = file_stem(effect.record)
    return [
        (
            _("Before and after, JSON"),
            lambda: json.dumps(effect.to_json(), indent=1).encode(),
            f"{stem}_intervention.json",
            "application/json",
        ),
        (
            _("Each unit's choice, CSV"),
            partial(to_csv, choices.table),
            f"{stem}_choices.csv",
            "text/csv",
        ),
        (
            _("Each unit's choice, Parquet"),
            lambda: table_parquet(choices.table, choices.record),
            f"{stem}_choices.parquet",
            "application/vnd.apache.parquet",
        ),
    ]
