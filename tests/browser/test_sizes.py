"""The pages beside Explore at the sizes that people have, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def click_to(page: Page, name: str, settled: Callable[[Page], None]) -> None:
    """Open another page by the navigation, as people do."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_timeout(500)
    settled(page)


def test_both_sides_and_their_difference_are_in_one_view(
    open_page: Open, settled: Callable[[Page], None]
) -> None:
    page = open_page("?method=none")
    click_to(page, "Compare", settled)
    difference = page.locator("[class*=st-key-compare-apart]")
    expect(difference).to_be_visible()
    box = difference.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900


def test_a_phone_writes_no_number_too_small_to_read(
    open_page: Open, settled: Callable[[Page], None]
) -> None:
    page = open_page("?scales=1:2:2&method=none")
    click_to(page, "What if", settled)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("Which choice mattered?")).to_be_visible()
    page.wait_for_timeout(1000)  # the plots follow the width
    small = page.locator("[data-testid=stPlotlyChart] text").evaluate_all(
        """texts => texts.filter(text => text.getClientRects().length && text.textContent
             && parseFloat(getComputedStyle(text).fontSize) < 9).map(text => text.textContent)"""
    )
    assert small == []
