"""The model card: what the training and the judging of a model found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sk_viz.training.card import certainty, scale
from sk_viz.training.card.head import head
from sk_viz.training.card.markdown import share, table
from sk_viz.training.card.recipe import Made, recipe_of
from sk_viz.training.data.photographs import OTHERS

_TERMS = {
    "caltech-101": (
        "Caltech-101 (Li, Andreetto, Ranzato, Perona, CaltechDATA 2022), CC BY 4.0; shorter side "
        "160 px, so that zooming shows real detail"
    ),
    "tiny-imagenet": (
        "Tiny ImageNet, 64 x 64 px, derived from ImageNet: for research and teaching; zooming "
        "shows no new detail"
    ),
    "mini": "mini-ImageNet, photographs of 84 x 84 px, derived from ImageNet: as above",
    "things": "ImageNet's detection set, shorter side at most 160 px: as above",
    "pets": "cats and dogs of all breeds, shorter side at most 160 px: for research and teaching",
}


def render(made: Made, found: Mapping[str, Any]) -> str:
    """The card.

    Args:
        made: how the model came to be.
        found: of :func:`~sk_viz.training.judging.judge.judge`.
    """
    parts = [
        head(made, found),
        f"# {made.id}",
        _summary(made),
        "## Data",
        _data(made),
        "## Recipe",
        recipe_of(made),
        "## How often it is right",
        "Measured on the validation part, which no step of the training has seen. Brackets hold "
        "Wilson's 95 % interval.",
        _accuracy(found["accuracy"]),
        *_visitors(found.get("photographs")),
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
    sources = dict.fromkeys([*made.training, *made.validation])
    rows = [
        (
            source,
            f"{made.training.get(source, 0):,}",
            f"{made.validation.get(source, 0):,}",
            _TERMS.get(source.removesuffix(OTHERS), "yours"),
        )
        for source in sources
    ]
    return table(("source", "trained on", "judged on", "what it is"), rows)


def _accuracy(by_source: Mapping[str, Any]) -> str:
    return table(
        ("source", "top-1", "top-5", "pictures"),
        [
            (source, share(entry["top1"]), share(entry["top5"]), entry["top1"]["n"])
            for source, entry in by_source.items()
        ],
    )


def _visitors(found: Mapping[str, Any] | None) -> list[str]:
    """How it does on photographs; nothing where none were held out."""
    if found is None:
        return []
    called = table(
        ("source", "called none of its classes", "answered with the other collection's classes"),
        [
            (
                source,
                share(entry["called_none"]),
                share(entry["other_collection"]) if entry["other_collection"] else "",
            )
            for source, entry in found["sources"].items()
        ],
    )
    kinds = table(
        ("photographs of a", "answered as one of its classes", "shown so", "pictures"),
        [
            (
                f"{entry['kind']} ({entry['source']})",
                share(entry["one_of_them"]),
                share(entry["shown_so"]),
                entry["one_of_them"]["n"],
            )
            for entry in found["kinds"]
        ],
    )
    return [
        "### Photographs of the kind visitors bring",
        "Photographs of its classes, held out as well; they are from other cameras and hands than "
        "the collections above, and harder.",
        _accuracy(found["sources"]),
        "Called none: taken for a picture of none of its classes by the rule below. The last "
        "column is the share of those whose class only one collection has that are answered with "
        "a class which only the other one has: a network that tells the collections apart, and "
        "not what is shown, has a large one.",
        called,
        "Where only the kind of thing is known: answered with one of the classes that it may be, "
        'and "shown so", not called none either.',
        kinds,
    ]


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
