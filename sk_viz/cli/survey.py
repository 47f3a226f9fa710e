"""``sk-viz survey``: sweep many pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sk_viz.cli.options import (
    DatasetHelp,
    DeviceOption,
    InputSizeOption,
    LimitOption,
    ModelOption,
    SplitOption,
    WeightsOption,
    load,
    name_left_out,
    progress_bar,
)
from sk_viz.errors import ModelError
from sk_viz.pictures import parse_scales
from sk_viz.zoo.factory import is_factory


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("survey")(survey)


def survey(
    source: Annotated[str, typer.Argument(help=DatasetHelp)],
    out: Annotated[Path, typer.Option(help="The survey's folder.")],
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    scales: Annotated[
        str, typer.Option(help="FIRST:LAST:NUMBER, or a list; 1 among them.")
    ] = "1,1.5,2",
    protocol: Annotated[str, typer.Option(help="One or several, as zoom,blur.")] = "zoom,blur",
    engine: Annotated[str, typer.Option(help="local or ray.")] = "local",
    limit: LimitOption = None,
    split: SplitOption = None,
    channels: Annotated[bool, typer.Option(help="Keep the weight of every channel.")] = False,
    device: DeviceOption = "auto",
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster.")] = None,
) -> None:
    """Sweep many pictures. Started again on the same folder, the survey resumes."""
    from sk_viz.surveys.run import SurveyProgress, run_survey

    if engine not in ("local", "ray"):
        raise ModelError(f"There is no engine {engine!r}: choose local or ray.")
    with progress_bar("surveying") as draw:

        def report_progress(progress: SurveyProgress) -> None:
            draw(progress.done, progress.total)

        summary = run_survey(
            load(model, device, weights, input_size) if is_factory(model) else model,
            source,
            out,
            parse_scales(scales),
            tuple(part.strip() for part in protocol.split(",")),
            "ray" if engine == "ray" else "local",
            limit,
            channels,
            report_progress,
            device=device,
            address=address,
            split=split,
        )
    name_left_out(summary.coverage)
    print(summary.coverage.sentence())
    print(
        f"{summary.measured:,} measured now at {summary.rate:.1f} pictures/s. "
        f"'sk-viz report {out}' prints their statistics."
    )
