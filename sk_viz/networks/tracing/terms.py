"""Weighted maps: what a product, a sum or a product of matrices makes of weights and maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_viz.networks.tracing.graph import CONSTANT, SHIFT, Graph
from sk_viz.networks.tracing.memory import Notes, Term, found_origins
from sk_viz.networks.tracing.sums import spread, unbound

# The longest axis of a softmax that is followed element by element.
MOST_BRANCHES = 32
_MOST_TERMS = 64


class Weighing:
    """Finds the weighted maps that the result of an operation is a sum of.

    Args:
        graph: what was made from what; origins are added where a weighted map is multiplied again.
        notes: on all tensors.

    Attributes:
        partial: how the weights of a gate were used, by its number, before they were summed over
            its axis: the kind of near miss that it is if they never are.
    """

    def __init__(self, graph: Graph, notes: Notes) -> None:
        self.graph = graph
        self.notes = notes
        self.partial: dict[int, str] = {}

    def of(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> list[Term]:
        """The weighted maps that the result of an operation is a sum of."""
        terms: list[Term] = []
        if name == "mul":
            terms = self._product(args[0], args[1], result)
        elif name == "div":
            terms = self._scaled(args[0], args[1])
        elif name == "add":
            terms = [*self._those_of(args[0]), *self._those_of(args[1])]
        elif name in ("addcmul", "addcmul_"):
            terms = [*self._those_of(args[0]), *self._product(args[1], args[2], result)]
        elif name in ("sum", "mean"):
            terms = unbound(self._those_of(args[0]), args, kwargs, MOST_BRANCHES)
        elif name in ("bmm", "mm"):
            terms = self._matrices(args[0], args[1])
        elif name in ("baddbmm", "addmm"):
            terms = [*self._those_of(args[0]), *self._matrices(args[1], args[2])]
        elif name == "mv":
            product = self._matrices(args[0], args[1][:, None])
            terms = [(w[..., 0], m[..., 0]) for w, m in product]
        if len(terms) > _MOST_TERMS:
            return []
        return [(w.expand(result.shape), m.expand(result.shape)) for w, m in terms]

    def _those_of(self, value: Any) -> list[Term]:
        return self.notes.terms(value) if isinstance(value, Tensor) else []

    def _product(self, one: Any, other: Any, result: Tensor) -> list[Term]:
        if not isinstance(one, Tensor) or not isinstance(other, Tensor):
            return self._those_of(one) or self._those_of(other)
        for weights, what in ((one, other), (other, one)):
            self._note_chosen(weights, what)
            gate = self.gate_of(weights)
            if gate is None or what.numel() == 1 or self.gate_of(what) is not None:
                continue
            self.partial.setdefault(gate, "unsummed")
            if self.graph.gates[gate].tracked:
                return spread([(self.notes.addresses(weights), self.notes.addresses(what))], result)
        for weighted, what in ((one, other), (other, one)):
            terms = self._those_of(weighted)
            if terms:
                return self._scaled(weighted, what, result)
        return []

    def _scaled(self, weighted: Any, by: Any, result: Tensor | None = None) -> list[Term]:
        """Weighted maps times something else: the maps are then other maps."""
        terms = self._those_of(weighted)
        if not terms or not isinstance(by, Tensor) or self.notes.of(by) is None:
            return spread(terms, result) if result is not None else terms
        kept = []
        for weight, what in terms:
            parents = [*found_origins(what), *self.notes.origins(by)]
            shape, stride = weighted.shape, weighted.stride()
            number = self.graph.add("mul", parents, shape, stride)
            other = fresh_addresses(number, weighted)
            kept.append((weight, torch.where(what >= 0, other, what)))
        return spread(kept, result) if result is not None else kept

    def _matrices(self, one: Tensor, other: Tensor) -> list[Term]:
        """Weighted maps in a product of matrices, (..., i, k) times (..., k, j)."""
        length = one.shape[-1]
        for weights, what in ((one, other), (other, one)):
            self._note_chosen(weights, what)
            gate = self.gate_of(weights)
            if gate is None or self.gate_of(what) is not None:
                continue
            tracked = self.graph.gates[gate].tracked and length <= MOST_BRANCHES
            self.partial.setdefault(gate, "unsummed" if tracked else "positions")
            if not tracked:
                continue
            left, right = self.notes.addresses(one), self.notes.addresses(other)
            shape = (*one.shape[:-1], other.shape[-1])
            terms = []
            for k in range(length):
                column, row = (
                    left[..., :, k, None].expand(shape),
                    right[..., k, None, :].expand(shape),
                )
                terms.append((column, row) if weights is one else (row, column))
            return terms
        return []

    def gate_of(self, tensor: Tensor) -> int | None:
        """The gate that all elements of a tensor are weights of."""
        memory = self.notes.of(tensor)
        if memory is None or memory.terms:
            return None
        if all(self.graph.origins[o].gate is None for o in memory.origins):
            return None
        gates = {self.graph.origins[o].gate for o in self.notes.origins(tensor)}
        return gates.pop() if len(gates) == 1 else None

    def chosen(self, origins: set[int]) -> int | None:
        """The gate whose weights these origins are, or select or rescale."""
        gates = set()
        for number in origins - {CONSTANT}:
            origin = self.graph.origins[number]
            gates.add(origin.gate if origin.gate is not None else origin.chosen)
        return gates.pop() if len(gates) == 1 else None

    def _note_chosen(self, weights: Tensor, what: Tensor) -> None:
        """Note that a map is multiplied by weights that were selected or rescaled before."""
        origins = self.notes.origins(weights) - {CONSTANT}
        numbers = {self.graph.origins[o].chosen for o in origins}
        if len(numbers) == 1 and (gate := numbers.pop()) is not None and what.ndim > 1:
            self.partial.setdefault(gate, "rescaled")


def fresh_addresses(number: int, tensor: Tensor) -> Tensor:
    """Addresses of an origin's elements, in a tensor's shape and as its strides place them."""
    base = number << SHIFT
    places = torch.arange(
        base,
        base + 1 + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True)),
    )
    return places.as_strided(tensor.shape, tensor.stride())
