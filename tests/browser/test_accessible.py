"""axe-core on every page: nothing serious and nothing critical, in both themes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.browser]

Open = Callable[..., Page]
AXE = Path(__file__).parent / "install" / "node_modules" / "axe-core" / "axe.min.js"
# The address of each page; no attribution where it is not the point.
PAGES = {
    "explore": "?method=none",
    "why": "why?by=grad_cam",
    "how-far": "how-far?scales=1:2:2&picture=panda",
    "what-if": "what-if",
    "learn": "learn",
    "compare": "compare?picture=panda&scales=1:2:3",
    "survey": "survey",
    "figures": "figures?figure=heatmap&picture=panda",
    "gallery": "gallery",
}


def axe(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds serious or critical on the page."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run sh tests/browser/install_axe.sh")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [v for v in found["violations"] if v["impact"] in ("serious", "critical")]


def told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{v['id']}: {node['target']} {node['failureSummary'][:160]}"
        for v in violations
        for node in v["nodes"][:4]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(open_page: Open, name: str, dark: bool) -> None:
    page = open_page(PAGES[name], dark=dark)
    assert told(axe(page)) == []


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(open_page: Open, name: str) -> None:
    page = open_page(PAGES[name])
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.filter(h => h.getClientRects().length).map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
