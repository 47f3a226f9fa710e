"""What is said beside a prediction: how sure it is, whether it is likely none, and on what ground.

For a model whose certainty was never measured nothing is claimed beyond its own probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sk_viz.language import gettext as _
from sk_viz.language import mark

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.zoo.certainty import Certainty, Score, Share, UnknownRule
    from sk_viz.zoo.model import Model

_SCORES: dict[Score, str] = {
    "probability": mark("its largest probability"),
    "energy": mark("the energy of its logits (the log of the sum of their exponentials)"),
    "logit": mark("its largest logit"),
}


def percent(probability: float) -> str:
    """A probability as people read it: whole percents, and no certainty that there is not."""
    if probability >= 0.995:
        return ">99 %"
    return "<1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def said(name: str, probability: float, none: bool, classes: int) -> str:
    """The answer in a few words, as plain text.

    Args:
        name: of the likeliest class.
        probability: of it.
        none: the picture is likely of none of the classes.
        classes: how many there are.
    """
    if none:
        return _("likely none of its {classes} classes (nearest: {name}, {share})").format(
            classes=classes, name=name, share=percent(probability)
        )
    return f"{name} {percent(probability)}"


def said_at(sweep: Sweep, scale: float, classes: int) -> str:
    """The same of the picture at one scale of a sweep."""
    best = sweep.predictions[sweep.predictions["scale"] == scale].iloc[0]
    none = sweep.likely_none is not None and bool(sweep.likely_none[sweep.scales.index(scale)])
    return said(str(best["name"]), float(best["probability"]), none, classes)


def grounds(model: Model) -> str | None:
    """How sure it is and how that is known, as Markdown; None where it was not measured."""
    certainty = model.certainty
    if certainty is None:
        return None
    rule, classes = certainty.unknown, len(model.classes)
    if rule is None:
        more = _("It always answers with one of its {classes} classes.").format(classes=classes)
    elif rule.proven:
        more = _rule(rule, classes)
    else:
        more = _(
            "It always answers with one of its {classes} classes and cannot tell when a picture "
            "shows something else. The best rule flags {noticed} of other things, and wrongly "
            "flags {lost} of things that it knows."
        ).format(classes=classes, noticed=_of_100(rule.noticed), lost=_of_100(rule.kept, rest=True))
    return f"{_calibration(certainty)}\n\n{more}"


def _calibration(certainty: Certainty) -> str:
    low, high = (100 * bound for bound in certainty.error_interval)
    return _(
        "**How sure it is.** Where it says 40 %, it is right in about 40 of 100 cases. On {count} "
        "pictures that it was not trained on, its probabilities were off by {error} points on "
        "average (95 % interval {low} to {high}), at scale 1."
    ).format(
        count=f"{certainty.n:,}",
        error=f"{100 * certainty.error:.1f}",
        low=f"{low:.1f}",
        high=f"{high:.1f}",
    )


def _rule(rule: UnknownRule, classes: int) -> str:
    below = percent(rule.threshold) if rule.score == "probability" else f"{rule.threshold:.2f}"
    return _(
        "The answer is **likely none of its {classes} classes** where {score} is below {below}. "
        "That is wrong for {lost} of things that it knows. It flags {noticed} of other things; the "
        "rest get the name of some class. Measured at scale 1. Smaller or cropped objects are "
        "flagged more often."
    ).format(
        classes=classes,
        score=_(_SCORES[rule.score]),
        below=below,
        lost=_of_100(rule.kept, rest=True),
        noticed=_of_100(rule.noticed),
    )


def _of_100(share: Share, *, rest: bool = False) -> str:
    """A share with its interval, or what is left of it, as so many of 100."""
    value, bounds = share.share, share.interval
    if rest:
        value, bounds = 1 - value, (1 - bounds[1], 1 - bounds[0])
    low, high = (f"{100 * bound:.0f}" for bound in bounds)
    return _("{count} of 100 pictures (95 % interval {low} to {high}, n = {n})").format(
        count=f"{100 * value:.0f}", low=low, high=high, n=share.n
    )
