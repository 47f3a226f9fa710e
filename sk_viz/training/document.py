"""A finished training run, judged and described in its model card."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import torch

from sk_viz.networks.bundled import WEIGHTS
from sk_viz.networks.catalogue import count_macs
from sk_viz.networks.zoo import load_model
from sk_viz.training.card import Made, render
from sk_viz.training.data import read_labelled, split_validation
from sk_viz.training.judge import Progress, judge
from sk_viz.training.train import LOG, MODEL, Recipe

CARD = "MODEL_CARD.md"
FINDINGS = "findings.json"


def document(run: Path, data: Path, recipe: Recipe, progress: Progress = print) -> Path:
    """Judge the model of a run on its validation part and write the card beside its weights.

    Args:
        run: the folder given to :func:`~sk_viz.training.train.train`.
        data: what it was trained on; its validation part is split off as it was then.
        recipe: as then.
        progress: called with a line as each part begins.

    Returns:
        The card. Beside it stands ``findings.json``, the same numbers unrounded.
    """
    folder = run / MODEL
    model = load_model(folder)
    training, validation = split_validation(read_labelled(data), recipe.validation)
    found = judge(model, validation, progress)
    lines = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    log = [line for line in lines if "loss" in line]
    made = Made(
        id=f"{model.network.__class__.__name__} for {len(model.classes)} classes",
        parameters=sum(p.numel() for p in model.network.parameters()),
        macs=count_macs(model.network, recipe.size),
        input_size=recipe.size,
        sha256=model.sha256,
        file_bytes=(folder / WEIGHTS).stat().st_size,
        training=Counter(training.sources),
        validation=Counter(validation.sources),
        recipe=asdict(recipe),
        hours=log[-1]["seconds"] / 3600,
        log=log,
        starts=[(line["started"], line["steps"]) for line in lines if "started" in line],
        machine=_machine(),
    )
    (folder / FINDINGS).write_text(json.dumps(found, indent=1) + "\n")
    card = folder / CARD
    card.write_text(render(made, found), encoding="utf-8")
    return card


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} cores ({platform.machine()}), without a GPU"
