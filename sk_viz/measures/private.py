"""Private readouts of a network, to put hooks on while other threads use the network itself.

A double of the network shares its weights and nothing else (``sk_viz.networks.double``). Making one
costs a copy of its modules and a search for its units, so doubles are kept: each is lent to one
thread at a time and reused by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

from sk_viz.networks.double import double_of
from sk_viz.networks.readout import Readout

# Where the weights of a double lie, and the double itself.
_Idle = tuple[tuple[int, ...], Readout]

_idle: WeakKeyDictionary[nn.Module, list[_Idle]] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def private_readout(network: nn.Module) -> Iterator[Readout]:
    """Lend a readout of a double of a network to this thread.

    The double carries no hook of the network. Hooks put on it must be removed before it is given
    back; after an exception it is thrown away.

    Args:
        network: in evaluation mode, with SK units; it is not changed.

    Yields:
        The readout, whose weights ask for no gradient.
    """
    places = tuple(tensor.data_ptr() for tensor in (*network.parameters(), *network.buffers()))
    with _lock:
        idle = _idle.setdefault(network, [])
        while idle and idle[-1][0] != places:  # the network was given other weights, or moved
            idle.pop()
        lent = idle.pop()[1] if idle else None
    if lent is None:
        lent = Readout(double_of(network))
    yield lent
    with _lock:
        _idle.setdefault(network, []).append((places, lent))
