"""One forward that returns the logits and the branch weights of every unit together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.units import Gate, Unit, gates, units

_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


class Readout(nn.Module):
    """A network that also tells how each of its units chose.

    The networks of this project return their weights themselves, so any number of threads may
    read one of them at once. From any other network they are read by hooks, put on for one
    forward under one lock for each network and taken off after it, also after an error; a forward
    of another thread on the same network is neither read nor changed by them.

    Attributes:
        network: the network that is read, as it is.
        units: its SK units, in the order of the weights.
        size: its number of parameters.

    Raises:
        ModelError: the network has no SK units.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.units = units(network)
        self.size = sum(p.numel() for p in network.parameters())

    def forward(
        self, x: Tensor, held: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits and branch weights of one pass; gradients flow through both.

        Args:
            x: (N, 3, H, W) normalised pictures.
            held: weights (N or 1, M, C) to use in place of a unit's own, by unit name.

        Returns:
            Logits (N, K), and one tensor (N, M, C) for each of :attr:`units`: what the unit
            chose, also where other weights were held.

        Raises:
            ModelError: held weights of an unknown unit or a wrong shape, or a network that does
                not pass each unit exactly once.
        """
        held = held or {}
        self._check(held, len(x))
        if isinstance(self.network, SKNet):
            return self.network.forward_with_weights(x, held)
        with _lock_of(self.network), _reading(self.network, self.units, held) as read:
            logits = self.network(x)
        missed = [u.name for u in self.units if len(read[u.name]) != 1]
        if missed:
            raise ModelError(
                f"One forward must pass each unit once; {', '.join(missed)} was passed "
                f"{len(read[missed[0]])} times."
            )
        return logits, [read[u.name][0] for u in self.units]

    def _check(self, held: Mapping[str, Tensor], pictures: int) -> None:
        shapes = {u.name: (len(u.kernels), u.channels) for u in self.units}
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
            if weights.shape[0] not in (1, pictures):
                raise ModelError(
                    f"The weights held in {name} are for {weights.shape[0]} pictures; give them "
                    f"for 1 or for all {pictures}."
                )


@contextmanager
def _reading(
    network: nn.Module, found: tuple[Unit, ...], held: Mapping[str, Tensor]
) -> Iterator[dict[str, list[Tensor]]]:
    """Hooks on the gate of every unit; yields what they read, by unit name."""
    read: dict[str, list[Tensor]] = {unit.name: [] for unit in found}
    owner = threading.get_ident()
    handles = []

    def put_on(unit: Unit, gate: Gate) -> None:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor | None:
            if threading.get_ident() != owner:
                return None
            read[unit.name].append(_weights(unit, gate, output))
            weights = held.get(unit.name)
            # The network gets a copy: some go on to reshape their weights in place, which would
            # change what was read and break its gradient.
            return output.clone() if weights is None else gate.lay_out(weights, output)

        handles.append(gate.module.register_forward_hook(hook))

    try:
        for unit, gate in zip(found, gates(network), strict=True):
            put_on(unit, gate)
        yield read
    finally:
        for handle in handles:
            handle.remove()


def _weights(unit: Unit, gate: Gate, output: Tensor) -> Tensor:
    """(N, M, C) from the output of a unit's gate, if it is one weight a channel and branch."""
    expected = (len(unit.kernels), unit.channels)
    weights = gate.read(output) if output.ndim > 2 else output
    if tuple(weights.shape[1:]) != expected:
        raise ModelError(
            f"{unit.path} gives {tuple(output.shape)} and not one weight for each of "
            f"{expected[0]} branches and {expected[1]} channels, so {unit.name} cannot be read."
        )
    return weights


def _lock_of(network: nn.Module) -> threading.RLock:
    with _locks_lock:
        return _locks.setdefault(network, threading.RLock())
