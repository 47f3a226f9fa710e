"""What is said beside a prediction: how sure it is, whether it is likely none, and on what ground.

For a model whose certainty was never measured nothing is claimed beyond its own probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.zoo.certainty import Certainty, Score, Share, UnknownRule
    from sk_viz.zoo.model import Model

_SCORES: dict[Score, str] = {
    "probability": "its largest probability",
    "energy": "the energy of its logits (the log of the sum of their exponentials)",
    "logit": "its largest logit",
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
        return f"likely none of its {classes} classes (nearest: {name}, {percent(probability)})"
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
    rule = certainty.unknown
    if rule is None:
        more = f"It always answers with one of its {len(model.classes)} classes."
    elif rule.proven:
        more = _rule(rule, len(model.classes))
    else:
        more = (
            f"It always answers with one of its {len(model.classes)} classes and can't tell when a "
            f"picture shows something else: the best rule noticed {_of_100(rule.noticed)} of other "
            f"things, and took {_of_100(rule.kept, rest=True)} of things that it knows for such."
        )
    return f"{_calibration(certainty)}\n\n{more}"


def _calibration(certainty: Certainty) -> str:
    low, high = (100 * bound for bound in certainty.error_interval)
    return (
        "**How sure it is.** Where it says 40 %, it is right in about 40 of 100 cases. On "
        f"{certainty.n:,} pictures that it was not trained on, its probabilities were off by "
        f"{100 * certainty.error:.1f} points on average (95 % interval {low:.1f} to {high:.1f}), "
        "at scale 1."
    )


def _rule(rule: UnknownRule, classes: int) -> str:
    below = percent(rule.threshold) if rule.score == "probability" else f"{rule.threshold:.2f}"
    return (
        f"**Likely none of its {classes} classes** is said where {_SCORES[rule.score]} is below "
        f"{below}. That is wrong for {_of_100(rule.kept, rest=True)} of things that it knows. Of "
        f"other things it notices {_of_100(rule.noticed)}; the rest get the name of some class. "
        "Measured at scale 1; an object that is smaller or cut off is called so "
        "more often."
    )


def _of_100(share: Share, *, rest: bool = False) -> str:
    """A share with its interval, or what is left of it, as so many of 100."""
    value, bounds = share.share, share.interval
    if rest:
        value, bounds = 1 - value, (1 - bounds[1], 1 - bounds[0])
    low, high = (f"{100 * bound:.0f}" for bound in bounds)
    return f"{100 * value:.0f} of 100 pictures (95 % interval {low} to {high}, n = {share.n})"
