"""What holds for every test."""

import sys

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
    """What takes long is short by default."""
    parser.addoption("--long", action="store_true", help="run the measurements in full")
