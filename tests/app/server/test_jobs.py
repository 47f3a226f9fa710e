from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest
from waiting import wait_until

import sk_viz
from sk_viz.app.server.jobs import Jobs, StoppedError, size_of, was_stopped
from sk_viz.measures.sweep.result import Sweep
from sk_viz.pictures import read_sample
from sk_viz.types import Progress

MEGABYTE = 2**20


def endless_work() -> tuple[threading.Event, Callable[[Progress], None]]:
    """Work that ends when it is stopped, and what is set once it has begun."""
    begun = threading.Event()

    def work(report: Progress) -> None:
        begun.set()
        while True:
            report(0, 1)
            time.sleep(0.001)

    return begun, work


def test_two_sessions_share_one_run_and_the_result_is_kept() -> None:
    jobs = Jobs(2, MEGABYTE)
    gate = threading.Event()
    runs: list[int] = []

    def work(report: Progress) -> int:
        runs.append(1)
        gate.wait(20)
        report(1, 2)
        return 7

    first, second = jobs.want("k", "a", work), jobs.want("k", "b", work)
    assert first is second
    gate.set()
    assert first.future.result(20) == 7
    assert (first.done, first.total) == (1, 2)
    wait_until(lambda: jobs.kept("k") == 7, "the jobs come to this")
    assert runs == [1]


def test_a_job_stops_when_nobody_wants_it_any_more_and_not_before() -> None:
    jobs = Jobs(1, MEGABYTE)
    begun, endless = endless_work()
    job = jobs.want("k", "a", endless)
    jobs.want("k", "b", endless)
    begun.wait(20)
    jobs.release("k", "a")
    time.sleep(0.05)
    assert not job.future.done()
    jobs.release("k", "b")
    with pytest.raises(StoppedError):
        job.future.result(20)
    assert was_stopped(job)
    assert jobs.kept("k") is None


def test_a_job_that_waits_is_counted_and_can_be_stopped_before_it_begins() -> None:
    jobs = Jobs(1, MEGABYTE)
    gate = threading.Event()
    ran: list[str] = []
    running = jobs.want("first", "a", lambda report: gate.wait(20))
    wait_until(running.future.running, "the jobs come to this")
    waiting = jobs.want("second", "b", lambda report: ran.append("second"))
    assert jobs.ahead_of(running) == 0
    assert jobs.ahead_of(waiting) == 1
    jobs.release("second", "b")
    assert was_stopped(waiting)
    gate.set()
    jobs.want("third", "b", lambda report: None).future.result(20)
    assert ran == []


def test_after_a_stop_the_same_work_can_be_wanted_again() -> None:
    jobs = Jobs(1, MEGABYTE)
    gate = threading.Event()

    def endless(report: Progress) -> None:
        while True:
            report(0, 0)
            gate.wait(0.001)

    jobs.want("k", "a", endless)
    jobs.release("k", "a")
    assert jobs.want("k", "a", lambda report: 5).future.result(20) == 5


def test_an_error_reaches_whoever_waits_and_is_not_kept() -> None:
    jobs = Jobs(1, MEGABYTE)

    def fail(report: Progress) -> None:
        raise ValueError("no")

    job = jobs.want("k", "a", fail)
    with pytest.raises(ValueError, match="no"):
        job.future.result(20)
    wait_until(lambda: jobs.ahead_of(job) == 0, "the jobs come to this")
    assert jobs.kept("k") is None
    assert not was_stopped(job)


def test_what_is_kept_is_bounded_and_the_longest_unused_goes_first() -> None:
    jobs = Jobs(1, 3 * MEGABYTE)

    def array(report: Progress) -> np.ndarray:
        return np.zeros(MEGABYTE, np.uint8)

    for key in "abc":
        jobs.want(key, "s", array).future.result(20)
        wait_until(lambda key=key: jobs.kept(key) is not None, "the jobs come to this")
    assert jobs.kept("a") is not None  # now the youngest
    jobs.want("d", "s", array).future.result(20)
    wait_until(lambda: jobs.kept("d") is not None, "the jobs come to this")
    assert jobs.kept("b") is None
    assert jobs.kept("a") is not None
    jobs.want("huge", "s", lambda report: np.zeros(4 * MEGABYTE, np.uint8)).future.result(20)
    time.sleep(0.02)
    assert jobs.kept("huge") is None
    assert jobs.kept("a") is not None


def test_the_size_of_a_result_counts_its_arrays_and_tables() -> None:
    array = np.zeros(1000, np.float32)
    table = pd.DataFrame({"a": np.zeros(1000)})
    nested: Any = (array, [table], b"12345")
    assert 4000 + 8000 + 5 <= size_of(nested) < 22_000
    assert 4000 <= size_of({"a": array}) < 4500


@dataclass(frozen=True)
class Grows:
    """A result that works something out when it is asked."""

    array: np.ndarray

    @cached_property
    def twice(self) -> np.ndarray:
        return np.tile(self.array, 2)


def test_what_a_result_works_out_later_counts_when_its_session_leaves() -> None:
    jobs = Jobs(1, 10 * MEGABYTE, MEGABYTE)
    made = [Grows(np.zeros(400_000, np.uint8)) for _ in range(2)]
    for number, one in enumerate(made):
        jobs.want(number, "leaving", lambda report, one=one: one).future.result(20)
    assert size_of(made[0]) < 410_000
    for one in made:
        assert one.twice.nbytes == 800_000
    assert 1_200_000 <= size_of(made[0]) < 1_210_000
    jobs.leave("leaving")
    wait_until(lambda: jobs.kept(0) is None and jobs.kept(1) is None, "the jobs come to this")


def test_the_size_of_a_sweep_is_the_memory_that_it_takes() -> None:
    model = sk_viz.load_model("sknet_tiny")

    def swept() -> Sweep:
        made = sk_viz.sweep(model, read_sample("panda"), (1.0, 1.5, 2.0))
        assert len(made.branches) > len(made.stages) > 0
        return made

    kept = [swept()]
    tracemalloc.start()
    kept += [swept() for _ in range(4)]
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] / 4
    tracemalloc.stop()
    assert size_of(kept[-1]) == pytest.approx(held, rel=0.25)


def test_what_only_those_who_left_wanted_is_stopped_and_let_go() -> None:
    jobs = Jobs(2, 10 * MEGABYTE, 1 * MEGABYTE)
    begun, endless = endless_work()
    made = {name: np.zeros(600_000, np.uint8) for name in ("one", "two", "three")}
    for name, array in made.items():
        jobs.want(name, "leaving", lambda report, array=array: array).future.result(20)
    wait_until(lambda: jobs.kept("two", "staying") is not None, "the jobs come to this")
    assert all(jobs.kept(name) is not None for name in made)
    job = jobs.want("endless", "leaving", endless)
    begun.wait(20)
    jobs.leave("leaving")
    wait_until(job.future.done, "the jobs come to this")
    assert was_stopped(job)
    assert jobs.kept("one") is None, "the older of two that are too large for what nobody wants"
    assert jobs.kept("three") is made["three"]
    assert jobs.kept("two") is made["two"]


def test_a_result_is_kept_before_who_waits_for_it_is_told() -> None:
    jobs = Jobs(1, MEGABYTE)
    seen: list[object] = []
    job = jobs.want("k", "a", lambda report: time.sleep(0.05) or 7)
    job.future.add_done_callback(lambda _: seen.append(jobs.kept("k")))
    job.future.result(20)
    wait_until(lambda: bool(seen), "the jobs come to this")
    assert seen == [7]


def test_what_has_just_ended_is_not_made_again() -> None:
    jobs = Jobs(1, MEGABYTE)
    jobs.want("k", "a", lambda report: 7).future.result(20)
    again = jobs.want("k", "b", lambda report: 8)
    assert again.future.done()
    assert again.future.result() == 7


def test_who_leaves_frees_the_worker_though_nobody_asks_for_anything() -> None:
    jobs = Jobs(1, MEGABYTE)
    begun, endless = endless_work()
    job = jobs.want("k", "leaving", endless)
    begun.wait(20)
    jobs.leave("leaving")
    with pytest.raises(StoppedError):
        job.future.result(20)


def test_jobs_that_are_let_go_leave_no_thread_behind() -> None:
    before = threading.active_count()
    made = [Jobs(1, MEGABYTE) for _ in range(5)]
    assert threading.active_count() == before + 5
    made.clear()
    wait_until(lambda: threading.active_count() == before, "the jobs come to this")
