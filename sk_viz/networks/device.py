"""Where a network runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sk_viz.errors import ModelError


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is ``SK_VIZ_DEVICE`` or the fastest one at hand.

    Args:
        name: ``auto``, ``cuda``, ``cuda:1``, ``mps`` or ``cpu``.

    Raises:
        ModelError: this machine has no such device.
    """
    if name == "auto":
        name = os.environ.get("SK_VIZ_DEVICE") or "auto"
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cuda", "mps", "cpu"):
        raise ModelError(f"There is no device {name!r}: choose auto, cuda, mps or cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"This machine has no CUDA device {name!r}: choose auto or cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("This machine has no MPS device: choose auto or cpu.")
    return device


@contextmanager
def device_errors() -> Iterator[None]:
    """Let a device that ran out of memory, or that is lost, be one sentence.

    Raises:
        ModelError: in place of what torch, or Python itself, raises then.
    """
    try:
        yield
    except Exception as error:
        sentence = device_sentence(error)
        if sentence is None:
            raise
        raise ModelError(sentence) from error


def device_sentence(error: Exception) -> str | None:
    """What to tell a user whose device ran out of memory or is lost; None for any other error."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return (
            "The memory of the device is too small for this: choose the device cpu, fewer scales, "
            "or a smaller model."
        )
    if isinstance(error, torch.AcceleratorError):
        said = str(error).strip().partition("\n")[0].rstrip(".")
        return f"The device stopped working ({said}): choose the device cpu, or start SK-Viz again."
    return None


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, for evaluation; channels last on CUDA, where that is faster."""
    network = network.eval().requires_grad_(False)
    if device.type == "cuda":
        network = network.to(memory_format=torch.channels_last)
    return network.to(device)
