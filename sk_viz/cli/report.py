"""``sk-viz report``: the statistics of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sk_viz.cli.options import (
    JsonOption,
    console,
    print_json,
)


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("report")(report)


def report(
    survey_folder: Annotated[Path, typer.Argument(help="A survey's folder.")],
    as_json: JsonOption = False,
) -> None:
    """A survey's statistics, with effect sizes and intervals; also as a page to read."""
    from sk_viz.publish.report import make_report

    made = make_report(survey_folder)
    if as_json:
        print_json(dict(made.data))
        return
    changes = made.data["changes"]
    table = Table(
        "unit", "scale", "protocol", "change", "Cohen's d", "95 % interval", "rising", "p"
    )
    for entry in changes:
        table.add_row(
            entry["unit"],
            f"{entry['scale']:g}",
            entry["protocol"],
            f"{entry['change']:+.4f}",
            _number(entry["d"]),
            _interval(entry["d_interval"]),
            f"{entry['rising']:.0%}",
            "-" if entry["p_holm"] is None else f"{entry['p_holm']:.2g}",
        )
    console().print(table)
    for sentence in made.data["warnings"]:
        print(sentence)
    print(f"The whole report: {made.folder / 'report.html'}")


def _number(value: float | None) -> str:
    """Two digits, or a dash where there is no number."""
    return "-" if value is None else f"{value:+.2f}"


def _interval(ends: Sequence[float | None] | None) -> str:
    """Both ends, or a dash where there is no interval."""
    return "-" if ends is None else " to ".join(_number(end) for end in ends)
