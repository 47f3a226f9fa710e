"""A private double of a network, to put hooks on while others use the network itself.

A double shares the weights, so it costs a few milliseconds and no memory; its modules are its
own. What is put on it is thrown away with it: nothing needs to be undone, also after an
exception, no lock is needed, and no other thread ever sees it.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit

_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def without_hooks(network: nn.Module) -> dict[int, object]:
    """A memo for ``copy.deepcopy`` with which a copy of a network carries no hooks of others.

    What computes a weight before each forward stays: weight norm, spectral norm and pruning of
    ``torch.nn.utils`` are hooks too. Tensors with a graph that a module keeps, such as outputs
    remembered by a hook, become constants, since they cannot be copied.
    """
    memo: dict[int, object] = {}
    for module in network.modules():
        for name in _HOOKS:
            hooks = getattr(module, name)
            own = [(key, hook) for key, hook in list(hooks.items()) if _computes_a_weight(hook)]
            memo[id(hooks)] = OrderedDict(own)
        for value in list(vars(module).values()):
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach()
    return memo


def _computes_a_weight(hook: object) -> bool:
    return type(hook).__module__.startswith("torch.nn.utils.")


def double_of(network: nn.Module, *, meta: bool = False) -> nn.Module:
    """A double of a network, in evaluation mode, whose weights ask for no gradient.

    Hooks that somebody has on the network at this moment are left behind.

    Args:
        network: any network; it is not changed.
        meta: leave the numbers away too, for a forward that costs nothing and only tells shapes.
    """
    memo = without_hooks(network)
    # Tensors made in inference mode could not be differentiated through.
    with torch.inference_mode(False):
        for parameter in network.parameters():
            memo[id(parameter)] = nn.Parameter(_shared(parameter, meta), requires_grad=False)
        for buffer in network.buffers():
            memo[id(buffer)] = _shared(buffer, meta)
    return copy.deepcopy(network, memo).eval()


def hold_gates(double: nn.Module, units: tuple[Unit, ...]) -> None:
    """Make the branch weights that a double chooses constants of differentiation, in place."""
    for unit in units:
        double.get_submodule(unit.path).register_forward_hook(_as_constant)


def selective_module(network: nn.Module, unit: Unit) -> nn.Module:
    """The module of a unit that holds its branches; its output is their weighted sum V."""
    return network.get_submodule(unit.path.rpartition(".")[0])


def branch_modules(network: nn.Module, unit: Unit) -> tuple[nn.Module, ...]:
    """The branches of a unit, in the order of its kernels.

    Raises:
        ModelError: no part of the unit holds one convolution of each of its kernels.
    """
    for container in selective_module(network, unit).children():
        branches = tuple(container.children())
        if tuple(_extent(branch) for branch in branches) == unit.kernels:
            return branches
    raise ModelError(f"The branches of {unit.name} were not found: its convolutions lie elsewhere.")


def _extent(branch: nn.Module) -> int | None:
    convolutions = [m for m in branch.modules() if isinstance(m, nn.Conv2d)]
    if len(convolutions) != 1:
        return None
    return 1 + int(convolutions[0].dilation[0]) * (int(convolutions[0].kernel_size[0]) - 1)


def _shared(tensor: Tensor, meta: bool) -> Tensor:
    return torch.empty_like(tensor, device="meta") if meta else tensor.detach()


def _as_constant(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return output.detach()
