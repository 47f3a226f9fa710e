"""What each element of a tensor is: an address for its value, and the weighted maps in it.

The notes are kept for the memory of a tensor and not for the tensor itself, so that every view of
it, whatever operation made it, reads and writes the same notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sk_viz.networks.tracing.graph import CONSTANT, SHIFT

# A weighted map: addresses of the weight and of the map that it multiplies, -1 where there is none.
Term = tuple[Tensor, Tensor]
NOTHING = -1


@dataclass
class Memory:
    """The notes on one storage of ``size`` elements.

    Attributes:
        size: its number of elements.
        base: address of the first element, those of the others follow; used without ``flat``.
        flat: int64 (size,), the address of each element.
        origins: a set that holds the origins of all elements.
        terms: int64 (size,) twice for each weighted map that an element is a sum of.
        made_by: name of the last operation that changed values.
    """

    size: int
    base: int
    origins: frozenset[int]
    made_by: str
    flat: Tensor | None = None
    terms: list[Term] = field(default_factory=list)

    def addresses(self) -> Tensor:
        """int64 (size,), the address of each element."""
        if self.flat is None:
            return torch.arange(self.base, self.base + self.size)
        return self.flat


class Notes:
    """The notes on all tensors of one forward that depend on its input."""

    def __init__(self) -> None:
        self._memories: Any = WeakTensorKeyDictionary()  # its types are not told

    def of(self, tensor: Tensor) -> Memory | None:
        """The notes on a tensor's memory; None for what does not depend on the input."""
        found: Memory | None = self._memories.get(tensor)
        return found

    def share(self, tensor: Tensor, memory: Memory) -> None:
        """Tell that a tensor lies in a memory that is known."""
        self._memories[tensor] = memory

    def addresses(self, tensor: Tensor) -> Tensor:
        """int64, the address of each element, in the tensor's shape."""
        memory = self.of(tensor)
        if memory is None:
            return torch.full((1,), CONSTANT).expand(tensor.shape)
        return _seen(memory.addresses(), tensor)

    def terms(self, tensor: Tensor) -> list[Term]:
        """The weighted maps of each element, in the tensor's shape."""
        memory = self.of(tensor)
        if memory is None:
            return []
        return [(_seen(weight, tensor), _seen(what, tensor)) for weight, what in memory.terms]

    def origins(self, tensor: Tensor) -> frozenset[int]:
        """The origins of a tensor's elements."""
        memory = self.of(tensor)
        if memory is None:
            return frozenset([CONSTANT])
        if len(memory.origins) == 1 or tensor.numel() == memory.size:
            return memory.origins
        return frozenset(found_origins(self.addresses(tensor)))

    def ends(self, tensor: Tensor) -> tuple[int, int]:
        """The addresses of a tensor's first and last element."""
        memory = self.of(tensor)
        if memory is None or not tensor.numel():
            return CONSTANT, CONSTANT
        first = int(tensor.storage_offset())
        last = first + sum(
            (int(n) - 1) * int(s) for n, s in zip(tensor.shape, tensor.stride(), strict=True)
        )
        if memory.flat is None:
            return memory.base + first, memory.base + last
        return int(memory.flat[first]), int(memory.flat[last])

    def begin(self, tensor: Tensor, origin: int, made_by: str) -> None:
        """A tensor of new values."""
        size = storage_size(tensor)
        self.share(tensor, Memory(size, origin << SHIFT, frozenset([origin]), made_by))

    def inherit(self, tensor: Tensor, source: Tensor, made_by: str) -> None:
        """A tensor each of whose values belongs to the one at the same place of ``source``."""
        known = self.of(source)
        if known is None:
            return
        same = (
            tensor.shape == source.shape
            and tensor.stride() == source.stride()
            and tensor.storage_offset() == source.storage_offset()
            and storage_size(tensor) == known.size
        )
        if same:
            memory = Memory(known.size, known.base, known.origins, made_by, known.flat)
            self.share(tensor, memory)
        else:
            self.write(tensor, self.addresses(source), [], self.origins(source), made_by)

    def write(
        self,
        tensor: Tensor,
        addresses: Tensor,
        terms: Sequence[Term],
        origins: frozenset[int],
        made_by: str,
    ) -> None:
        """Set the notes on a tensor, as far as it lies in its memory.

        Args:
            tensor: new, or part of a memory that is known.
            addresses: int64, broadcast to the tensor's shape.
            terms: the same, twice for each.
            origins: of the addresses.
            made_by: what changed the values.
        """
        memory = self.of(tensor)
        size = storage_size(tensor)
        if memory is None:
            memory = Memory(size, CONSTANT << SHIFT, origins, made_by)
            self.share(tensor, memory)
            whole = True
        else:
            whole = tensor.numel() == size
        memory.flat = _written(None if whole else memory.addresses(), CONSTANT, tensor, addresses)
        count = len(terms) if whole else max(len(terms), len(memory.terms))
        old = [] if whole else memory.terms
        nothing = torch.full((1,), NOTHING)
        kept: list[Term] = []
        for i in range(count):
            weight, what = terms[i] if i < len(terms) else (nothing, nothing)
            before = old[i] if i < len(old) else (None, None)
            kept.append(
                (
                    _written(before[0], NOTHING, tensor, weight),
                    _written(before[1], NOTHING, tensor, what),
                )
            )
        memory.terms = kept
        memory.origins = origins if whole else memory.origins | origins
        memory.made_by = made_by


def storage_size(tensor: Tensor) -> int:
    """Elements in a tensor's storage."""
    return tensor.untyped_storage().nbytes() // tensor.element_size()


def found_origins(addresses: Tensor) -> list[int]:
    """The origins of some addresses, in rising order."""
    numbers = (addresses[addresses >= 0] >> SHIFT).flatten()
    if not numbers.numel():
        return []
    present: list[int] = numbers.bincount().nonzero().flatten().tolist()
    return present


def _seen(flat: Tensor, tensor: Tensor) -> Tensor:
    return flat.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _written(before: Tensor | None, empty: int, tensor: Tensor, values: Tensor) -> Tensor:
    """A copy of flat notes with those of a tensor set."""
    size = storage_size(tensor)
    flat = torch.full((size,), empty) if before is None else before.clone()
    _seen(flat, tensor).copy_(values)
    return flat
