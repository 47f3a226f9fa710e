"""``sk-viz sweep``: the branch weights of one picture at several scales."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DEFAULT_SCALES,
    DeviceOption,
    InputSizeOption,
    JsonOption,
    ModelOption,
    PictureArgument,
    PointOption,
    ProtocolOption,
    ScalesOption,
    WeightsOption,
    console,
    load,
    presentation,
    print_json,
    print_model,
    progress_bar,
    read,
)
from sk_viz.pictures import parse_scales

if TYPE_CHECKING:
    from sk_viz.networks.engine import Dtype


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("sweep")(sweep)


def sweep(
    picture: PictureArgument,
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    protocol: ProtocolOption = "zoom",
    scales: ScalesOption = DEFAULT_SCALES,
    point: PointOption = "0.5,0.5",
    out: Annotated[Path | None, typer.Option(help="FILE.parquet, .csv or .json")] = None,
    html: Annotated[
        Path | None, typer.Option(help="FILE.html: one page that works offline.")
    ] = None,
    device: DeviceOption = "auto",
    dtype: Annotated[
        str, typer.Option(help="float32; bfloat16, faster and less exact; float16 on CUDA.")
    ] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Rescale a picture and read every unit's branch weights at each scale."""
    from sk_viz.measures.result import check_ending, check_page_ending
    from sk_viz.measures.sweep.run import sweep as run

    if out is not None:
        check_ending(out)
    if html is not None:
        check_page_ending(html)
    chosen = parse_scales(scales)
    how = presentation(protocol, point)
    shown = read(picture, protocol)
    with progress_bar("sweeping") as progress:
        result = run(
            load(model, device, weights, input_size),
            shown,
            chosen,
            **how.arguments,
            dtype=cast("Dtype", dtype),  # which refuses any other word
            progress=progress,
        )
    if out is not None:
        result.save(out)
    if html is not None:
        result.to_html(html)
    if as_json:
        print_json(result.to_json())
        return
    leading = result.predictions[result.predictions["rank"] == 1].set_index("scale")
    table = Table("scale", *result.units, "prediction", title=f"difference, {protocol}")
    for scale in result.scales:
        row = result.differences[result.differences["scale"] == scale]
        best = leading.loc[scale]
        table.add_row(
            f"{scale:g}",
            *(f"{value:+.3f}" for value in row["difference"]),
            f"{best['name']} {best['probability']:.0%}",
        )
    print_model(result.record)
    console().print(table)
    for note in result.record["notes"]:
        print(note)
