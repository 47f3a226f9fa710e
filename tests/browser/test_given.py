"""Pictures and weights that the user gives, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Settled = Callable[[Page], None]
FEW = "?protocol=zoom&picture=coffee&scales=1:2:3&method=none"
WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "sknet_tiny" / "model.safetensors"

_COPY_A_PICTURE = """async () => {
  const canvas = document.createElement('canvas');
  canvas.width = 321; canvas.height = 234;
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#c33'; pen.fillRect(0, 0, 321, 234);
  const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
  await navigator.clipboard.write([new ClipboardItem({'image/png': blob})]);
}"""


def choose(page: Page, source: str) -> None:
    page.get_by_role("radio", name=source, exact=True).click()


def test_a_picture_of_the_camera(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    choose(page, "Camera")
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.wait_for_timeout(1000)  # the first frames of a camera are black
    page.get_by_role("button", name="Take Photo").click()
    expect(page.get_by_text(re.compile("Picture: coffee"))).to_have_count(0)
    settled(page)
    assert "picture=upload" in page.url


def test_a_picture_of_the_clipboard(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    choose(page, "Paste")
    expect(page.get_by_placeholder("Paste a picture, then press Enter")).to_be_visible()
    settled(page)
    page.evaluate(_COPY_A_PICTURE)
    page.get_by_placeholder("Paste a picture, then press Enter").click()
    page.keyboard.press("Control+V")
    expect(page.get_by_text("image.png")).to_be_visible()
    expect(page.get_by_role("button", name="Send message")).to_be_enabled()
    page.wait_for_timeout(1000)  # the file's own upload shows no end
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("321 × 234"))).to_be_visible()
    settled(page)


def test_weights_of_ones_own(open_page: Open, settled: Settled) -> None:
    page = open_page(FEW)
    page.get_by_text("Open a checkpoint").click()
    page.locator("input[type=file]").last.set_input_files(WEIGHTS)
    expect(page.get_by_text(re.compile("Weights from model.safetensors"))).to_be_visible()
    settled(page)
    assert "model=upload" in page.url


def test_a_picture_of_ones_own_goes_along_to_the_other_pages(
    open_page: Open, settled: Settled
) -> None:
    page = open_page(FEW)
    choose(page, "Upload")
    picture = WEIGHTS.parents[2] / "assets" / "photos" / "panda.jpg"
    page.locator(".st-key-uploaded input[type=file]").set_input_files(picture)
    expect(page.get_by_text(re.compile("Picture: panda.jpg"))).to_be_visible()
    for other in ("Why", "What if", "Explore"):
        page.get_by_role("link", name=other, exact=True).click()
        settled(page)
        expect(page.get_by_role("radio", name="Upload", exact=True)).to_be_checked()
        expect(page.get_by_text(re.compile("Picture: panda.jpg"))).to_be_visible()
        assert page.locator("video").count() == 0  # no page looks through the camera unasked
