"""The gradient of what a layer of any network gives at one place of its map."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError


def gradient_map(
    network: nn.Module, layer: str, x: Tensor, place: tuple[float, float]
) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
    """The gradient of what a layer gives at one place, for one picture.

    The forward ends at the layer.

    Args:
        network: private to this thread.
        layer: path of a layer.
        x: (1, 3, H, W).
        place: (x, y) in [0, 1].

    Returns:
        The gradient (3, H, W) of the sum over channels of ReLU(output) at the position, the
        position (row, column), and the size of the layer's map.

    Raises:
        ModelError: the layer gives no map, does not run, or does not depend on the picture.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        with _ending_at(network, layer) as outputs, suppress(_EnoughError):
            try:
                network(x)
            except (RuntimeError, ValueError, AssertionError) as error:
                raise ModelError(
                    f"The network does not run on a picture of {x.shape[-1]} pixels: "
                    f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
                ) from error
        if not outputs:
            raise ModelError(f"{layer} does not run in a forward: choose another layer.")
        features = _as_map(outputs[0], layer, network)
        height, width = features.shape[2:]
        row = min(int(place[1] * height), height - 1)
        column = min(int(place[0] * width), width - 1)
        value = features[:, :, row, column].relu().sum()
        if not value.requires_grad:
            raise ModelError(f"{layer} does not depend on the picture: choose another layer.")
        (gradient,) = torch.autograd.grad(value, x)
        return gradient[0], (row, column), (height, width)


def check_layer(network: nn.Module, layer: str) -> None:
    """Refuse a path that does not name a layer of the network.

    Raises:
        ModelError: no such layer; the message names those beside it.
    """
    paths = [name for name, _ in network.named_modules() if name]
    if layer not in paths:
        outer = layer.rpartition(".")[0]
        near = [path for path in paths if path.rpartition(".")[0] == outer]
        near = near or [path for path in paths if "." not in path]
        raise ModelError(f"There is no layer {layer!r}: choose one such as {', '.join(near[:12])}.")


def untrained_copy(network: nn.Module) -> tuple[nn.Module, int]:
    """A copy of a network whose layers were reset to random weights (seed 0).

    Args:
        network: private to this thread.

    Returns:
        The copy, and how many parameters lie in modules that cannot be reset and so are as given.
    """
    copied = copy.deepcopy(network)
    reset: set[int] = set()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for module in copied.modules():
            again = getattr(module, "reset_parameters", None)
            if callable(again):
                again()
                reset.update(id(one) for one in module.parameters(recurse=False))
    kept = sum(one.numel() for one in copied.parameters() if id(one) not in reset)
    return copied.eval(), kept


class _EnoughError(Exception):
    """The layer has run."""


@contextmanager
def _ending_at(network: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """A hook that keeps what a layer gives and ends the forward; of tuples the first tensor."""
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Any) -> None:
        while isinstance(output, tuple | list) and output:
            output = output[0]
        outputs.append(output.clone() if isinstance(output, Tensor) else output)
        raise _EnoughError

    handle = network.get_submodule(layer).register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()


def _as_map(output: Any, layer: str, network: nn.Module) -> Tensor:
    """A layer's output as (N, C, h, w)."""
    if isinstance(output, Tensor) and output.ndim == 4:
        last = output.shape[1] == output.shape[2] != output.shape[3]  # channels last, as in Swin
        found = output.permute(0, 3, 1, 2) if last else output
        if found.shape[2:].numel() > 1:
            return found
    if isinstance(output, Tensor) and output.ndim == 3:  # tokens, after those of no place
        before = int(getattr(network, "num_prefix_tokens", 0))
        side = isqrt(output.shape[1] - before)
        if side > 1 and side**2 == output.shape[1] - before:
            places: Tensor = torch.unflatten(output[:, before:].transpose(1, 2), 2, (side, side))
            return places
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ModelError(
        f"{layer} gives {shape} and no map of places: choose a layer whose output is (N, C, H, W)."
    )
