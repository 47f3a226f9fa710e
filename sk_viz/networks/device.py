"""Where a network runs."""

from __future__ import annotations

import os

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
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cuda", "mps", "cpu"):
        raise ModelError(f"There is no device {name!r}: choose auto, cuda, mps or cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"This machine has no CUDA device {name!r}: choose auto or cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("This machine has no MPS device: choose auto or cpu.")
    return device


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, for evaluation; channels last on CUDA, where that is faster."""
    network = network.eval().requires_grad_(False)
    if device.type == "cuda":
        network = network.to(memory_format=torch.channels_last)
    return network.to(device)
