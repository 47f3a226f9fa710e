"""How long a person waits, in the real browser, from the key to the new picture of the map.

A benchmark, run with ``--long``: the figures are printed, and docs/performance.md tells those of a
quiet machine with two cores.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page
from server_process import free_port, wait_until_healthy

pytestmark = [pytest.mark.browser, pytest.mark.long]

ROUNDS = 20
WAIT = 120_000  # milliseconds: a busy machine is no failure
Open = Callable[..., Page]
Settled = Callable[[Page], None]

_BEGIN = """() => {
  const plot = () => document.querySelector('.st-key-map .js-plotly-plot');
  window.shown = () => JSON.stringify(plot()?.data?.map(t => [t.z, t.marker?.color]));
  window.before = window.shown();
  window.began = performance.now();
}"""
_FINISHED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app?.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-stale=true]')
    && document.querySelector('.st-key-map .js-plotly-plot')?.data?.length > 0;
}"""
_CHANGED = "() => window.shown() !== window.before && performance.now() - window.began"


def milliseconds(page: Page, act: Callable[[], None], settled: Settled) -> float:
    """From an act of the user to another map."""
    page.evaluate(_BEGIN)
    act()
    took: float = page.wait_for_function(_CHANGED, polling="raf").json_value()
    settled(page)
    return took


def test_from_the_command_to_the_finished_first_screen(
    browser: Browser,
) -> None:
    """What ``make app`` runs on a machine that is set up; the browser is open already.

    The first screen is finished when the sample's result is drawn and the script has ended.
    """
    took = []
    for _ in range(3):
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        command = [sys.executable, "-m", "sk_viz", "app", "--no-browser", f"--port={port}"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_healthy(address, process, every=0.05)
            page.goto(address, timeout=WAIT)
            page.wait_for_function(_FINISHED, timeout=WAIT, polling="raf")
            took.append(time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(20)
            page.close()
    print(f"first screen: median {statistics.median(took):.1f} s of {len(took)}")


def test_an_answer_without_a_forward(open_page: Open, settled: Settled) -> None:
    page = open_page("?method=none")
    names = ("Change", "Difference")
    took = [
        milliseconds(
            page,
            page.get_by_role("radio", name=names[i % 2], exact=True).click,
            settled,
        )
        for i in range(ROUNDS)
    ]
    print(f"without a forward: median {statistics.median(took):.0f} ms of {ROUNDS}")


def test_an_answer_with_a_sweep_of_eleven_scales(open_page: Open, settled: Settled) -> None:
    page = open_page("?picture=panda&method=none&control=0")
    x, y = (
        page.get_by_role("slider", name=f"{axis} position").first
        for axis in ("Horizontal", "Vertical")
    )
    # Each point is a new one, whose sweep nobody has kept, and none is beyond what a zoom can show.
    path = [(x, "ArrowRight")] * 3 + [(y, "ArrowRight")] + [(x, "ArrowLeft")] * 3
    path = [*path, (y, "ArrowRight")] * 3
    took = [
        milliseconds(page, functools.partial(slider.press, key), settled)
        for slider, key in path[:ROUNDS]
    ]
    print(f"with a sweep: median {statistics.median(took):.0f} ms of {ROUNDS}")
