"""Many sessions on one server: whose answer is whose, how long it takes, and who waits."""

from __future__ import annotations

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from browsers import browsed
from visitors import Server, Visitor
from wishes import Answers, Wish, alone, differing, drawn, visited, wish

import sk_viz
from sk_viz.zoo.model import Model

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def model() -> Model:
    """As the server loads it."""
    return sk_viz.load_model("sknet_tiny")


def test_every_answer_of_many_at_once_is_the_one_computed_alone(
    server: Server, model: Model, long: bool
) -> None:
    count, real = (30, 3) if long else (3, 0)
    units = tuple(unit.name for unit in model.units)
    wishes = [wish(number, units) for number in range(count)]
    expected = alone(count)
    among = wishes[count - real :]  # in a real browser
    together = Barrier(count - real + bool(real))

    def visit(asked: Wish) -> tuple[Answers, list[str]]:
        with Visitor(server, asked.parameters) as visitor:
            visitor.run()
            together.wait(600)
            return visited(visitor, asked), visitor.said

    start = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        shown = pool.submit(browsed, server, among, together) if real else None
        found = list(pool.map(visit, wishes[: count - real]))
        given = [got for got, _ in found] + (shown.result() if shown else [])
    seconds = time.monotonic() - start
    for got, right in zip(given[: count - real], expected, strict=False):
        assert set(got) == set(right), "none is lost"
    wrong = [differing(got, right) for got, right in zip(given, expected, strict=True)]
    assert wrong == [[]] * count, "none is mixed"
    if long:
        assert any("other tasks" in said for _, all_said in found for said in all_said)
    assert "secret" not in server.log.read_text()
    answers = sum(map(len, given))
    print(f"\n{count} sessions, {answers} answers as computed alone, in {seconds:.1f} s")


@pytest.mark.long
def test_how_long_a_sweep_takes_alone_and_among_many(server: Server, long: bool) -> None:
    count, each = (30, 3) if long else (2, 1)
    # Eleven scales and the blur control, as on the first screen.
    parameters = {"picture": "upload", "method": "none"}

    def sweeps(number: int, together: Barrier, each: int) -> list[float]:
        took = []
        with Visitor(server, dict(parameters)) as visitor:
            visitor.run()
            together.wait(600)
            for turn in range(each):
                data = drawn(1000 * (number + 1) + turn, 640, 480, "JPEG")
                visitor.upload(f"{number}-{turn}.jpg", data)
                assert visitor.answered is not None
                took.append(visitor.answered)
        return took

    start = time.monotonic()
    single = sweeps(99, Barrier(1), 4 * each if long else 1)
    rate_alone = len(single) / (time.monotonic() - start)
    start = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        together = Barrier(count)
        rows = list(pool.map(lambda number: sweeps(number, together, each), range(count)))
    took = np.array(rows).reshape(-1)
    rate = took.size / (time.monotonic() - start)
    assert took.size == count * each, "none is lost"
    figures = {
        "sessions": count,
        "alone p50": float(np.median(single)),
        "p50": float(np.percentile(took, 50)),
        "p95": float(np.percentile(took, 95)),
        "longest": float(took.max()),
        "sweeps a second, alone": rate_alone,
        "sweeps a second, together": rate,
    }
    print("\n" + json.dumps({name: round(value, 3) for name, value in figures.items()}))


# 41 pictures of up to 896 pixels through a large network: many seconds.
SLOW = {"model": "sknet26", "protocol": "resolution", "scales": "3:4:41", "method": "none"}


def test_the_queue_shows_its_place_and_a_stop_or_a_leave_frees_the_worker(server: Server) -> None:
    slow = [{**SLOW, "picture": picture} for picture in ("panda", "red-panda")]
    stopped = len(_stopped(server))
    with (
        Visitor(server, slow[0]) as first,
        Visitor(server, slow[1]) as second,
        Visitor(server, {"scales": "1,1.61", "method": "none"}) as third,
    ):
        for slow_one in (first, second):
            slow_one.ask()
            slow_one.until(lambda who=slow_one: any("Sweeping" in said for said in who.said))
        third.ask()
        third.until(lambda: any("waiting for 1 other tasks" in said for said in third.said))
        with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=30) as answer:
            assert (answer.status, answer.read()) == (200, b"ok")
        first.press("Stop")
        first.wait()
        assert any("Stopped" in alert.body for alert in first.of_type("alert"))
        third.wait()
        assert third.answered is not None
        assert len(_stopped(server)) == stopped + 1
        assert second.answered is None
    # The second left while its sweep went on.
    for _ in range(600):
        if len(_stopped(server)) == stopped + 2:
            return
        time.sleep(0.1)
    pytest.fail("nobody stopped the work of a session that has left")


def _stopped(server: Server) -> list[str]:
    return [line for line in server.events("work") if "outcome=stopped" in line]
