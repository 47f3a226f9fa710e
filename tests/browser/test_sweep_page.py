"""The page of a sweep, opened from its file with the network off."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.figures import figure_model
from playwright.sync_api import Browser, Page, expect

import sk_viz
from sk_viz.pictures import Picture
from sk_viz.spreadsheets import to_csv

__all__ = ["figure_model"]

SCALES = (1.0, 4 / 3, 2.0)


@pytest.fixture(scope="module")
def sweep(figure_model: str) -> sk_viz.Sweep:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    # A file's name is chosen by whoever made the file.
    picture = Picture(pixels, "ab" * 32, "</script><script>alert(1)</script>.png", "PNG")
    return sk_viz.sweep(sk_viz.load_model(figure_model, "cpu"), picture, SCALES)


@pytest.fixture
def open_offline(
    sweep: sk_viz.Sweep, tmp_path: Path, browser: Browser
) -> Iterator[Callable[..., Page]]:
    """Open the sweep's page; a request, a dialog or an error in the console fails the test."""
    file = sweep.to_html(tmp_path / "sweep.html")
    wrong: list[str] = []
    contexts = []

    def open_(*, dark: bool = False, width: int = 1280) -> Page:
        context = browser.new_context(
            offline=True,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file://", "data:image/"))
                else wrong.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        expect(page.locator("#map td").first).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not wrong


def _tip(page: Page) -> str:
    expect(page.locator("#tip")).to_be_visible()
    return page.locator("#tip").inner_text()


def _last_number(text: str) -> str:
    return text.rsplit(" ", 1)[1]


def test_every_difference_on_hover_is_that_of_the_csv(sweep, open_offline):
    page = open_offline()
    rows = pd.read_csv(io.BytesIO(to_csv(sweep.differences)), dtype=str)
    cells = page.locator("#map td")
    assert cells.count() == len(rows) == len(SCALES) * len(sweep.units)
    for u, unit in enumerate(sweep.units):
        of_unit = rows[rows["unit"] == unit]
        for s, (scale, value) in enumerate(
            zip(of_unit["scale"], of_unit["difference"], strict=True)
        ):
            cells.nth(u * len(SCALES) + s).hover()
            text = _tip(page)
            assert text.startswith(f"{unit} at {float(scale):g}"[:12])
            assert float(_last_number(text)) == float(value)


@pytest.mark.parametrize("branch", [0, 1])
def test_every_channels_weight_is_that_of_the_csv(sweep, open_offline, branch):
    page = open_offline()
    rows = pd.read_csv(io.BytesIO(to_csv(sweep.weights)), dtype=str)
    unit = sweep.units[-1]
    page.locator("#unit").select_option(label=unit)
    page.locator("#branch").select_option(str(branch))
    for s, scale in enumerate(SCALES):
        page.locator("#scale").fill(str(s))
        at = rows[(rows["unit"] == unit) & (rows["branch"] == str(branch))]
        at = at[at["scale"].astype(float) == scale]
        for channel in (0, 7, len(at) - 1):
            page.locator("#channel").fill(str(channel))
            shown = page.locator("#channel-now").inner_text()
            expected = at.loc[at["channel"] == str(channel), "weight"].item()
            assert shown == f"{channel}: {float(expected)!r}"


def test_the_pointer_reads_the_channel_it_is_over(sweep, open_offline):
    page = open_offline()
    unit = sweep.units[0]
    page.locator("#unit").select_option(label=unit)
    page.locator("#branch").select_option("1")
    plot = page.locator("#channels")
    plot.scroll_into_view_if_needed()
    dots = plot.locator("circle")
    weights = sweep.unit_weights(unit)[0, 1]
    assert dots.count() == len(weights)
    for channel in (0, 3, len(weights) - 1):
        dots.nth(channel).hover(force=True)
        text = _tip(page)
        assert f"channel {channel} at 1×" in text
        assert np.float32(_last_number(text)) == weights[channel]


def test_scrubbing_shows_each_scale(sweep, open_offline):
    page = open_offline()
    seen = set()
    for s, label in enumerate(("1.0×", "1.333×", "2.0×")):
        page.locator("#scale").fill(str(s))
        expect(page.locator("#scale-now")).to_have_text(label)
        seen.add(page.locator("#picture").get_attribute("src"))
        top = sweep.predictions[sweep.predictions["scale"] == SCALES[s]].iloc[0]
        first = page.locator("#predictions li").first
        expect(first).to_contain_text(top["name"])
        expect(first).to_contain_text(f"{100 * top['probability']:.1f} %")
    assert len(seen) == len(SCALES)
    page.locator("#play").click()
    expect(page.locator("#scale-now")).to_have_text("1.333×")
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_text("Play")


def test_the_map_is_walked_by_the_keyboard(sweep, open_offline):
    page = open_offline()
    page.locator("#map td").first.click()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#scale-now")).to_have_text("1.333×")
    assert page.locator("#unit option:checked").inner_text() == sweep.units[2]
    assert sweep.units[2] in _tip(page)


def test_it_follows_the_theme_and_fits_a_telephone(open_offline):
    light, dark = (
        open_offline(dark=dark, width=390).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for dark in (False, True)
    )
    assert light == "rgb(255, 255, 255)"
    assert dark == "rgb(20, 24, 29)"
    page = open_offline(width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    size = page.evaluate("document.querySelector('#lines text').getBoundingClientRect().height")
    assert size >= 11


def test_a_hostile_name_is_text(sweep, open_offline):
    page = open_offline()
    expect(page.locator("header")).to_contain_text(sweep.record["picture"])
    assert page.locator("script").count() == 2
