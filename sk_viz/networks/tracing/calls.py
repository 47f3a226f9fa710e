"""Meeting the softmaxes of a forward where Python calls them, without a hook on any module."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

GateKind = Literal["softmax", "sigmoid"]

_KINDS: Mapping[Any, GateKind] = {
    F.softmax: "softmax",
    torch.softmax: "softmax",
    torch.Tensor.softmax: "softmax",
    torch.special.softmax: "softmax",
    F.sigmoid: "sigmoid",
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
    torch.special.expit: "sigmoid",
}


class GateCall(NamedTuple):
    """One call of a softmax or sigmoid.

    Attributes:
        kind: which of the two.
        path: dotted path of the module that calls it.
        call: which of that module's calls of it in one forward, from 0.
    """

    kind: GateKind
    path: str
    call: int


class GateCalls(TorchFunctionMode):
    """While it is entered, meets the softmaxes and sigmoids that this thread calls.

    Each is known by the module that calls it and by which of that module's calls it is, so that
    somebody's hook that calls a softmax does not shift the others.

    Args:
        network: whose modules they are.
        kinds: what to meet.
    """

    def __init__(
        self, network: nn.Module, kinds: Collection[GateKind] = ("softmax", "sigmoid")
    ) -> None:
        super().__init__()
        self._met = {func: kind for func, kind in _KINDS.items() if kind in kinds}
        self._network = network
        self._names: dict[int, str] = {}
        self._counts: dict[tuple[GateKind, str], int] = {}

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch. Every one of a forward passes here, so this must be quick."""
        if func not in self._met:
            return func(*args, **kwargs) if kwargs else func(*args)
        kind = self._met[func]
        path = self.where()
        call = self._counts.get((kind, path), 0)
        self._counts[kind, path] = call + 1
        made = GateCall(kind, path, call)
        self.before(made)
        return self.after(made, func(*args, **(kwargs or {})))

    def where(self) -> str:
        """Dotted path of the module whose method runs at the moment, the innermost one."""
        if not self._names:
            self._names.update(module_names(self._network))
        return calling_module(self._names)

    def before(self, call: GateCall) -> None:
        """Called before a softmax or sigmoid runs."""

    def after(self, call: GateCall, output: Tensor) -> Tensor:  # noqa: ARG002
        """Called with its output; what this returns is what the network gets."""
        return output


class CountedCalls(GateCalls):
    """The same, and counts the functions of torch that are called.

    Attributes:
        steps: how many were called so far.
    """

    def __init__(
        self, network: nn.Module, kinds: Collection[GateKind] = ("softmax", "sigmoid")
    ) -> None:
        super().__init__(network, kinds)
        self.steps = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch."""
        self.steps += 1
        output = super().__torch_function__(func, types, args, kwargs)
        self.made(output)
        return output

    def made(self, output: Any) -> None:
        """Called with what any function of torch returned."""


def module_names(network: nn.Module) -> dict[int, str]:
    """Dotted path of each module of a network, by identity.

    The same as ``named_modules`` gives, several times as fast: it is needed in every forward.
    """
    names: dict[int, str] = {}
    waiting: list[tuple[nn.Module, str]] = [(network, "")]
    while waiting:
        module, path = waiting.pop()
        if id(module) in names:
            continue
        names[id(module)] = path
        prefix = f"{path}." if path else ""
        children = [(c, prefix + name) for name, c in module._modules.items() if c is not None]
        waiting += children[::-1]
    return names


def calling_module(names: Mapping[int, str]) -> str:
    """Dotted path of the innermost module of a network whose method runs at the moment.

    It is found on the stack of calls, since hooks on modules would be seen by other threads.

    Args:
        names: of :func:`module_names`.
    """
    frame = sys._getframe(1)
    while True:
        code = frame.f_code
        if code.co_argcount:
            first = frame.f_locals.get(code.co_varnames[0])
            if isinstance(first, nn.Module) and id(first) in names:
                return names[id(first)]
        if frame.f_back is None:
            return ""
        frame = frame.f_back
