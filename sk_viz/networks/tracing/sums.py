"""Weighted sums: which of them add up all that one softmax shares out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_viz.networks.tracing.graph import SHIFT, Graph, Origin
from sk_viz.networks.tracing.memory import Term, found_origins

_MOST_ELEMENTS = 1 << 17
_KEPT = 4  # places along an axis of a large map
_MASK = (1 << SHIFT) - 1


@dataclass(frozen=True, eq=False)
class Found:
    """A weighted sum over all branches, at some elements.

    Attributes:
        gate: number of the gate.
        axis: axis of its output along which the branches lie.
        weights: int64 (M, E) addresses of the weights, in their order along that axis.
        maps: int64 (M, E) addresses of the maps that they multiply.
    """

    gate: int
    axis: int
    weights: Tensor
    maps: Tensor


@dataclass(frozen=True, eq=False)
class Sum:
    """A weighted sum over all branches, and where it was made.

    Attributes:
        found: its weights and maps.
        path: dotted path of the module that made it.
        step: how many functions of torch had been called then.
    """

    found: Found
    path: str
    step: int


def spread(terms: Sequence[Term], result: Tensor) -> list[Term]:
    """Weighted maps in the shape of what they were broadcast to."""
    return [(w.expand(result.shape), m.expand(result.shape)) for w, m in terms]


def unbound(
    terms: Sequence[Term], args: Sequence[Any], kwargs: Mapping[str, Any], most: int
) -> list[Term]:
    """The weighted maps of a sum over axes: those of every index along them.

    Args:
        terms: of what is summed.
        args: of the operation: the tensor, axes, whether the axes are kept.
        kwargs: the same by name.
        most: how many indices to follow at most.
    """
    axes = args[1] if len(args) > 1 else kwargs.get("dim")
    keep = bool(args[2] if len(args) > 2 else kwargs.get("keepdim", False))
    if not terms or not axes:
        return []
    shape = terms[0][0].shape
    places = sorted({int(a) % len(shape) for a in ([axes] if isinstance(axes, int) else axes)})
    if math.prod(shape[a] for a in places) > most:
        return []
    kept: list[Term] = list(terms)
    for axis in reversed(places):
        kept = [
            (weight.select(axis, i), what.select(axis, i))
            for weight, what in kept
            for i in range(shape[axis])
        ]
    if keep:
        for axis in places:
            kept = [(weight.unsqueeze(axis), what.unsqueeze(axis)) for weight, what in kept]
    return kept


def complete(graph: Graph, terms: Sequence[Term]) -> Found | str | None:
    """Whether weighted maps hold all that one gate shares out, each once.

    Returns:
        The sum; or in a word why it is not one, ``"axis"`` for a sum along another axis than the
        softmax's, ``"part"`` for some of its weights alone; None if no gate has two of the terms.
    """
    reason: str | None = None
    sampled = [(_sample(weight), _sample(what)) for weight, what in terms]
    numbers = [found_origins(weight) for weight, _ in sampled]
    gates = {n[0] for n in numbers if len(n) == 1}
    for number in sorted(gates):
        own = [i for i, n in enumerate(numbers) if n == [number]]
        if len(own) < 2:
            continue
        weights = torch.stack([sampled[i][0].flatten() for i in own])
        maps = torch.stack([sampled[i][1].flatten() for i in own])
        if bool((weights < 0).any()) or bool((maps < 0).any()):
            continue
        found = _over_gate(graph, graph.origins[number], weights, maps)
        if isinstance(found, Found):
            return found
        reason = found or reason
    return reason


def indices(addresses: Tensor, origin: Origin, axis: int) -> Tensor:
    """The index along an axis of the origin's output, of each address."""
    place = origin.place(axis)
    if place is None:
        return torch.zeros_like(addresses)
    return (addresses & _MASK) // place[0] % place[1]


def _over_gate(graph: Graph, origin: Origin, weights: Tensor, maps: Tensor) -> Found | str | None:
    assert origin.gate is not None
    gate = graph.gates[origin.gate]
    along = [indices(weights, origin, axis) for axis in range(len(origin.shape))]
    moving = [axis for axis, index in enumerate(along) if bool((index != index[:1]).any())]
    if len(moving) != 1:
        return None
    axis = moving[0]
    if gate.axis is not None and axis != gate.axis:
        return "axis"
    if gate.axis is None and axis == 0:
        return None
    index, order = along[axis].sort(dim=0)
    size = origin.shape[axis]
    if len(index) < size:
        return "part" if gate.axis is not None else None
    if len(index) > size or not bool((index == torch.arange(size)[:, None]).all()):
        return None
    return Found(origin.gate, axis, weights.gather(0, order), maps.gather(0, order))


def _sample(values: Tensor) -> Tensor:
    """All elements, or a few places of a large map."""
    axis = values.ndim - 1
    while values.numel() > _MOST_ELEMENTS and axis > 0:
        size = values.shape[axis]
        if size > _KEPT and (axis > 1 or values.ndim == 2 or (axis == 1 and values.shape[-1] == 1)):
            places = sorted({0, 1, size // 2, size - 1})
            values = values.index_select(axis, torch.tensor(places))
        axis -= 1
    return values
