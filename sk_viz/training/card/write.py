"""The model card: what the training and the judging of a model found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sk_viz.training.card import certainty, scale
from sk_viz.training.card.markdown import share, table
from sk_viz.training.card.recipe import Made, recipe_of

_TERMS = {
    "caltech-101": (
        "Caltech-101 (Li, Andreetto, Ranzato, Perona, CaltechDATA 2022), CC BY 4.0; shorter side "
        "160 px, so that zooming shows real detail"
    ),
    "tiny-imagenet": (
        "Tiny ImageNet, 64 x 64 px, derived from ImageNet: for research and teaching; zooming "
        "shows no new detail"
    ),
}


def render(made: Made, found: Mapping[str, Any]) -> str:
    """The card.

    Args:
        made: how the model came to be.
        found: of :func:`~sk_viz.training.judging.judge.judge`.
    """
    parts = [
        f"# {made.id}",
        _summary(made),
        "## Data",
        _data(made),
        "## Recipe",
        recipe_of(made),
        "## How often it is right",
        "Measured on the validation part, which no step of the training has seen. Brackets hold "
        "Wilson's 95 % interval.",
        _accuracy(found),
        "### By object size",
        "Below 1 the evaluation crop stands smaller inside a border of the mean colour; above 1 it "
        "is zoomed into. Pictures of Tiny ImageNet are blurred by that, those of Caltech-101 only "
        f"beyond {160 / made.input_size:.1f}x.",
        _sizes(found),
        "## Are the branch weights alive",
        "Standard deviation over pictures of a channel's weight for the largest kernel.",
        _units(found),
        "And is the choice worth something: the same network with the weights of every unit held "
        "at their mean over the pictures of the same source.",
        _choice(found),
        "## Does a larger object draw a larger kernel",
        scale.question(found),
        scale.effects(found),
        *scale.by_input(found),
        "## How sure it is",
        certainty.calibration(found["certainty"]),
        "### When a picture is of none of its classes",
        certainty.unknown(found["certainty"]["unknown"]),
        "## The sample pictures of this project",
        certainty.samples(found["samples"]),
        "## What it can't do",
        _limits(made, found),
        "## By class",
        _classes(found),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(made: Made) -> str:
    return (
        f"An SKNet as in the paper (bottleneck units, grouped branches 3x3 and 3x3 dilated to 5x5, "
        f"batch norm and ReLU on z, d = max(C / r, L)), sized to come with the project: "
        f"{made.parameters:,} parameters, {made.macs / 1e6:.0f} million multiply-adds at "
        f"{made.input_size} px, a file of {made.file_bytes / 1e6:.1f} MB.\n\n"
        f"`model.safetensors` has the sha256 `{made.sha256}`. This card was written by the command "
        "that trained the model."
    )


def _data(made: Made) -> str:
    rows = [
        (source, f"{count:,}", f"{made.validation.get(source, 0):,}", _TERMS.get(source, "yours"))
        for source, count in made.training.items()
    ]
    return table(("source", "trained on", "judged on", "what it is"), rows)


def _accuracy(found: Mapping[str, Any]) -> str:
    return table(
        ("source", "top-1", "top-5", "pictures"),
        [
            (source, share(entry["top1"]), share(entry["top5"]), entry["top1"]["n"])
            for source, entry in found["accuracy"].items()
        ],
    )


def _sizes(found: Mapping[str, Any]) -> str:
    sizes = list(next(iter(found["object_size"].values())))
    return table(
        ("top-1 at object size", *(f"{size}x" for size in sizes)),
        [
            (source, *(share(by_size[size]) for size in sizes))
            for source, by_size in found["object_size"].items()
        ],
    )


def _units(found: Mapping[str, Any]) -> str:
    return table(
        ("unit", "mean weight", "median deviation", "channels above 0.02"),
        [
            (u["unit"], f"{u['mean']:.3f}", f"{u['median_sd']:.3f}", f"{u['share_alive']:.0%}")
            for u in found["units"]
        ],
    )


def _choice(found: Mapping[str, Any]) -> str:
    return table(
        ("source", "live", "held at the mean", "difference"),
        [
            (
                source,
                share(entry["live"]),
                share(entry["held_at_mean"]),
                f"{100 * (entry['live']['share'] - entry['held_at_mean']['share']):+.1f} points",
            )
            for source, entry in found["choice"].items()
        ],
    )


def _limits(made: Made, found: Mapping[str, Any]) -> str:
    judged = len(found["classes"])
    unseen = (
        f" {made.classes - judged} of its classes have no picture in the validation part, so "
        "nothing is known of them."
        if judged < made.classes
        else ""
    )
    worst = sorted((c for c in found["classes"] if c["n"] >= 10), key=lambda c: c["share"])[:5]
    names = ", ".join(f"{c['name']} ({c['share']:.0%})" for c in worst)
    return (
        f"It knows {made.classes} classes and answers with one of them whatever it is shown. It "
        "was made for looking at branch weights, not for deciding anything: do not use it where a "
        "wrong answer costs. Of the classes with at least ten pictures it is worst at: "
        f"{names}.{unseen}"
    )


def _classes(found: Mapping[str, Any]) -> str:
    every = table(
        ("class", "top-1", "pictures"),
        [(c["name"], share(c), c["n"]) for c in found["classes"]],
    )
    return f"<details><summary>Every class</summary>\n\n{every}\n\n</details>"
