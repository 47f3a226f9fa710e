"""Private readouts of a network, to put hooks on while other threads use the network itself.

A double of the network shares its weights and nothing else (``sk_viz.networks.double``). Making one
costs a copy of its modules, so doubles are kept: each is lent to one thread at a time and reused by
the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from sk_viz.networks.double import double_of
from sk_viz.networks.tracing.reading import reading
from sk_viz.zoo.fingerprint import tensors_of

if TYPE_CHECKING:
    from sk_viz.networks.unit import Unit
    from sk_viz.zoo.model import Model


class PrivateReadout(nn.Module):
    """A double of a network, read as a ``Readout`` is, whose modules no other thread sees.

    Attributes:
        network: the double, whose weights ask for no gradient.
        units: of the network.
    """

    def __init__(self, network: nn.Module, units: tuple[Unit, ...]) -> None:
        super().__init__()
        self.network = network
        self.units = units

    def forward(
        self, x: Tensor, held: Mapping[str, Tensor] | None = None
    ) -> tuple[Any, list[Tensor]]:
        """Output and branch weights of one pass; gradients flow through both."""
        with reading(self.network, self.units, held) as read:
            output = self.network(x)
        return output, [read.weights[unit.name] for unit in self.units]


# Where the weights of a double lie, and its readout.
_Idle = tuple[tuple[int, ...], PrivateReadout]

_idle: WeakKeyDictionary[nn.Module, list[_Idle]] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def private_readout(model: Model) -> Iterator[PrivateReadout]:
    """Lend a readout of a double of a model's network to this thread.

    The double carries no hook of the network. Hooks put on it must be removed before it is given
    back; after an exception it is thrown away.
    """
    network = model.network
    places = tuple(tensor.data_ptr() for tensor in tensors_of(network))
    with _lock:
        idle = _idle.setdefault(network, [])
        while idle and idle[-1][0] != places:  # the network was given other weights, or moved
            idle.pop()
        lent = idle.pop()[1] if idle else None
    if lent is None:
        lent = PrivateReadout(double_of(network), model.units)
    yield lent
    with _lock:
        _idle.setdefault(network, []).append((places, lent))
