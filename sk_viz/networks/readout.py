"""One forward that returns what a network answers and the branch weights of every unit together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.tracing.example import Example, is_plain, private_copy, unwrapped
from sk_viz.networks.tracing.reading import Reading, reading
from sk_viz.networks.units import found_units, recognition


class Readout(nn.Module):
    """A network that also tells how each of its units chose.

    The networks of this project hand out their weights themselves; those of any other network are
    met as it computes them. Nothing is put on a network, so any number of threads may read it at
    once. It is read in evaluation mode: of a network in training mode, or with compiled or parallel
    parts, a copy that shares the weights is read instead.

    Args:
        network: any network with units.
        example: an input of it, as in :func:`~sk_viz.networks.units.units`.

    Attributes:
        network: the network, as it is.
        units: its units, in the order of the weights.
        near_misses: what resembles a unit in it and is not one.
        size: its number of parameters.

    Raises:
        ModelError: the network has no units.
    """

    def __init__(self, network: nn.Module, example: Example | None = None) -> None:
        super().__init__()
        self.network = network
        found = recognition(network, example, again=False)
        self.units = found_units(network, found)
        self.near_misses = found.near_misses
        self.size = sum(p.numel() for p in network.parameters())

    def forward(
        self, x: Any, held: Mapping[str, Tensor] | None = None, *, constant: bool = False
    ) -> tuple[Any, list[Tensor]]:
        """Output and branch weights of one pass; gradients flow through both.

        Args:
            x: the network's input, most often (N, 3, H, W) normalised pictures; a tuple or a dict
                of arguments for a network of several.
            held: weights (N or 1, M, C) to use in place of a unit's own, by unit name.
            constant: take the units' own weights as constants of differentiation.

        Returns:
            What the network returns, most often logits (N, K), and one tensor (N, M, C) for each
            of :attr:`units`: what the unit chose, also where other weights were held.

        Raises:
            ModelError: held weights of an unknown unit or a wrong shape, or a network that does
                not compute its weights where it did when it was looked at.
        """
        output, read = self.read(x, held, constant=constant)
        return output, [read.weights[unit.name] for unit in self.units]

    def read(
        self,
        x: Any,
        held: Mapping[str, Tensor] | None = None,
        *,
        constant: bool = False,
        sums: Collection[str] = (),
    ) -> tuple[Any, Reading]:
        """The same with all that can be read of the units.

        Args:
            x: as in :meth:`forward`.
            held: as in :meth:`forward`.
            constant: as in :meth:`forward`.
            sums: names of units whose weighted sums are read, too.
        """
        self._check(held or {}, x)
        network = unwrapped(self.network)
        if not is_plain(network):
            network = private_copy(network)
        if isinstance(network, SKNet) and not constant and not sums:
            chosen: list[Tensor] = []
            output = network(x, held, chosen)
            names = (unit.name for unit in self.units)
            return output, Reading(dict(zip(names, chosen, strict=True)))
        with reading(network, self.units, held, constant=constant, sums=sums) as read:
            if isinstance(x, Mapping):
                output = network(**x)
            else:
                output = network(*x) if isinstance(x, list | tuple) else network(x)
        return output, read

    def _check(self, held: Mapping[str, Tensor], x: Any) -> None:
        shapes = {u.name: (len(u.kernels), u.channels) for u in self.units}
        pictures = len(x) if isinstance(x, Tensor) else None
        for name, weights in held.items():
            if name not in shapes:
                raise ModelError(f"There is no unit {name}; the units are {', '.join(shapes)}.")
            expected = shapes[name]
            if weights.ndim != 3 or tuple(weights.shape[1:]) != expected:
                raise ModelError(
                    f"The weights held in {name} must have the shape (pictures, branches, "
                    f"channels) = (1 or {pictures}, {expected[0]}, {expected[1]}), not "
                    f"{tuple(weights.shape)}."
                )
            if pictures is not None and weights.shape[0] not in (1, pictures):
                raise ModelError(
                    f"The weights held in {name} are for {weights.shape[0]} pictures; give them "
                    f"for 1 or for all {pictures}."
                )
