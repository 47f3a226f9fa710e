"""What the page Survey alone chooses."""

from __future__ import annotations

from dataclasses import dataclass

from sk_viz.app.state.address import in_address, number, write_number

NEW = ""
EXAMPLE = "example"  # what the page opens with: a survey that is done


@dataclass(frozen=True)
class SurveyView:
    """What this page alone chooses.

    Attributes:
        survey: the name of a kept one, the folder of another, ``EXAMPLE``, or ``NEW``.
        seen: the scale that is looked at, 0 for the largest.
    """

    survey: str = in_address(EXAMPLE, "survey", str)
    seen: float = in_address(0.0, "seen", number(0, 64), write_number)
