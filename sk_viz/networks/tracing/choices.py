"""From weighted sums to choices: which branch each weight belongs to, and what the branches are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_viz.networks.tracing.graph import CONSTANT, Extents, Gate, Graph, Origin, bits
from sk_viz.networks.tracing.layout import Layout, Role
from sk_viz.networks.tracing.memory import found_origins
from sk_viz.networks.tracing.sums import Found, Sum, indices

_MAP_ROLES: tuple[Role, ...] = ("picture", "channel", "place")

# A shared convolution may belong to all branches at most this many times.
_MOST_SHARED = 8


@dataclass(frozen=True)
class Branch:
    """What one weight of a choice multiplies.

    Attributes:
        extents: of its own windows after one another, along each axis of the picture.
        windows: numbers of its own windows, those that are not upstream of every branch.
        sources: numbers of the origins of its map.
        channels: of its map.
    """

    extents: Extents
    windows: tuple[int, ...]
    sources: tuple[int, ...]
    channels: int


@dataclass(frozen=True)
class Choice:
    """A weighted sum in the terms of a network.

    Attributes:
        gate: where the weights come from.
        branches: in the order of the weights.
        axes: roles of each axis of the gate's output; None where they follow no known layout.
        sizes: of the roles, 0 where they may vary.
        path: dotted path of the module that both chose and summed.
        step: how many functions of torch had been called when it was summed.
        moving: in what the maps' elements of one sum differ, their origins apart.
    """

    gate: Gate
    branches: tuple[Branch, ...]
    axes: tuple[tuple[Role, ...], ...] | None
    sizes: tuple[tuple[int, ...], ...]
    path: str
    step: int
    moving: frozenset[Role]

    @property
    def by_place(self) -> bool:
        """Whether the weights vary over the places of the map."""
        return any("place" in roles for roles in self.axes or ())

    def layout(self, order: tuple[int, ...]) -> Layout:
        """Where the weights lie."""
        assert self.axes is not None
        return Layout(self.axes, self.sizes, order)


def choice_of(graph: Graph, made: Sum, pictures: int) -> Choice:
    """What a weighted sum chooses between.

    Args:
        graph: of the forward.
        made: the sum.
        pictures: how many the forward was given.
    """
    found = made.found
    gate = graph.gates[found.gate]
    sources = [tuple(found_origins(maps)) for maps in found.maps]
    path = _shared_path(gate.path, made.path)
    own = _own_windows(graph, sources, path)
    branches = tuple(
        Branch(
            extents=graph.extents(source, windows),
            windows=tuple(bits(windows & graph.upstream(source))),
            sources=source,
            channels=_channels(graph, source),
        )
        for source, windows in zip(sources, own, strict=True)
    )
    places = [_map_places(graph, maps, pictures) for maps in found.maps]
    roles = _roles(graph, found, places[0], pictures)
    moving = frozenset(
        role
        for role in _MAP_ROLES
        if any(bool((place[role] != places[0][role]).any()) for place in places)
    )
    return Choice(
        gate=gate,
        branches=branches,
        axes=None if roles is None else tuple(r for r, _ in roles),
        sizes=() if roles is None else tuple(s for _, s in roles),
        path=path,
        step=made.step,
        moving=moving,
    )


def _own_windows(graph: Graph, sources: Sequence[tuple[int, ...]], path: str) -> list[int]:
    """The windows of each branch, as bits: those upstream of it and not upstream of all.

    A branch without a window of its own takes the last shared one with it, if that belongs to the
    same module: the small kernel of a cascade. So does one that has pointwise convolutions alone
    after a shared depthwise one: together they are one convolution that was taken apart.
    """
    upstream = [graph.upstream(source) for source in sources]
    shared = upstream[0]
    for one in upstream[1:]:
        shared &= one
    if all(one == shared for one in upstream):
        return [0] * len(upstream)
    for _ in range(_MOST_SHARED):
        taken = 0
        for source, one in zip(sources, upstream, strict=True):
            own = [graph.windows[n] for n in bits(one & ~shared)]
            if any(not window.pointwise for window in own):
                continue
            nearest = graph.nearest(source, one & ~shared)
            for number in nearest & set(bits(shared)):
                window = graph.windows[number]
                inside = _inside(window.path, path)
                if inside and not window.pointwise and (not own or window.depthwise):
                    taken |= 1 << number
        if not taken:
            break
        shared &= ~taken
    return [one & ~shared for one in upstream]


def _channels(graph: Graph, sources: tuple[int, ...]) -> int:
    shapes = [graph.origins[s].shape for s in sources]
    return sum(shape[1] for shape in shapes if len(shape) > 1)


def _map_places(graph: Graph, maps: Tensor, pictures: int) -> dict[Role, Tensor]:
    """Picture, channel and place of elements of maps (N, C, *places)."""
    found: dict[Role, Tensor] = {role: torch.zeros_like(maps) for role in _MAP_ROLES}
    for number in found_origins(maps):
        origin = graph.origins[number]
        if number == CONSTANT or len(origin.shape) < 2:
            continue
        mine = maps >> 36 == number
        along = [indices(maps, origin, axis) for axis in range(len(origin.shape))]
        place = torch.zeros_like(maps)
        for axis in range(2, len(origin.shape)):
            place = place * origin.shape[axis] + along[axis]
        if origin.shape[0] == pictures:
            found["picture"] = torch.where(mine, along[0], found["picture"])
        found["channel"] = torch.where(mine, along[1], found["channel"])
        found["place"] = torch.where(mine, place, found["place"])
    return found


def _roles(
    graph: Graph, found: Found, places: dict[Role, Tensor], pictures: int
) -> list[tuple[tuple[Role, ...], tuple[int, ...]]] | None:
    """Roles and sizes of each axis of the gate's output; None if it has no known layout."""
    origin = _gate_origin(graph, found)
    weights = found.weights[0]
    roles: list[tuple[tuple[Role, ...], tuple[int, ...]]] = []
    for axis, size in enumerate(origin.shape):
        if axis == found.axis:
            roles.append((("branch",), (size,)))
            continue
        if size == 1:
            roles.append(((), ()))
            continue
        one = _axis_roles(indices(weights, origin, axis), size, places, pictures)
        if one is None:
            return None
        roles.append(one)
    flat = [role for names, _ in roles for role in names]
    return roles if flat.count("picture") == 1 else None


def _axis_roles(
    index: Tensor, size: int, places: dict[Role, Tensor], pictures: int
) -> tuple[tuple[Role, ...], tuple[int, ...]] | None:
    if size == pictures and torch.equal(index, places["picture"]):
        return ("picture",), (0,)
    if _given_by(index, places["channel"]):
        return ("channel",), (size,)
    if size % pictures == 0:
        rest = size // pictures
        if torch.equal(index // rest, places["picture"]) and _given_by(
            index % rest, places["channel"]
        ):
            return ("picture", "channel"), (0, rest)
        if torch.equal(index % pictures, places["picture"]) and _given_by(
            index // pictures, places["channel"]
        ):
            return ("channel", "picture"), (rest, 0)
    if _given_by(index, places["place"]):
        return ("place",), (0,)
    return None


def _given_by(index: Tensor, other: Tensor) -> bool:
    """Whether one index is a function of another."""
    count = int(other.max()) + 1
    first = torch.full((count,), -1, dtype=index.dtype).scatter(0, other, index)
    return bool((first[other] == index).all())


def _gate_origin(graph: Graph, found: Found) -> Origin:
    return graph.origins[found_origins(found.weights[0])[0]]


def _inside(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(f"{outer}.")


def _shared_path(one: str, other: str) -> str:
    parts: list[str] = []
    for a, b in zip(one.split("."), other.split("."), strict=False):
        if a != b:
            break
        parts.append(a)
    return ".".join(parts)
