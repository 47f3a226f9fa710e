"""The statistics of a survey: effects with their size and interval, against their control."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_viz.measures.statistics import (
    PairedEffect,
    holm,
    paired_effect,
    sign_flip_p,
    spearman,
    wilson_interval,
)
from sk_viz.surveys.results import SurveyResults

Array = npt.NDArray[np.float64]

# Below this many pictures p is by flipping signs; above it the mean is as good as normal.
_NORMAL = 200
_FLIPS = 20_000
# Numbers drawn by one bootstrap; with more pictures there are fewer resamples, never below 200.
_DRAWS = 2_000_000_000
_CLASS_PICTURES = 5
_LISTED = 1000


def compute(results: SurveyResults) -> dict[str, Any]:
    """The statistics as plain values; what cannot be computed is None.

    ``means``: mean, sd and n of the difference, per unit, protocol and scale. ``changes``:
    paired change against 1.0x. ``controlled``: the change under zoom minus that under blur to
    the same scale. ``box``: rank correlation with the box's share of the picture. ``classes``:
    mean change of each class. ``accuracy``: how often the label is first or among five.
    """
    pictures = results.pictures
    means: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    controlled: list[dict[str, Any]] = []
    box: list[dict[str, Any]] = []
    classes = _Classes(results)
    resamples = 0
    for unit in results.units:
        values = results.differences(unit)
        means += _means(results, unit, values)
        if len(values) < 2:
            continue
        shifts = dict(_shifts(results, values))
        zoomed = _controlled(shifts)
        columns = [*shifts.values(), *zoomed.values()]
        effect = None
        if columns:
            resamples = _resamples(len(values) * len(columns))
            effect = paired_effect(np.stack(columns, axis=1), resamples=resamples)
        for n, ((protocol, scale), shift) in enumerate(shifts.items()):
            assert effect is not None
            row = {"protocol": protocol, "scale": scale, "unit": unit}
            row |= _effect(effect, n, shift) | classes.rising(shift)
            changes.append(row)
            classes.add(unit, protocol, scale, shift)
        for n, (scale, shift) in enumerate(zoomed.items(), start=len(shifts)):
            assert effect is not None
            controlled.append({"scale": scale, "unit": unit} | _effect(effect, n, shift))
        box += _box(results, unit, values, shifts)
    _correct([*changes, *controlled, *box])
    return {
        "record": results.record,
        "other_records": results.store.records()[1:],
        "pictures": int(results.header["pictures"]),
        "measured": len(pictures) + len(results.unreadable),
        "readable": len(pictures),
        "labelled": int(pictures["class_index"].notna().sum()),
        "boxes": int(pictures["box_area"].notna().sum()),
        "unreadable": results.unreadable.head(_LISTED).to_dict("records"),
        "unreadable_count": len(results.unreadable),
        "units": results.header["units"],
        "resamples": resamples,
        "tests": len(changes) + len(controlled) + len(box),
        "means": means,
        "changes": changes,
        "controlled": controlled,
        "box": box,
        "classes": classes.rows(),
        "class_pictures": _CLASS_PICTURES,
        "accuracy": _accuracy(results),
    }


def _means(results: SurveyResults, unit: str, values: Array) -> list[dict[str, Any]]:
    return [
        {
            "protocol": protocol,
            "scale": scale,
            "unit": unit,
            "n": len(values),
            "mean": float(values[:, column].mean()) if len(values) else None,
            "sd": float(values[:, column].std(ddof=1)) if len(values) > 1 else None,
        }
        for column, (protocol, scale) in enumerate(results.conditions)
    ]


def _shifts(results: SurveyResults, values: Array) -> Iterator[tuple[tuple[str, float], Array]]:
    """(protocol, scale) and the paired changes (n,) against 1.0x, where 1.0x was surveyed."""
    for column, (protocol, scale) in enumerate(results.conditions):
        base = results.column_of(protocol, 1.0)
        if base is not None and column != base:
            yield (protocol, scale), values[:, column] - values[:, base]


def _controlled(shifts: Mapping[tuple[str, float], Array]) -> dict[float, Array]:
    """By scale, the change under zoom minus that under blur."""
    return {
        scale: shift - shifts["blur", scale]
        for (protocol, scale), shift in shifts.items()
        if protocol == "zoom" and ("blur", scale) in shifts
    }


def _effect(effect: PairedEffect, column: int, shift: Array) -> dict[str, Any]:
    return {
        "n": effect.n,
        "change": float(effect.mean[column]),
        "interval": _finite(effect.mean_interval[:, column]),
        "d": _number(effect.d[column]),
        "d_interval": _finite(effect.d_interval[:, column]),
        "rising": float(effect.rising[column]),
        "rising_interval": _finite(effect.rising_interval[:, column]),
        "p": _p_of_change(shift),
    }


def _p_of_change(shift: Array) -> float | None:
    """Two-sided p that the mean change is 0."""
    if not shift.any():
        return None
    if len(shift) < _NORMAL:
        return float(sign_flip_p(shift, flips=_FLIPS))
    error = float(shift.std(ddof=1)) / math.sqrt(len(shift))
    return math.erfc(abs(float(shift.mean())) / error / math.sqrt(2)) if error else None


def _box(
    results: SurveyResults, unit: str, values: Array, shifts: Mapping[tuple[str, float], Array]
) -> list[dict[str, Any]]:
    """Rank correlations with the area of the box: of the difference at 1.0x and of its changes."""
    area = results.pictures["box_area"].to_numpy(np.float64)
    known = np.isfinite(area)
    if known.sum() < 3:
        return []
    pairs: list[tuple[str, float, str, Array]] = []
    base = next((c for c, (_, scale) in enumerate(results.conditions) if scale == 1.0), None)
    if base is not None:
        pairs.append((results.conditions[base][0], 1.0, "difference", values[:, base]))
    pairs += [(p, s, "change", shift) for (p, s), shift in shifts.items()]
    rows = []
    for protocol, scale, of, column in pairs:
        rho = _number(spearman(area[known], column[known]))
        n = int(known.sum())
        rows.append(
            {
                "protocol": protocol,
                "scale": scale,
                "unit": unit,
                "of": of,
                "n": n,
                "rho": rho,
                "interval": None if rho is None else _rho_interval(rho, n),
                "p": None if rho is None else math.erfc(abs(rho) * math.sqrt((n - 1) / 2)),
            }
        )
    return rows


def _rho_interval(rho: float, n: int) -> list[float] | None:
    """95 % interval by Fisher's z, with the error of Bonett and Wright (Psychometrika 2000)."""
    if n < 4 or abs(rho) >= 1:
        return None
    half = 1.959963984540054 * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return [math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)]


def _correct(rows: list[dict[str, Any]]) -> None:
    """Add Holm's correction over all tests of the report."""
    p = np.array([np.nan if row["p"] is None else row["p"] for row in rows])
    for row, corrected in zip(rows, holm(p), strict=True):
        row["p_holm"] = _number(corrected)


class _Classes:
    """Mean changes of the classes that have pictures enough."""

    def __init__(self, results: SurveyResults) -> None:
        labels = results.pictures["label"]
        codes, names = labels.factorize(sort=True)
        self._codes = codes
        self._names = [str(name) for name in names]
        self._counts = np.bincount(codes[codes >= 0], minlength=len(names))
        self._changes: dict[str, dict[str, Array]] = {}

    def rising(self, shift: Array) -> dict[str, Any]:
        """Share of the classes whose mean rises."""
        means = self._means(shift)[self._counts >= _CLASS_PICTURES]
        if not len(means):
            return {"classes": 0, "classes_rising": None, "classes_rising_interval": None}
        up = int((means > 0).sum())
        return {
            "classes": len(means),
            "classes_rising": up / len(means),
            "classes_rising_interval": list(wilson_interval(up, len(means))),
        }

    def add(self, unit: str, protocol: str, scale: float, shift: Array) -> None:
        """Keep the mean change of each class."""
        if len(self._names):
            self._changes.setdefault(f"{protocol} {scale:g}", {})[unit] = self._means(shift)

    def rows(self) -> list[dict[str, Any]]:
        """Each class with its n and its mean change by condition and unit."""
        return [
            {
                "label": name,
                "n": int(self._counts[code]),
                "changes": {
                    condition: {unit: float(means[code]) for unit, means in by_unit.items()}
                    for condition, by_unit in self._changes.items()
                },
            }
            for code, name in enumerate(self._names)
        ]

    def _means(self, shift: Array) -> Array:
        known = self._codes >= 0
        sums = np.bincount(self._codes[known], shift[known], minlength=len(self._names))
        means: Array = sums / np.maximum(self._counts, 1)
        return means


def _accuracy(results: SurveyResults) -> list[dict[str, Any]]:
    first, five = results.hits()
    known = ~np.isnan(first[:, 0])
    count = int(known.sum())
    if not count:
        return []
    probability = results.label_probabilities()
    return [
        {
            "protocol": protocol,
            "scale": scale,
            "n": count,
            "top1": float(first[known, c].mean()),
            "top1_interval": list(wilson_interval(float(first[known, c].sum()), count)),
            "top5": float(five[known, c].mean()),
            "label_probability": float(probability[known, c].mean()),
        }
        for c, (protocol, scale) in enumerate(results.conditions)
    ]


def _resamples(values: int) -> int:
    return int(np.clip(_DRAWS // max(values, 1), 200, 2000))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _finite(values: Array) -> list[float] | None:
    return [float(v) for v in values] if np.isfinite(values).all() else None
