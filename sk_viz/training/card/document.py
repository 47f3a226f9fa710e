"""A finished training run, judged and described in its model card."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from sk_viz.datasets.labelled import LabelledPictures, read_labelled, split_validation
from sk_viz.training.card.recipe import Leg, Made
from sk_viz.training.card.samples import judge_samples
from sk_viz.training.card.write import render
from sk_viz.training.data.photographs import Photographs, read_photographs
from sk_viz.training.judging.certain import measure_certainty
from sk_viz.training.judging.judge import judge
from sk_viz.training.judging.strangers import read_strangers
from sk_viz.training.judging.visitors import judge_photographs
from sk_viz.training.recipe import Recipe, Refinement
from sk_viz.training.train import LOG, MODEL
from sk_viz.types import Log
from sk_viz.zoo.bundled import WEIGHTS, load_bundled, save_bundled
from sk_viz.zoo.catalogue import count_macs
from sk_viz.zoo.certainty import Certainty
from sk_viz.zoo.load import load_model
from sk_viz.zoo.model import Model

LOG_BEFORE = "log_before.jsonl"
CARD = "MODEL_CARD.md"
FINDINGS = "findings.json"
_COMMON = 1e-6


@dataclass(frozen=True)
class Refined:
    """How a model was refined.

    Attributes:
        recipe: of the refinement.
        photographs: the folder that was given.
        start: sha256 of the weights that it began with.
    """

    recipe: Refinement
    photographs: Path
    start: str

    def read(self, classes: Sequence[str]) -> Photographs:
        """The photographs, parted as they were for the training."""
        return read_photographs(self.photographs, self.recipe.photographs, classes)


def document(
    run: Path,
    data: Path,
    recipe: Recipe,
    strangers: Path | None = None,
    progress: Log = print,
    refined: Refined | None = None,
) -> Path:
    """Judge the model of a run on its validation part and write the card beside its weights.

    The temperature that makes its probabilities come true is divided into the last layer, so
    that the plain softmax is calibrated wherever it is taken, and the logits of a picture are
    shifted to a mean of zero; doing so again changes nothing.

    Args:
        run: the folder given to :func:`~sk_viz.training.train.train`.
        data: what it was trained on; its validation part is split off as it was then.
        recipe: as then.
        strangers: pictures of none of its classes, one folder for each kind of thing; without
            them it never says that a picture is of none.
        progress: called with a line as each part begins.
        refined: how the model was refined after the recipe's rounds, None where it was not;
            ``run`` is then the folder given to :func:`~sk_viz.training.refine.refine`.

    Returns:
        The card. Beside it stands ``findings.json``, the same numbers unrounded.

    Raises:
        PictureError: the data or the strangers cannot be read.
    """
    folder = run / MODEL
    _centre(folder)
    model = load_model(folder)
    training, validation = split_validation(read_labelled(data), recipe.validation)
    others = None if strangers is None else read_strangers(strangers)
    photographs = None if refined is None else refined.read(training.classes)
    known = None if photographs is None else photographs.known()
    certainty, sure = measure_certainty(model, validation, others, progress, known)
    model = _keep(folder, model, certainty)
    found = judge(model, validation, progress)
    found |= {"certainty": sure, "samples": judge_samples(model)}
    if photographs is not None:
        progress("photographs")
        found["photographs"] = judge_photographs(model, photographs, training)
    more = () if photographs is None else (photographs.training, photographs.held_out)
    log, starts = course(run)
    made = Made(
        id=f"{model.network.__class__.__name__} for {len(model.classes)} classes",
        parameters=sum(p.numel() for p in model.network.parameters()),
        macs=count_macs(model.network, recipe.size),
        input_size=recipe.size,
        sha256=model.sha256,
        file_bytes=(folder / WEIGHTS).stat().st_size,
        training=_counts(training, *more[:1]),
        validation=_counts(validation, *more[1:]),
        recipe=asdict(recipe),
        hours=log[-1]["seconds"] / 3600,
        log=log,
        starts=starts,
        machine=_machine(),
        classes=len(model.classes),
        options=" --photographs DIR --strangers DIR" * (refined is not None)
        or " --strangers DIR" * (strangers is not None),
        refinement=None if refined is None else asdict(refined.recipe),
        start="" if refined is None else refined.start,
    )
    (folder / FINDINGS).write_text(json.dumps(found, indent=1) + "\n")
    card = folder / CARD
    card.write_text(render(made, found), encoding="utf-8")
    return card


def _counts(*parts: LabelledPictures) -> dict[str, int]:
    """How many pictures of each source there are."""
    return dict(Counter(source for part in parts for source in part.sources))


def course(run: Path) -> tuple[list[dict[str, Any]], list[Leg]]:
    """What the log of a run says, without what was done again later.

    A run that was begun with another one's checkpoint has that one's log beside its own, as
    ``log_before.jsonl``.

    Returns:
        One entry a checkpoint, and the legs of the run; legs with the same aim and as many
        processes are one.
    """
    files = [file for file in (run / LOG_BEFORE, run / LOG) if file.is_file()]
    log: list[dict[str, Any]] = []
    starts: list[Leg] = []
    for line in (json.loads(text) for file in files for text in file.read_text().splitlines()):
        if "started" not in line:
            log.append(line)
            continue
        begun = line["started"]
        log = [entry for entry in log if entry["step"] <= begun]
        starts = [start for start in starts if start.begun < begun]
        leg = Leg(begun, line["steps"], line["parts"])
        if not starts or (starts[-1].aim, starts[-1].parts) != (leg.aim, leg.parts):
            starts.append(leg)
    return log, starts


def _centre(folder: Path) -> None:
    """Take off the logits, in the stored weights, what is common to all classes.

    Softmax does not see it, training lets it drift, and an attribution of one class's logit would
    explain it: with all logits far below zero, Grad-CAM, which keeps what speaks for a class, is
    empty.
    """
    bundle = load_bundled(folder)
    head = bundle.network.head
    with torch.no_grad():
        common = [values.double().mean(dim=0) for values in (head.weight, head.bias)]
        if max(float(value.abs().max()) for value in common) < _COMMON:
            return  # done again, it must change no digit
        for values, value in zip((head.weight, head.bias), common, strict=True):
            values.copy_(values.double() - value)
    save_bundled(
        folder,
        bundle.network,
        bundle.preprocessing,
        bundle.classes,
        bundle.note,
        bundle.certainty,
    )


def _keep(folder: Path, model: Model, certainty: Certainty) -> Model:
    """The model with its temperature in the last layer, as it is stored from now on."""
    bundle = load_bundled(folder)
    held = model.certainty.temperature if model.certainty else 1.0
    with torch.no_grad():
        bundle.network.head.weight.mul_(held / certainty.temperature)
        bundle.network.head.bias.mul_(held / certainty.temperature)
    save_bundled(
        folder, bundle.network, bundle.preprocessing, bundle.classes, bundle.note, certainty
    )
    return load_model(folder, str(model.device))


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} cores ({platform.machine()}), without a GPU"
