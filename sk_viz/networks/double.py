"""A private double of a network, to put hooks on while others use the network itself.

A double shares the weights, so it costs a few milliseconds and no memory; its modules are its
own. What is put on it is thrown away with it: nothing needs to be undone, also after an
exception, no lock is needed, and no other thread ever sees it.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError

if TYPE_CHECKING:
    from sk_viz.networks.unit import Unit

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


def branch_modules(network: nn.Module, unit: Unit) -> tuple[nn.Module, ...]:
    """The branches of a unit, in the order of its kernels.

    A branch is the largest module that runs all of its convolutions and none of another branch; of
    a branch without such a module, the module of its last convolution.

    Raises:
        ModelError: the convolutions of a branch are not modules.
    """
    return tuple(
        network.get_submodule(_branch_path(network, unit, index))
        for index in range(len(unit.convolutions))
    )


def _branch_path(network: nn.Module, unit: Unit, index: int) -> str:
    own = unit.convolutions[index]
    others = [unit.path]
    others += [path for m, paths in enumerate(unit.convolutions) if m != index for path in paths]

    def holds_others(path: str) -> bool:
        return any(_inside(other, path) for other in others)

    path = _shared_path(own)
    if not own or holds_others(path):
        if not own or holds_others(own[-1]):
            raise ModelError(
                f"Branch {index} of {unit.name} is not a module of its own, so its output cannot "
                "be taken alone."
            )
        return own[-1]
    while path:
        outer = path.rpartition(".")[0]
        container = isinstance(network.get_submodule(outer), nn.ModuleList | nn.ModuleDict)
        if container or holds_others(outer):
            break
        path = outer
    return path


def _inside(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(f"{outer}.")


def _shared_path(paths: Iterable[str]) -> str:
    """The path of the smallest module that holds all modules at some paths."""
    parts = [path.split(".") if path else [] for path in paths]
    shared: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared)


def _shared(tensor: Tensor, meta: bool) -> Tensor:
    return torch.empty_like(tensor, device="meta") if meta else tensor.detach()
