"""Work that takes its time: run once for all who ask, with progress, kept, and stopped on wish.

A page that waits is a Streamlit script that may be ended at any ``st.*`` call. So the work runs on
threads of its own, which never touch the page; a rerun of the script finds the same job again by
its key and waits on. A job that nobody wants any more is stopped.
"""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import pandas as pd

from sk_viz.app.server.heap import give_back
from sk_viz.types import Progress

_OBJECT, _TABLE = 64, 8192  # bytes of any object, and of a table beside its values

_SETTLED = 1.0  # seconds after the last of some sessions left

Work = Callable[[Progress], Any]


class StoppedError(Exception):
    """The job was stopped because nobody wants it any more."""


class Job:
    """One piece of work.

    Attributes:
        key: what it computes; equal keys are equal results.
        future: holds the result, or what the work raised.
        done: steps done so far.
        total: steps in all, 0 while unknown.
    """

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.future: Future[Any] = Future()
        self.done = 0
        self.total = 0
        self.wanted_by: set[str] = set()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let the work end at its next report; at once when it has not begun."""
        self._stop.set()
        self.future.cancel()

    def report(self, done: int, total: int) -> None:
        """Called by the work between its steps; raises StoppedError when it was stopped."""
        self.done, self.total = done, total
        if self._stop.is_set():
            raise StoppedError


class Jobs:
    """The running jobs of the process and the results it keeps, bounded by their size.

    Args:
        workers: jobs that run at a time.
        max_bytes: of all results.
        max_idle_bytes: of those that were asked for by sessions alone that have left.
    """

    def __init__(self, workers: int, max_bytes: int, max_idle_bytes: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sk-viz-job")
        self._max_bytes = max_bytes
        self._max_idle_bytes = max_bytes if max_idle_bytes is None else max_idle_bytes
        self._lock = threading.Lock()
        self._running: OrderedDict[Hashable, Job] = OrderedDict()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._workers = workers
        self._left: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(
            target=_see_off, args=(weakref.ref(self), self._left), name="sk-viz-left", daemon=True
        ).start()
        weakref.finalize(self, self._left.put, None)

    def kept(self, key: Hashable, session: str | None = None) -> Any | None:
        """The result, when it is at hand; a session that is named wants it from now on."""
        with self._lock:
            return self._find(key, session)

    def leave(self, session: str) -> None:
        """The session is gone: what it alone wanted is stopped, and kept only where there is room.

        Returns at once, for the server's loop to go on; a thread of its own sees to it.
        """
        self._left.put(session)

    def want(self, key: Hashable, session: str, work: Work) -> Job:
        """The job of this key: one that runs already or has just ended, or a new one."""
        with self._lock:
            job = self._running.get(key)
            if job is not None:
                job.wanted_by.add(session)
                return job
            job = Job(key)
            job.wanted_by.add(session)
            if (result := self._find(key, session)) is not None:
                job.future.set_result(result)
                return job
            self._running[key] = job
            self._pool.submit(self._run, job, work)
        return job

    def release(self, key: Hashable, session: str) -> None:
        """The session wants this no more."""
        with self._lock:
            job = self._running.get(key)
            if job is None:
                return
            job.wanted_by.discard(session)
            if job.wanted_by:
                return
            del self._running[key]
        job.stop()

    def ahead_of(self, job: Job) -> int:
        """How many jobs must end before this one begins."""
        with self._lock:
            before = list(self._running)
        place = before.index(job.key) if job.key in before else 0
        return max(0, place - self._workers + 1)

    def _find(self, key: Hashable, session: str | None) -> Any | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        if session is not None:
            kept.wanted_by.add(session)
        return kept.result

    def _run(self, job: Job, work: Work) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            job.report(0, 0)
            result = work(job.report)
        except BaseException as error:  # handed to whoever waits
            with self._lock:
                self._end(job)
            job.future.set_exception(error)
            return
        with self._lock:  # before who waits is told, who then looks among what is kept
            self._end(job)
            self._keep(job, result)
        job.future.set_result(result)

    def _end(self, job: Job) -> None:
        if self._running.get(job.key) is job:
            del self._running[job.key]

    def _keep(self, job: Job, result: Any) -> None:
        size = size_of(result)
        if size > self._max_bytes:
            return
        self._kept[job.key] = _Kept(result, size, set(job.wanted_by))
        self._kept.move_to_end(job.key)
        self._trim()

    def _forget(self, session: str) -> None:
        with self._lock:
            running = [k for k, job in self._running.items() if session in job.wanted_by]
            for kept in self._kept.values():
                if session in kept.wanted_by:
                    kept.wanted_by.discard(session)
                    kept.size = size_of(kept.result)  # with what it has worked out since
            self._trim()
        for key in running:
            self.release(key, session)

    def _trim(self) -> None:
        """Let go of the oldest: first of those that nobody wants, then of all."""
        for bound, unwanted in ((self._max_idle_bytes, True), (self._max_bytes, False)):
            chosen = [k for k, kept in self._kept.items() if not (unwanted and kept.wanted_by)]
            held = sum(self._kept[key].size for key in chosen)
            for key in chosen:
                if held <= bound:
                    break
                held -= self._kept.pop(key).size


@dataclasses.dataclass
class _Kept:
    result: Any
    size: int
    wanted_by: set[str]


def _see_off(jobs: weakref.ref[Jobs], left: SimpleQueue[str | None]) -> None:
    """Forget each session that leaves, until the jobs are gone; then give back its memory.

    A while later, since Streamlit lets go of a session after it has said that it leaves, and once
    for many that leave together.
    """
    owed = False
    while True:
        try:
            session = left.get(timeout=_SETTLED if owed else None)
        except Empty:
            give_back()
            owed = False
            continue
        if session is None:
            return
        present = jobs()
        if present is not None:
            present._forget(session)
        del present
        owed = True


def was_stopped(job: Job) -> bool:
    """Whether a finished job ended because it was stopped."""
    return job.future.cancelled() or isinstance(
        job.future.exception(), StoppedError | CancelledError
    )


def size_of(value: Any) -> int:
    """About how many bytes a result holds: its tables and arrays, and those of its fields.

    What a result has worked out and remembers (``cached_property``) is counted, too.
    """
    if isinstance(value, pd.DataFrame):
        return _TABLE + int(value.memory_usage(index=True).sum())
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes | str):
        return _OBJECT + len(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    return _OBJECT + (sum(map(size_of, value)) if isinstance(value, tuple | list) else 0)
