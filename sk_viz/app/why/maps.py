"""The two maps of the page Why: of a unit's choice and of the answer."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sk_viz.app.shared.scene import Scene
from sk_viz.figures.screen.style import kernel_label
from sk_viz.language import gettext as _

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.networks.units import Unit


@dataclass(frozen=True, eq=False)
class Maps:
    """What the page draws.

    Attributes:
        scene: what is explained, and of what.
        choice: the map of the unit or of its channel.
        answer: the map of the class.
        keys: of both results.
    """

    scene: Scene
    choice: Attribution
    answer: Attribution
    keys: tuple[Hashable, Hashable]


def is_saturated(one: Attribution) -> bool:
    """Whether the weights are so sure that their logits are explained instead."""
    return "before the softmax" in one.explains


def named(one: Attribution) -> str:
    """The unit, with its channel where one is explained."""
    unit, colon, channel = one.text.partition(":")
    if not colon:
        return unit
    return _("{unit}, channel {channel}").format(unit=unit, channel=channel)


def describe(one: Attribution, unit: Unit) -> str:
    """What the values of a map are about, as a sentence without its end."""
    largest, smallest = (kernel_label(k) for k in (max(unit.kernels), min(unit.kernels)))
    if isinstance(one.target, int):
        return _("The logit of {name}").format(name=one.text)
    words = {"what": named(one), "largest": largest, "smallest": smallest}
    if is_saturated(one):
        text = _(
            "The logit of the {largest} branch minus that of the {smallest} branch in {what}, "
            "before the softmax, because its weights are saturated"
        )
    elif isinstance(one.target, tuple):
        text = _("The weight of the {largest} branch in {what}")
    else:
        text = _(
            "The difference of {what}: the weight of the {largest} branch minus that of the "
            "{smallest} branch, averaged over its channels"
        )
    return text.format(**words)
