"""What holds for every test."""

import os
import sys

# Before torch starts its threads, here and in every process that a test starts: several workers
# share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

_MAIN = sys.modules["__main__"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The same random networks, whichever tests ran before and whoever builds a shared one."""
    torch.manual_seed(0)
    # A page's test leaves its script as the main module, which new processes would then run.
    sys.modules["__main__"] = _MAIN


def pytest_addoption(parser: pytest.Parser) -> None:
    """The quick suite is the default."""
    parser.addoption(
        "--long", action="store_true", help="run the tests marked long too, and the others in full"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked long, and count it as deselected, unless asked for."""
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
