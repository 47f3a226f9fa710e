"""The page Explore in a real browser, with the bundled model."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Settled = Callable[[Page], None]
# Attributions are quick to compute, but not the point of most of these tests.
FEW = "?protocol=zoom&picture=panda&scales=1:2:3&method=none"


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def title_of_channels(page: Page) -> str:
    return page.get_by_text("Channels of").inner_text()


def click_cell(page: Page, row: float, column: float) -> None:
    """Click the map at a share of its height and width."""
    plot = page.locator(".st-key-map .body")
    box = plot.bounding_box()
    cells = page.locator(".st-key-map .cells").first.bounding_box()
    assert box is not None
    assert cells is not None
    box = box | {"x": cells["x"], "width": cells["width"]}
    page.mouse.click(box["x"] + column * box["width"], box["y"] + row * box["height"])


def test_the_first_screen_answers_without_a_click(open_page: Open, settled: Settled) -> None:
    page = open_page()
    expect(
        page.get_by_role(
            "heading", name="How does the network's choice change as the picture is enlarged?"
        )
    ).to_be_visible()
    expect(page.get_by_text(re.compile("units shift towards"))).to_be_visible()
    expect(page.locator(".st-key-map .grid")).to_be_visible()
    assert page.locator("button[aria-label^='scale ']").count() == 11
    expect(page.locator("img[alt='attribution at scale 2.0×']")).to_be_visible()
    settled(page)
    # In one view: everything up to the channels of a unit ends above the fold.
    sentence = page.get_by_text(re.compile("channels choose between"))
    expect(sentence).to_be_visible()
    last = sentence.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= 900
    assert address(page) == {}


def test_pictures_stand_over_the_columns_of_the_map(open_page: Open) -> None:
    page = open_page("?method=none")
    plot = page.locator(".st-key-map .cells").first.bounding_box()
    assert plot is not None
    pictures = page.locator("button[aria-label^='scale ']")
    for column in (0, 5, 10):
        box = pictures.nth(column).bounding_box()
        assert box is not None
        middle = plot["x"] + (column + 0.5) / 11 * plot["width"]
        assert box["x"] + box["width"] / 2 == pytest.approx(middle, abs=2)


def test_a_click_on_the_map_opens_that_unit_at_that_scale(
    open_page: Open, settled: Settled
) -> None:
    page = open_page(FEW)
    click_cell(page, 0.03, 0.5)
    expect(page.get_by_text("Channels of SK_2_1")).to_be_visible()
    settled(page)
    assert address(page)["unit"] == "SK_2_1"
    assert address(page)["scale"] == "1.5"
    click_cell(page, 0.97, 0.9)
    page.wait_for_function("() => location.search.includes('scale=2')")
    settled(page)
    assert title_of_channels(page) != "Channels of SK_2_1"
    # The same cell a second time is a choice as well, not the end of one.
    click_cell(page, 0.97, 0.9)
    settled(page)
    assert address(page)["scale"] == "2"


def test_a_click_on_a_picture_chooses_its_scale(open_page: Open) -> None:
    page = open_page(FEW)
    page.get_by_role("button", name="scale 1.5×:").click()
    page.wait_for_function("() => location.search.includes('scale=1.5')")
    expect(page.get_by_role("button", name="scale 1.5×:")).to_have_attribute("aria-pressed", "true")


def test_a_place_under_a_picture_asks_for_its_attribution_and_takes_it_away(
    open_page: Open, settled: Settled
) -> None:
    page = open_page("?picture=panda&scales=1:2:3&method=saliency&explain=1")
    expect(page.locator("img[alt^='attribution at']")).to_have_count(1)
    page.get_by_label("show the attribution at scale 2.0×").click()
    expect(page.locator("img[alt='attribution at scale 2.0×']")).to_be_visible()
    settled(page)
    assert address(page)["explain"] == "1,2"
    page.get_by_label("remove the attribution at scale 1.0×").click()
    page.wait_for_function("() => location.search.includes('explain=2')")
    expect(page.locator("img[alt^='attribution at']")).to_have_count(1)


def test_a_click_in_the_picture_moves_the_zoom(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    before = page.locator("img[alt='the picture at scale 2.0×']").get_attribute("src")
    box = page.locator(".frame.clickable").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    page.wait_for_function("() => location.search.includes('point=')")
    settled(page)
    x, y = (float(value) for value in address(page)["point"].split(","))
    assert (x, y) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.75, abs=0.02))
    assert page.locator("img[alt='the picture at scale 2.0×']").get_attribute("src") != before


def test_a_link_opens_the_same_view(open_page: Open) -> None:
    query = "?picture=panda&scales=1:2:3&unit=SK_3_1&scale=1.5&change=1&method=none"
    page = open_page(query)
    assert title_of_channels(page) == "Channels of SK_3_1"
    expect(page.get_by_role("button", name="scale 1.5×:")).to_have_attribute("aria-pressed", "true")
    assert address(page) == {k: v[0] for k, v in parse_qs(query[1:]).items()}


def test_an_upload_is_swept_and_a_wrong_one_leaves_it(
    open_page: Open, settled: Settled, tmp_path: Path
) -> None:
    page = open_page(FEW)
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "my <b>own<b> picture.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    page.locator("[data-testid=stSidebar]").get_by_role("radio", name="Upload").click()
    given = page.locator(".st-key-uploaded input[type=file]")
    given.set_input_files(tmp_path / "my <b>own<b> picture.png")
    expect(page.get_by_text("my <b>own<b> picture.png, 128 × 96")).to_be_visible()
    settled(page)
    assert address(page)["picture"].startswith("upload.")
    given.set_input_files(tmp_path / "broken.png")
    expect(page.get_by_text(re.compile("broken.png.*(cannot|broken|cut)"))).to_be_visible()
    expect(page.get_by_text("my <b>own<b> picture.png, 128 × 96")).to_be_visible()


def test_the_numbers_can_be_taken_away(open_page: Open) -> None:
    page = open_page(FEW)
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Sweep, JSON").first.click()
    sweep = json.loads(Path(got.value.path()).read_text())
    assert sweep["record"]["scales"] == [1.0, 1.5, 2.0]
    assert set(sweep) == {"record", "differences", "predictions"}
    with page.expect_download() as got:
        page.get_by_role("button", name="Weights, CSV").first.click()
    weights = pd.read_csv(io.BytesIO(Path(got.value.path()).read_bytes()))
    assert next(iter(weights)) == "scale"
    sums = weights.groupby(["scale", "unit", "channel"])["weight"].sum()
    np.testing.assert_allclose(sums, 1, atol=1e-5)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_of_it_without_moving_sideways(open_page: Open, dark: bool) -> None:
    page = open_page("?method=none", width=390, height=844, dark=dark)
    main = page.locator("[data-testid=stMain]")
    widths = main.evaluate("el => [el.scrollWidth, el.clientWidth]")
    assert widths[0] <= widths[1]
    strip = page.locator(".strip")
    assert strip.evaluate("el => el.scrollWidth > el.clientWidth")  # this alone scrolls


def test_the_theme_of_the_browser_is_followed(open_page: Open) -> None:
    colours = []
    for dark in (False, True):
        page = open_page(FEW, dark=dark)
        colours.append(
            page.locator(".st-key-map .head").first.evaluate("el => getComputedStyle(el).color")
        )
    light, darker = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert light < 3 * 128 < darker


def test_pictures_of_many_scales_do_not_cover_each_other(open_page: Open) -> None:
    page = open_page("?picture=panda&method=none&scales=1:2:21&scale=1.05")
    pictures = page.locator("button[aria-label^='scale ']")
    boxes = [pictures.nth(i).bounding_box() for i in range(pictures.count())]
    assert len(boxes) == 12  # every second, and the one that is chosen
    edges = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
    assert all(left[1] <= right[0] + 0.5 for left, right in itertools.pairwise(edges))
