"""What the figures of a survey show, from its results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.figures.paper.fig3 import PAPER_UNITS, Fig3Panel, default_units
from sk_viz.figures.paper.fig4 import PAPER_UNITS as FIG4_UNITS
from sk_viz.figures.paper.fig4 import Fig4Data

if TYPE_CHECKING:
    from sk_viz.surveys.results import SurveyResults

Array = npt.NDArray[np.float64]


@lru_cache(maxsize=1)
def paper_values() -> dict[str, Any]:
    """The paper's own values, read off its figures; ``source`` says from where and how."""
    text = (files("sk_viz.figures.paper") / "values.json").read_text(encoding="utf-8")
    values: dict[str, Any] = json.loads(text)
    return values


def fig4_units(units: Sequence[str]) -> tuple[str, ...]:
    """The three units of the paper, else the last of the first, second and last stage."""
    if set(FIG4_UNITS) <= set(units):
        return FIG4_UNITS
    last = default_units(units)
    return tuple(dict.fromkeys((*last[:2], last[-1])))


def survey_panel(
    results: SurveyResults, unit: str, protocol: str = "zoom", *, paper: bool = False
) -> Fig3Panel:
    """The row of figure 3 that shows all pictures: means, and standard deviations.

    Args:
        results: of a survey.
        unit: of the channels.
        protocol: which of those surveyed.
        paper: mark the paper's values beside, where the units are those of the paper.

    Raises:
        ScaleError: the protocol was not surveyed.
        ModelError: no such unit, or the paper has no values of this network's units.
    """
    channels = results.channel_means(unit, protocol)
    units = default_units(results.units)
    values = {name: results.differences(name) for name in units}
    columns = {s: n for n, (p, s) in enumerate(results.conditions) if p == protocol}
    marked: dict[float, dict[str, float]] = {}
    if paper:
        if units != PAPER_UNITS:
            raise ModelError("The paper has values for SK_2_3, SK_3_4, SK_4_6 and SK_5_3 alone.")
        marked = {float(s): one["mean"] for s, one in paper_values()["fig3c"].items()}
        marked = {s: one for s, one in marked.items() if s in columns}
    count = len(results.pictures)
    return Fig3Panel(
        title=f"{count:,} pictures, {protocol}, mean and sd",
        channels=channels,
        differences={
            s: {unit: float(v[:, c].mean()) for unit, v in values.items()}
            for s, c in columns.items()
        },
        sds={
            s: {
                unit: float(v[:, c].std(ddof=1)) if count > 1 else 0.0 for unit, v in values.items()
            }
            for s, c in columns.items()
        },
        dashed=marked,
    )


def class_means(
    results: SurveyResults,
    scales: Sequence[float] = (1.0, 1.5),
    protocol: str = "zoom",
    *,
    paper: bool = False,
) -> Fig4Data:
    """What figure 4 shows: the mean difference of each class at two scales.

    Args:
        results: of a survey of labelled pictures.
        scales: which of those surveyed.
        protocol: which of those surveyed.
        paper: draw the paper's values beside, where the classes are ImageNet's.

    Raises:
        PictureError: the pictures have no labels.
        ScaleError: a scale was not surveyed under this protocol.
        ModelError: the paper has no values for this network's units or classes.
    """
    pictures = results.pictures
    labelled = pictures["label"].notna().to_numpy()
    if not labelled.any():
        raise PictureError("The survey's pictures have no labels, so that there are no classes.")
    order = pictures.loc[labelled].groupby("label")["class_index"].first()
    # The model's order where it knows the classes, as the paper's; the alphabet's for the rest.
    names = [str(name) for name in order.sort_values(kind="stable", na_position="last").index]
    codes = pictures["label"].map({name: n for n, name in enumerate(names)})
    known = codes.notna().to_numpy()
    index = codes[known].to_numpy(np.int64)
    counts = np.bincount(index, minlength=len(names))
    columns = {}
    for scale in scales:
        column = results.column_of(protocol, scale)
        if column is None:
            raise ScaleError(f"The survey has no {protocol} at {scale:g}x: choose others.")
        columns[float(scale)] = column
    units = fig4_units(results.units)
    means: dict[str, dict[float, Array]] = {}
    for unit in units:
        values = results.differences(unit)[known]
        means[unit] = {
            s: np.bincount(index, values[:, c], minlength=len(names)) / counts
            for s, c in columns.items()
        }
    drawn = {}
    if paper:
        if units != FIG4_UNITS or len(results.classes) != 1000:
            raise ModelError("The paper has values for ImageNet's classes in its units alone.")
        place = {int(i): n for n, i in enumerate(order.sort_values()) if np.isfinite(i)}
        drawn = {unit: _paper_lines(unit, columns, place) for unit in units}
    return Fig4Data(names, counts, means, drawn)


def _paper_lines(
    unit: str, scales: dict[float, int], place: dict[int, int]
) -> dict[float, tuple[Array, Array]]:
    """The paper's values at the places that its classes have here."""
    values = paper_values()["fig4"][unit]
    lines = {}
    for scale in scales:
        if str(scale) in values:
            pairs = [
                (place[c], v)
                for c, v in zip(values["class"], values[str(scale)], strict=True)
                if c in place
            ]
            x, y = np.array(pairs, np.float64).reshape(-1, 2).T
            lines[scale] = x, y
    return lines


def survey_map(results: SurveyResults, protocol: str = "zoom") -> tuple[list[float], Array]:
    """The scales of a protocol, and the mean difference (units, scales).

    Raises:
        ScaleError: the protocol was not surveyed.
    """
    columns = {s: n for n, (p, s) in enumerate(results.conditions) if p == protocol}
    if not columns:
        raise ScaleError(f"The survey has no {protocol}: run one with --protocol {protocol}.")
    means = [results.differences(unit)[:, list(columns.values())].mean(0) for unit in results.units]
    return list(columns), np.stack(means)
