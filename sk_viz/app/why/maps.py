"""The two maps of the page Why: of a unit's choice and of the answer."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sk_viz.app.shared.scene import Scene
from sk_viz.language import gettext as _

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution


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
