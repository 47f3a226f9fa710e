"""``models``, ``train`` and ``evaluate``: what can be loaded, made and judged."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    console,
    print_json,
    progress_bar,
)


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.command("models")(models)
    cli.command("train")(train)
    cli.command("evaluate")(evaluate)


def models(as_json: JsonOption = False) -> None:
    """List the models that can be loaded."""
    from sk_viz.zoo.model import list_models

    entries = list_models()
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("model", "kind", "units", "parameters", "GMACs", "faithful", "weights")
    for entry in entries:
        table.add_row(
            entry.id,
            entry.kind,
            str(entry.units),
            f"{entry.parameters:,}",
            f"{entry.macs / 1e9:.2f} at {entry.input_size}",
            "yes" if entry.faithful else "no: split halves",
            "on disk" if entry.on_disk else "to be downloaded",
        )
    console().print(table)


def train(
    data: Annotated[Path, typer.Option(help="Parquet files or an ImageFolder.")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoints and of the model.")],
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of one round; more than before go on. Left out: the bundled model's four.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights and of every draw.")] = 0,
    strangers: Annotated[
        Path | None,
        typer.Option(
            help="Pictures of none of the classes, one folder for each kind of thing; by them it "
            "is decided when the app says that a picture is likely of none."
        ),
    ] = None,
    compiled: Annotated[bool, typer.Option("--compile/--no-compile")] = True,
) -> None:
    """Train the bundled model and write its card; started again with the same words it goes on."""
    from sk_viz.training.card.document import document
    from sk_viz.training.recipe import BUNDLED, Recipe
    from sk_viz.training.train import Progress
    from sk_viz.training.train import train as run

    with progress_bar("outlines of objects, then training") as draw:

        def report(progress: Progress) -> None:
            draw(progress.step, progress.steps)

        recipe = BUNDLED.seeded(seed) if steps is None else Recipe(steps=steps, seed=seed)
        folder = run(data, out, recipe, compiled=compiled, report=report, searched=draw)
    document(out, data, recipe, strangers, lambda part: print(f"judging: {part}", file=sys.stderr))
    print(f"The model and its card are in {folder}.")


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
