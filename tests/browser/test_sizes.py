"""The pages beside Explore at the sizes that people have, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.long, pytest.mark.browser]

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


SIZES = ((390, 844), (820, 1180), (844, 390), (1280, 720), (1440, 900))
PAGES = ("", "why", "how-far", "what-if", "learn", "compare", "survey", "figures", "gallery")

# Texts that stick out of what clips them, or lie on one another. Text that scrolls, that is cut
# with an ellipsis on purpose, or that is only for those who hear the page, is left out.
_WRONG = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const shown = el => {
    const style = getComputedStyle(el);
    return el.getClientRects().length && style.visibility !== 'hidden' && +style.opacity > 0.1;
  };
  const boxes = [];
  const walk = (root) => {
    for (const el of root.querySelectorAll('*')) {
      if (el.shadowRoot) walk(el.shadowRoot);
      if (!shown(el) || el.closest('.katex, [data-testid=stDataFrame], [aria-hidden=true], svg'))
        continue;
      const own = [...el.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim());
      if (!own.length) continue;
      const range = document.createRange();
      for (const node of own) {
        range.selectNodeContents(node);
        for (const r of range.getClientRects())
          if (r.width > 2 && r.height > 2)
            boxes.push({ el, text: node.textContent.trim().slice(0, 40), r });
      }
    }
  };
  walk(main);
  const wrong = [];
  const width = main.clientWidth;
  for (const box of boxes) {
    let up = box.el, scrolls = false;
    while (up && up !== main) {
      const style = getComputedStyle(up);
      if (/auto|scroll/.test(style.overflowX) || style.textOverflow === 'ellipsis') scrolls = true;
      up = up.parentElement ?? up.getRootNode().host;
    }
    if (!scrolls && box.r.right > main.getBoundingClientRect().left + width + 1)
      wrong.push('clipped: ' + box.text);
    box.scrolls = scrolls;
  }
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    if (a.scrolls || b.scrolls || a.el.contains(b.el) || b.el.contains(a.el)) continue;
    const across = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
    const down = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
    if (across > 3 && down > 0.4 * Math.min(a.r.height, b.r.height))
      wrong.push('overlap: ' + a.text + ' | ' + b.text);
  }
  if (main.scrollWidth > main.clientWidth + 1) wrong.push('moves sideways');
  return wrong;
}"""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path or "explore")
def test_nothing_is_clipped_and_nothing_overlaps(
    open_page: Open, settled: Callable[[Page], None], path: str
) -> None:
    page = open_page(path, width=1440, height=900)
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700)  # the plots follow the width
        settled(page)
        if wrong := page.evaluate(_WRONG):
            found[f"{width}x{height}"] = wrong[:6]
    assert found == {}


def test_pages_are_reached_on_a_phone_without_a_menu(open_page: Open) -> None:
    page = open_page("?method=none", width=390, height=844)
    links = page.locator(".st-key-nav [data-testid=stPageLink-NavLink]")
    assert links.count() == len(PAGES)
    for place in range(links.count()):
        box = links.nth(place).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["height"] >= 24


@pytest.mark.parametrize("width", [390, 820, 1280, 1440])
def test_pictures_of_the_film_are_large_enough_to_see(open_page: Open, width: int) -> None:
    page = open_page("?method=none", width=width, height=900)
    pictures = page.locator(".strip button[aria-pressed]")
    for place in (0, 5, 10):
        box = pictures.nth(place).bounding_box()
        assert box is not None
        assert box["width"] >= 56
