"""A survey's report as one HTML page that needs nothing else: its figures are SVG inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from sk_viz.errors import PictureError, ScaleError
from sk_viz.figures.paper.effects import Effect, effects
from sk_viz.figures.paper.fig3 import default_curve_unit, fig3
from sk_viz.figures.paper.fig4 import fig4
from sk_viz.figures.paper.heatmap import heatmap
from sk_viz.figures.paper.size import size_forest
from sk_viz.figures.paper.style import paper_style, render
from sk_viz.publish.size_figure import survey_marks
from sk_viz.publish.survey_figures import class_means, survey_map, survey_panel
from sk_viz.surveys.results import SurveyResults

_WIDTH = "cvpr-text"
_CLASSES = 400


def render_report(results: SurveyResults, data: Mapping[str, Any]) -> str:
    """The page.

    Args:
        results: of the survey.
        data: of :func:`sk_viz.surveys.effects.compute`.
    """
    environment = Environment(
        loader=PackageLoader("sk_viz.publish", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"signed": _signed, "share": _share, "interval": _interval, "p": _p}
    with paper_style():
        figures = list(_figures(results, data))
    shown = sorted(data["classes"], key=lambda row: -row["n"])[:_CLASSES]
    return environment.get_template("report.html").render(
        data=data, record=data["record"], figures=figures, classes=shown
    )


def _figures(results: SurveyResults, data: Mapping[str, Any]) -> Iterable[tuple[str, str, Markup]]:
    """Title, what one sees, and the drawing of each figure that the survey has data for."""
    if data["readable"] < 2:
        return
    protocol = "zoom" if "zoom" in results.record["protocols"] else results.record["protocols"][0]
    panels = []
    zoomed = [row for row in data["changes"] if row["protocol"] == protocol]
    if zoomed:
        panels.append((f"{protocol} against 1.0x", _effects(zoomed)))
    blurred = [row for row in data["changes"] if row["protocol"] == "blur"]
    if blurred and protocol != "blur":
        panels.append(("blur alone", _effects(blurred)))
    if data["controlled"]:
        panels.append(("zoom minus blur", _effects(data["controlled"])))
    if panels:
        yield (
            "What changes",
            "Each unit's paired change of the difference in standard deviations of that change. "
            "Right of the line a unit turns to the larger kernel. What blur alone does is not "
            "the size of the object.",
            _svg(effects(panels, _WIDTH)),
        )
    if data["size"]:
        scale = max(row["scale"] for row in data["size"])
        yield (
            "What of the zoom is size",
            f"What each control takes for size at {scale:g}x; grey, the same on 1/f noise, which "
            "has no size. A star marks the units on which every control agrees beyond it.",
            _svg(size_forest(survey_marks(data, scale), f"{scale:g}x against 1x", _WIDTH)[0]),
        )
    unit = default_curve_unit(results.units)
    kernel = next(max(u["kernels"]) for u in data["units"] if u["name"] == unit)
    yield (
        "Figure 3 of the paper, for these pictures",
        "Left, the mean weight of the largest kernel over runs of channels; right, the mean "
        "difference, whiskers one standard deviation over pictures.",
        _svg(fig3([survey_panel(results, unit, protocol)], unit, kernel, _WIDTH)[0]),
    )
    scales, values = survey_map(results, protocol)
    title = f"mean of {data['readable']:,} pictures, {protocol}"
    yield (
        "All units",
        "The mean difference of every unit at every scale.",
        _svg(heatmap(results.units, scales, values, title, _WIDTH)[0]),
    )
    others = [scale for scale in scales if scale != 1.0]
    try:
        two = class_means(results, (1.0, others[0]) if others else (1.0,), protocol)
    except (PictureError, ScaleError):  # no labels, or no 1.0x
        return
    if others:
        yield (
            "Figure 4 of the paper, for these classes",
            "The mean difference of each class at two scales.",
            _svg(fig4(two, _WIDTH)[0]),
        )


def _effects(rows: Iterable[Mapping[str, Any]]) -> list[Effect]:
    return [
        Effect(
            row["unit"],
            row["scale"],
            row["d"],
            None if row["d_interval"] is None else (row["d_interval"][0], row["d_interval"][1]),
        )
        for row in rows
    ]


def _svg(figure: Figure) -> Markup:
    """The drawing alone, without the head of an SVG file; its text was escaped by matplotlib."""
    text = render(figure, "svg", {"Date": None}).decode()
    return Markup(text[text.index("<svg") :])


def _signed(value: float | None, digits: int = 4) -> str:
    text = "–" if value is None else f"{value:+.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _interval(value: list[float] | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    return f"{_signed(value[0], digits)} to {_signed(value[1], digits)}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
