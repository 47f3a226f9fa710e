"""Work ahead of its reader: in order, bounded, and cancelled with it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sk_viz.pictures.decoding.ahead import map_ahead


def test_the_order_is_kept_and_no_more_is_drawn_than_allowed() -> None:
    drawn: list[int] = []

    def items():
        for n in range(20):
            drawn.append(n)
            yield n

    with ThreadPoolExecutor(4) as pool:
        results = map_ahead(pool, lambda n: n * n, items(), 5)
        for n, result in enumerate(results):
            assert result == n * n
            assert len(drawn) <= n + 6


def test_what_fails_is_raised_at_its_turn() -> None:
    def work(n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return n

    with ThreadPoolExecutor(2) as pool:
        results = map_ahead(pool, work, range(9), 4)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ValueError, match="two"):
            next(results)


def test_a_reader_that_leaves_cancels_what_waits() -> None:
    may_go_on, done = threading.Event(), []

    def work(n: int) -> int:
        if n:
            may_go_on.wait(30)
        done.append(n)
        return n

    with ThreadPoolExecutor(1) as pool:
        results = map_ahead(pool, work, range(50), 30)
        reader = threading.Timer(0.1, may_go_on.set)
        reader.start()
        assert next(results) == 0
        results.close()
        may_go_on.set()
    assert len(done) < 50
