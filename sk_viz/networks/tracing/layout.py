"""How the branch weights lie in the output of a softmax, and how to read and to place them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

Role = Literal["picture", "branch", "channel", "place"]


@dataclass(frozen=True)
class Layout:
    """What each axis of a gate's output is.

    Attributes:
        axes: for each axis the roles that its index is made of, the slowest first; none for an
            axis of one element. An axis of N * C elements may be ``("picture", "channel")``.
        sizes: for each of these roles its size; 0 for pictures and places, which may vary.
        order: the places of the branches along their axis, smallest kernel first.
    """

    axes: tuple[tuple[Role, ...], ...]
    sizes: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]

    @property
    def channels(self) -> int:
        """How many weights each branch has, places apart."""
        return math.prod(
            size
            for roles, sizes in zip(self.axes, self.sizes, strict=True)
            for role, size in zip(roles, sizes, strict=True)
            if role == "channel"
        )

    @property
    def by_place(self) -> bool:
        """Whether the weights vary over the places of the map."""
        return any("place" in roles for roles in self.axes)

    @cached_property
    def _plain(self) -> bool:
        """Whether the output is (N, M, C, 1, ...), smallest kernel first."""
        named = [roles for roles in self.axes if roles]
        return (
            self.axes[:3] == (("picture",), ("branch",), ("channel",))
            and len(named) == 3
            and self.order == tuple(range(len(self.order)))
        )

    def axis(self, role: Role) -> int | None:
        """The first axis with a role; None if no axis has it."""
        return next((i for i, roles in enumerate(self.axes) if role in roles), None)

    def fits(self, shape: torch.Size) -> bool:
        """Whether the output of a later call has this layout."""
        if len(shape) != len(self.axes):
            return False
        for size, roles, sizes in zip(shape, self.axes, self.sizes, strict=True):
            fixed = math.prod(n for n in sizes if n)
            free = any(n == 0 for n in sizes)
            if (size % fixed if free else size != fixed) or (not roles and size != 1):
                return False
        return True

    def read(self, output: Tensor) -> Tensor:
        """The gate's output as (N, M, C), smallest kernel first; the mean over places."""
        if self._plain:
            return output.flatten(2)
        return self._mean(output) if self.by_place else self.places(output).flatten(2)

    def places(self, output: Tensor) -> Tensor:
        """The gate's output as (N, M, C, *places), smallest kernel first."""
        split, roles = self._split(output.shape)
        turned = output.reshape(split).permute(self._order(roles))
        kinds = [roles[i] for i in self._order(roles)]
        shape = list(turned.shape)
        lead = [shape[i] for i, kind in enumerate(kinds) if kind in ("picture", "branch")]
        channels = math.prod(n for n, kind in zip(shape, kinds, strict=True) if kind == "channel")
        rest = [n for n, kind in zip(shape, kinds, strict=True) if kind == "place"]
        weights = turned.reshape(*lead, channels, *rest)
        if self.order == tuple(range(len(self.order))):
            return weights
        return weights[:, list(self.order)]

    def lay_out(self, weights: Tensor, output: Tensor) -> Tensor:
        """Weights (N or 1, M, C) in the shape, type and place of the gate's ``output``."""
        split, roles = self._split(output.shape)
        order = self._order(roles)
        back = [self.order.index(branch) for branch in range(len(self.order))]
        weights = weights.to(output)[:, back]
        sizes = [split[i] for i in order]
        places = sum(roles[i] == "place" for i in order)
        shape = [n for n, i in zip(sizes, order, strict=True) if roles[i] != "place"]
        pictures = sizes[0]
        full = weights.expand(pictures, -1, -1).reshape(shape)
        full = full[(..., *[None] * places)].expand(sizes)
        placed = full.permute([order.index(i) for i in range(len(order))])
        # In memory of its own, since some networks go on to change their weights in place.
        return placed.reshape(output.shape).clone(memory_format=torch.contiguous_format)

    def _mean(self, output: Tensor) -> Tensor:
        return self.places(output).flatten(3).mean(3)

    def _split(self, shape: torch.Size) -> tuple[list[int], list[Role]]:
        """The output's shape with one axis for each role, and the roles."""
        split: list[int] = []
        roles: list[Role] = []
        for size, names, sizes in zip(shape, self.axes, self.sizes, strict=True):
            fixed = math.prod(n for n in sizes if n)
            split += [n or size // fixed for n in sizes]
            roles += names
        return split, roles

    @staticmethod
    def _order(roles: list[Role]) -> list[int]:
        ranks = {"picture": 0, "branch": 1, "channel": 2, "place": 3}
        return sorted(range(len(roles)), key=lambda i: ranks[roles[i]])
