"""Whether probabilities come true, and the one number by which logits are divided so they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from sk_viz.measures.reading import softmax
from sk_viz.measures.statistics import bootstrap

BINS = 10
TEMPERATURES = (0.05, 20.0)

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


def calibration_error(logits: Logits, labels: Labels) -> tuple[float, tuple[float, float]]:
    """How far the probability of the answer is from how often it is right.

    The expected calibration error over ten bins (Guo et al., ICML 2017), which is a little above
    0 even where every probability is true, by chance.

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        The error in [0, 1], and its 95 % bootstrap interval over the pictures.
    """
    confidence, right, place = _binned(logits, labels)
    gaps = np.zeros((len(labels), BINS))
    gaps[np.arange(len(labels)), place] = confidence - right
    draws = bootstrap(gaps, lambda sample: np.abs(sample.mean(axis=1)).sum(axis=-1))
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(np.abs(gaps.mean(axis=0)).sum()), (float(low), float(high))


def calibration_bins(logits: Logits, labels: Labels) -> list[dict[str, Any]]:
    """For each tenth of probability that occurs: n, the mean probability and the share right."""
    confidence, right, place = _binned(logits, labels)
    return [
        {
            "n": int((place == b).sum()),
            "probability": float(confidence[place == b].mean()),
            "right": float(right[place == b].mean()),
        }
        for b in range(BINS)
        if (place == b).any()
    ]


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """The number by which logits are divided so that the labels are likeliest.

    The likelihood has one maximum over it, which is found by L-BFGS. For logits that say nothing
    of the labels it is at infinity, so it is held within ``TEMPERATURES``.

    Args:
        logits: (N, K).
        labels: (N,).
    """
    scaled, right = torch.tensor(logits, dtype=torch.float64), torch.tensor(labels)
    sharpness = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([sharpness], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(scaled * sharpness.exp(), right)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return float((-sharpness.detach()).exp().clamp(*TEMPERATURES))


def cross_fitted(logits: Logits, labels: Labels) -> Logits:
    """Logits divided by a temperature that was fitted on the other half of the pictures.

    Args:
        logits: (N, K), N at least 2, in no order that matters: every second one is a half.
        labels: (N,).
    """
    divided = np.empty_like(logits)
    for half in (0, 1):
        temperature = fit_temperature(logits[1 - half :: 2], labels[1 - half :: 2])
        divided[half::2] = logits[half::2] / temperature
    return divided


def _binned(
    logits: Logits, labels: Labels
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Probability of the answer, whether it is right (0 or 1), and its bin, each (N,)."""
    probabilities = softmax(logits)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return confidence, right, place
