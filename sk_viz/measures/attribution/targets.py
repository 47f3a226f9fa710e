"""What is explained: the logit of a class, or how a unit chooses."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sk_viz.errors import ModelError

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit
    from sk_viz.zoo.model import Model

Target = int | str | tuple[str, int]

# The softmax passes on 4 p (1 - p) of the sensitivity it has at equal weights; at p = 0.99 that
# is 4 %, and an explanation of the weights would be one of rounding.
SATURATED = 0.04

_UNIT = r"SK_\d+_\d+"


@dataclass(frozen=True)
class ClassTarget:
    """The logit of one class.

    Attributes:
        label: index of the class.
        name: the class's name.
    """

    label: int
    name: str

    @property
    def key(self) -> Target:
        """What to give as ``target`` to explain the same again."""
        return self.label

    @property
    def text(self) -> str:
        """For display."""
        return self.name

    @property
    def explains(self) -> str:
        """What the values of a map are about, in words."""
        return f"the logit of {self.name!r}"

    def value(self, logits: Tensor, weights: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """What is explained, (N,), from logits (N, K) and the weights of every unit (N, M, C)."""
        return logits[:, self.label]

    def score(self, logits: Tensor, weights: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """The same as people read it, (N,): the probability of the class."""
        return logits.softmax(dim=1)[:, self.label]


@dataclass(frozen=True)
class UnitTarget:
    """A unit's difference, or one channel's weight of its largest kernel.

    Attributes:
        unit: the unit.
        place: its index among the model's units.
        channel: one channel; None for the mean over all of them.
        before_softmax: explain the logit of the largest kernel minus that of the smallest
            instead, because the weights are saturated.
    """

    unit: Unit
    place: int
    channel: int | None = None
    before_softmax: bool = False

    @property
    def key(self) -> Target:
        """What to give as ``target`` to explain the same again."""
        return self.unit.name if self.channel is None else (self.unit.name, self.channel)

    @property
    def text(self) -> str:
        """For display."""
        return self.unit.name if self.channel is None else f"{self.unit.name}:{self.channel}"

    @property
    def explains(self) -> str:
        """What the values of a map are about, in words."""
        largest, smallest = max(self.unit.kernels), min(self.unit.kernels)
        of = (
            f"{self.unit.name}"
            if self.channel is None
            else f"channel {self.channel} of {self.unit.name}"
        )
        over = f", mean over {self.unit.channels} channels" if self.channel is None else ""
        if self.before_softmax:
            return (
                f"the logit of the {largest}x{largest} branch minus that of the "
                f"{smallest}x{smallest} branch in {of}{over}, before the softmax, because its "
                "weights are saturated"
            )
        if self.channel is None:
            return (
                f"the difference of {of}: the weight of the {largest}x{largest} branch minus "
                f"that of the {smallest}x{smallest} branch{over}"
            )
        return f"the weight of the {largest}x{largest} branch in {of}"

    def value(self, logits: Tensor, weights: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """What is explained, (N,), from logits (N, K) and the weights of every unit (N, M, C)."""
        largest, smallest = self._pair(weights)
        if self.before_softmax:
            # log(softmax(a) / softmax(b)) = a - b, of any network whose weights can be read.
            tiny = torch.finfo(largest.dtype).tiny
            values = largest.clamp_min(tiny).log() - smallest.clamp_min(tiny).log()
        elif self.channel is None:
            values = largest - smallest
        else:
            values = largest
        return values.mean(dim=1) if self.channel is None else values[:, self.channel]

    def score(self, logits: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """The same as people read it, (N,): here what is explained."""
        return self.value(logits, weights)

    def saturated(self, weights: Sequence[Tensor]) -> bool:
        """Whether the softmax passes on less than ``SATURATED`` of its full sensitivity."""
        largest, smallest = self._pair(weights)
        share = largest / (largest + smallest)
        passed = 4 * share * (1 - share)
        kept = passed if self.channel is None else passed[:, self.channel]
        return float(kept.mean()) < SATURATED

    def _pair(self, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Weights (N, C) of the largest and of the smallest kernel."""
        mine = weights[self.place]
        return mine[:, self.unit.largest], mine[:, self.unit.smallest]


def parse_target(text: str) -> Target:
    """Read a target from text: ``class``, a class's index or name, ``SK_3_4`` or ``SK_3_4:17``."""
    if re.fullmatch(r"-?\d{1,9}", text):
        return int(text)
    found = re.fullmatch(rf"({_UNIT})[:,]\s*(\d{{1,9}})", text)
    return (found[1], int(found[2])) if found else text


def resolve(
    model: Model, target: Target, logits: Tensor, weights: Sequence[Tensor]
) -> ClassTarget | UnitTarget:
    """Settle what is explained of one picture.

    Args:
        model: the model.
        target: ``"class"`` (the top class), a class index or name, a unit name, or
            ``(unit, channel)``.
        logits: (1, K) of the picture.
        weights: (1, M, C) of each unit of the picture, by which saturation is judged.

    Raises:
        ModelError: no such class, unit or channel; a unit that chooses the same for everything.
    """
    if isinstance(target, tuple | list):
        channel = _whole(target[1]) if len(target) == 2 else None
        if channel is None or not isinstance(target[0], str):
            raise ModelError(f"The target {target!r} is not (unit, channel): write ('SK_3_4', 0).")
        return _unit(model, target[0], channel, weights)
    if not isinstance(target, str):
        label = _whole(target)
        if label is None:
            raise ModelError(
                f"The target {target!r} is unknown: give class, a class's index or name, a unit, "
                "or (unit, channel)."
            )
        return _class(model, label)
    if target == "class":
        model.check_predicts("An explanation of the class")
        return _class(model, int(logits[0].argmax()))
    if re.fullmatch(_UNIT, target):
        return _unit(model, target, None, weights)
    return _class(model, _label(model, target))


def unit_of(model: Model, target: Target) -> Unit | None:
    """The unit that a target names; None for a class.

    Raises:
        ModelError: no such unit.
    """
    name = target[0] if isinstance(target, tuple | list) and target else target
    if not isinstance(name, str) or not re.fullmatch(_UNIT, name):
        return None
    names = [unit.name for unit in model.units]
    if name not in names:
        raise ModelError(f"There is no unit {name!r}: choose one of {', '.join(names)}.")
    return model.units[names.index(name)]


def _whole(value: object) -> int | None:
    """A whole number of any library's kind; None for everything else, 1.5 and True too."""
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _class(model: Model, label: int) -> ClassTarget:
    model.check_predicts("An explanation of a class")
    if not 0 <= label < len(model.classes):
        raise ModelError(
            f"There is no class {label}: {model.id} has classes 0 to {len(model.classes) - 1}."
        )
    return ClassTarget(label, model.classes[label])


def _label(model: Model, name: str) -> int:
    """The index of the class of a name, or of one of the names between its commas."""
    if name in model.classes:
        return model.classes.index(name)
    if not model.predicts:
        raise ModelError(
            f"There is no unit {name!r}, and {model.id} returns no class logits: choose one of "
            f"{', '.join(unit.name for unit in model.units)}."
        )
    wanted = name.strip().casefold()
    synonyms: dict[str, list[int]] = {}
    for label, names in enumerate(model.classes):
        for one in {names, *names.split(",")}:
            synonyms.setdefault(one.strip().casefold(), []).append(label)
    labels = synonyms.get(wanted, [])
    if len(labels) > 1:
        raise ModelError(
            f"Several classes are called {name!r}: give an index, {', '.join(map(str, labels))}."
        )
    if not labels:
        close = difflib.get_close_matches(wanted, list(synonyms), 1)
        hint = f"did you mean {close[0]!r}?" if close else "give a class, its index, or a unit."
        raise ModelError(f"{model.id} has no class or unit {name!r}: {hint}")
    return labels[0]


def _unit(model: Model, name: str, channel: int | None, weights: Sequence[Tensor]) -> UnitTarget:
    unit = unit_of(model, name)
    if unit is None:
        names = ", ".join(unit.name for unit in model.units)
        raise ModelError(f"There is no unit {name!r}: choose one of {names}.")
    if unit.dead:
        raise ModelError(f"{name} chooses the same for every picture: choose another unit.")
    if channel is not None and not 0 <= channel < unit.channels:
        raise ModelError(
            f"{name} has no channel {channel}: its channels are 0 to {unit.channels - 1}."
        )
    target = UnitTarget(unit, model.units.index(unit), channel)
    return replace(target, before_softmax=target.saturated(weights))
