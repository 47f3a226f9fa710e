"""Whether an attribution map is better than chance: the verdict and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.figures.screen.grid import MINUS
from sk_viz.language import gettext as _

if TYPE_CHECKING:
    from sk_viz.measures.attribution.faithfulness import Faithfulness


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
