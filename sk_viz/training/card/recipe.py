"""How a model came to be, and what its card says of the recipe and of the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sk_viz.training.activations import HEAD
from sk_viz.training.card.markdown import table
from sk_viz.training.data.photographs import OTHERS
from sk_viz.training.train import CURVE_MOST

# The shares of an augmentation that differ between the rounds, and what the card calls them.
_SHARES = {
    "even_share": "drawn evenly",
    "small_share": "made small",
    "sharpen_share": "sharpened",
    "cut_share": "cut out",
    "turn_share": "turned",
    "mix_share": "mixed",
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
        options: of the command, besides the data, the folder, the steps and the seed.
        refinement: the values of the refinement that ended the training, None without one.
        start: sha256 of the weights that the refinement began with, "" without one.
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
    options: str
    refinement: Mapping[str, Any] | None = None
    start: str = ""


def recipe_of(made: Made) -> str:
    """The section of the card on the recipe and the run."""
    recipe = made.recipe
    total = sum(one["steps"] for one in rounds_of(recipe))
    # The bundled model's rounds are the command's own; any other run is one round of so many steps.
    steps = "" if len(rounds_of(recipe)) > 1 else f" --steps {total}"
    lines = [
        f"`python -m sk_viz train --data DIR --out DIR{steps} --seed {recipe['seed']}"
        f"{made.options}`, which resumes where it was stopped, and at the end judges the model "
        "and writes this card.",
    ]
    if made.refinement is not None:
        return "\n\n".join([*lines, *_refinement(made), *_how(made)])
    lines.append(
        f"{total:,} steps of {recipe['batch']} pictures in {made.hours:.1f} hours on "
        f"{made.machine}{', in bfloat16 but for the branches' * recipe['mixed']}."
    )
    lines += [*_how(made), *_course(made)]
    names = [name for name in made.log[-1] if name.startswith("top1_")]
    chosen = _spread(made.log, 10)
    curve = table(
        ("step", "loss", "judged at", *(f"top-1 {name[5:]}" for name in names)),
        [
            (
                f"{e['step']:,}",
                f"{e['loss']:.2f}",
                f"{e['input']} px" if "input" in e else "not kept",
                *(f"{e[name]:.1%}" for name in names),
            )
            for e in chosen
        ],
    )
    return "\n\n".join([*lines, f"{_curve_note(made)}:", curve])


def _refinement(made: Made) -> list[str]:
    """What was done after the rounds."""
    refined = made.refinement
    assert refined is not None
    views = refined["blocks"] * refined["block"]
    crop = refined["augmentation"]["crop"]
    plain = {"held_out": made.recipe["validation"]}
    sources = {part["source"]: part | plain for part in refined["collections"]}
    sources |= {_source(group): group for group in refined["photographs"]}
    rows = [
        (name, f"{of['share']:.0%}", f"{of['weight']:g}", f"{of['held_out']:.0%}")
        for name, of in sources.items()
    ]
    moved = (
        "Only the head moves, so that every branch weight stays as it was"
        if refined["first"] == HEAD
        else f"Only the units from {refined['first']} on and the head move"
    )
    shown = " of the classes that a photograph shows or may show" * refined["shown_only"]
    return [
        f"Last, a refinement with photographs: {refined['steps']:,} steps of {refined['batch']} "
        f"views in {3600 * made.hours:.0f} seconds on {made.machine}, from the weights with the "
        f"sha256 `{made.start}`, which the rounds below end with. {moved}; of the head the "
        f"rows{shown}. {views:,} views at {refined['size']} px, crops of {crop[0]:g} to "
        f"{crop[1]:g} times the shorter side, are drawn once before that, and what the units make "
        f"of them is stored. AdamW at a rate of {refined['rate']:g}, which falls to zero over the "
        f"last {refined['decay_share']:.0%} of the steps; weight decay {refined['decay']:g}; label "
        f"smoothing {refined['smoothing']:g}. What is kept lies {refined['toward']:.0%} of the way "
        "from the weights before to those at the end.",
        table(("views of", "share", "weight of their loss", "held out"), rows),
        f"Of a picture of the collections it learns the label to {1 - refined['own']:.0%}, and to "
        f"{refined['own']:.0%} the answer that it gave before. Of a photograph whose class is not "
        "known it learns that it may be any class that its kind names (a dog: any breed), evenly, "
        "and of one that is none of them all classes, evenly. Whether a picture is held out is "
        "decided by the first four bytes of its file's sha256, read as a share of 1. The weights "
        "and shares were chosen by looking at the held-out photographs, which flatters their "
        "figures below a little.",
        "The rounds before:",
    ]


def _source(group: Mapping[str, Any]) -> str:
    return str(group["collection"]) + OTHERS * (not group["labelled"])


def _how(made: Made) -> list[str]:
    """What the rounds do."""
    recipe = made.recipe
    rounds = rounds_of(recipe)
    changed = recipe["augmentation"]
    lines = [
        "Muon, and AdamW "
        "at half of its rate for the first convolution, the last layer, biases and norms; weight "
        f"decay {recipe['decay']:g}; label smoothing {recipe['smoothing']:g}; the exponential "
        f"average of the weights ({recipe['average']:g}) is what is kept.",
        table(("steps", "rate", "falls over the last", "inputs"), [_pace(one) for one in rounds]),
        table(("steps", "crops", "colour", *_SHARES.values()), [_views(one) for one in rounds]),
        "The object's scale and the picture's sharpness are kept apart: crops of so many times the "
        'shorter side, a share of them drawn evenly over the logarithm ("drawn evenly") and the '
        f"others mostly near 1, and {changed['blur_share']:.0%} of the pictures blurred whatever "
        "their scale. Brightness, contrast and saturation are changed by up to so much "
        '("colour").',
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
    if any(one["augmentation"]["mix_share"] for one in rounds):
        lines.append(
            "So that none of the few large pictures is seen twice alike, a share of the views is "
            f'"turned" by up to {changed["turn"]:g} degrees, and a share "mixed" with another of '
            "the batch, half of them laid over each other (mixup), half with a rectangle of the "
            "one in the other (CutMix)."
        )
    if afresh := [f"{number}" for number, one in enumerate(rounds, 1) if one["afresh"]]:
        lines.append(
            f"Round {' and '.join(afresh)} begins from the averaged weights of the one before, "
            "with an optimiser that remembers nothing of it; the others go on with both as they "
            "are."
        )
    if made.input_size != (last := recipe["size_schedule"][-1][1]):
        lines.append(
            f"The model is shown inputs of {made.input_size} px, and was trained on {last} px at "
            "last: objects look smaller when they are judged than in random crops. The size was "
            "chosen by looking at the validation part, which flatters the figures below a little."
        )
    return lines


def rounds_of(recipe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The recipes that a run went through, in order."""
    first = recipe["after"]
    return [*(rounds_of(first) if first else ()), recipe]


def _tells_nothing(recipe: Mapping[str, Any]) -> bool:
    """Whether a round takes away what tells collections apart."""
    shares = ("small_share", "sharpen_share", "cut_share")
    return any(recipe["augmentation"][share] for share in shares)


def _pace(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """How fast a round learns, and from inputs of which size."""
    sizes = ", ".join(
        f"{size} px from {share:.0%}" if share else f"{size} px"
        for share, size in recipe["size_schedule"]
    )
    return (
        f"{recipe['steps']:,}",
        f"{recipe['rate']:g}, after a warm-up of {recipe['warmup']}",
        f"{recipe['decay_share']:.0%}",
        sizes,
    )


def _views(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """What the pictures of a round go through."""
    settings = recipe["augmentation"]
    return (
        f"{recipe['steps']:,}",
        "{:g} to {:g}".format(*settings["crop"]),
        f"±{settings['colour']:.0%}",
        *(f"{settings[share]:.0%}" for share in _SHARES),
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


def _spread(entries: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """At most this many of them, the first and the last among them."""
    step = max(1, -(-len(entries) // most))
    return [*entries[:-1][::step], entries[-1]]
