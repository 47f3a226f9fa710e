"""Finding the SK units of any network, by its structure.

A network is recognised by the children of its units, not by the package it comes from: branch
convolutions in a container, and one module whose output is the branch weights. Known so far: this
project's own, timm (``paths``, ``attn``), pytorchcv (``branches``, ``softmax``), and the family of
``SKConv`` and ``SKAttention`` modules with ``convs``, ``fcs`` and ``softmax`` (pppLang/SKNet,
syt2/SKNet and many notes that follow them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.lookalikes import lookalike_reason


@dataclass(frozen=True)
class Unit:
    """One SK unit of a network.

    Attributes:
        name: as in the paper, ``SK_{stage}_{block}``.
        stage: the first stage of units is 2.
        block: counts from 1 within a stage.
        kernels: extent of each branch's kernel, in the order of the branch weights.
        channels: channels C that choose among the branches.
        path: dotted path of the module whose output is the branch weights.
        split_input: each branch sees a different part of the input channels, so a weight is also
            a choice between inputs (timm's ``split_input``).
        dead: the unit cannot choose: all its weights are 1 / M for every input because the rows
            of its last linear map are equal, or all its branches are one and the same module.
    """

    name: str
    stage: int
    block: int
    kernels: tuple[int, ...]
    channels: int
    path: str
    split_input: bool
    dead: bool

    @property
    def largest(self) -> int:
        """Which branch has the largest kernel, from 0."""
        return self.kernels.index(max(self.kernels))

    @property
    def smallest(self) -> int:
        """Which branch has the smallest kernel, from 0."""
        return self.kernels.index(min(self.kernels))


@dataclass(frozen=True)
class Gate:
    """How the weights lie in the output of the module at :attr:`Unit.path`.

    Attributes:
        module: the module whose output is the branch weights.
        axis: axis of the branches in that output, 0 or 1; the pictures are on the other one.
    """

    module: nn.Module
    axis: int

    def read(self, output: Tensor) -> Tensor:
        """The module's output as (N, M, C)."""
        weights = output.flatten(2)
        return weights if self.axis == 1 else weights.transpose(0, 1)

    def lay_out(self, weights: Tensor, output: Tensor) -> Tensor:
        """Weights (N or 1, M, C) in the shape, type and place of the module's ``output``."""
        ordered = weights if self.axis == 1 else weights.transpose(0, 1)
        full = ordered.to(output).expand(output.shape[:3])
        return full.reshape(output.shape)


@dataclass(frozen=True)
class _Found:
    path: str
    module: nn.Module
    branches: tuple[nn.Module, ...]
    convolutions: tuple[nn.Conv2d, ...]
    kernels: tuple[int, ...]
    gate: Gate
    gate_path: str


def units(module: nn.Module) -> tuple[Unit, ...]:
    """The SK units of a network, in the order in which they are defined.

    A unit's stage changes where the number of its channels or the name of the part of the network
    that it lies in changes; names of the form ``SK_3_4`` in the module's own path are kept.

    Args:
        module: any network, or a single SK convolution.

    Raises:
        ModelError: the network has no SK unit, or has modules that look like one but in which
            larger minus smaller kernel means nothing; the message says why.
    """
    found = tuple(_find(module))
    if not found:
        raise ModelError(_why_none(module))
    for one in found:
        _refuse_equal_kernels(one)
    return tuple(
        Unit(
            name=f"SK_{stage}_{block}",
            stage=stage,
            block=block,
            kernels=one.kernels,
            channels=one.convolutions[0].out_channels,
            path=one.gate_path,
            split_input=bool(getattr(one.module, "split_input", False)),
            dead=_is_dead(one),
        )
        for one, (stage, block) in zip(found, _places(found), strict=True)
    )


def gates(module: nn.Module) -> tuple[Gate, ...]:
    """Where the weights of each of :func:`units` are read, in the same order."""
    return tuple(one.gate for one in _find(module))


def _find(module: nn.Module) -> Iterator[_Found]:
    for path, candidate in module.named_modules():
        place = _gate_of(candidate)
        container = next(
            (c for n in ("paths", "branches", "convs") if (c := getattr(candidate, n, None))), None
        )
        if place is None or not isinstance(container, nn.ModuleList | nn.Sequential):
            continue
        branches = tuple(container)
        per_branch = [[m for m in b.modules() if isinstance(m, nn.Conv2d)] for b in branches]
        if len(branches) < 2 or any(len(convolutions) != 1 for convolutions in per_branch):
            continue
        convolutions = tuple(c[0] for c in per_branch)
        name, gate = place
        yield _Found(
            path=path,
            module=candidate,
            branches=branches,
            convolutions=convolutions,
            kernels=tuple(_extent(c) for c in convolutions),
            gate=gate,
            gate_path=f"{path}.{name}" if path else name,
        )


def _gate_of(candidate: nn.Module) -> tuple[str, Gate] | None:
    """Name and gate of the child that gives the weights: a softmax, or timm's attention."""
    softmax = getattr(candidate, "softmax", None)
    if isinstance(softmax, nn.Softmax) and softmax.dim in (0, 1):
        return "softmax", Gate(softmax, softmax.dim)
    attention = getattr(candidate, "attn", None)
    if isinstance(attention, nn.Module) and hasattr(attention, "fc_select"):
        return "attn", Gate(attention, 1)
    return None


def _extent(convolution: nn.Conv2d) -> int:
    return 1 + int(convolution.dilation[0]) * (int(convolution.kernel_size[0]) - 1)


def _places(found: tuple[_Found, ...]) -> Iterator[tuple[int, int]]:
    """Stage and block of each unit, from its path and its width."""
    parts = [one.path.split(".") if one.path else [] for one in found]
    shared = 0
    while all(len(p) > shared and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    previous: tuple[str, int] | None = None
    stage, block = 1, 0
    for one, path in zip(found, parts, strict=True):
        own = re.search(r"(?:^|\.)SK_(\d+)_(\d+)(?:\.|$)", one.path)
        if own:
            yield int(own[1]), int(own[2])
            continue
        part = path[shared] if len(path) > shared else ""
        key = ("" if part.isdigit() else part, one.convolutions[0].out_channels)
        stage, block = (stage, block + 1) if key == previous else (stage + 1, 1)
        previous = key
        yield stage, block


def _is_dead(one: _Found) -> bool:
    if len({id(c) for c in one.convolutions}) == 1:
        return True
    rows = _select_rows(one)
    if rows is None or rows.is_meta:
        return False
    return all(torch.equal(rows[0], other) for other in rows[1:])


def _select_rows(one: _Found) -> Tensor | None:
    """(M, C, d or d + 1) rows of the last linear map, with their bias where there is one."""
    count = len(one.branches)
    maps = getattr(one.module, "fcs", None)
    if isinstance(maps, nn.ModuleList) and len(maps) == count:
        layers = [m for m in maps if isinstance(m, nn.Linear | nn.Conv2d)]
        return torch.stack([_rows(m) for m in layers]) if len(layers) == count else None
    holder = getattr(one.module, "attn", one.module)
    for name in ("fc_select", "select", "fc2"):
        layer = getattr(holder, name, None)
        if isinstance(layer, nn.Linear | nn.Conv2d):
            rows = _rows(layer)
            return rows.view(count, -1, rows.shape[1])
    return None


def _rows(layer: nn.Linear | nn.Conv2d) -> Tensor:
    weight = layer.weight.detach().flatten(1)
    return weight if layer.bias is None else torch.cat([weight, layer.bias.detach()[:, None]], 1)


def _refuse_equal_kernels(one: _Found) -> None:
    if len(set(one.kernels)) > 1 or _is_dead(one):
        return
    groups = {int(c.groups) for c in one.convolutions}
    size = f"{one.kernels[0]}x{one.kernels[0]}"
    how = "with different groups" if len(groups) > 1 else "alike"
    raise ModelError(
        f"{one.path or 'This module'} chooses between branches that are all {size}, {how}: "
        "larger minus smaller kernel means nothing there. Use a network whose branches have "
        "kernels of different extent."
    )


def _why_none(module: nn.Module) -> str:
    for path, candidate in module.named_modules():
        reason = lookalike_reason(candidate)
        if reason:
            return f"{path or 'This module'} is not an SK unit: {reason}"
    return (
        "No SK unit was found: no module holds two or more branch convolutions and a softmax "
        "over them. Use an SKNet of this project, timm, pytorchcv, or one with convs, fcs and "
        "softmax."
    )
