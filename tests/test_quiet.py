"""Warnings that are ignored by one thread are heard in all others, then and afterwards."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from sk_viz.pictures import read_picture
from sk_viz.quiet import ignored_warnings
from sk_viz.zoo.checkpoints import read_state


def _heard() -> bool:
    with warnings.catch_warnings(record=True) as heard:
        # The filters stay as they are: what is asked is what they let through.
        warnings.warn("for a test", UserWarning, stacklevel=2)
    return bool(heard)


@pytest.fixture(autouse=True)
def _all_are_shown():
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield


def test_it_ignores_within_and_not_after():
    assert _heard()
    with ignored_warnings():
        with ignored_warnings():
            assert not _heard()
        assert not _heard()
    assert _heard()


def test_another_thread_hears_its_own_all_the_while():
    with ignored_warnings(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(_heard).result()
        assert not _heard()


def test_threads_that_leave_in_the_order_they_entered_mute_nobody():
    entered, first_left = threading.Event(), threading.Event()

    def first():
        with ignored_warnings():
            entered.wait(10)
        first_left.set()

    def second():
        with ignored_warnings():
            entered.set()
            first_left.wait(10)

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(first), pool.submit(second)):
            done.result()
    assert _heard()


def test_an_error_ends_it():
    with pytest.raises(ValueError, match="inside"), ignored_warnings():
        raise ValueError("inside")
    assert _heard()


def test_reads_in_threads_leave_warnings_as_they_were(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pt")
    reads = [lambda: read_picture(tmp_path / "a.png"), lambda: read_state(tmp_path / "a.pt")]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(reads[n % 2]) for n in range(64)]:
            done.result()
    assert _heard()
