"""The gradient of a step, computed by several processes that share the weights.

On a CPU a small network computes faster as one thread each of two processes than as two threads of
one: they wait for each other once a step and not after each layer.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Semaphore
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.training.data.sampler import Sampler
from sk_viz.training.optimisation import keep_branches_exact
from sk_viz.training.recipe import Recipe

Forward = Callable[[Tensor], Tensor]
_PATIENCE = 5.0  # seconds between looks whether the other process still lives


def forward_of(network: nn.Module, recipe: Recipe, compiled: bool) -> Forward:
    """What computes the logits in training."""
    network.train()
    if recipe.mixed:
        keep_branches_exact(network)
    return torch.compile(network) if compiled else network


def backward(
    forward: Forward, sampler: Sampler, step: int, part: int, parts: int, device: torch.device
) -> float:
    """Leave the gradient of one part of a step's batch on the weights.

    Returns:
        The loss, which may be no number.
    """
    recipe = sampler.recipe
    pictures, targets = (t.to(device) for t in sampler.batch(step, part, parts))
    with torch.autocast(device.type, torch.bfloat16, enabled=recipe.mixed):
        logits = forward(pictures)
    loss = nn.functional.cross_entropy(logits.float(), targets, label_smoothing=recipe.smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


class Partners:
    """The other processes; a context that ends them.

    Args:
        network: its weights are shared and changed by this process alone.
        sampler: of the batches.
        compiled: run through torch.compile.
        steps: what is computed, in order.
        parts: processes in all, with this one.
    """

    def __init__(
        self, network: nn.Module, sampler: Sampler, compiled: bool, steps: range, parts: int
    ) -> None:
        self._parts = parts
        self._threads = torch.get_num_threads()
        self._each = max(1, self._threads // parts)
        if parts > 1:
            network.share_memory()
        self._others = [
            _Other(_Part(network, sampler, compiled, steps, part, parts, self._each))
            for part in range(1, parts)
        ]

    def __enter__(self) -> Partners:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for other in self._others:
            other.end()
        torch.set_num_threads(self._threads)

    def begin(self) -> None:
        """Let them compute their parts of the next step on the weights as they are."""
        if self._others:
            torch.set_num_threads(self._each)
        for other in self._others:
            other.go.release()

    def add_to(self, network: nn.Module, loss: float) -> float:
        """Wait for their gradients, and leave the mean of all parts on the network.

        Args:
            network: which holds the gradient of this process's part.
            loss: of that part.

        Returns:
            The mean loss of all parts.

        Raises:
            ModelError: a process ended.
        """
        for other in self._others:
            other.wait()
        with torch.no_grad():
            for place, parameter in enumerate(network.parameters()):
                assert parameter.grad is not None
                for other in self._others:
                    parameter.grad.add_(other.gradients[place])
                parameter.grad.div_(self._parts)
        torch.set_num_threads(self._threads)  # the others wait
        return (loss + sum(other.loss.item() for other in self._others)) / self._parts


@dataclass(frozen=True)
class _Part:
    """What one of the other processes computes: its part of each step's batch."""

    network: nn.Module
    sampler: Sampler
    compiled: bool
    steps: range
    part: int
    parts: int
    threads: int


class _Other:
    def __init__(self, task: _Part) -> None:
        context = torch.multiprocessing.get_context("spawn")
        self.go: Semaphore = context.Semaphore(0)
        self.done: Semaphore = context.Semaphore(0)
        self.loss = _shared(torch.zeros(()))
        self.gradients = [_shared(torch.zeros_like(p)) for p in task.network.parameters()]
        self._process = context.Process(
            target=_compute,
            args=(task, self.go, self.done, self.loss, self.gradients),
            daemon=True,
        )
        self._process.start()

    def wait(self) -> None:
        while not self.done.acquire(timeout=_PATIENCE):
            if not self._process.is_alive():
                raise ModelError(
                    "A process that computes a part of the training ended; start the same command "
                    "again, and it goes on from the last checkpoint."
                )

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _compute(
    task: _Part, go: Semaphore, done: Semaphore, loss: Tensor, gradients: list[Tensor]
) -> None:
    """What another process does: the gradients of its part, step by step."""
    torch.set_num_threads(task.threads)
    network, sampler = task.network, task.sampler
    _own_buffers(network)
    forward = forward_of(network, sampler.recipe, task.compiled)
    parameters = list(network.parameters())
    device = parameters[0].device
    parent: Any = multiprocessing.parent_process()
    for step in task.steps:
        while not go.acquire(timeout=_PATIENCE):
            if not parent.is_alive():
                return
        network.zero_grad(set_to_none=True)
        loss.fill_(backward(forward, sampler, step, task.part, task.parts, device))
        for parameter, shared in zip(parameters, gradients, strict=True):
            assert parameter.grad is not None
            shared.copy_(parameter.grad)
        done.release()


def _shared(values: Tensor) -> Tensor:
    shared: Tensor = values.share_memory_()  # type: ignore[no-untyped-call]
    return shared


def _own_buffers(network: nn.Module) -> None:
    """The statistics of norms are those of the first part alone, so that no two write them."""
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.clone())
