"""What hands do: taps, keys, Back, a reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Settled = Callable[[Page], None]
FEW = "?protocol=zoom&picture=panda&scales=1:2:3&method=none&control=0"


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def cell(page: Page, unit: str, scale: str) -> str:
    return f".st-key-map [aria-label^='{unit} at {scale}']"


def until(page: Page, has: str) -> None:
    page.wait_for_function(f"() => location.search.includes('{has}')")


@pytest.fixture
def touched(server: str, browser: Browser, settled: Settled) -> Iterator[Page]:
    """A phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{server}/{FEW}")
    settled(page)
    yield page
    context.close()


def test_a_tap_selects_the_tapped_cell(touched: Page, settled: Settled) -> None:
    for unit, scale in (("SK_2_1", "2.0"), ("SK_5_2", "1.0"), ("SK_3_2", "1.5")):
        touched.locator(cell(touched, unit, scale)).tap()
        until(touched, f"unit={unit}")
        settled(touched)
        shown = address(touched)
        assert (shown["unit"], float(shown.get("scale", "1"))) == (unit, float(scale))
        expect(touched.get_by_text(f"Channels of {unit}")).to_be_visible()


def test_the_map_is_reached_and_moved_in_by_keys(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW + "&unit=SK_3_1")
    start = page.locator(cell(page, "SK_3_1", "1.0"))
    expect(start).to_have_attribute("tabindex", "0")
    start.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement?.shadowRoot !== undefined")
    page.keyboard.press("Enter")
    until(page, "unit=SK_3_2")
    settled(page)
    assert address(page)["scale"] == "1.5"
    # The focus stays where the hand was.
    page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    until(page, "unit=SK_3_1")
    row = page.locator(".st-key-map button", has_text="SK_5_1")
    row.click()
    until(page, "unit=SK_5_1")


def test_back_undoes_exactly_one_action(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    first = address(page)
    page.locator(cell(page, "SK_2_1", "1.5")).click()
    until(page, "unit=SK_2_1")
    settled(page)
    page.get_by_role("radio", name="Change", exact=True).click()
    until(page, "change=1")
    settled(page)
    page.get_by_role("link", name="Why").click()
    page.wait_for_url(re.compile("/why"))
    settled(page)
    page.go_back()
    page.wait_for_url(re.compile(r"/\?.*change=1"))
    settled(page)
    expect(page.get_by_text("Channels of SK_2_1")).to_be_visible()
    page.go_back()
    page.wait_for_function("() => !location.search.includes('change=1')")
    settled(page)
    assert address(page)["unit"] == "SK_2_1"
    expect(page.get_by_role("radio", name="Difference", exact=True)).to_be_checked()
    page.go_back()
    page.wait_for_function("() => !location.search.includes('unit=')")
    settled(page)
    assert address(page) == first
    page.go_forward()
    until(page, "unit=SK_2_1")
    settled(page)
    expect(page.get_by_text("Channels of SK_2_1")).to_be_visible()


def test_a_slider_that_is_dragged_is_one_step_of_the_history(
    open_page: Open, settled: Settled
) -> None:
    page = open_page(FEW)
    before = page.evaluate("history.length")
    thumb = page.locator(".st-key-point-x [data-testid=stSliderThumbValue]").locator("..")
    box = thumb.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 7):
        page.mouse.move(x + 5 * step, y)
        page.wait_for_timeout(350)  # longer than the slider waits before it reports a place
    page.mouse.up()
    until(page, "point=")
    settled(page)
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.wait_for_function("() => !location.search.includes('point=')")
    settled(page)
    expect(thumb).to_contain_text("0.50")


def test_object_and_back_keeps_the_picture(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    for protocol in ("object", "zoom"):
        page.get_by_role("radio", name=protocol, exact=True).click()
        until(page, "picture=panda") if protocol == "zoom" else page.wait_for_function(
            "() => !location.search.includes('picture=panda')"
        )
        settled(page)
    assert address(page)["picture"] == "panda"
    expect(page.get_by_text(re.compile("Picture: panda.jpg"))).to_be_visible()


def test_a_reload_keeps_the_upload_and_a_stranger_is_told(
    open_page: Open, settled: Settled, tmp_path: Path
) -> None:
    page = open_page(FEW)
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    page.locator("[data-testid=stSidebar]").get_by_role("radio", name="Upload").click()
    page.locator(".st-key-uploaded input[type=file]").set_input_files(tmp_path / "mine.png")
    expect(page.get_by_text("mine.png, 128 × 96")).to_be_visible()
    settled(page)
    page.wait_for_function("() => document.cookie.includes('sk_viz=')")
    page.reload()
    settled(page)
    expect(page.get_by_text("mine.png, 128 × 96")).to_be_visible()
    stranger = open_page(urlsplit(page.url).query and f"?{urlsplit(page.url).query}")
    expect(stranger.get_by_text(re.compile("shows somebody's own picture"))).to_be_visible()
    expect(stranger.get_by_text("mine.png")).to_have_count(0)


def test_a_wrong_unit_in_a_link_is_told(open_page: Open) -> None:
    page = open_page(FEW + "&unit=SK_9_9")
    expect(page.get_by_text(re.compile("has no unit SK_9_9"))).to_be_visible()
    assert "unit" not in address(page)
    page = open_page("why" + FEW + "&unit=SK_2_1&channel=9999")
    expect(page.get_by_text(re.compile("SK_2_1 has no channel 9999"))).to_be_visible()


def test_only_devices_that_are_there_are_offered(open_page: Open) -> None:
    import torch

    page = open_page(FEW)
    offered = page.get_by_text("Device", exact=True).count()
    assert bool(offered) == (torch.cuda.is_available() or torch.backends.mps.is_available())


def test_the_language_is_the_document_s(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("radio", name="中文").click()
    until(page, "lang=zh")
    settled(page)
    page.wait_for_function("() => document.documentElement.lang === 'zh'")
    expect(page.get_by_role("link", name="为什么")).to_be_visible()


def test_a_frame_shows_the_figure_alone(open_page: Open) -> None:
    page = open_page(FEW + "&embed=1")
    page.wait_for_function("() => document.documentElement.classList.contains('sk-embed')")
    expect(page.locator(".st-key-map .grid")).to_be_visible()
    for hidden in (".st-key-nav", "[data-testid=stSidebar]", "h1", "[data-testid=stHeader]"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_a_presentation_is_large_and_steps_by_the_arrow_keys(
    open_page: Open, settled: Settled
) -> None:
    page = open_page(FEW + "&present=1", width=1280, height=720)
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    size = page.locator("[data-testid=stMain] p").first.evaluate(
        "p => parseFloat(getComputedStyle(p).fontSize)"
    )
    assert size >= 18
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    until(page, "scale=1.5")
    settled(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => !location.search.includes('scale=1.5')")
