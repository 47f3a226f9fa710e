"""The terms of the pages: their names and definitions in the visitor's language."""

from __future__ import annotations

from sk_viz.app.state import language
from sk_viz.language import gettext as _
from sk_viz.language import mark

_PROTOCOLS = {
    "zoom": mark("zoom"),
    "blur": mark("blur"),
    "resolution": mark("resolution"),
    "object": mark("object"),
    "tile": mark("tile"),
    "window": mark("window"),
}

# What each term means, in the order in which a reader meets them.
DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        mark("unit"),
        mark(
            "One selective kernel (SK) convolution of the network. It is named SK_stage_block, as "
            "in the paper: SK_2_1 comes first."
        ),
    ),
    (
        mark("branch"),
        mark("One convolution path of a unit. Each branch looks through a window of its own size."),
    ),
    (
        mark("kernel"),
        mark("The size of a branch's window: 3×3 covers 3 by 3 positions, 5×5 covers 5 by 5."),
    ),
    (
        mark("branch weight"),
        mark(
            "The share, from 0 to 1, that a channel gives to a branch. The weights of all branches "
            "sum to 1. The paper calls this attention."
        ),
    ),
    (
        mark("difference"),
        mark(
            "The weight of the largest kernel minus that of the smallest, averaged over the "
            "channels of a unit. Above 0 the unit prefers its larger window, below 0 its smaller."
        ),
    ),
    (
        mark("channel"),
        mark("One of the maps that a convolution computes. Every channel chooses for itself."),
    ),
    (
        mark("scale"),
        mark("How many times larger the picture, or the object, is shown. 1.0× is unchanged."),
    ),
    (
        mark("scale protocol"),
        mark(
            "How the picture is enlarged: by zooming, by blurring only (the control), by feeding "
            "more pixels, or by drawing a cut-out object larger."
        ),
    ),
    (
        mark("control"),
        mark(
            "The same measurement without a change of size. What also appears in the control is "
            "not caused by size."
        ),
    ),
    (
        mark("stage"),
        mark("Consecutive units that work at the same resolution. Later stages see coarser maps."),
    ),
    (
        mark("attribution"),
        mark("A map over the picture: how much each pixel counts for, or against, a result."),
    ),
    (
        mark("logit"),
        mark(
            "A score before it is turned into a probability. It may have any size and either sign."
        ),
    ),
    (
        mark("receptive field"),
        mark("The part of the picture that can influence one position of a unit's output."),
    ),
    (
        mark("95 % interval"),
        mark(
            "The range in which the true value lies in 95 of 100 such measurements. If it does not "
            "contain 0, chance alone is an unlikely explanation."
        ),
    ),
)


def protocol(name: str) -> str:
    """A scale protocol's name."""
    return _(_PROTOCOLS[name]) if name in _PROTOCOLS else name


def protocol_help() -> str:
    """How each scale protocol shows the picture, as Markdown."""
    return _(
        """How the picture is shown at each scale.

- **zoom**: the central part, cut from the original pixels, fills the input. This is the paper's
  protocol.
- **blur** (control): removes only the detail such a zoom would lose. The size stays the same.
- **resolution**: the whole picture, fed at a smaller or larger input size.
- **object**: a cut-out, drawn smaller or larger on a background.
- **tile** (control): the content of the zoom, repeated at its original size.
- **window** (control): the whole picture enlarged, while each unit averages over the central
  part only.
"""
    )


def definition(term: str) -> str:
    """What a term means."""
    return _(dict(DEFINITIONS)[term])


def definitions(*terms: str) -> str:
    """Several terms with what they mean, as a Markdown list."""
    return "\n".join(f"- **{_(term)}**: {definition(term)}" for term in terms)


def sentence(text: str) -> str:
    """A sentence or a title that does not come from the pages, such as a sample's."""
    return language.sentence(text)
