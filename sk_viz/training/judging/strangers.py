"""Pictures of none of a model's classes: whether its answers tell them from what it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sk_viz.datasets.labelled import LabelledPictures, read_labelled
from sk_viz.measures.accuracy import share_of
from sk_viz.measures.certainty import known_score, likely_none
from sk_viz.training.data.photographs import Group, read_photographs
from sk_viz.zoo.certainty import Score, UnknownRule

KEPT = 0.93
MADE = "made, an easy case: "
_EACH = 50
_SIDE = 96

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Strangers:
    """Pictures of things that a model has no class for.

    Attributes:
        pictures: their labels are kinds of things.
        about: what they are and where they are from, from the folder's ``README.md``; may be "".
    """

    pictures: LabelledPictures
    about: str


@dataclass(frozen=True)
class Separation:
    """How well a score tells known pictures from others.

    Attributes:
        auroc: the chance that a known picture scores above another one; 0.5 is guessing.
        interval: its 95 % interval.
    """

    auroc: float
    interval: tuple[float, float]


def read_strangers(folder: Path) -> Strangers:
    """From a folder with one folder of pictures for each kind of thing, or with parquet files of
    photographs that are labelled -1 and named by kind.

    Raises:
        PictureError: there is no picture in it.
    """
    note = folder / "README.md"
    about = " ".join(note.read_text(encoding="utf-8").split()) if note.is_file() else ""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        return Strangers(read_labelled(folder), about)
    groups = [Group(file.stem, False, share=0, weight=0, held_out=1) for file in files]
    return Strangers(read_photographs(folder, groups, ()).held_out, about)


def made_pictures(seed: int = 0) -> LabelledPictures:
    """Pictures that nobody would take for a thing: noise, clouds of it, plain colours, stripes.

    Far easier to tell from known pictures than photographs of other things are.
    """
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[], NDArray[Any]]] = {
        "noise": lambda: rng.integers(0, 256, (_SIDE, _SIDE, 3)),
        "clouds": lambda: _clouds(rng),
        "plain colour": lambda: np.broadcast_to(rng.integers(0, 256, 3), (_SIDE, _SIDE, 3)),
        "stripes": lambda: _stripes(rng),
    }
    encoded = [
        cv2.imencode(".png", make().astype(np.uint8))[1].tobytes()
        for make in makers.values()
        for _ in range(_EACH)
    ]
    return LabelledPictures(
        encoded=encoded,
        labels=np.repeat(np.arange(len(makers)), _EACH),
        sources=["made"] * len(encoded),
        classes=[MADE + name for name in makers],
        wordnet_ids=[[]] * len(makers),
        names=[f"{name} {number}" for name in makers for number in range(_EACH)],
        boxes=[None] * len(encoded),
    )


def separation(known: NDArray[np.floating], others: NDArray[np.floating]) -> Separation:
    """Area under the ROC curve, with DeLong's interval (Biometrics 44, 1988).

    Args:
        known: (n,) scores of known pictures, n >= 2.
        others: (m,) of others, m >= 2.
    """
    above = (_below(others, known) + _upto(others, known)) / (2 * len(others))
    under = 1 - (_below(known, others) + _upto(known, others)) / (2 * len(known))
    auroc = float(above.mean())
    variance = above.var(ddof=1) / len(known) + under.var(ddof=1) / len(others)
    half = 1.96 * float(np.sqrt(variance))
    return Separation(auroc, (max(0.0, auroc - half), min(1.0, auroc + half)))


def choose_rule(known: Logits, others: Logits) -> tuple[UnknownRule, dict[str, Any]]:
    """The score that tells best, and a threshold that keeps ``KEPT`` of the known pictures.

    The score is chosen on every second one of the others, and all that is told of it is measured
    on the rest. The share that is kept is measured with the threshold of the other half of the
    known pictures.

    Args:
        known: logits (N, K) of pictures of the classes.
        others: logits (M, K) of pictures of other things.

    Returns:
        The rule, and the separation by each score on the half that chose and on the other.
    """
    chosen_on, measured_on = others[::2], others[1::2]
    scores: tuple[Score, ...] = get_args(Score)
    found: dict[str, Any] = {
        score: {
            half: asdict(separation(known_score(score, known), known_score(score, logits)))
            for half, logits in (("chosen_on", chosen_on), ("measured_on", measured_on))
        }
        for score in scores
    }
    best = max(scores, key=lambda score: found[score]["chosen_on"]["auroc"])
    values = known_score(best, known)
    halves = (values[::2], values[1::2])
    kept = np.concatenate([halves[h] >= _threshold(halves[1 - h]) for h in (0, 1)])
    threshold = _threshold(values)
    noticed = known_score(best, measured_on) < threshold
    rule = UnknownRule(best, threshold, share_of(kept), share_of(noticed))
    return rule, found


def noticed_by_kind(
    rule: UnknownRule, logits: Logits, pictures: LabelledPictures
) -> list[Mapping[str, Any]]:
    """For each kind of picture the share that the rule takes for unknown."""
    none = likely_none(rule, logits)
    return [
        {"kind": name, **asdict(share_of(none[pictures.labels == label]))}
        for label, name in enumerate(pictures.classes)
    ]


def _threshold(values: NDArray[np.float32]) -> float:
    return float(np.quantile(values, 1 - KEPT, method="lower"))


def _below(values: NDArray[np.floating], than: NDArray[np.floating]) -> NDArray[np.intp]:
    """For each of ``than`` how many values are smaller."""
    return np.searchsorted(np.sort(values), than, side="left")


def _upto(values: NDArray[np.floating], than: NDArray[np.floating]) -> NDArray[np.intp]:
    """For each of ``than`` how many values are smaller or the same."""
    return np.searchsorted(np.sort(values), than, side="right")


def _clouds(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose amplitude falls with the frequency, as in photographs."""
    steps = np.fft.fftfreq(_SIDE)
    frequency = np.hypot(steps[:, None], steps)[..., None]
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.normal(size=(_SIDE, _SIDE, 3)), axes=(0, 1)) / frequency
    waves = np.fft.ifft2(spectrum, axes=(0, 1)).real
    clouds: NDArray[np.float64] = np.clip(128 + 50 * waves / waves.std(), 0, 255)
    return clouds


def _stripes(rng: np.random.Generator) -> NDArray[np.float64]:
    """Two colours in turns, at a random angle and width."""
    angle, width = rng.uniform(0, np.pi), rng.uniform(4, 24)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    first = (x * np.cos(angle) + y * np.sin(angle)) % (2 * width) < width
    one, other = rng.integers(0, 256, (2, 3)).astype(np.float64)
    stripes: NDArray[np.float64] = np.where(first[..., None], one, other)
    return stripes
