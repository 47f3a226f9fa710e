"""Reading and holding the weights of units during one forward, without hooks and without locks.

A mode of torch that this thread alone enters meets the softmaxes as the network calls them. Nothing
is put on the network, so any number of threads may read and hold it at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.tracing.calls import CountedCalls, GateCall, GateCalls
from sk_viz.networks.unit import Unit


@dataclass(frozen=True)
class Reading:
    """What the units of a network did in one forward, by unit name.

    Attributes:
        weights: (N, M, C) what each unit chose, also where other weights were held.
        maps: (N, M, C, *places) the same of units that choose for each place.
        sums: (N, C, *places) each unit's weighted sum, where it was asked for.
    """

    weights: dict[str, Tensor] = field(default_factory=dict)
    maps: dict[str, Tensor] = field(default_factory=dict)
    sums: dict[str, Tensor] = field(default_factory=dict)


@contextmanager
def reading(
    network: nn.Module,
    units: Sequence[Unit],
    held: Mapping[str, Tensor] | None = None,
    *,
    constant: bool = False,
    sums: Collection[str] = (),
    end: bool = False,
) -> Iterator[Reading]:
    """Read the units of a network while this thread runs one forward of it.

    Args:
        network: in evaluation mode, without wrappers.
        units: all of its units.
        held: weights (N or 1, M, C) to use in place of a unit's own, by unit name.
        constant: take the weights as constants of differentiation.
        sums: names of units whose weighted sums are kept.
        end: leave the context as soon as these sums are made; what the network would have computed
            after them is not computed.

    Raises:
        ModelError: the forward does not compute the weights where it did when it was looked at.
    """
    mode = (
        _SumReader(network, units, held or {}, constant, sums, end)
        if sums
        else _Reader(network, units, held or {}, constant)
    )
    with suppress(_EnoughError):
        with mode:
            yield mode.reading
        missed = [unit.name for unit in units if unit.name not in mode.reading.weights]
        if missed:
            raise ModelError(
                f"This forward did not compute the weights of {', '.join(missed)}, which it did "
                "when the network was looked at: its control flow must be the same for every input."
            )
    unmade = [name for name in sums if name not in mode.reading.sums]
    if unmade:
        raise ModelError(f"The weighted sum of {', '.join(unmade)} cannot be taken alone.")


class _EnoughError(Exception):
    """All that was asked for has been made."""


class _Reader(GateCalls):
    """Meets the softmaxes that are the weights of units."""

    def __init__(
        self,
        network: nn.Module,
        units: Sequence[Unit],
        held: Mapping[str, Tensor],
        constant: bool,
    ) -> None:
        super().__init__(network, {unit.gate for unit in units})
        self.reading = Reading()
        self._units = {GateCall(unit.gate, unit.path, unit.call): unit for unit in units}
        self._paths = {(unit.gate, unit.path) for unit in units}
        self._held = held
        self._constant = constant

    def after(self, call: GateCall, output: Tensor) -> Tensor:
        unit = self._units.get(call)
        if unit is None:
            if (call.kind, call.path) in self._paths:
                raise ModelError(
                    f"{call.path or 'The network'} computes weights once more than when it was "
                    "looked at: its control flow must be the same for every input."
                )
            return output
        if not unit.layout.fits(output.shape):
            raise ModelError(
                f"The weights of {unit.name} have the shape {tuple(output.shape)}, which is not "
                "the one that the network was seen to compute: its control flow must be the same "
                "for every input."
            )
        if self._constant:
            output = output.detach()
        self.reading.weights[unit.name] = unit.layout.read(output)
        if unit.layout.by_place:
            self.reading.maps[unit.name] = unit.layout.places(output)
        self.met(unit)
        held = self._held.get(unit.name)
        # The network gets a copy: some go on to change their weights in place, which would change
        # what was read and break its gradient.
        return output.clone() if held is None else unit.layout.lay_out(held, output)

    def met(self, unit: Unit) -> None:
        """Called when the weights of a unit were computed."""


class _SumReader(_Reader, CountedCalls):
    """Keeps what is made so many calls after the weights of each unit, which is their sum."""

    def __init__(
        self,
        network: nn.Module,
        units: Sequence[Unit],
        held: Mapping[str, Tensor],
        constant: bool,
        sums: Collection[str],
        end: bool,
    ) -> None:
        super().__init__(network, units, held, constant)
        self._asked = frozenset(sums)
        self._end = end
        self._waiting: dict[int, Unit] = {}

    def met(self, unit: Unit) -> None:
        if unit.name in self._asked and unit.steps is not None:
            self._waiting[self.steps + unit.steps] = unit

    def made(self, output: Any) -> None:
        if not self._waiting or (unit := self._waiting.pop(self.steps, None)) is None:
            return
        assert isinstance(output, Tensor)
        # A copy: what follows in the network may change it in place.
        self.reading.sums[unit.name] = output.clone()
        if self._end and len(self.reading.sums) == len(self._asked):
            raise _EnoughError
