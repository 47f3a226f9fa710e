"""One unit: what chooses among branches, between which kernels, and where its weights are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sk_viz.networks.tracing.layout import Layout

Kind = Literal["kernels", "bounded", "places", "resolutions"]

# What to show beside the weights of a unit that is not the paper's.
KIND_NOTES: Mapping[Kind, str] = {
    "kernels": "",
    "bounded": (
        "A sigmoid comes before the softmax, so that the weights cannot reach 0 or 1: with two "
        "branches they stay in [.269, .731]."
    ),
    "places": "It chooses for each place of the picture; the weights shown are means over places.",
    "resolutions": "It chooses between maps of different resolution, not between kernels.",
}
SIGMOID_NOTE = "Its weights are sigmoids, which do not sum to 1 over the branches."


_UNKNOWN = Layout((), (), ())


@dataclass(frozen=True)
class Unit:
    """One unit of a network that chooses among branches.

    Branches are in the order of their kernels, smallest first, whatever their order in the network.

    Attributes:
        name: as in the paper, ``SK_{stage}_{block}``, by the order in which the units run.
        stage: the first stage of units is 2.
        block: counts from 1 within a stage.
        kernels: extent of each branch's kernel along its longest axis, in pixels of the map that
            the branches read; of several convolutions in a row together.
        channels: channels C that choose among the branches; 1 for one weight per picture.
        path: dotted path of the module that computes the weights.
        split_input: each branch sees a different part of the input channels, so a weight is also
            a choice between inputs (timm's ``split_input``).
        dead: the unit cannot choose: its weights are equal for every input, or all its branches
            are one and the same convolution.
        extents: extent of each branch's kernel along each axis of the picture.
        composite: whether a branch's kernel is made of several convolutions.
        convolutions: dotted paths of the modules that run each branch's convolutions, in order.
        layout: what each axis of the output of ``path`` is.
        kind: ``"kernels"``; or ``"bounded"`` (a sigmoid before the softmax), ``"places"`` (a choice
            for each place), ``"resolutions"`` (between maps of different resolution).
        gate: what the weights come from, ``"softmax"`` or ``"sigmoid"``.
        call: which of the module's softmaxes (or sigmoids) of one forward that is, from 0.
        calls: how many units of one forward are computed by the same module.
        steps: how many calls of torch later their weighted sum is made; None if unknown.
    """

    name: str
    stage: int
    block: int
    kernels: tuple[int, ...]
    channels: int
    path: str
    split_input: bool
    dead: bool
    extents: tuple[tuple[int, ...], ...] = ()
    composite: tuple[bool, ...] = ()
    convolutions: tuple[tuple[str, ...], ...] = ()
    layout: Layout = _UNKNOWN
    kind: Kind = "kernels"
    gate: Literal["softmax", "sigmoid"] = "softmax"
    call: int = 0
    calls: int = 1
    steps: int | None = None

    @property
    def largest(self) -> int:
        """Which branch has the largest kernel, from 0."""
        return max(range(len(self.kernels)), key=self._size)

    @property
    def smallest(self) -> int:
        """Which branch has the smallest kernel, from 0."""
        return min(range(len(self.kernels)), key=self._size)

    def turn(self, units: Sequence[Unit]) -> int:
        """Which run of its branches it is, from 0; another one only where units share branches."""
        return [u.name for u in units if u.convolutions == self.convolutions].index(self.name)

    def _size(self, branch: int) -> tuple[int, tuple[int, ...]]:
        return self.kernels[branch], self.extents[branch] if self.extents else ()

    @property
    def note(self) -> str:
        """What to show beside its weights; empty for a unit like the paper's."""
        notes = (KIND_NOTES[self.kind], SIGMOID_NOTE if self.gate == "sigmoid" else "")
        return " ".join(note for note in notes if note)
