"""The survey on one machine: in this process, or in one process for each of several GPUs."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from sk_viz.errors import ModelError, PictureError
from sk_viz.pictures.decoding.isolated import PROCESSES
from sk_viz.surveys.engines.process import WorkerProcess
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.worker import BatchCount, Worker

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model


def run(plan: SurveyPlan, model: Model, parts: Sequence[int]) -> Iterator[BatchCount]:
    """Measure parts on every device of the model's kind."""
    every = model.device.type == "cuda" and model.device.index is None
    count = torch.cuda.device_count() if every else 1
    # A network of its user's own has no id by which another process could load it.
    if count == 1 or len(parts) == 1 or model.kind == "given":
        yield from Worker(plan, model, decoders_of(_cores())).run(parts)
        return
    yield from run_processes(plan, model.id, [f"cuda:{n}" for n in range(count)], parts)


def run_processes(
    plan: SurveyPlan, model_id: str, devices: Sequence[str], parts: Sequence[int]
) -> Iterator[BatchCount]:
    """Measure parts in one new process a device; a part goes to whichever is free.

    Args:
        plan: how.
        model_id: loaded again in each process.
        devices: torch's names of them.
        parts: which.

    Raises:
        ModelError: a process ended before its work did, or said why it cannot continue; its parts
            are done when the survey is started again.
        PictureError: a source or folder that cannot be used.
    """
    waiting, lock = iter(parts), threading.Lock()

    def next_part() -> int | None:
        with lock:
            return next(waiting, None)

    said: queue.SimpleQueue[BatchCount | ModelError | PictureError | None] = queue.SimpleQueue()
    decoders = decoders_of(_cores() // len(devices))
    processes: list[WorkerProcess] = []
    try:
        for device in devices:
            processes.append(WorkerProcess(plan, model_id, device, decoders, next_part, said.put))
        working = len(processes)
        while working:
            counted = said.get()
            if counted is None:
                working -= 1
            elif isinstance(counted, BatchCount):
                yield counted
            else:
                raise counted
    finally:
        for process in processes:
            process.end()


def decoders_of(cores: int) -> int:
    """How many pictures to decode at a time beside a network, of the cores that it may use."""
    return min(max(cores, 2), PROCESSES)


def _cores() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
