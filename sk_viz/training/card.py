"""The model card: what the training and the judging of a model found, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sk_viz.training import card_certainty, card_scale
from sk_viz.training.markdown import share, table
from sk_viz.training.train import CURVE_MOST

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


@dataclass(frozen=True)
class Leg:
    """A stretch of a run: the step it began at, the steps it aimed at, and its processes."""

    begun: int
    aim: int
    parts: int


@dataclass(frozen=True)
class Made:
    """How a model came to be.

    Attributes:
        id: the model's name.
        parameters: number of trainable values.
        macs: multiply-adds of one forward at ``input_size``.
        input_size: pixels.
        sha256: of its weights' file.
        file_bytes: size of that file.
        training: pictures a source that it was trained on.
        validation: pictures a source that it was judged on.
        recipe: the recipe's values.
        hours: of training.
        log: one entry a checkpoint: step, loss and top-1 a source.
        starts: the legs of the run that are still in it.
        machine: what it was trained on.
        classes: how many it tells apart.
        strangers: the command's option for pictures of none of them, "" where there were none.
    """

    id: str
    parameters: int
    macs: int
    input_size: int
    sha256: str
    file_bytes: int
    training: Mapping[str, int]
    validation: Mapping[str, int]
    recipe: Mapping[str, Any]
    hours: float
    log: Sequence[Mapping[str, Any]]
    starts: Sequence[Leg]
    machine: str
    classes: int
    strangers: str


def render(made: Made, found: Mapping[str, Any]) -> str:
    """The card.

    Args:
        made: how the model came to be.
        found: of :func:`~sk_viz.training.judge.judge`.
    """
    parts = [
        f"# {made.id}",
        _summary(made),
        "## Data",
        _data(made),
        "## Recipe",
        _recipe(made),
        "## How often it is right",
        "Measured on the validation part, which no step of the training has seen. Brackets hold "
        "Wilson's 95 % interval.",
        _accuracy(found),
        "### By object size",
        "Below 1 the evaluation crop stands smaller inside a border of the mean colour; above 1 it "
        "is zoomed into. Pictures of Tiny ImageNet are blurred by that, those of Caltech-101 are "
        "not.",
        _sizes(found),
        "## Are the branch weights alive",
        "Standard deviation over pictures of a channel's weight for the largest kernel.",
        _units(found),
        "And is the choice worth something: the same network with the weights of every unit held "
        "at their mean over these pictures.",
        _choice(found),
        "## Does a larger object draw a larger kernel",
        card_scale.question(found),
        card_scale.effects(found),
        *card_scale.by_input(found, made.input_size),
        "## How sure it is",
        card_certainty.calibration(found["certainty"]),
        "### When a picture is of none of its classes",
        card_certainty.unknown(found["certainty"]["unknown"]),
        "## The sample pictures of this project",
        card_certainty.samples(found["samples"]),
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


def _recipe(made: Made) -> str:
    recipe = made.recipe
    rounds = _rounds(recipe)
    changed = recipe["augmentation"]
    total = sum(one["steps"] for one in rounds)
    # The bundled model's rounds are the command's own; any other run is one round of so many steps.
    steps = "" if len(rounds) > 1 else f" --steps {total}"
    lines = [
        f"`python -m sk_viz train --data DIR --out DIR{steps} --seed {recipe['seed']}"
        f"{made.strangers}`, which goes on where it was stopped, and at the end judges the model "
        "and writes this card.",
        f"{total:,} steps of {recipe['batch']} pictures in {made.hours:.1f} hours on "
        f"{made.machine}{', in bfloat16 but for the branches' * recipe['mixed']}. Muon, and AdamW "
        "at half of its rate for the first convolution, the last layer, biases and norms; weight "
        f"decay {recipe['decay']:g}; label smoothing {recipe['smoothing']:g}; the exponential "
        f"average of the weights ({recipe['average']:g}) is what is kept.",
        table(
            (
                "steps",
                "rate",
                "falls over the last",
                "inputs",
                "drawn evenly",
                "made small",
                "sharpened",
                "cut out",
            ),
            [_round(one) for one in rounds],
        ),
        "The object's scale and the picture's sharpness are kept apart: crops of "
        f"{changed['crop'][0]:g} to {changed['crop'][1]:g} times the shorter side, a share of "
        'them drawn evenly over the logarithm ("drawn evenly") and the others mostly near 1, and '
        f"{changed['blur_share']:.0%} of the pictures blurred whatever their scale.",
    ]
    if any(_tells_nothing(one) for one in rounds):
        lines.append(
            "Nor may sharpness or the ground tell which collection a picture is from, as each has "
            "classes of its own. Of the pictures larger than "
            f"{changed['small'][1]} px a share is shrunk to {changed['small'][0]} to "
            f'{changed["small"][1]} px and stored as JPEG ("made small"); of those not blurred a '
            'share is "sharpened"; and of those whose object GrabCut found an outline of, a share '
            'is "cut out" and put before a plain colour or another picture.'
        )
    lines += _course(made)
    names = [name for name in made.log[-1] if name.startswith("top1_")]
    chosen = _spread(made.log, 10)
    curve = table(
        ("step", "loss", *(f"top-1 {name[5:]}" for name in names)),
        [
            (f"{e['step']:,}", f"{e['loss']:.2f}", *(f"{e[name]:.1%}" for name in names))
            for e in chosen
        ],
    )
    return "\n\n".join([*lines, f"{_curve_note(made)}:", curve])


def _rounds(recipe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The recipes that a run went through, in order."""
    first = recipe["after"]
    return [*(_rounds(first) if first else ()), recipe]


def _tells_nothing(recipe: Mapping[str, Any]) -> bool:
    """Whether a round takes away what tells collections apart."""
    shares = ("small_share", "sharpen_share", "cut_share")
    return any(recipe["augmentation"][share] for share in shares)


def _round(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = ", ".join(
        f"{size} px from {share:.0%}" if share else f"{size} px"
        for share, size in recipe["size_schedule"]
    )
    return (
        f"{recipe['steps']:,}",
        f"{recipe['rate']:g}, after a warm-up of {recipe['warmup']}",
        f"{recipe['decay_share']:.0%}",
        sizes,
        *(
            f"{recipe['augmentation'][share]:.0%}"
            for share in ("even_share", "small_share", "sharpen_share", "cut_share")
        ),
    )


def _course(made: Made) -> list[str]:
    """What of the run was not as the command would do it in one go."""
    said = []
    first = made.starts[0].begun
    if first:
        said.append(f"The log begins at step {first:,}; how it came there is not known to it.")
    aims = [(leg.begun, f"towards {leg.aim:,}") for leg in made.starts]
    if len(changes := _changes(aims)) > 1:
        said.append(
            f"This run changed its aim on the way: {', '.join(changes)}. Input size and learning "
            "rate follow the share of the steps aimed at, so a run in one go differs."
        )
    shared = [(leg.begun, f"by {leg.parts}") for leg in made.starts]
    if len(changes := _changes(shared)) > 1:
        said.append(
            "Each batch was computed in parts by so many processes: "
            f"{', '.join(changes)}. Norms are taken over a part, so a run in one go differs."
        )
    return said


def _changes(stated: Sequence[tuple[int, str]]) -> list[str]:
    """What held from which step on, where it changed."""
    before = ["", *(what for _, what in stated)]
    return [
        f"from step {begun:,} {what}"
        for (begun, what), last in zip(stated, before, strict=False)
        if what != last
    ]


def _curve_note(made: Made) -> str:
    """What the curve's numbers are of, and how far chance moves them."""
    counts = {name: min(count, CURVE_MOST) for name, count in made.validation.items()}
    most = ", ".join(
        f"{count} of {name} (95 % interval ±{98 / math.sqrt(count):.0f} points at most)"
        for name, count in sorted(counts.items())
    )
    return f"Loss of one batch, and top-1 of the averaged weights on pictures held out, {most}"


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


def _spread(entries: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """At most so many of them, the first and the last among them."""
    step = max(1, -(-len(entries) // most))
    return [*entries[:-1][::step], entries[-1]]
