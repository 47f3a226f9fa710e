"""The figure of the benchmarks: each way to do some work, in units of the bare forward."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from sk_viz.errors import ModelError
from sk_viz.figures.palette import NEUTRAL
from sk_viz.figures.paper.metadata import KINDS, metadata
from sk_viz.figures.paper.style import new_figure, paper_style, render
from sk_viz.files import write_whole

WIDTH = "cvpr-text"
_LEFT_OUT = "gemm"  # these say what the machine can do, not how long the work takes


def kind_of(out: Path) -> str:
    """pdf, svg or png, by the name.

    Raises:
        ModelError: it ends in something else.
    """
    kind = out.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise ModelError(f"{out.name!r} must end with .pdf, .svg or .png.")
    return kind


def save_bench(found: Mapping[str, Any], out: Path) -> None:
    """Draw what ``sk_viz.benchmarks.run.run_benchmarks`` returned.

    Raises:
        ModelError: not a PDF, SVG or PNG, or a place that cannot be written.
    """
    kind = kind_of(out)
    groups = found["groups"]
    bars = [len(_drawn(group)) for group in groups]
    with paper_style():
        figure = new_figure(WIDTH, 0.5 + 0.2 * sum(bars) + 0.3 * len(bars))
        grid = figure.subplots(len(groups), 1, height_ratios=bars, squeeze=False)[:, 0]
        for axes, group in zip(grid, groups, strict=True):
            _draw(axes, group)
        grid[-1].set_xlabel("time over that of the bare forward (median, range of the rounds)")
        data = render(figure, kind, metadata(kind, "What takes how long", found))
    write_whole(out, data)


def _draw(axes: Axes, group: Mapping[str, Any]) -> None:
    cases = _drawn(group)
    bare = next(case["seconds"]["median"] for case in cases if case["name"] == "bare")
    for row, case in enumerate(cases):
        median, low, high = (case["seconds"][name] for name in ("median", "low", "high"))
        axes.barh(row, median / bare, height=0.6, color=NEUTRAL)
        axes.plot([low / bare, high / bare], [row, row], color="black", linewidth=0.8)
        text = f" {1e3 * median:.0f} ms"
        axes.text(max(median, high) / bare, row, text, va="center", fontsize="small")
    axes.set_yticks(range(len(cases)), [case["name"] for case in cases])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlim(0, 1.2 * max(case["seconds"]["high"] for case in cases) / bare)
    axes.set_title(group["name"], loc="left")


def _drawn(group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [case for case in group["cases"] if not case["name"].startswith(_LEFT_OUT)]
