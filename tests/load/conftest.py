"""The visitors lie beside the tests that send them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from visitors import Server


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether to measure in full."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Iterator[Server]:
    """The app; in the short form it soon gives up sessions that have left."""
    from visitors import serving

    with serving(tmp_path_factory.mktemp("load"), keeps=120 if long else 1) as started:
        yield started
    log = started.log.read_text()
    assert "Traceback" not in log, log
