"""What if: does the choice matter?"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

import sk_viz
from sk_viz.app.shared import controls, identity, shell
from sk_viz.app.shared.downloads import file_stem, table_parquet
from sk_viz.app.shared.scene import File, Scene, choose_scale, choose_unit, download, scene
from sk_viz.app.state.address import in_address, number, one_of, write_number
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.app.what_if.worth import WorthView, many
from sk_viz.figures.screen.intervention import answer_bars, choice_map
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import kernel_label, scale_label, share_label
from sk_viz.measures.held import KINDS
from sk_viz.spreadsheets import to_csv
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.choice.intervention import ChoiceMap, Effect
    from sk_viz.measures.held import Choice

QUESTION = {"one": "Does the choice matter?", "many": "What is the choice worth?"}
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
        shell.question(QUESTION[view.over])
    with over, st.container(horizontal=True, horizontal_alignment="right"):
        st.segmented_control(
            "Over",
            OVER,
            format_func=lambda name: "This picture" if name == "one" else "Many pictures",
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
        st.markdown("**What the network is shown**")
        st.plotly_chart(
            picture_panel(outcome.scene.stimulus.rgb, shell.ink()),
            theme=None,
            key="what_if.shown",
            config={"displayModeBar": False},
            alt="The picture as it is shown.",
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
        places = {"unit": now.unit.name, "stage": f"stage {now.unit.stage}", "all": "all"}
        st.segmented_control(
            "Hold",
            WHERE,
            format_func=lambda place: places[place],
            required=True,
            **controls.bound("what_if.where", view.where, WhatIfView, "where"),
        )
    with hold:
        st.segmented_control(
            "At",
            (*KINDS, OTHER_SCALE),
            format_func=_titles(now).__getitem__,
            required=True,
            help="Its weights in place of those that it chooses. Units after it choose anew from "
            "what they now see.",
            **controls.bound("what_if.hold", view.hold, WhatIfView, "hold"),
        )
        if view.hold == OTHER_SCALE:
            scales = now.sweep.scales
            if len(scales) > 1:
                st.select_slider(
                    "The weights chosen at",
                    scales,
                    format_func=scale_label,
                    **controls.bound("what_if.source", _source(now, view), WhatIfView, "source"),
                )
    with scale:
        choose_scale(now)


def _titles(now: Scene) -> dict[str, str]:
    titles = {"smallest": "smallest", "largest": "largest", "equal": "equal"}
    if len({frozenset(unit.kernels) for unit in now.model.units}) == 1:
        titles["smallest"] = f"only {kernel_label(min(now.unit.kernels))}"
        titles["largest"] = f"only {kernel_label(max(now.unit.kernels))}"
    return titles | {OTHER_SCALE: "by scale"}


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
        shell.result(("effect", *shown, *held), "Holding the weights", hold),
        shell.result(("choices", *shown), "Holding one unit after the other", each),
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
        "stage": f"Stage {now.unit.stage}",
        "all": "Every unit",
    }[view.where]
    how = {
        "smallest": "its smallest kernel alone",
        "largest": "its largest kernel alone",
        "equal": "equal weights",
        OTHER_SCALE: f"the weights of {scale_label(_source(now, view))}",
    }[view.hold]
    same = effect.after[effect.after["label"] == before["label"]]["probability"]
    # Outside the five likeliest it is less likely than the fifth.
    least = float(effect.after["probability"].min())
    share = (
        share_label(float(same.max()))
        if len(same)
        else f"less than {share_label(max(least, 0.001))}"
    )
    change_ = f"{effect.change[int(before['label'])]:+.2f}".replace("-", "−")
    text = (
        f"**{shell.plain(place)}** held at {how}: **{shell.plain(before['name'])}** "
        f"{share_label(before['probability'])} → {share}, its logit {change_}; "
    )
    if after["label"] == before["label"]:
        return text + "the answer stays."
    return text + f"the answer becomes **{shell.plain(after['name'])}**."


def _map_sentence(outcome: Outcome) -> str:
    choices = outcome.choices
    table = choices.table
    most = max(table.to_dict("records"), key=lambda row: abs(row["logit_change"]))
    turned = int((table["label"] != choices.label).sum())
    value = f"{most['logit_change']:+.2f}".replace("-", "−")
    return (
        f"Of one unit at a time, **{shell.plain(most['unit'])}** matters most ({value}, "
        f"{_titles(outcome.scene)[most['intervention']]}); {turned} of {len(table)} change the "
        "answer."
    )


def _bars(outcome: Outcome) -> None:
    effect = outcome.effect
    st.markdown("**The answer before and after**")
    st.plotly_chart(
        answer_bars(effect.before, effect.after, effect.change, shell.ink()),
        theme=None,
        key="what_if.bars",
        config={"displayModeBar": False},
        alt="The five likeliest classes with the units' own weights and with the weights held, "
        "and the change of their logits.",
    )
    st.caption("A class has no bar where it is not among the five likeliest.")


def _map(outcome: Outcome) -> None:
    choices = outcome.choices
    st.markdown(
        f"**Which choice mattered?** Change of the logit of {shell.plain(choices.name)} when one "
        "unit is held"
    )
    st.plotly_chart(
        choice_map(
            choices.table,
            shell.ink(),
            titles=_titles(outcome.scene),
            label=choices.label,
            name=choices.name,
            unit=outcome.scene.unit.name,
            intervention=outcome.view.hold if outcome.view.where == "unit" else None,
        ),
        theme=None,
        key="what_if.map",
        on_select=_clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Map of unit by intervention: the change of the logit of the class that the network "
        "names by itself. The same numbers can be downloaded as a table.",
    )
    st.caption(
        "Green: the class gains, purple: it loses. Underlined: another class is named. A click "
        "shows the answer. One picture: the effect of this choice on this answer, not in general."
    )


def _clicked() -> None:
    points = st.session_state["what_if.map"].selection.points
    if points and points[0].get("customdata"):
        unit, intervention = points[0]["customdata"]
        change(Settings, unit=str(unit))
        change(WhatIfView, where="unit", hold=str(intervention))


def _files(outcome: Outcome) -> list[File]:
    effect, choices = outcome.effect, outcome.choices
    stem = file_stem(effect.record)
    return [
        (
            "Before and after, JSON",
            lambda: json.dumps(effect.to_json(), indent=1).encode(),
            f"{stem}_intervention.json",
            "application/json",
        ),
        (
            "Each unit's choice, CSV",
            partial(to_csv, choices.table),
            f"{stem}_choices.csv",
            "text/csv",
        ),
        (
            "Each unit's choice, Parquet",
            lambda: table_parquet(choices.table, choices.record),
            f"{stem}_choices.parquet",
            "application/vnd.apache.parquet",
        ),
    ]
