"""The app as it is started for people, and a real browser to look at it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.browser import WAIT, browser, ready
from playwright.sync_api import Browser, ConsoleMessage, Page
from server_process import free_port, wait_until_healthy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app on a free port of this machine; its address."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    # As `make app` does, but for the command's own process.
    command = [sys.executable, "-m", "sk_viz.app.serve", "app.py", f"--server.port={port}"]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_healthy(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(60)
    text = log.read_text()
    assert "Traceback" not in text, text


@pytest.fixture
def open_page(server: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a fresh window and wait until it is drawn.

    Whatever the page asked of other machines, and every error in its console, fails the test.
    """
    wrong: list[str] = []
    contexts = []

    def open_(query: str = "", *, width: int = 1440, height: int = 900, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            permissions=["camera", "clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda r: _note_foreign(wrong, server, r.url))
        page.on("console", lambda m: _note_error(wrong, m))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{server}/{query}", timeout=WAIT)
        ready(page)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def _note_foreign(wrong: list[str], server: str, url: str) -> None:
    if not url.startswith((server, server.replace("http", "ws", 1), "data:", "blob:")):
        wrong.append(f"asked for {url}")


def _note_error(wrong: list[str], message: ConsoleMessage) -> None:
    # Streamlit looks for its server below the page's own path first.
    if message.type == "error" and "/_stcore/" not in message.location["url"]:
        wrong.append(message.text)


@pytest.fixture
def settled() -> Callable[[Page], None]:
    """Waits until a page has been drawn and nothing runs any more."""
    return ready
