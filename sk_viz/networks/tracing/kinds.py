"""What a choice is between: kernels of several extents, or something that only resembles them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sk_viz.networks.tracing.choices import Branch, Choice
from sk_viz.networks.tracing.graph import CONSTANT, Extents, Gate, Graph

_SENTENCES: Mapping[str, str] = {
    "parameters": "its weights do not depend on the input: they are the same for every picture",
    "constants": "it weighs parameters and not maps of the picture",
    "pictures": "its softmax runs over the pictures of a batch, so a weight depends on the others",
    "positions": "its softmax runs over positions of one map, as attention does",
    "slices": "it weighs channels of one tensor, which the same convolutions made",
    "experts": "its branches have no convolutions of their own that differ in extent",
    "maps": "it weighs maps that are given to it or made one from the other, not branches",
    "equal": "its branches are convolutions of the same extent",
    "turned": "its branches have the same extent along different axes, so none is larger",
    "axis": "its weights are summed along another axis than the one over which they sum to 1",
    "part": "only some of its weights are summed: its softmax runs over more than the branches",
    "unsummed": "its weights multiply maps that are never summed over the branches",
    "rescaled": "its weights are sorted, selected or rescaled before they weigh anything",
    "unknown": "its weights are laid out in a way that cannot be read as pictures and channels",
    "sigmoids": "its weights are sigmoids of each branch, one a channel, that do not sum to 1",
    "hidden": (
        "its softmax is computed inside TorchScript or another function, where its weights can be "
        "seen but not read or held: use the original module"
    ),
    "several": "its weights weigh several sets of branches with different kernels",
}


@dataclass(frozen=True)
class NearMiss:
    """Something that resembles a choice between kernels and is not one.

    Attributes:
        kind: in a word, such as ``"slices"`` or ``"parameters"``.
        paths: dotted paths of the modules that compute the weights, in the order in which they
            run; empty for the network itself.
        calls: how many softmaxes of one forward they call.
        sentence: why it is not a choice between kernels.
    """

    kind: str
    paths: tuple[str, ...]
    calls: int
    sentence: str


def kind_of(graph: Graph, choice: Choice) -> str:
    """The kind of a choice: that of a unit, or the kind of a near miss."""
    resolutions = any(graph.windows[n].resamples for b in choice.branches for n in b.windows)
    return (
        _not_maps(graph, choice)
        or (None if resolutions else _not_kernels(graph, choice.branches))
        or _not_read(choice, resolutions)
        or _unit_kind(choice, resolutions)
    )


def _not_maps(graph: Graph, choice: Choice) -> str | None:
    """The kind of a sum that weighs no maps of branches."""
    branches = choice.branches
    sources = [set(branch.sources) for branch in branches]
    if not choice.gate.from_input:
        return "parameters"
    if any(CONSTANT in source or not source for source in sources):
        return "constants"
    if any(branch.windows for branch in branches):
        return None
    if any(source != sources[0] for source in sources):
        return "maps" if all(_given(graph, branch) for branch in branches) else "experts"
    if "picture" in choice.moving:
        return "pictures"
    return "positions" if "place" in choice.moving else "slices"


def _not_kernels(graph: Graph, branches: tuple[Branch, ...]) -> str | None:
    """The kind of a choice between maps whose kernels do not differ in size."""
    if not all(branch.windows for branch in branches):
        return "maps"
    if same_convolution(graph, branches):
        return None
    extents = [branch.extents for branch in branches]
    if len(set(extents)) == 1:
        return "equal"
    return "turned" if len({tuple(sorted(one)) for one in extents}) == 1 else None


def _not_read(choice: Choice, resolutions: bool) -> str | None:
    """The kind of a choice whose weights cannot be read or mean something else."""
    if choice.axes is None:
        return "unknown"
    if choice.gate.kind == "sigmoid" and (resolutions or not choice.by_place):
        return "sigmoids"
    return "hidden" if choice.gate.call is None else None


def _unit_kind(choice: Choice, resolutions: bool) -> str:
    if resolutions:
        return "resolutions"
    if choice.by_place:
        return "places"
    return "bounded" if choice.gate.sigmoid_before else "kernels"


def same_convolution(graph: Graph, branches: tuple[Branch, ...]) -> bool:
    """Whether all branches run one and the same convolution on the same input."""
    runs = [
        tuple(
            (w.weight, w.extents, w.reads if i == 0 else None)
            for i, w in enumerate(graph.windows[n] for n in branch.windows)
        )
        for branch in branches
    ]
    return all(run == runs[0] for run in runs) and any(w[0] for w in runs[0])


def split_input(graph: Graph, branches: tuple[Branch, ...]) -> bool:
    """Whether the branches read different parts of one tensor."""
    reads = []
    for branch in branches:
        if not branch.windows:
            return False
        reads.append(graph.windows[branch.windows[0]].reads)
    return len(set(reads)) > 1 and len({first >> 36 for first, _ in reads}) == 1


def sentence(kind: str, choice: Choice | None = None) -> str:
    """Why a near miss of a kind is not a choice between kernels."""
    said = _SENTENCES[kind]
    if kind == "equal" and choice is not None:
        size = extent_text(choice.branches[0].extents)
        return f"{said}, {size}, so that larger minus smaller kernel means nothing"
    return said


def extent_text(extents: Extents) -> str:
    """An extent for display, such as ``3x3``."""
    return "x".join(map(str, extents))


def gate_kind(gate: Gate, partial: str) -> str | None:
    """The kind of a gate whose weights were never summed over all branches; None if unlike one."""
    if gate.kind == "sigmoid":
        return None
    if not gate.from_input and partial != "positions":
        return "parameters"
    return partial if gate.tracked or partial == "rescaled" else "positions"


def _given(graph: Graph, branch: Branch) -> bool:
    return all(graph.origins[source].made_by == "input" for source in branch.sources)
