"""Noticing that a network has changed, for a small part of what a forward costs.

Hashing all weights of a large network takes longer than running it. Torch counts the changes of
every tensor (``_version``: optimisers, ``copy_``, ``mul_`` and ``load_state_dict`` all count), so
the counters, the places in memory and a few sampled values tell nearly as much. A change that torch
does not see, through ``.data`` or NumPy, is noticed only if it reaches one of the sampled values,
as a change of the whole tensor does.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SAMPLES = 16  # values of each tensor, spread evenly over it


class Fingerprint:
    """What a network was like at one moment.

    Args:
        network: any network, on any device; it is not changed.
    """

    def __init__(self, network: nn.Module) -> None:
        tensors = tensors_of(network)
        self._places = _places(network, tensors)
        # Views of the network's own memory, by dtype and device, which are read again later.
        self._samples: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in tensors:
            if tensor.numel() and tensor.is_contiguous():
                values = tensor.detach().view(-1)
                step = max(1, (len(values) - 1) // (SAMPLES - 1))
                self._samples.setdefault((tensor.dtype, tensor.device), []).append(values[::step])
        self._values = self._read()

    def fits(self, network: nn.Module) -> bool:
        """Whether a network is still as it was."""
        return (
            self._places == _places(network, tensors_of(network)) and self._values == self._read()
        )

    def _read(self) -> list[bytes]:
        return [
            torch.cat(views).cpu().view(torch.uint8).numpy().tobytes()
            for views in self._samples.values()
        ]


def tensors_of(network: nn.Module) -> list[Tensor]:
    """All parameters and buffers; a shared one as often as it is used."""
    return [
        tensor
        for module in network.modules()
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None
    ]


def _places(network: nn.Module, tensors: list[Tensor]) -> list[int]:
    """Which modules and tensors it has, where these lie, and how often torch changed them."""
    found = [network.training, *map(id, network.modules())]
    for tensor in tensors:
        # A tensor of inference mode has no counter.
        version = -1 if tensor.is_inference() else tensor._version
        found += [id(tensor), tensor.data_ptr(), version]
    return found
