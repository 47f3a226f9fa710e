"""The end of a trained model once more, with photographs among what it learns from."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sk_viz.datasets.labelled import read_labelled, split_validation
from sk_viz.errors import ModelError, PictureError
from sk_viz.files import write_atomic
from sk_viz.training.activations import (
    Activations,
    Tail,
    joined,
    read_activations,
    store_activations,
)
from sk_viz.training.data.photographs import Photographs, read_photographs
from sk_viz.training.optimisation import average, keep_branches_exact
from sk_viz.training.recipe import Collected, Refinement
from sk_viz.training.train import CHECKPOINT, LOG, MODEL, NOTE, TrainingProgress, append_log
from sk_viz.zoo.bundled import WEIGHTS, load_bundled, save_bundled


def refine(
    start: Path,
    data: Path,
    photographs: Path,
    out: Path,
    recipe: Refinement,
    *,
    validation: float,
    report: Callable[[TrainingProgress], None] = lambda _: None,
    drawn: Callable[[int, int], None] = lambda _done, _total: None,
    save_seconds: float = 240.0,
) -> Path:
    """Train the end of a model again, or go on where the same command stopped.

    Args:
        start: folder of a model that was trained on ``data``.
        data: of :func:`~sk_viz.training.train.train`.
        photographs: of :func:`~sk_viz.training.data.photographs.read_photographs`.
        out: folder of the activations, the checkpoint, the log and the model; not that of the run
            which made ``start``.
        recipe: what to do.
        validation: share of ``data`` held out, as when ``start`` was trained.
        report: called after every step.
        drawn: called with (done, total) blocks of views while they are drawn.
        save_seconds: time between checkpoints.

    Returns:
        The folder of the model, with the averaged weights.

    Raises:
        PictureError: the data cannot be read, or lacks a source that the recipe draws from.
        ModelError: the checkpoint in ``out`` is of another recipe or another model.
    """
    out.mkdir(parents=True, exist_ok=True)
    bundle = load_bundled(start)
    network = bundle.network.eval()
    held = bundle.certainty.temperature if bundle.certainty else 1.0
    with torch.no_grad():  # the temperature is fitted again when the model is documented
        network.head.weight.mul_(held)
        network.head.bias.mul_(held)
    training, _ = split_validation(read_labelled(data), validation)
    pictures = read_photographs(photographs, recipe.photographs, training.classes)
    every = joined([training, pictures.training], pictures.kinds)
    if missing := set(recipe.drawn) - set(every.sources):
        raise PictureError(f"There are no pictures of {sorted(missing)[0]!r} to draw views of.")
    files = store_activations(network, every, recipe, out, drawn)
    keep_branches_exact(network)
    tail = Tail(network, recipe.first)
    before, averaged = copy.deepcopy(tail).eval(), copy.deepcopy(tail).eval()
    optimiser = _optimiser(tail, recipe)
    state = {"tail": tail, "averaged": averaged, "optimiser": optimiser}
    described = _described(recipe, start)
    first, spent = _resume(out / CHECKPOINT, state, described)
    append_log(out / LOG, {"started": first, "steps": recipe.steps, "parts": 1})
    learner = _Learner(tail, before, torch.from_numpy(pictures.targets), recipe)
    still = ~shown_classes(pictures) if recipe.shown_only else np.zeros(0, np.intp)
    saved = began = time.monotonic()
    block, of = -1, read_activations(files[0])
    for step in range(first, recipe.steps):
        if (now := _block_of(step, recipe)) != block:
            block, of = now, read_activations(files[_drawn_block(now, recipe)])
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step)
        optimiser.zero_grad(set_to_none=True)
        loss = learner.loss(of, step)
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in tail.head.parameters():
            assert parameter.grad is not None
            parameter.grad[still] = 0
        optimiser.step()
        average(averaged, tail, min(recipe.average, (2 + step) / (11 + step)))
        elapsed = time.monotonic() - began
        speed = (step + 1 - first) / elapsed
        report(
            TrainingProgress(
                step + 1,
                recipe.steps,
                loss.item(),
                speed * recipe.batch,
                (recipe.steps - step - 1) / speed,
            )
        )
        if time.monotonic() - saved > save_seconds or step + 1 == recipe.steps:
            saved = time.monotonic()
            _save(out / CHECKPOINT, state, described, step + 1, spent + elapsed)
            kept = copy.deepcopy(network)
            part = Tail(kept, recipe.first)
            part.load_state_dict(before.state_dict())
            average(part, averaged, 1 - recipe.toward)
            save_bundled(out / MODEL, kept, bundle.preprocessing, bundle.classes, NOTE)
            entry = {"step": step + 1, "seconds": spent + elapsed, "loss": loss.item()}
            append_log(out / LOG, entry)
    return out / MODEL


class _Learner:
    """The loss of a step.

    Args:
        tail: what is trained.
        before: the same before the first step.
        targets: (K + kinds, K), see :class:`~sk_viz.training.data.photographs.Photographs`.
        recipe: how.
    """

    def __init__(self, tail: Tail, before: Tail, targets: Tensor, recipe: Refinement) -> None:
        self._tail, self._before, self._targets, self._recipe = tail, before, targets, recipe
        drawn = recipe.drawn.values()
        self._weights = torch.tensor([part.weight for part in drawn])
        self._collected = np.array([isinstance(part, Collected) for part in drawn])

    def loss(self, of: Activations, step: int) -> Tensor:
        """The mean loss of one batch of a block."""
        recipe = self._recipe
        rows = _batch(len(of.labels), step, recipe)
        x = torch.from_numpy(of.values[rows]).float().contiguous(memory_format=torch.channels_last)
        targets = self._targets[of.labels[rows]].clone()
        with torch.autocast("cpu", torch.bfloat16):
            own = self._collected[of.sources[rows]]
            if own.any():
                with torch.no_grad():
                    answers = self._before(x[own]).float().softmax(dim=1)
                targets[own] += recipe.own * (answers - targets[own])
            logits = self._tail(x)
        losses = F.cross_entropy(
            logits.float(), targets, label_smoothing=recipe.smoothing, reduction="none"
        )
        return (losses * self._weights[of.sources[rows]]).mean()


def shown_classes(photographs: Photographs) -> NDArray[np.bool_]:
    """(K,) whether a photograph that is trained on shows a class, or may show it."""
    classes = photographs.targets.shape[1]
    of = photographs.targets[np.unique(photographs.training.labels)]
    shown: NDArray[np.bool_] = of[(of > 0).sum(axis=1) < classes].any(axis=0)
    return shown


def _optimiser(tail: Tail, recipe: Refinement) -> torch.optim.Optimizer:
    parameters = list(tail.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=recipe.rate,
    )


def _block_of(step: int, recipe: Refinement) -> int:
    """How many times another block was taken up before a step."""
    return step // (recipe.block // recipe.batch)


def _drawn_block(turn: int, recipe: Refinement) -> int:
    """The block of a turn: each once, in a random order, before any comes again."""
    rng = np.random.default_rng((recipe.seed, turn // recipe.blocks))
    return int(rng.permutation(recipe.blocks)[turn % recipe.blocks])


def _batch(views: int, step: int, recipe: Refinement) -> NDArray[np.int64]:
    """The rows of a step's batch in its block."""
    each = recipe.block // recipe.batch
    rng = np.random.default_rng((recipe.seed, step // each))
    order: NDArray[np.int64] = rng.permutation(views)
    return order[step % each * recipe.batch : (step % each + 1) * recipe.batch]


def _described(recipe: Refinement, start: Path) -> dict[str, Any]:
    """What a checkpoint belongs to, equal after a round trip through a file."""
    described: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return described | {"start": weights_of(start)}


def weights_of(folder: Path) -> str:
    """The sha256 of a model's weights.

    Raises:
        ModelError: the folder holds no model.
    """
    file = folder / WEIGHTS
    if not file.is_file():
        raise ModelError(f"{folder} holds no {WEIGHTS}: give the folder of a trained model.")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _resume(
    checkpoint: Path, state: dict[str, Any], described: dict[str, Any]
) -> tuple[int, float]:
    """The step to go on from and the seconds spent so far; zeros where nothing was saved."""
    if not checkpoint.exists():
        return 0, 0.0
    try:
        saved = torch.load(checkpoint, weights_only=True)
    except Exception as error:  # what a damaged file does to its reader is not to be foreseen
        raise ModelError(
            f"{checkpoint} is damaged: bring back a whole one, or give another --out."
        ) from error
    if saved["described"] != described:
        raise ModelError(
            f"{checkpoint.parent} holds a refinement with other settings or of another model; "
            "give another --out."
        )
    for name, part in state.items():
        part.load_state_dict(saved[name])
    return int(saved["step"]), float(saved["seconds"])


def _save(
    checkpoint: Path,
    state: dict[str, Any],
    described: dict[str, Any],
    step: int,
    seconds: float,
) -> None:
    kept = {name: part.state_dict() for name, part in state.items()}
    buffer = io.BytesIO()
    torch.save(kept | {"described": described, "step": step, "seconds": seconds}, buffer)
    write_atomic(checkpoint, buffer.getvalue())
