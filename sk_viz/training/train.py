"""Training of the bundled model: seeded, resumable to the step, on a CPU or a GPU."""

from __future__ import annotations

import io
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from sk_viz.datasets.labelled import LabelledPictures, read_labelled, split_validation
from sk_viz.errors import ModelError
from sk_viz.files import write_atomic
from sk_viz.networks.sknet import SKNet, sknet_tiny
from sk_viz.preprocessing import Preprocessing
from sk_viz.training.data.masks import object_masks
from sk_viz.training.data.sampler import Sampler, normalise_batch
from sk_viz.training.optimisation import average, optimiser_of
from sk_viz.training.partners import Partners, backward, forward_of
from sk_viz.training.recipe import Recipe
from sk_viz.zoo.bundled import ClassName, save_bundled

CHECKPOINT = "checkpoint.pt"
MODEL = "model"
LOG = "log.jsonl"
MASKS = "masks.parquet"
CURVE_MOST = 1000  # pictures a collection that the curve in the log is of
NOTE = "Trained by this project; its card says on what, and what it can't do."


@dataclass(frozen=True)
class TrainingProgress:
    """What a training run reports: the step, its loss, and how the time goes."""

    step: int
    steps: int
    loss: float
    pictures_per_second: float
    seconds_left: float


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    compiled: bool = True,
    processes: int | None = None,
    report: Callable[[TrainingProgress], None] = lambda _: None,
    searched: Callable[[int, int], None] = lambda _done, _total: None,
    save_seconds: float = 240.0,
) -> Path:
    """Train, or go on where the same command stopped.

    Args:
        data: folder read by :func:`~sk_viz.datasets.labelled.read_labelled`.
        out: folder of the checkpoint (``checkpoint.pt``), the log (``log.jsonl``) and the model
            as it is so far (``model/``, which ``load_model`` reads).
        recipe: what to do; may have more steps than a run that is continued.
        compiled: run through torch.compile, which on a CPU is faster and slower to start.
        processes: that compute a part of each batch, of the same pictures however many there
            are; norms are taken over a part. One for each of up to two cores when left out.
        report: called after every step.
        searched: called with (done, total) while outlines of objects are looked for.
        save_seconds: time between checkpoints.

    Returns:
        The folder of the model, with the averaged weights.

    Raises:
        PictureError: the data cannot be read.
        OSError: ``out`` cannot be written; what was saved last stays, and can be gone on from.
        ModelError: the checkpoint in ``out`` is damaged, or of another recipe or other classes.
    """
    out.mkdir(parents=True, exist_ok=True)
    training, validation = split_validation(read_labelled(data), recipe.validation)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if processes is None:
        processes = 1 if device.type == "cuda" else min(2, os.cpu_count() or 1)
    torch.manual_seed(recipe.seed)
    network = sknet_tiny(classes=len(training.classes)).to(device)
    network = network.to(memory_format=torch.channels_last)
    averaged = sknet_tiny(classes=len(training.classes)).to(device)
    averaged.load_state_dict(network.state_dict())
    optimiser = optimiser_of(network, recipe.rate, recipe.decay)
    checkpoint = out / CHECKPOINT
    start, spent = _resume(checkpoint, network, averaged, optimiser, recipe, device)
    append_log(out / LOG, {"started": start, "steps": recipe.total, "parts": processes})
    masks = object_masks(training, out / MASKS, searched) if recipe.cuts else ()
    sampler = Sampler(training, recipe, masks)
    preprocessing = Preprocessing(input_size=recipe.size, crop_fraction=1.0)
    classes = [
        ClassName(name, tuple(wnids))
        for name, wnids in zip(training.classes, training.wordnet_ids, strict=True)
    ]
    saved = began = time.monotonic()
    with Partners(network, sampler, compiled, range(start, recipe.total), processes) as partners:
        forward = forward_of(network, recipe, compiled)
        for step in range(start, recipe.total):
            if recipe.afresh_at(step):
                network.load_state_dict(averaged.state_dict())
                optimiser = optimiser_of(network, recipe.rate, recipe.decay)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate_at(step)
            optimiser.zero_grad(set_to_none=True)
            partners.begin()
            loss = backward(forward, sampler, step, 0, processes, device)
            loss = partners.add_to(network, loss)
            if not math.isfinite(loss):
                raise ModelError(
                    f"The loss of step {step + 1} is no longer a number; {out} holds the last "
                    "good checkpoint. Train with a lower rate, or in full precision."
                )
            optimiser.step()
            average(averaged, network, min(recipe.average, (1 + step) / (10 + step)))
            now = time.monotonic()
            speed = (step + 1 - start) / (now - began)
            report(
                TrainingProgress(
                    step + 1,
                    recipe.total,
                    loss,
                    speed * recipe.batch,
                    (recipe.total - step - 1) / speed,
                )
            )
            if now - saved > save_seconds or step + 1 in (recipe.decay_start, recipe.total):
                saved = now
                seconds = spent + now - began
                _save(out, step + 1, seconds, network, averaged, optimiser, recipe)
                save_bundled(out / MODEL, averaged, preprocessing, classes, NOTE)
                if step + 1 == recipe.decay_start:
                    # From here a longer run can go on at the full learning rate.
                    write_atomic(out / "before_decay.pt", checkpoint.read_bytes())
                scores = quick_scores(averaged, validation, recipe.size, device)
                entry = {"step": step + 1, "seconds": seconds, "loss": loss, "input": recipe.size}
                entry |= scores
                append_log(out / LOG, entry)
    return out / MODEL


@torch.no_grad()
def quick_scores(
    network: SKNet, pictures: LabelledPictures, size: int, device: torch.device
) -> dict[str, float]:
    """Top-1 share a collection on central crops, over the first ``CURVE_MOST`` of each."""
    was_training = network.training
    network.eval()
    scores: dict[str, float] = {}
    sources = np.array(pictures.sources)
    for source in sorted(set(pictures.sources)):
        positions = np.flatnonzero(sources == source)[:CURVE_MOST]
        right = 0
        for chunk in np.array_split(positions, math.ceil(len(positions) / 100)):
            views = np.stack([_central(pictures.decode(i), size) for i in chunk])
            answers = network(normalise_batch(views).to(device)).argmax(dim=1).cpu().numpy()
            right += int((answers == pictures.labels[chunk]).sum())
        scores[f"top1_{source}"] = right / len(positions)
    network.train(was_training)
    return scores


def _central(pixels: np.ndarray[Any, np.dtype[np.uint8]], size: int) -> Any:
    height, width = pixels.shape[:2]
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    square = pixels[y : y + side, x : x + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)


def _resume(
    checkpoint: Path,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    device: torch.device,
) -> tuple[int, float]:
    """The step to go on from and the seconds spent so far; zeros where nothing was saved."""
    if not checkpoint.exists():
        return 0, 0.0
    try:
        state = torch.load(checkpoint, map_location=device, weights_only=True)
    except Exception as error:  # what a damaged file does to its reader is not to be foreseen
        raise ModelError(
            f"{checkpoint} is damaged: bring back a whole one, or give another --out."
        ) from error
    try:
        before, counts = state["recipe"], (int(state["step"]), float(state["seconds"]))
        differing = _differing(before, recipe)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{checkpoint} is not a checkpoint of this version of the training; give another --out."
        ) from error
    if differing and not (recipe.after and not _differing(before, recipe.after)):
        raise ModelError(
            f"{checkpoint.parent} holds a run with another {differing[0]}; give another --out or "
            "the same settings."
        )
    try:
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{checkpoint.parent} holds a run of another network, of other classes or with "
            "another optimiser; give another --out."
        ) from error
    return counts


def _save(
    out: Path,
    step: int,
    seconds: float,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
) -> None:
    """Whole or not at all: a run killed while saving keeps its last checkpoint."""
    state = {
        "step": step,
        "seconds": seconds,
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "recipe": _described(recipe),
    }
    buffer = io.BytesIO()  # what torch raises on a full disk is no OSError
    torch.save(state, buffer)
    write_atomic(out / CHECKPOINT, buffer.getvalue())


def _differing(saved: dict[str, Any], recipe: Recipe) -> list[str]:
    """What else than the number of steps a saved recipe has another value of."""
    now = _described(recipe)
    return [name for name in now if name != "steps" and saved.get(name) != now[name]]


def _described(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, equal after a round trip through a file."""
    described: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return described


def append_log(file: Path, entry: dict[str, Any]) -> None:
    """Add one entry to a run's log."""
    before = file.read_bytes() if file.exists() else b""
    write_atomic(file, before + json.dumps(entry).encode() + b"\n")
