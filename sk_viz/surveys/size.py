"""What of a survey's zoom is size: the change beyond each control, its null, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sk_viz.measures.size.arms import WAYS
from sk_viz.measures.size.nulls import nulls

if TYPE_CHECKING:
    from sk_viz.surveys.results import SurveyResults
    from sk_viz.zoo.model import Model

Array = npt.NDArray[np.float64]

# By control, the two protocols whose difference is what it takes for size.
CONTRASTS: Mapping[str, tuple[str, str]] = {
    "blur": ("zoom", "base+blur"),
    "tile": ("zoom", "tile+blur"),
    "window": ("window", "centre+blur"),
    "periodic": ("zoom", "periodic+blur"),
    "grey": ("zoom", "grey"),
    "soft-tile": ("soft-zoom", "soft-tile"),
}
# Those whose word counts for what is settled; the others check them.
SETTLING = ("blur", "tile", "window")
# What a protocol needs beside it, to be a control. Where a zoom lacks no detail, the stimuli
# without it are those with it, which are measured once.
_PARTNERS: Mapping[str, tuple[str, ...]] = {
    "tile": ("tile+blur",),
    "periodic": ("periodic+blur",),
    "window": ("centre", "centre+blur"),
    "soft-tile": ("soft-zoom",),
}
# A size counts so many standard errors beyond the mean of what the control finds on 1/f noise.
_BEYOND = 1.96


def with_partners(protocols: Sequence[str]) -> tuple[str, ...]:
    """The protocols of a survey, and those that they are compared with.

    Beside a control of content, ``blur`` is compared as in
    :func:`~sk_viz.measures.size.effect.size_effect`.
    """
    partners = [partner for protocol in protocols for partner in _PARTNERS.get(protocol, ())]
    if "blur" in protocols and {"tile", "window", "periodic"} & set(protocols):
        partners.append("base+blur")
    # What was named twice stays twice, and is refused as such.
    return (*protocols, *(one for one in dict.fromkeys(partners) if one not in protocols))


def survey_nulls(
    model: Model, protocols: Sequence[str], scales: Sequence[float]
) -> dict[str, dict[str, dict[str, Any]]]:
    """What each control that was asked for finds on 1/f noise, as plain values.

    Args:
        model: that is read.
        protocols: of the survey.
        scales: of the survey.

    Returns:
        By scale (as text) and control: ``mean``, ``sd`` and ``d``, one value per unit, and ``n``.
        Empty without a control.
    """
    named = [control for control in WAYS if set(CONTRASTS[control]) <= set(protocols)]
    if not named:
        return {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for scale in scales:
        if scale > 1:
            found[f"{scale:g}"] = {
                control: {
                    "mean": null.mean.tolist(),
                    "sd": null.sd.tolist(),
                    "d": null.d.tolist(),
                    "n": null.n,
                }
                for control, null in nulls(model, scale, named).items()
            }
    return found


def size_changes(results: SurveyResults, values: Array) -> Iterator[tuple[str, float, Array]]:
    """Control, scale, and what it takes for size (n,), for each control that was surveyed.

    Args:
        results: of a survey.
        values: (n, conditions) of one unit.
    """
    for control, (with_size, without) in CONTRASTS.items():
        for scale in results.record["scales"]:
            after = results.column_of(with_size, scale)
            before = results.column_of(without, scale)
            if scale > 1 and after is not None and before is not None:
                yield control, scale, values[:, after] - values[:, before]


def null_of(results: SurveyResults, control: str, scale: float, unit: str) -> dict[str, Any]:
    """``null_mean``, ``null_sd``, ``null_d`` and ``null_n`` of a control; None if not measured."""
    found = results.header.get("nulls", {}).get(f"{scale:g}", {}).get(control)
    if found is None:
        return dict.fromkeys(("null_mean", "null_sd", "null_d", "null_n"))
    place = results.units.index(unit)
    own = {f"null_{name}": found[name][place] for name in ("mean", "sd", "d")}
    return own | {"null_n": found["n"]}


def settled(results: SurveyResults, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each scale and unit, in which direction size moves it.

    Args:
        results: of a survey.
        rows: of the report's table ``size``, with p corrected for the number of tests.

    Returns:
        Rows of scale, unit, ``direction`` (``smaller``, ``larger`` or ``none``), ``agree`` and
        ``controls``: those that were asked. All of them must find a size of one sign, with a
        corrected p below 0.05, and further from 0 than their null. Empty with fewer than two.
    """
    found = []
    for scale in results.record["scales"]:
        for unit in results.units:
            asked = [
                row
                for row in rows
                if row["unit"] == unit and row["scale"] == scale and row["control"] in SETTLING
            ]
            if len(asked) < 2:
                continue
            signs = {_sign(row) for row in asked}
            sign = signs.pop() if len(signs) == 1 else 0
            found.append(
                {
                    "scale": scale,
                    "unit": unit,
                    "direction": ("none", "larger", "smaller")[sign],
                    "agree": sign != 0,
                    "controls": [row["control"] for row in asked],
                }
            )
    return found


def _sign(row: Mapping[str, Any]) -> int:
    """1 or -1 where one control finds a size beyond its null, else 0."""
    if row["p_holm"] is None or row["p_holm"] >= 0.05 or not row["change"]:
        return 0
    sign = 1 if row["change"] > 0 else -1
    if row["null_mean"] is None:
        return sign
    half = (row["interval"][1] - row["interval"][0]) / 2
    error = np.hypot(half / _BEYOND, row["null_sd"] / np.sqrt(row["null_n"]))
    return sign if sign * (row["change"] - row["null_mean"]) > _BEYOND * error else 0
