"""``sk-viz train``: train the bundled model and write its card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sk_viz.cli.options import name_left_out, progress_bar


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("train")(train)


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
            help="Pictures of none of the classes, one folder for each kind of thing or parquet; "
            "by them it is decided when the app says that a picture is likely of none."
        ),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            help="Parquet files of photographs like those that visitors bring; with them the last "
            "stage is trained once more at the end."
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a trained model, such as models/sknet_tiny, to begin with in place of "
            "the rounds before the photographs."
        ),
    ] = None,
    compiled: Annotated[bool, typer.Option("--compile/--no-compile")] = True,
) -> None:
    """Train the bundled model and write its card; started again with the same words it goes on."""
    from sk_viz.datasets.labelled import labelled_coverage
    from sk_viz.errors import ModelError
    from sk_viz.training.card.document import Refined, document
    from sk_viz.training.recipe import BUNDLED, Recipe, Refinement
    from sk_viz.training.refine import refine, weights_of
    from sk_viz.training.train import TrainingProgress
    from sk_viz.training.train import train as run

    if start is not None and photographs is None:
        raise ModelError("--start begins with the photographs: give --photographs as well.")
    coverage = labelled_coverage(data)
    name_left_out(coverage)
    print(coverage.sentence(), file=sys.stderr)
    with progress_bar("outlines of objects, then training") as draw:

        def report(progress: TrainingProgress) -> None:
            draw(progress.step, progress.steps)

        recipe = BUNDLED.seeded(seed) if steps is None else Recipe(steps=steps, seed=seed)
        folder = start
        if folder is None:
            folder = run(data, out, recipe, compiled=compiled, report=report, searched=draw)
        documented, refined = out, None
        if photographs is not None:
            last, documented = Refinement(seed=seed), out / "refined"
            refined = Refined(last, photographs, weights_of(folder))
            folder = refine(
                folder,
                data,
                photographs,
                documented,
                last,
                validation=recipe.validation,
                report=report,
                drawn=draw,
            )
    document(
        documented,
        data,
        recipe,
        strangers,
        lambda part: print(f"judging: {part}", file=sys.stderr),
        refined,
    )
    print(f"The model and its card are in {folder}.")
