"""Whether an attribution map is better than chance: the verdict and its numbers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.app.why.maps import Maps, is_saturated, named
from sk_viz.figures.screen.attribution import CurvePair, faithfulness_curves
from sk_viz.figures.screen.grid import MINUS
from sk_viz.language import gettext as _

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.attribution.faithfulness import Faithfulness


def ask(maps: Maps) -> None:
    """Whether the maps say what the network does: measured when it is asked for."""
    keys = tuple(("faithfulness", *key) for key in maps.keys)  # type: ignore[misc]
    asked: set[Hashable] = st.session_state.setdefault("why.asked", set())
    wanted = set(keys) <= asked or all(shell.jobs().kept(key) is not None for key in keys)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("**Can this map be trusted?** Compare it with chance."))
        if not wanted:
            st.button(
                _("Measure"),
                key="why.measure",
                icon=":material/monitoring:",
                help=_(
                    "Pixels are removed and put back in the map's order, squares are hidden, and "
                    "the picture is changed a little. Random maps show what chance gives. This "
                    "takes as long as several maps."
                ),
                on_click=lambda: asked.update(keys),
            )
    if not wanted:
        return
    st.session_state.pop("why.faithful.good", None)
    both = shell.last_good("why.faithful", lambda: _measure(maps, keys))
    if both is None:
        return
    verdicts(named(maps.choice), maps.answer.text, both)
    for column, one, found, what in zip(
        st.columns(2, gap="medium"),
        (maps.choice, maps.answer),
        both,
        ("choice", "answer"),
        strict=True,
    ):
        with column:
            _curves(one, found, what)
    st.dataframe(
        table(named(maps.choice), maps.answer.text, both), hide_index=True, key="why.table"
    )
    st.caption(
        _(
            "Random maps are smooth noise; their range is what chance gives. Deletion and "
            "insertion: area under the curve. Infidelity: the share of the change that the map "
            "does not predict when squares are hidden (0 is perfect, 1 says nothing). Sensitivity: "
            "how much the map itself changes for nearly the same picture."
        )
    )


def beats_chance(found: Faithfulness) -> dict[str, bool]:
    """For each test that random maps take as well: whether the map does better than all of them."""
    return {
        "deletion": found.deletion.auc < min(one.auc for one in found.random_deletion),
        "insertion": found.insertion.auc > max(one.auc for one in found.random_insertion),
        "infidelity": found.infidelity < min(found.random_infidelity),
    }


def verdicts(choice: str, answer: str, both: tuple[Faithfulness, Faithfulness]) -> None:
    """Yes or no for both maps, in one sentence each."""
    for name, found in zip((choice, answer), both, strict=True):
        tests = beats_chance(found)
        passed, count = sum(tests.values()), len(tests)
        of = f"**{shell.plain(name)}**"
        if passed == count:
            text = _("**Yes.** The map of {name} does better than every random map in all tests.")
            st.success(text.format(name=of), icon=":material/check:")
        elif passed == 0:
            text = _("**No.** The map of {name} does not beat random maps in any of the tests.")
            st.warning(text.format(name=of), icon=":material/close:")
        else:
            text = _(
                "**Not proven.** The map of {name} does better than every random map in {passed} "
                "of {count} tests ({which})."
            )
            which = ", ".join(_names()[test] for test, won in tests.items() if won)
            st.warning(
                text.format(name=of, passed=passed, count=count, which=which),
                icon=":material/question_mark:",
            )


def table(choice: str, answer: str, both: tuple[Faithfulness, Faithfulness]) -> pd.DataFrame:
    """The tests of both maps beside what random maps reach."""
    names = _names()
    lower, higher = _("lower"), _("higher")
    better = {
        "deletion": lower,
        "insertion": higher,
        "infidelity": lower,
        "sensitivity": lower,
    }
    rows = {test: {_("measure"): names[test], _("better is"): way} for test, way in better.items()}
    for name, found in zip((choice, answer), both, strict=True):
        for test, value, random in (
            ("deletion", found.deletion.auc, [c.auc for c in found.random_deletion]),
            ("insertion", found.insertion.auc, [c.auc for c in found.random_insertion]),
            ("infidelity", found.infidelity, list(found.random_infidelity)),
            ("sensitivity", found.sensitivity, []),
        ):
            chance = _("no random value")
            if random:
                chance = _("{low} to {high}").format(
                    low=f"{min(random):.3f}", high=f"{max(random):.3f}"
                )
            rows[test] |= {
                _("map of {name}").format(name=name): f"{value:.3f}",
                _("random, {name}").format(name=name): chance,
            }
    return pd.DataFrame(rows.values()).replace("-", MINUS, regex=True)


def _names() -> dict[str, str]:
    return {
        "deletion": _("deletion"),
        "insertion": _("insertion"),
        "infidelity": _("infidelity"),
        "sensitivity": _("sensitivity"),
    }


def _measure(maps: Maps, keys: tuple[Hashable, ...]) -> tuple[Faithfulness, Faithfulness]:
    from sk_viz.measures.attribution.faithfulness import faithfulness

    def measured(one: Attribution, key: Hashable, task: str) -> Faithfulness:
        return shell.result(
            key, task, lambda report: faithfulness(maps.scene.model, one, progress=report)
        )

    return (
        measured(maps.choice, keys[0], _("Testing the map of the choice")),
        measured(maps.answer, keys[1], _("Testing the map of the class")),
    )


def _curves(one: Attribution, found: Faithfulness, what: str) -> None:
    pairs = [
        CurvePair(title, curve.shares, curve.scores, [r.scores for r in random])
        for title, curve, random in (
            (_("removed, the strongest first"), found.deletion, found.random_deletion),
            (_("put back, the strongest first"), found.insertion, found.random_insertion),
        )
    ]
    axis = _("probability of {name}").format(name=one.text)
    if what == "choice":
        axis = _("logit difference") if is_saturated(one) else _("difference")
        if isinstance(one.target, tuple) and not is_saturated(one):
            axis = _("branch weight")
    st.plotly_chart(
        faithfulness_curves(pairs, axis, shell.ink()),
        theme=None,
        key=f"why.curves.{what}",
        config={"displayModeBar": False},
        alt=_(
            "Deletion and insertion curves beside random maps. The areas under them are in the "
            "table below."
        ),
    )
