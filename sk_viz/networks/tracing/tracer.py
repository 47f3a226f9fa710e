"""Follows every operation of one forward: what is made from what, and which maps are weighted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sk_viz.networks.tracing.calls import GateCall, GateKind
from sk_viz.networks.tracing.graph import CONSTANT, Gate, Graph
from sk_viz.networks.tracing.memory import Notes, Term, found_origins
from sk_viz.networks.tracing.sums import Found, Sum, complete
from sk_viz.networks.tracing.terms import MOST_BRANCHES, Weighing, fresh_addresses
from sk_viz.networks.tracing.windows import window_of

_is_alias: Callable[[Tensor, Tensor], bool] = torch._C._is_alias_of  # type: ignore[attr-defined]

_NORMS = frozenset(
    [
        "native_batch_norm",
        "_native_batch_norm_legit",
        "_native_batch_norm_legit_no_training",
        "_batch_norm_with_update",
        "cudnn_batch_norm",
        "miopen_batch_norm",
        "native_group_norm",
        "native_layer_norm",
        "native_dropout",
        "_prelu_kernel",
        "_log_softmax",
    ]
)
# Operations that only move values; each takes the addresses in place of the values.
_MOVING = frozenset(
    ["cat", "stack", "repeat", "flip", "roll", "index", "index_select", "gather", "channel_shuffle"]
)
_COPYING = frozenset(["clone", "_to_copy", "contiguous", "copy_", "lift_fresh_copy"])
_RESCALING = frozenset(
    ["topk", "sort", "gather", "index", "div", "where", "masked_fill", "scatter"]
)


class Calls(Protocol):
    """What the tracer needs to know of the functions that are called.

    Attributes:
        calling: the softmax or sigmoid that is called at the moment.
        steps: how many functions of torch were called so far.
    """

    calling: GateCall | None
    steps: int

    def where(self) -> str:
        """Dotted path of the module that runs at the moment."""


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, every operation is followed.

    Args:
        calls: knows what is called at the moment.

    Attributes:
        graph: what was made from what.
        sums: weighted sums over all branches of a gate, in the order in which they were made.
        partial: why the weighted maps of a gate, by its number, were never summed over its axis.
    """

    def __init__(self, calls: Calls) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = Graph()
        self.notes = Notes()
        self.sums: list[Sum] = []
        self._weighing = Weighing(self.graph, self.notes)
        self.partial = self._weighing.partial
        self._calls = calls

    def give(self, tensor: Tensor) -> None:
        """Tell that a tensor is an input of the network."""
        number = self.graph.add("input", (), tensor.shape, tensor.stride())
        self.notes.begin(tensor, number, "input")

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation and note what it made."""
        made = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunction():
            self._follow(func, args, kwargs or {}, made)
        return made

    def _follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], made: Any) -> None:
        given = list(_tensors((args, kwargs)))
        results = [t for t in _tensors(made) if t.numel()]
        if not results:
            return
        name = func._schema.name.split("::")[-1]
        known = [t for t in given if self.notes.of(t) is not None]
        if func._schema.is_mutable:
            if known:
                self._mutate(name, args, given, results[0])
            return
        fresh = []
        for result in results:
            source = next((t for t in given if _is_alias(t, result)), None)
            if source is None:
                fresh.append(result)
            elif (memory := self.notes.of(source)) is not None:
                self.notes.share(result, memory)
        if fresh and known:
            self._make(name, func, args, kwargs, known, fresh)
        elif fresh and name in ("_softmax", "sigmoid"):
            self._gate(name, args, fresh[0], known)

    def _make(
        self,
        name: str,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        known: list[Tensor],
        fresh: list[Tensor],
    ) -> None:
        result = fresh[0]
        if name in ("_softmax", "sigmoid") and self._gate(name, args, result, known):
            return
        if name in _MOVING and self._moved(name, func, args, kwargs, result):
            return
        if name in _COPYING:
            self._copied(args[0], result, name)
            return
        terms = self._weighing.of(name, args, kwargs, result)
        if terms:
            self._summed(name, result, terms, known)
            return
        pointwise = torch.Tag.pointwise in func.tags or name in _NORMS
        if pointwise and len(known) == 1 and known[0].shape == result.shape:
            self.notes.inherit(result, known[0], name)
            return
        self._begin(name, args, known, fresh)

    def _begin(
        self, name: str, args: tuple[Any, ...], known: list[Tensor], fresh: list[Tensor]
    ) -> None:
        parents = {origin for t in known for origin in self.notes.origins(t)}
        window = None
        if isinstance(args[0], Tensor):
            window = window_of(name, args, self.notes.ends(args[0]), self._calls.where())
        for result in fresh:
            number = self.graph.add(
                name,
                parents,
                result.shape,
                result.stride(),
                window=window,
                chosen=self._weighing.chosen(parents) if name in _RESCALING else None,
            )
            self.notes.begin(result, number, name)

    def _gate(self, name: str, args: tuple[Any, ...], result: Tensor, known: list[Tensor]) -> bool:
        """Note the output of a softmax or sigmoid; False if it cannot weigh branches."""
        softmax = name == "_softmax"
        axis = int(args[1]) % max(result.ndim, 1) if softmax else None
        if not result.ndim or (axis is not None and result.shape[axis] < 2):
            return False
        if not softmax and not any(2 <= n <= 8 for n in result.shape[1:3]):
            return False
        tracked = axis is None or result.shape[axis] <= MOST_BRANCHES
        memory = self.notes.of(args[0])
        kind: GateKind = "softmax" if softmax else "sigmoid"
        calling = self._calls.calling
        gate = Gate(
            kind=kind,
            call=calling.call if calling and calling.kind == kind else None,
            step=self._calls.steps,
            axis=axis,
            path=calling.path if calling else self._calls.where(),
            from_input=bool(known),
            sigmoid_before=memory is not None and memory.made_by == "sigmoid",
            uniform=_uniform(result, axis) if axis is not None and tracked else False,
            tracked=tracked,
        )
        parents = self.notes.origins(args[0])
        number = self.graph.add(name, parents, result.shape, result.stride(), gate=gate)
        self.notes.begin(result, number, name)
        return True

    def _moved(
        self,
        name: str,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Tensor,
    ) -> bool:
        """Move the notes as the operation moved the values."""
        first = args[0]
        moved = first if isinstance(first, list | tuple) else [first]
        if name in ("index", "index_select", "gather") and any(
            self.notes.of(t) is not None for t in _tensors(args[1:])
        ):
            return False  # where it reads depends on the picture

        def move(values: Sequence[Tensor]) -> Tensor:
            others = _on_cpu(args[1:])
            moved_values: Tensor = func(
                list(values) if isinstance(first, list | tuple) else values[0], *others, **kwargs
            )
            return moved_values

        try:
            addresses = move([self.notes.addresses(t) for t in moved])
        except (RuntimeError, NotImplementedError):  # indices without numbers
            return False
        each = [self.notes.terms(t) for t in moved]
        nothing = torch.full((1,), -1)
        terms: list[Term] = []
        for i in range(max(map(len, each))):
            pairs = [
                one[i] if i < len(one) else (nothing.expand(t.shape), nothing.expand(t.shape))
                for one, t in zip(each, moved, strict=True)
            ]
            terms.append((move([p[0] for p in pairs]), move([p[1] for p in pairs])))
        origins = frozenset(o for t in moved for o in self.notes.origins(t))
        makers = {m.made_by for t in moved if (m := self.notes.of(t)) is not None}
        self.notes.write(
            result, addresses, terms, origins, makers.pop() if len(makers) == 1 else ""
        )
        return True

    def _copied(self, source: Tensor, result: Tensor, name: str) -> None:
        memory = self.notes.of(source)
        if memory is None:
            return
        terms = self.notes.terms(source)
        made_by = memory.made_by if name != "copy_" else name
        if terms:
            addresses, origins = self.notes.addresses(source), self.notes.origins(source)
            self.notes.write(result, addresses, terms, origins, made_by)
        else:
            self.notes.inherit(result, source, made_by)

    def _mutate(
        self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor
    ) -> None:
        """An operation in place, or into ``out``: the notes of what it wrote to change."""
        target = given[0] if name.endswith("_") else result
        plain = name.removesuffix("_")
        if name == "copy_":
            source = args[1]
            addresses, terms = self.notes.addresses(source), self.notes.terms(source)
            source_memory = self.notes.of(source)
            made_by = source_memory.made_by if source_memory else "constant"
            origins = self.notes.origins(source)
            self.notes.write(target, addresses, terms, origins, made_by)
            return
        known = [t for t in given if self.notes.of(t) is not None]
        terms = self._weighing.of(plain, args, {}, target)
        if terms:
            self._summed(plain, target, terms, known)
            return
        others = [t for t in known if t is not target]
        if plain in ("zero", "fill"):
            addresses = torch.full((1,), CONSTANT)
            self.notes.write(target, addresses, [], frozenset([CONSTANT]), "constant")
        elif others:
            parents = {origin for t in known for origin in self.notes.origins(t)}
            number = self.graph.add(plain, parents, target.shape, target.stride())
            addresses = fresh_addresses(number, target)
            self.notes.write(target, addresses, [], frozenset([number]), plain)
        elif (memory := self.notes.of(target)) is not None:
            memory.made_by = plain
            if memory.terms and plain not in ("mul", "div", "add"):
                memory.terms = []

    def _summed(self, name: str, result: Tensor, terms: list[Term], known: list[Tensor]) -> None:
        """Note weighted maps; where they are all of a gate's, a sum is found."""
        parents = {origin for t in known for origin in self.notes.origins(t)}
        number = self.graph.add(name, parents, result.shape, result.stride())
        addresses = fresh_addresses(number, result)
        found = complete(self.graph, terms) if len(terms) > 1 else None
        if isinstance(found, str):
            for gate in self._gates_in(terms):
                self._weighing.partial[gate] = found
        elif isinstance(found, Found):
            self.sums.append(Sum(found, self._calls.where(), self._calls.steps))
            terms = []
        self.notes.write(result, addresses, terms, frozenset([number]), name)

    def _gates_in(self, terms: list[Term]) -> set[int]:
        numbers = {o for weight, _ in terms for o in found_origins(weight)}
        return {g for o in numbers if (g := self.graph.origins[o].gate) is not None}


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))


def _on_cpu(values: Any) -> Any:
    if isinstance(values, Tensor):
        return values.cpu()
    if isinstance(values, list | tuple):
        return type(values)(_on_cpu(v) for v in values)
    return values


def _uniform(weights: Tensor, axis: int) -> bool | None:
    """Whether all weights along an axis are equal; None without numbers."""
    if weights.is_meta:
        return None
    return bool((weights == weights.narrow(axis, 0, 1)).all())
