"""Training of the bundled model: seeded, resumable to the step, on a CPU or a GPU."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.bundled import ClassName, save_bundled
from sk_viz.networks.sknet import SKNet, sknet_tiny
from sk_viz.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from sk_viz.training.augment import Augmentation, augment
from sk_viz.training.data import LabelledPictures, read_labelled, split_validation

CHECKPOINT = "checkpoint.pt"
MODEL = "model"
LOG = "log.jsonl"
CURVE_MOST = 1000  # pictures a collection that the curve in the log is of
NOTE = "Trained by this project; its card says on what, and what it can't do."


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        steps: optimiser steps in all. The learning rate stays at its peak until the last
            ``decay_share`` of them and then falls linearly to zero, so a longer run continues a
            shorter one from before its decay.
        batch: pictures a step.
        size: final input size, pixels.
        size_schedule: (share of the steps done, input size), in order; small inputs first.
        rate: peak learning rate of AdamW.
        decay: weight decay; not put on biases and norms.
        warmup: steps of linear warm-up.
        decay_share: share of the steps in which the learning rate falls.
        smoothing: label smoothing.
        average: decay of the exponential average of the weights, which is what is kept.
        large_share: share of each batch from the collection with the largest pictures, whose
            zooms bring real detail; ignored with one collection.
        validation: share of the pictures held out.
        seed: of the weights and of every draw; a step's draws depend on it and the step alone.
        augmentation: see :class:`~sk_viz.training.augment.Augmentation`.
    """

    steps: int = 4300
    batch: int = 64
    size: int = 64
    size_schedule: tuple[tuple[float, int], ...] = ((0.0, 32), (0.4, 40), (0.6, 48), (0.9, 64))
    rate: float = 2e-3
    decay: float = 0.05
    warmup: int = 400
    decay_share: float = 0.45
    smoothing: float = 0.1
    average: float = 0.998
    large_share: float = 0.28
    validation: float = 0.05
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def size_at(self, step: int) -> int:
        """Input size of a step, pixels."""
        return [size for start, size in self.size_schedule if step >= start * self.steps][-1]

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        left = (self.steps - step) / (self.decay_share * self.steps)
        return self.rate * min(1.0, left)


@dataclass(frozen=True)
class Progress:
    """What a training run reports: the step, its loss, and how the time goes."""

    step: int
    steps: int
    loss: float
    pictures_per_second: float
    seconds_left: float


class Sampler:
    """Draws the batch of any step, from the seed and the step alone."""

    def __init__(self, pictures: LabelledPictures, recipe: Recipe) -> None:
        self.pictures = pictures
        self.recipe = recipe
        groups = sorted(set(pictures.sources))
        sources = np.array(pictures.sources)
        positions = [np.flatnonzero(sources == group) for group in groups]
        # Classes of one collection may be very uneven: draw by the root of their frequency.
        self._positions = positions
        self._chances = [_by_root_frequency(pictures.labels[p]) for p in positions]
        large = max(range(len(groups)), key=lambda g: _mean_bytes(pictures, positions[g]))
        share = recipe.large_share if len(groups) > 1 else 1.0
        others = (1 - share) / max(1, len(groups) - 1)
        self._shares = [share if g == large else others for g in range(len(groups))]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, S, S) float32, normalised, and labels (N,)."""
        rng = np.random.default_rng((self.recipe.seed, step))
        size = self.recipe.size_at(step)
        counts = rng.multinomial(self.recipe.batch, self._shares)
        chosen = np.concatenate(
            [
                rng.choice(positions, count, p=chances)
                for positions, chances, count in zip(
                    self._positions, self._chances, counts, strict=True
                )
            ]
        )
        views = np.stack(
            [augment(self.pictures.decode(i), size, self.recipe.augmentation, rng) for i in chosen]
        )
        return normalise_batch(views), torch.from_numpy(self.pictures.labels[chosen])


def normalise_batch(views: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """(N, H, W, 3) bytes -> (N, 3, H, W) float32 with ImageNet's mean and deviation removed."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    pictures = torch.from_numpy(views).permute(0, 3, 1, 2).float().div_(255)
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    compiled: bool = True,
    report: Callable[[Progress], None] = lambda _: None,
    save_seconds: float = 240.0,
) -> Path:
    """Train, or go on where the same command stopped.

    Args:
        data: folder read by :func:`~sk_viz.training.data.read_labelled`.
        out: folder of the checkpoint (``checkpoint.pt``), the log (``log.jsonl``) and the model
            as it is so far (``model/``, which ``load_model`` reads).
        recipe: what to do; may have more steps than a run that is continued.
        compiled: run through torch.compile, which on a CPU is faster and slower to start.
        report: called after every step.
        save_seconds: time between checkpoints.

    Returns:
        The folder of the model, with the averaged weights.

    Raises:
        PictureError: the data cannot be read.
        ModelError: the checkpoint in ``out`` is of another recipe or other classes.
    """
    out.mkdir(parents=True, exist_ok=True)
    training, validation = split_validation(read_labelled(data), recipe.validation)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    network = sknet_tiny(classes=len(training.classes)).to(device)
    network = network.to(memory_format=torch.channels_last)
    averaged = sknet_tiny(classes=len(training.classes)).to(device)
    averaged.load_state_dict(network.state_dict())
    groups = _parameter_groups(network, recipe.decay)
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
    checkpoint = out / CHECKPOINT
    start, spent = _resume(checkpoint, network, averaged, optimiser, recipe, device)
    _log(out / LOG, {"started": start, "steps": recipe.steps})
    sampler = Sampler(training, recipe)
    preprocessing = Preprocessing(input_size=recipe.size, crop_fraction=1.0)
    classes = [
        ClassName(name, tuple(wnids))
        for name, wnids in zip(training.classes, training.wordnet_ids, strict=True)
    ]
    forward = torch.compile(network) if compiled else network
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    network.train()
    saved = began = time.monotonic()
    decay_start = math.ceil(recipe.steps * (1 - recipe.decay_share))
    for step in range(start, recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step)
        pictures, labels = (t.to(device) for t in sampler.batch(step))
        optimiser.zero_grad(set_to_none=True)
        loss = criterion(forward(pictures), labels)
        loss.backward()
        optimiser.step()
        _average(averaged, network, min(recipe.average, (1 + step) / (10 + step)))
        now = time.monotonic()
        speed = (step + 1 - start) / (now - began)
        report(
            Progress(
                step + 1,
                recipe.steps,
                loss.item(),
                speed * recipe.batch,
                (recipe.steps - step - 1) / speed,
            )
        )
        if now - saved > save_seconds or step + 1 in (decay_start, recipe.steps):
            saved = now
            seconds = spent + now - began
            _save(out, step + 1, seconds, network, averaged, optimiser, recipe)
            save_bundled(out / MODEL, averaged, preprocessing, classes, NOTE)
            if step + 1 == decay_start:
                # From here a longer run can go on at the full learning rate.
                shutil.copyfile(checkpoint, out / "before_decay.pt")
            scores = quick_scores(averaged, validation, recipe.size, device)
            entry = {"step": step + 1, "seconds": seconds, "loss": loss.item(), **scores}
            _log(out / LOG, entry)
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


def _by_root_frequency(labels: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    counts = np.bincount(labels)
    chances = 1 / np.sqrt(counts[labels])
    return chances / chances.sum()


def _mean_bytes(pictures: LabelledPictures, positions: Any) -> float:
    return float(np.mean([len(pictures.encoded[i]) for i in positions[:200]]))


def _parameter_groups(network: nn.Module, decay: float) -> Iterator[dict[str, Any]]:
    parameters = list(network.parameters())
    yield {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay}
    yield {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    old, new = averaged.state_dict(), network.state_dict()
    for name, value in old.items():
        if value.dtype.is_floating_point:
            value.lerp_(new[name], 1 - decay)
        else:
            value.copy_(new[name])


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
    state = torch.load(checkpoint, map_location=device, weights_only=True)
    now = _described(recipe)
    differing = [name for name in now if name != "steps" and state["recipe"].get(name) != now[name]]
    if differing:
        raise ModelError(
            f"{checkpoint.parent} holds a run with another {differing[0]}; give another --out or "
            "the same settings."
        )
    try:
        network.load_state_dict(state["network"])
    except RuntimeError as error:
        raise ModelError(
            f"{checkpoint.parent} holds a run of another network or of other classes; give "
            "another --out."
        ) from error
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"]), float(state["seconds"])


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
    partial = out / "checkpoint.partial"
    state = {
        "step": step,
        "seconds": seconds,
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "recipe": _described(recipe),
    }
    torch.save(state, partial)
    partial.replace(out / CHECKPOINT)


def _described(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, equal after a round trip through a file."""
    described: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return described


def _log(file: Path, entry: dict[str, Any]) -> None:
    with file.open("a") as log:
        log.write(json.dumps(entry) + "\n")
