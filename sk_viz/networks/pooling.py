"""Taking the global mean of every gate over a part of the picture, for one forward.

An SK unit chooses by the global mean of its maps (paper, equation 2), that is, by all that is in
the frame. With the mean over a window, it chooses by what the window shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from sk_viz.errors import ModelError
from sk_viz.networks.tracing.calls import calling_module, module_names
from sk_viz.networks.units import Unit

# Left, top, right, bottom in shares of the sides.
Region = tuple[float, float, float, float]

_MEANS = (torch.mean, Tensor.mean)
_GATES = (F.softmax, torch.softmax, Tensor.softmax, F.sigmoid, torch.sigmoid, Tensor.sigmoid)


@contextmanager
def pooled_gates(network: nn.Module, units: Sequence[Unit], region: Region) -> Iterator[None]:
    """Let every unit of a network choose by the mean over a region of its maps.

    Nothing is put on the network: a mode of torch, entered by this thread alone, replaces the
    means that the units' own modules take of their maps. A place of a map that lies across the
    region's edge counts by the part of it that lies inside.

    Args:
        network: that this thread runs once inside the context.
        units: its units.
        region: left, top, right, bottom in shares of the picture's sides, in [0, 1].

    Raises:
        ModelError: at the end, where the choice of a unit was not made from a global mean that
            its module takes.
    """
    mode = _PooledGates(network, units, region)
    with mode:
        yield
    missed = [unit.name for unit in units if unit.name not in mode.met]
    if missed:
        raise ModelError(
            f"The choice of {', '.join(missed)} does not come from a global mean that can be taken "
            "over a window: leave out the control window."
        )


class _PooledGates(TorchFunctionMode):
    def __init__(self, network: nn.Module, units: Sequence[Unit], region: Region) -> None:
        super().__init__()
        self._names = module_names(network)
        self._paths = {unit.name: unit.path for unit in units}
        self._region = region
        self.met: set[str] = set()
        self._chosen: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch, with a gate's mean taken over the region."""
        given = dict(kwargs or {})
        if func in _GATES:
            path = calling_module(self._names)
            self._chosen.update(name for name, gate in self._paths.items() if gate == path)
        axes = _pooled_axes(func, args, given)
        if axes and (unit := self._unit()) is not None:
            self.met.add(unit)
            weighted = _weighted(args[0], axes, self._region)
            return func(weighted, *args[1:], **given)
        return func(*args, **given)

    def _unit(self) -> str | None:
        """The unit whose module takes the mean that is being called, before it has chosen."""
        path = calling_module(self._names)
        for name, gate in self._paths.items():
            places = (gate, gate.rpartition(".")[0])
            inside = path in places or path.rpartition(".")[0] in places
            if inside and name not in self._chosen:
                return name
        return None


def _pooled_axes(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[int, int]:
    """Which axes of the first argument are averaged whole: 0 for rows, 1 for columns.

    Empty where the call is not a mean over the places of maps.
    """
    if not args or not isinstance(args[0], Tensor):
        return {}
    last = args[0].ndim - 1
    if func is F.adaptive_avg_pool2d:
        size = args[1] if len(args) > 1 else kwargs.get("output_size")
        whole = size == 1 or (isinstance(size, tuple | list) and all(n == 1 for n in size))
        return {last - 1: 0, last: 1} if whole else {}
    dims = (args[1] if len(args) > 1 else kwargs.get("dim")) if func in _MEANS else None
    axes = [] if dims is None else [dims] if isinstance(dims, int) else list(dims)
    axes = sorted(axis % (last + 1) for axis in axes)
    if axes == [last - 1, last]:
        return {last - 1: 0, last: 1}
    # One axis a call: columns first, and rows of what is left.
    return {last: 1 if last >= 3 else 0} if axes == [last] and last >= 2 else {}


def _weighted(x: Tensor, axes: Mapping[int, int], region: Region) -> Tensor:
    """Maps times weights of mean 1, so that their mean is that over the region."""
    for axis, direction in axes.items():
        low, high = region[1 - direction], region[3 - direction]
        count = x.shape[axis]
        edges = torch.arange(count, dtype=torch.float64)
        inside = torch.minimum(edges + 1, torch.tensor(high * count, dtype=torch.float64))
        inside = (inside - torch.maximum(edges, torch.tensor(low * count))).clamp(min=0)
        weights = (inside * count / inside.sum()).to(x)
        shape = [1] * x.ndim
        shape[axis] = count
        x = x * weights.view(shape)
    return x
