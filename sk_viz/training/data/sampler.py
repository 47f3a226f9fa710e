"""Which pictures a step is shown, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from sk_viz.datasets.labelled import LabelledPictures
from sk_viz.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from sk_viz.training.data.augment import Cut, augment, mix
from sk_viz.training.recipe import Recipe


class Sampler:
    """Draws the batch of any step, from the seed and the step alone.

    Args:
        pictures: that are drawn.
        recipe: how.
        masks: PNG of each picture's outline, empty where none is known; none at all where the
            recipe cuts nothing out.
    """

    def __init__(
        self, pictures: LabelledPictures, recipe: Recipe, masks: Sequence[bytes] = ()
    ) -> None:
        self.pictures = pictures
        self.recipe = recipe
        self._masks = masks
        groups = sorted(set(pictures.sources))
        sources = np.array(pictures.sources)
        positions = [np.flatnonzero(sources == group) for group in groups]
        # Classes of one collection may be very uneven: draw by the root of their frequency.
        self._positions = positions
        self._chances = [by_root_frequency(pictures.labels[p]) for p in positions]
        large = max(range(len(groups)), key=lambda g: _mean_bytes(pictures, positions[g]))
        share = recipe.large_share if len(groups) > 1 else 1.0
        others = (1 - share) / max(1, len(groups) - 1)
        self._shares = [share if g == large else others for g in range(len(groups))]

    def batch(self, step: int, part: int = 0, parts: int = 1) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, S, S) float32, normalised, and each class's share of them (N, K).

        Args:
            step: whose batch it is.
            part: which of its parts; together they are the batch that is drawn in one part.
            parts: how many there are.
        """
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
        places = range(part, len(chosen), parts)
        labels = self.pictures.labels[chosen]
        targets = np.zeros((len(places), len(self.pictures.classes)), np.float32)
        share = self.recipe.round_at(step).augmentation.mix_share
        views = []
        for row, place in enumerate(places):
            view, kept, other = self._view(chosen[place], size, step, place), 1.0, place
            # A generator of its own: a view looks the same whether it is mixed or not.
            rng = np.random.default_rng((self.recipe.seed, step, place, 1))
            if rng.random() < share:
                other = int(rng.integers(len(chosen)))
                view, kept = mix(view, self._view(chosen[other], size, step, other), rng)
            views.append(view)
            targets[row, labels[place]] += kept
            targets[row, labels[other]] += 1 - kept
        return normalise_batch(np.stack(views)), torch.from_numpy(targets)

    def _view(self, index: int, size: int, step: int, place: int) -> Any:
        settings = self.recipe.round_at(step).augmentation
        rng = np.random.default_rng((self.recipe.seed, step, place))
        cut = None
        if settings.cut_share and self._masks[index] and rng.random() < settings.cut_share:
            stored = np.frombuffer(self._masks[index], np.uint8)
            mask = np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
            cut = Cut(mask, self.pictures.decode(int(rng.integers(len(self.pictures)))))
        return augment(self.pictures.decode(index), size, settings, rng, cut)


def normalise_batch(views: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """(N, H, W, 3) bytes -> (N, 3, H, W) float32 with ImageNet's mean and deviation removed."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    pictures = torch.from_numpy(views).permute(0, 3, 1, 2).float().div_(255)
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)


def by_root_frequency(labels: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    """The chance of each of (N,) pictures, by one over the root of how many its class has."""
    counts = np.bincount(labels)
    chances = 1 / np.sqrt(counts[labels])
    return chances / chances.sum()


def _mean_bytes(pictures: LabelledPictures, positions: Any) -> float:
    return float(np.mean([len(pictures.encoded[i]) for i in positions[:200]]))
