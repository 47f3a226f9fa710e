"""What holds for every test."""

import pytest
import torch


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The same random networks, whichever tests ran before and whoever builds a shared one."""
    torch.manual_seed(0)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes long is short by default."""
    parser.addoption("--long", action="store_true", help="run the measurements in full")
