"""How well a picture fits what a network knows, as one number, and when it is too little."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from sk_viz.measures.reading import Floats, softmax
from sk_viz.zoo.certainty import Score, UnknownRule


def known_score(score: Score, logits: Floats) -> Floats:
    """The higher, the more a picture looks like one of the classes.

    Args:
        score: which; see :class:`~sk_viz.zoo.certainty.UnknownRule`. The energy is that of
            Liu et al., NeurIPS 2020, with its sign turned.
        logits: (N, K).

    Returns:
        (N,).
    """
    if score == "probability":
        return np.asarray(softmax(logits).max(axis=1))
    if score == "energy":
        energy: Floats = torch.tensor(logits).logsumexp(dim=1).numpy()
        return energy
    return np.asarray(logits.max(axis=1))


def likely_none(rule: UnknownRule, logits: Floats) -> npt.NDArray[np.bool_]:
    """(N,) whether each picture is likely of none of the classes, from its logits (N, K)."""
    none: npt.NDArray[np.bool_] = known_score(rule.score, logits) < rule.threshold
    return none
