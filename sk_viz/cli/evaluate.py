"""``sk-viz evaluate``: accuracy on labelled pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sk_viz.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    print_json,
    progress_bar,
)


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("evaluate")(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="Parquet files or an ImageFolder.")],
    model: ModelOption = "sknet_tiny",
    limit: Annotated[int | None, typer.Option(help="At most so many pictures.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """How often a model is right on labelled pictures."""
    from sk_viz.measures.accuracy import evaluate as run
    from sk_viz.zoo.model import load_model

    with progress_bar("evaluating") as progress:
        answers = run(load_model(model, device), data, limit=limit, progress=progress)
    for reason in answers.unreadable:
        print(reason, file=sys.stderr)
    summary = answers.summary()
    if as_json:
        print_json(summary)
        return
    low, high = summary["top1_interval"]
    print(
        f"{model}: top-1 {summary['top1']:.1%} (95 % interval {low:.1%} to {high:.1%}), "
        f"top-5 {summary['top5']:.1%}, calibration error "
        f"{summary['calibration_error']:.3f}, {summary['n']} pictures"
        + (f", {summary['left_out']} left out" if summary["left_out"] else "")
        + (f", {summary['unreadable']} unreadable" if summary["unreadable"] else "")
    )
