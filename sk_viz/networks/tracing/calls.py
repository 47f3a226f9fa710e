"""Meeting the softmaxes of a forward where Python calls them, without a hook on any module."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal

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


class GateCalls(TorchFunctionMode):
    """While it is entered, meets the softmaxes and sigmoids that this thread calls.

    Attributes:
        steps: how many functions of torch were called so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self._counts: dict[GateKind, int] = {"softmax": 0, "sigmoid": 0}

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch."""
        self.steps += 1
        kind = _KINDS.get(func)
        if kind is None:
            output = func(*args, **(kwargs or {}))
            self.made(output)
            return output
        call = self._counts[kind]
        self._counts[kind] = call + 1
        self.before(kind, call)
        return self.after(kind, call, func(*args, **(kwargs or {})))

    def before(self, kind: GateKind, call: int) -> None:
        """Called before a softmax or sigmoid runs, with its number among those of its kind."""

    def after(self, kind: GateKind, call: int, output: Tensor) -> Tensor:  # noqa: ARG002
        """Called with its output; what this returns is what the network gets."""
        return output

    def made(self, output: Any) -> None:
        """Called with what any other function of torch returned."""


def module_names(network: nn.Module) -> Mapping[int, str]:
    """Dotted path of each module of a network, by identity."""
    return {id(module): name for name, module in network.named_modules()}


def calling_module(names: Mapping[int, str]) -> str:
    """Dotted path of the module whose method runs at the moment, the innermost one.

    It is found on the stack of calls, since hooks on modules would be seen by other threads.
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
