"""The survey on one machine: in this process, or in one process for each of several GPUs."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch

from sk_viz.errors import ModelError
from sk_viz.pictures.isolated import PROCESSES
from sk_viz.surveys.measure import Step, Worker
from sk_viz.surveys.plan import Plan

if TYPE_CHECKING:
    from sk_viz.networks.zoo import Model


def run(plan: Plan, model: Model, parts: Sequence[int]) -> Iterator[Step]:
    """Measure parts on every device of the model's kind."""
    every = model.device.type == "cuda" and model.device.index is None
    count = torch.cuda.device_count() if every else 1
    if count == 1 or len(parts) == 1:
        yield from Worker(plan, model, decoders_of(_cores())).run(parts)
        return
    yield from run_processes(plan, model.id, [f"cuda:{n}" for n in range(count)], parts)


def run_processes(
    plan: Plan, model_id: str, devices: Sequence[str], parts: Sequence[int]
) -> Iterator[Step]:
    """Measure parts in one new process a device; a part goes to whichever is free.

    Args:
        plan: how.
        model_id: loaded anew in each process.
        devices: torch's names of them.
        parts: which.

    Raises:
        ModelError: a process ended before its work did; its parts are done when the survey is
            started again.
    """
    context = multiprocessing.get_context("spawn")
    waiting: Any = context.Queue()
    steps: Any = context.Queue()
    for part in [*parts, *[None] * len(devices)]:
        waiting.put(part)
    decoders = decoders_of(_cores() // len(devices))
    processes = [
        context.Process(
            target=_work, args=(plan, model_id, d, decoders, waiting, steps), daemon=True
        )
        for d in devices
    ]
    for process in processes:
        process.start()
    try:
        working = len(processes)
        while working:
            try:
                step = steps.get(timeout=1.0)
            except queue.Empty:
                if any(process.exitcode for process in processes):
                    raise ModelError(
                        "A process of the survey ended early (see above): give the same command "
                        "again to go on."
                    ) from None
                continue
            if step is None:
                working -= 1
            else:
                yield step
    finally:
        for process in processes:
            process.terminate()
            process.join()


def decoders_of(cores: int) -> int:
    """How many pictures to decode at a time beside a network, of the cores that it may use."""
    return min(max(cores, 2), PROCESSES)


def _cores() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _work(plan: Plan, model_id: str, device: str, decoders: int, waiting: Any, steps: Any) -> None:
    """The life of one process: parts from one queue, steps into the other, None at the end."""
    from sk_viz.networks.zoo import load_model

    worker = Worker(plan, load_model(model_id, device), decoders)
    parent = multiprocessing.parent_process()
    while (part := waiting.get()) is not None:
        if parent is not None and not parent.is_alive():  # killed: nobody takes the steps
            return
        for step in worker.run([part]):
            steps.put(step)
    steps.put(None)
