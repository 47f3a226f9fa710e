"""The statistics of a survey: effects with their size and interval, against their control."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_viz.measures.statistics import (
    FEW,
    SMALLEST_EFFECT,
    holm,
    paired_effect,
    rank_test,
    spearman,
    wilson_interval,
)
from sk_viz.surveys.results import SurveyResults
from sk_viz.surveys.size import null_of, settled, size_changes

Array = npt.NDArray[np.float64]

# Classes with fewer pictures have no mean worth counting.
CLASS_PICTURES = 5
_LISTED = 1000


def compute(results: SurveyResults) -> dict[str, Any]:
    """The statistics as plain values; what cannot be computed is None.

    ``means``: mean, sd and n of the difference, per unit, protocol and scale. ``changes``:
    paired change against 1.0x. ``controlled``: the change under zoom minus that under blur to
    the same scale. ``size``: what each control takes for size, and what it finds on 1/f noise.
    ``settled``: where all controls agree. ``box``: rank correlation with the box's share of the
    picture. ``classes``: mean change of each class. ``accuracy``: how often the label is first or
    among five.
    """
    pictures = results.pictures
    means: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    controlled: list[dict[str, Any]] = []
    size: list[dict[str, Any]] = []
    box: list[dict[str, Any]] = []
    classes = _Classes(results)
    groups = classes.groups()
    for unit in results.units:
        values = results.differences(unit)
        means += _means(results, unit, values)
        if len(values) < 2:
            continue
        shifts = dict(_shifts(results, values))
        beyond = _controlled(shifts)
        sizes = list(size_changes(results, values))
        columns = [*shifts.values(), *beyond.values(), *(change for _, _, change in sizes)]
        effects = iter(_effects(columns, groups))
        for (protocol, scale), shift in shifts.items():
            row = {"protocol": protocol, "scale": scale, "unit": unit}
            changes.append(row | next(effects) | classes.rising(shift))
            classes.add(unit, protocol, scale, shift)
        controlled += [{"scale": scale, "unit": unit} | next(effects) for scale in beyond]
        for control, scale, _ in sizes:
            row = {"control": control, "scale": scale, "unit": unit}
            size.append(row | null_of(results, control, scale, unit) | next(effects))
        box += _box(results, unit, values, shifts)
    tested = [*changes, *controlled, *size, *box]
    _correct(tested)
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
        "smallest_effect": SMALLEST_EFFECT,
        "grouped_by_class": groups is not None,
        "warnings": _warnings(len(pictures)),
        "tests": len(tested),
        "means": means,
        "changes": changes,
        "size": size,
        "controlled": controlled,
        "settled": settled(results, size),
        "box": box,
        "classes": classes.rows(),
        "class_pictures": CLASS_PICTURES,
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


def _effects(columns: Sequence[Array], groups: npt.NDArray[Any] | None) -> Iterator[dict[str, Any]]:
    """The effect of each column (n,) as plain values."""
    if not columns:
        return
    effect = paired_effect(np.stack(columns, axis=1), groups)
    for n in range(len(columns)):
        yield {
            "n": effect.n,
            "groups": effect.groups,
            "change": float(effect.mean[n]),
            "interval": _finite(effect.mean_interval[:, n]),
            "d": _number(effect.d[n]),
            "d_interval": _finite(effect.d_interval[:, n]),
            "rising": float(effect.rising[n]),
            "rising_interval": _finite(effect.rising_interval[:, n]),
            "p": _number(effect.p[n]),
            "p_equivalent": _number(effect.p_equivalent[n]),
        }


def _warnings(pictures: int) -> list[str]:
    """What a reader must know before the numbers, in plain sentences."""
    if pictures >= FEW:
        return []
    return [
        f"The survey has fewer than {FEW} pictures: its intervals are wide and hold only if the "
        "changes are about normally distributed."
    ]


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
        n = int(known.sum())
        rho = spearman(area[known], column[known])
        interval, p = rank_test(rho, n)
        rows.append(
            {
                "protocol": protocol,
                "scale": scale,
                "unit": unit,
                "of": of,
                "n": n,
                "rho": _number(rho),
                "interval": _finite(np.array(interval)),
                "p": _number(p),
            }
        )
    return rows


def _correct(rows: list[dict[str, Any]]) -> None:
    """Add Holm's correction over all tests of the report, each kind of test by itself."""
    for name in ("p", "p_equivalent"):
        made = [row for row in rows if name in row]
        p = np.array([np.nan if row[name] is None else row[name] for row in made])
        for row, corrected in zip(made, holm(p), strict=True):
            row[f"{name}_holm"] = _number(float(corrected))


class _Classes:
    """Mean changes of the classes that have pictures enough."""

    def __init__(self, results: SurveyResults) -> None:
        labels = results.pictures["label"]
        codes, names = labels.factorize(sort=True)
        self._codes = codes
        self._names = [str(name) for name in names]
        self._counts = np.bincount(codes[codes >= 0], minlength=len(names))
        self._changes: dict[str, dict[str, Array]] = {}

    def groups(self) -> npt.NDArray[Any] | None:
        """What pictures have in common: their class, or nothing; None without classes."""
        if not len(self._names):
            return None
        alone = len(self._names) + np.arange(len(self._codes))
        return np.where(self._codes >= 0, self._codes, alone)

    def rising(self, shift: Array) -> dict[str, Any]:
        """Share of the classes whose mean rises."""
        means = self._means(shift)[self._counts >= CLASS_PICTURES]
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


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _finite(values: Array) -> list[float] | None:
    return [float(v) for v in values] if np.isfinite(values).all() else None
