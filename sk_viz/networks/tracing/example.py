"""What a network is shown to see what it computes, and the copy of it that is shown it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.double import without_hooks

PICTURES = 2  # one would hide mistakes about axes, and heads that squeeze
_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Sides to try, the cheap ones first: many networks take any, some a single one.
_SIDES = {1: (1024, 256, 4096, 16000), 2: (96, 224, 32, 256), 3: (32, 16, 64, 9)}

Example = Tensor | tuple[Any, ...] | list[Any] | Mapping[str, Any]


class NoExampleError(ModelError):
    """No example was given and the network does not run on any that was made."""


def unwrapped(network: nn.Module) -> nn.Module:
    """The network inside ``DataParallel`` and ``torch.compile``."""
    while True:
        if "_orig_mod" in network._modules:
            inner = network._modules["_orig_mod"]
        elif isinstance(network, _PARALLEL):
            inner = network.module
        else:
            return network
        assert isinstance(inner, nn.Module)
        network = inner


def is_plain(network: nn.Module) -> bool:
    """Whether a network can be read as it is: in evaluation mode, none of its parts wrapped."""
    waiting = [network]
    for part in waiting:  # which grows: this is several times as fast as ``modules``
        children = part._modules
        if part.training or "_orig_mod" in children or isinstance(part, _PARALLEL):
            return False
        waiting += [child for child in children.values() if child is not None]
    return True


def private_copy(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares the weights, without hooks and without wrappers.

    Raises:
        ModelError: the network cannot be copied.
    """
    network = unwrapped(network)
    memo = without_hooks(network)
    memo.update((id(t), t) for t in (*network.parameters(), *network.buffers()))
    try:
        copied = copy.deepcopy(network, memo)
    except Exception as error:  # modules may hold anything, a lock or a file
        raise ModelError(
            f"{type(network).__name__} cannot be copied ({_brief(error)}): remove what "
            "copy.deepcopy does not take, such as locks and open files."
        ) from error
    for module in copied.modules():
        for name, child in module.named_children():
            if (plain := unwrapped(child)) is not child:
                setattr(module, name, plain)
    return copied.eval()


def as_arguments(example: Example) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """An example as the arguments of a forward, with at least two pictures.

    Args:
        example: one tensor, a tuple of arguments, or a mapping of arguments by name.

    Raises:
        ModelError: no tensor in it.
    """
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}
    if isinstance(example, Mapping):
        args, kwargs = (), dict(example)
    elif isinstance(example, Tensor):
        args = (example,)
    elif isinstance(example, list | tuple):
        args = tuple(example)
    else:
        raise ModelError(
            f"The example is a {type(example).__name__}: give a tensor, a tuple of arguments, or "
            "a dict of arguments by name."
        )
    tensors = list(inputs((args, kwargs)))
    if not tensors:
        raise ModelError("The example has no tensor: give the network's input.")
    if all(t.ndim and len(t) == 1 for t in tensors):
        args, kwargs = _doubled(args), _doubled(kwargs)
    return args, kwargs


def inputs(values: Any) -> Iterator[Tensor]:
    """The tensors among arguments."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from inputs(value)
    elif isinstance(values, Mapping):
        yield from inputs(list(values.values()))


def examples(network: nn.Module) -> Iterator[Tensor]:
    """Pictures of noise that a network may take, the likeliest first.

    The number of channels and of axes is that of its first convolution, the size that of timm's
    ``pretrained_cfg`` where it has one that is fixed.

    Raises:
        ModelError: the network has no convolution or no weights.
    """
    first = next((m for m in network.modules() if isinstance(m, _CONVOLUTIONS)), None)
    if first is None:
        raise NoExampleError(
            f"No SK unit was found: {type(network).__name__} has no convolution. If it makes its "
            "convolutions in its forward, give an example of its input."
        )
    axes = len(first.kernel_size)
    weight = first.weight
    dtype = weight.dtype if weight.dtype.is_floating_point else torch.float32
    for side in _sides(network, axes):
        generator = torch.Generator("cpu").manual_seed(0)
        shape = (PICTURES, first.in_channels, *(side,) * axes)
        if weight.is_meta:
            yield torch.empty(shape, device="meta", dtype=dtype)
        else:
            noise = torch.randn(shape, generator=generator, device="cpu")
            yield noise.to(weight.device, dtype)


def _sides(network: nn.Module, axes: int) -> tuple[int, ...]:
    sides = _SIDES[axes]
    config: Any = getattr(network, "pretrained_cfg", None)
    try:
        known = int(config["input_size"][-1])
    except (TypeError, KeyError, IndexError, ValueError):
        return sides
    return tuple(dict.fromkeys((min(known, sides[0]), known, *sides[1:])))


def _doubled(values: Any) -> Any:
    if isinstance(values, Tensor):
        return torch.cat([values] * PICTURES)
    if isinstance(values, list | tuple):
        return type(values)(_doubled(v) for v in values)
    if isinstance(values, Mapping):
        return {name: _doubled(v) for name, v in values.items()}
    return values


def _brief(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
