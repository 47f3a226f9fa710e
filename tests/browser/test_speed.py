"""How long a person waits, in the real browser, from the key to the new picture of the map.

Three answers of each kind by default; ``--long`` takes twenty and holds them to what
docs/performance.md promises of a quiet machine with two cores.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Settled = Callable[[Page], None]

_BEGIN = """() => {
  const plot = () => document.querySelector('.st-key-map .js-plotly-plot');
  window.shown = () => JSON.stringify(plot()?.data?.map(t => [t.z, t.marker?.color]));
  window.before = window.shown();
  window.began = performance.now();
}"""
_CHANGED = "() => window.shown() !== window.before && performance.now() - window.began"


def milliseconds(page: Page, act: Callable[[], None], settled: Settled) -> float:
    """From an act of the user to another map."""
    page.evaluate(_BEGIN)
    act()
    took: float = page.wait_for_function(_CHANGED, polling="raf").json_value()
    settled(page)
    return took


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 20 if request.config.getoption("--long") else 3


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> tuple[float, float]:
    """Milliseconds without and with a sweep; a busy machine gets ten times as long."""
    return (150, 600) if request.config.getoption("--long") else (1500, 6000)


def test_an_answer_without_a_forward(
    open_page: Open, settled: Settled, rounds: int, limits: tuple[float, float]
) -> None:
    page = open_page("?method=none")
    names = ("Change", "Difference")
    took = [
        milliseconds(
            page,
            page.get_by_role("radio", name=names[i % 2], exact=True).click,
            settled,
        )
        for i in range(rounds)
    ]
    print(f"without a forward: median {statistics.median(took):.0f} ms of {rounds}")
    assert statistics.median(took) < limits[0]


def test_an_answer_with_a_sweep_of_eleven_scales(
    open_page: Open, settled: Settled, rounds: int, limits: tuple[float, float]
) -> None:
    page = open_page("?method=none&control=0")
    point = page.get_by_role("slider", name="Point of zoom, x").first
    took = [milliseconds(page, lambda: point.press("ArrowRight"), settled) for _ in range(rounds)]
    print(f"with a sweep: median {statistics.median(took):.0f} ms of {rounds}")
    assert statistics.median(took) < limits[1]
