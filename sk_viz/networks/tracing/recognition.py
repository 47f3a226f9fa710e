"""Recognising the choices of a network by what it computes, from one forward."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.tracing.calls import CountedCalls, GateCall
from sk_viz.networks.tracing.choices import Branch, Choice, choice_of
from sk_viz.networks.tracing.example import (
    Example,
    NoExampleError,
    as_arguments,
    examples,
    inputs,
    private_copy,
    unwrapped,
)
from sk_viz.networks.tracing.graph import Extents, Graph
from sk_viz.networks.tracing.kinds import (
    NearMiss,
    gate_kind,
    kind_of,
    same_convolution,
    sentence,
    split_input,
)
from sk_viz.networks.tracing.tracer import Tracer
from sk_viz.networks.unit import KIND_NOTES, Kind, Unit


@dataclass(frozen=True)
class Recognition:
    """What was found in a network.

    Attributes:
        units: in the order in which they run.
        near_misses: what resembles a unit and is not one.
    """

    units: tuple[Unit, ...]
    near_misses: tuple[NearMiss, ...]


@dataclass(frozen=True)
class _State:
    """What the result depends on.

    Attributes:
        structure: identities of all modules, and shapes of the example.
        weights: identities of all tensors, and how often each was changed.
    """

    structure: tuple[object, ...]
    weights: tuple[object, ...]


_known: WeakKeyDictionary[nn.Module, tuple[_State, Recognition]] = WeakKeyDictionary()
_knowing = threading.Lock()


def recognise(
    network: nn.Module, example: Example | None = None, *, again: bool = True
) -> Recognition:
    """Find every choice of a network, by following one forward of a private copy.

    The result is cached for as long as the network lives and keeps its modules.

    Args:
        network: any network; it stays as it is.
        example: its input: a tensor, a tuple of arguments or a dict of them by name. Without one,
            noise is tried in several sizes.
        again: look again when weights have changed: only whether a unit is dead depends on them.

    Raises:
        ModelError: the network cannot be copied or run.
    """
    network = unwrapped(network)
    state = _state(network, example)
    with _knowing:
        known = _known.get(network)
    if known is not None:
        wanted = state if again else replace(state, weights=known[0].weights)
        if known[0] == wanted:
            return known[1]
    found = _recognise(network, example)
    with _knowing:
        _known[network] = state, found
    return found


def _state(network: nn.Module, example: Example | None) -> _State:
    modules = tuple(id(module) for module in network.modules())
    tensors = (*network.parameters(), *network.buffers())
    versions = tuple((id(t), -1 if t.is_inference() else t._version) for t in tensors)
    shapes = None if example is None else tuple(tuple(t.shape) for t in inputs(example))
    return _State((modules, shapes), versions)


def _recognise(network: nn.Module, example: Example | None) -> Recognition:
    copied = private_copy(network)
    if example is not None:
        args, kwargs = as_arguments(example)
        return _trace(copied, args, kwargs)
    first: ModelError | None = None
    for picture in examples(network):
        try:
            return _trace(copied, (picture,), {})
        except ModelError as error:
            first = first or error
    assert first is not None
    raise NoExampleError(str(first)) from first


def _trace(network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recognition:
    calls = _Calls(network)
    tracer = Tracer(calls)
    given = list(inputs((args, kwargs)))
    for tensor in given:
        tracer.give(tensor)
    try:
        with torch.no_grad(), calls, tracer:
            network(*args, **kwargs)
    except ModelError:
        raise
    except Exception as error:  # a foreign forward may raise anything
        shapes = ", ".join(str(tuple(t.shape)) for t in given)
        text = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise ModelError(
            f"{type(network).__name__} fails on an input of the shape {shapes} ({text[:160]}): "
            "give an example of its input."
        ) from error
    # A default device that somebody set is for their tensors, not for these.
    with torch._C.DisableTorchFunction():
        return _found(tracer, len(given[0]))


class _Calls(CountedCalls):
    """Knows which softmax or sigmoid is called at the moment."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.calling: GateCall | None = None

    def before(self, call: GateCall) -> None:
        self.calling = call

    def after(self, call: GateCall, output: Tensor) -> Tensor:  # noqa: ARG002
        self.calling = None
        return output


def _found(tracer: Tracer, pictures: int) -> Recognition:
    graph = tracer.graph
    choices: dict[int, Choice] = {}
    kinds: dict[int, str] = {}
    for made in tracer.sums:
        number = made.found.gate
        choice = choice_of(graph, made, pictures)
        kind = kind_of(graph, choice)
        if number in choices and kinds[number] in KIND_NOTES:
            before = [b.extents for b in choices[number].branches]
            if kind in KIND_NOTES and [b.extents for b in choice.branches] != before:
                kinds[number] = "several"
            continue
        choices[number], kinds[number] = choice, kind
    units = sorted((n for n in choices if kinds[n] in KIND_NOTES), key=_order(graph))
    places = _places([choices[n] for n in units], graph)
    found = tuple(
        _unit(graph, choices[n], kinds[n], place, [choices[m].gate.path for m in units])
        for n, place in zip(units, places, strict=True)
    )
    missed: dict[tuple[str, str], list[str]] = {}
    for number, gate in enumerate(graph.gates):
        missing = choices.get(number)
        partial = tracer.partial.get(number)
        if missing is not None:
            why = kinds[number] if kinds[number] not in KIND_NOTES else None
        else:
            why = gate_kind(gate, partial) if partial else None
        if why is not None:
            missed.setdefault((why, sentence(why, missing)), []).append(gate.path)
    near = tuple(
        NearMiss(kind, tuple(dict.fromkeys(paths)), len(paths), text)
        for (kind, text), paths in missed.items()
    )
    return Recognition(found, near)


def _order(graph: Graph) -> Any:
    """By the time at which the weights are made."""
    made = {origin.gate: origin.number for origin in graph.origins if origin.gate is not None}
    return lambda number: made[number]


def _unit(
    graph: Graph, choice: Choice, kind: str, place: tuple[int, int], paths: Sequence[str]
) -> Unit:
    order = tuple(sorted(range(len(choice.branches)), key=lambda m: _rank(choice.branches[m])))
    branches = tuple(choice.branches[m] for m in order)
    layout = choice.layout(order)
    gate = choice.gate
    assert gate.call is not None
    return Unit(
        name=f"SK_{place[0]}_{place[1]}",
        stage=place[0],
        block=place[1],
        kernels=tuple(max(branch.extents) for branch in branches),
        channels=layout.channels,
        path=gate.path,
        layout=layout,
        extents=tuple(branch.extents for branch in branches),
        composite=tuple(
            sum(not graph.windows[n].pointwise for n in branch.windows) > 1 for branch in branches
        ),
        convolutions=tuple(
            tuple(graph.windows[n].path for n in branch.windows) for branch in branches
        ),
        kind=cast(Kind, kind),
        gate=gate.kind,
        call=gate.call,
        calls=sum(path == gate.path for path in paths),
        steps=None if gate.step is None or choice.step is None else choice.step - gate.step,
        split_input=split_input(graph, branches),
        dead=bool(gate.uniform) or same_convolution(graph, branches),
    )


def _rank(branch: Branch) -> tuple[int, int, Extents]:
    """Smaller for smaller kernels: by the longest axis, then by all of them."""
    return max(branch.extents, default=1), sum(branch.extents), branch.extents


def _places(choices: Sequence[Choice], graph: Graph) -> list[tuple[int, int]]:
    """Stage and block of each choice: a stage ends where its part of the network or its width
    changes or, where the parts have no names, its resolution."""
    paths = [choice.path.split(".") if choice.path else [] for choice in choices]
    shared = 0
    while len(paths) > 1 and all(len(p) > shared and p[shared] == paths[0][shared] for p in paths):
        shared += 1
    previous: object = None
    stage, block = 1, 0
    found = []
    for choice, path in zip(choices, paths, strict=True):
        own = re.search(r"(?:^|\.)SK_(\d+)_(\d+)(?:\.|$)", choice.path)
        if own:
            found.append((int(own[1]), int(own[2])))
            continue
        part = path[shared] if len(path) > shared else ""
        named = "" if part.isdigit() else part
        source = graph.origins[choice.branches[0].sources[0]]
        key = named, choice.branches[0].channels, () if named else source.shape[2:]
        stage, block = (stage, block + 1) if key == previous else (stage + 1, 1)
        previous = key
        found.append((stage, block))
    return found


def refusal(network: nn.Module, found: Recognition) -> str:
    """Why a network in which no unit was found has none."""
    if not found.near_misses:
        return (
            f"No SK unit was found: {type(unwrapped(network)).__name__} weighs no two branches "
            "by a softmax over them. Give a network that sums branches of different kernel size, "
            "weighted by a softmax."
        )
    first = found.near_misses[0]
    where = first.paths[0] or "This module"
    return f"{where} is not an SK unit: {first.sentence}."
