"""Visitors in a real Chromium, among the others."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

from fixtures.browser import find_chromium
from playwright.sync_api import Page, expect, sync_playwright
from visitors import LONGEST, Server
from wishes import Answers, Wish

_QUIET = """() => document.querySelector('[data-testid=stApp]')
  .getAttribute('data-test-script-state') === 'notRunning'
  && !document.querySelector('[data-stale=true]')"""


def browsed(server: Server, wishes: list[Wish], together: Barrier) -> list[Answers]:
    """One window a wish, all open at once: give the picture, and take the sweep away."""
    expect.set_options(timeout=LONGEST * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        try:
            pages = []
            for asked in wishes:
                page = chromium.new_context(accept_downloads=True).new_page()
                page.set_default_timeout(LONGEST * 1000)
                page.goto(f"{server.address}/?{urlencode(asked.parameters)}")
                pages.append(page)
            for page in pages:
                expect(page.locator(".js-plotly-plot").first).to_be_visible()
            together.wait(LONGEST)
            for page, asked in zip(pages, wishes, strict=True):
                file = {"name": asked.name, "mimeType": "image/png", "buffer": asked.data}
                page.locator(".st-key-uploaded input[type=file]").set_input_files(file)
            return [_taken(page, asked) for page, asked in zip(pages, wishes, strict=True)]
        finally:
            chromium.close()


def _taken(page: Page, asked: Wish) -> Answers:
    expect(page.get_by_text(f"Picture: {asked.name}")).to_be_visible()
    expect(page.locator("img[alt^='attribution at']").last).to_be_visible()
    page.wait_for_function(_QUIET)
    page.get_by_role("button", name="Download").click()
    answers: Answers = {
        "sweep": json.loads(_file(page, "Sweep, JSON", 0)),
        "weights": _file(page, "Weights, CSV", 0),
    }
    if asked.protocol == "zoom":
        answers["control"] = json.loads(_file(page, "Sweep, JSON", 1))
    return answers


def _file(page: Page, label: str, which: int) -> bytes:
    with page.expect_download() as got:
        page.get_by_role("button", name=label).nth(which).click()
    return Path(got.value.path()).read_bytes()
