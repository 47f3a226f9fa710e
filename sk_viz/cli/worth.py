"""``sk-viz worth``: what the choice is worth, in accuracy."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DatasetHelp,
    DeviceOption,
    InputSizeOption,
    JsonOption,
    LimitOption,
    ModelOption,
    SplitOption,
    WeightsOption,
    console,
    load,
    name_left_out,
    print_json,
    progress_bar,
)
from sk_viz.pictures import parse_scales


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("worth")(worth)


def worth(
    source: Annotated[str, typer.Argument(help=DatasetHelp)],
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    scales: Annotated[str, typer.Option(help="FIRST:LAST:NUMBER, or a list.")] = "1,1.5,2",
    protocol: Annotated[str, typer.Option(help="zoom, blur or resolution.")] = "zoom",
    limit: LimitOption = None,
    split: SplitOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """What the choice is worth: accuracy with live branch weights and with held ones."""
    from sk_viz.datasets.known import known_pictures
    from sk_viz.measures.choice.value import LIVE, value_of_choice

    loaded = load(model, device, weights, input_size)
    pictures = known_pictures(loaded, source, limit, split)
    with progress_bar("holding the weights") as progress:
        value = value_of_choice(loaded, pictures, parse_scales(scales), protocol, progress=progress)
    coverage = pictures.coverage
    name_left_out(coverage)
    if as_json:
        print_json(
            value.to_json()
            | {
                "left_out": coverage.left_out.total,
                "unreadable": len(pictures.unreadable),
                "coverage": coverage.to_json(),
            }
        )
        return
    table = Table(
        "scale", "weights", "top-1", "95 % interval", "lost against live", "95 % interval"
    )
    for row in value.table.to_dict("records"):
        live = row["weights"] == LIVE
        table.add_row(
            f"{row['scale']:g}",
            row["weights"],
            f"{row['accuracy']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            "-" if live else f"{100 * row['loss']:+.1f} points",
            "-" if live else f"{100 * row['loss_low']:+.1f} to {100 * row['loss_high']:+.1f}",
        )
    console().print(table)
    print(f"{model}, {coverage.measured:,} pictures, {protocol}")
    print(coverage.sentence())
