"""Which tensor was made from which, and the windows (convolutions and poolings) on the way.

Every operation that makes new values is an *origin*. Operations that only move values, or change
each by itself, are not: what they return still belongs to the origin of what they were given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sk_viz.networks.tracing.calls import GateKind

# The address of an element: its origin above, its place in the origin's storage below.
SHIFT = 36
CONSTANT = 0  # the origin of everything that does not depend on the network's input

Extents = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """One operation whose output reads a window of its input.

    Attributes:
        extents: pixels from the first to the last that is read, along each axis of the picture.
        stride: step of the window along each axis.
        depthwise: a convolution that keeps channels apart.
        resamples: changes the resolution upwards (interpolation, transposed convolution).
        weight: identity of a convolution's weight; 0 for a pooling.
        reads: address of the first and of the last element of its input.
        path: dotted path of the module that ran it.
    """

    extents: Extents
    stride: Extents
    depthwise: bool
    resamples: bool
    weight: int
    reads: tuple[int, int]
    path: str

    @property
    def pointwise(self) -> bool:
        """Whether it reads one place alone."""
        return not self.resamples and max(self.extents, default=1) == 1


@dataclass(frozen=True)
class Gate:
    """One call of a softmax or sigmoid whose output may be the weights of a choice.

    Attributes:
        kind: ``"softmax"`` or ``"sigmoid"``.
        call: which of the module's calls of one forward, from 0; None if Python did not call it
            under its own name (inside TorchScript, or inside another function).
        step: how many functions of torch had been called then.
        axis: the axis that a softmax sums to 1 over; None for a sigmoid.
        path: dotted path of the module that called it.
        from_input: whether it depends on the network's input.
        sigmoid_before: a softmax of a sigmoid.
        uniform: whether all its weights along the axis were equal; None if numbers are missing.
        tracked: whether its elements were followed; not for very long axes.
    """

    kind: GateKind
    call: int | None
    step: int | None
    axis: int | None
    path: str
    from_input: bool
    sigmoid_before: bool
    uniform: bool | None
    tracked: bool


@dataclass(frozen=True)
class Origin:
    """One operation that made new values.

    Attributes:
        number: its place in :attr:`Graph.origins`.
        made_by: name of the operation.
        parents: numbers of the origins that it read.
        windows: bit n is set if window n is upstream, its own included.
        window: number of its own window, or None.
        gate: number of its own gate, or None.
        chosen: number of the gate whose weights it selects or rescales, or None.
        shape: of what it made.
        stride: of the same, in elements.
    """

    number: int
    made_by: str
    parents: tuple[int, ...]
    windows: int
    window: int | None
    gate: int | None
    chosen: int | None
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @cached_property
    def _axes(self) -> list[int]:
        """Axes of more than one element, the one with the largest stride first."""
        several = [axis for axis, size in enumerate(self.shape) if size > 1]
        return sorted(several, key=lambda axis: -self.stride[axis])

    def place(self, axis: int) -> tuple[int, int] | None:
        """Stride and size by which a place in the storage gives the index along an axis.

        ``index = place // stride % size``; None where the axis has a single element.
        """
        if axis not in self._axes:
            return None
        return self.stride[axis], self.shape[axis]


class Graph:
    """The origins of one forward, in the order in which they were made."""

    def __init__(self) -> None:
        nothing = Origin(CONSTANT, "constant", (), 0, None, None, None, (), ())
        self.origins: list[Origin] = [nothing]
        self.windows: list[Window] = []
        self.gates: list[Gate] = []

    def add(
        self,
        made_by: str,
        parents: Iterable[int],
        shape: Sequence[int],
        stride: Sequence[int],
        *,
        window: Window | None = None,
        gate: Gate | None = None,
        chosen: int | None = None,
    ) -> int:
        """A new origin; returns its number."""
        parents = tuple(sorted(set(parents) - {CONSTANT}))
        upstream = 0
        for parent in parents:
            upstream |= self.origins[parent].windows
        own_window = own_gate = None
        if window is not None:
            own_window = len(self.windows)
            self.windows.append(window)
            upstream |= 1 << own_window
        if gate is not None:
            own_gate = len(self.gates)
            self.gates.append(gate)
        number = len(self.origins)
        self.origins.append(
            Origin(
                number,
                made_by,
                parents,
                upstream,
                own_window,
                own_gate,
                chosen,
                tuple(shape),
                tuple(stride),
            )
        )
        return number

    def upstream(self, origins: Iterable[int]) -> int:
        """The windows upstream of any of some origins, as bits."""
        bits = 0
        for origin in origins:
            bits |= self.origins[origin].windows
        return bits

    def nearest(self, origins: Iterable[int], skipped: int) -> set[int]:
        """The last windows before some origins, going through the ``skipped`` ones (bits)."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = list(origins)
        while waiting:
            origin = self.origins[waiting.pop()]
            if origin.number in seen:
                continue
            seen.add(origin.number)
            if origin.window is not None and not skipped >> origin.window & 1:
                found.add(origin.window)
            else:
                waiting += origin.parents
        return found

    def extents(self, origins: Iterable[int], own: int) -> Extents:
        """The extent of some windows after one another, along each axis of the picture.

        A window of extent k that reads a map of step j makes the field (k - 1) j wider; where
        paths meet, the widest counts.

        Args:
            origins: where the paths end.
            own: the windows that count, as bits.
        """
        known: dict[int, tuple[Extents, Extents]] = {}

        def widest(numbers: Iterable[int]) -> tuple[Extents, Extents]:
            sizes: Extents = ()
            steps: Extents = ()
            for number in numbers:
                size, step = known.get(number, ((), ()))
                sizes = _widest(sizes, size)
                steps = _widest(steps, step)
            return sizes, steps

        ends = list(origins)
        waiting = list(ends)
        while waiting:
            origin = self.origins[waiting[-1]]
            before = [p for p in origin.parents if self.origins[p].windows & own]
            missing = [p for p in before if p not in known]
            if missing and origin.number not in known:
                waiting += missing
                continue
            waiting.pop()
            size, step = widest(before)
            if origin.window is not None and own >> origin.window & 1:
                window = self.windows[origin.window]
                count = max(len(size), len(window.extents))
                size, step = _filled(size, count), _filled(step, count)
                extents, stride = _filled(window.extents, count), _filled(window.stride, count)
                size = tuple(s + (k - 1) * j for s, k, j in zip(size, extents, step, strict=True))
                step = tuple(j * s for j, s in zip(step, stride, strict=True))
            known[origin.number] = size, step
        return widest(ends)[0]


def bits(number: int) -> list[int]:
    """The places of the bits that are set, lowest first."""
    return [place for place in range(number.bit_length()) if number >> place & 1]


def _filled(extents: Extents, count: int) -> Extents:
    return extents + (1,) * (count - len(extents))


def _widest(one: Extents, other: Extents) -> Extents:
    count = max(len(one), len(other))
    return tuple(map(max, _filled(one, count), _filled(other, count)))
