"""``sk-viz size``: what of a zoom is size, for a picture or for a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DeviceOption,
    InputSizeOption,
    JsonOption,
    ModelOption,
    PictureArgument,
    PointOption,
    WeightsOption,
    console,
    load,
    presentation,
    print_json,
    print_model,
    progress_bar,
    read,
)

if TYPE_CHECKING:
    from sk_viz.measures.size.effect import SizeEffect


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("size")(size)


def size(
    picture: PictureArgument,
    scale: Annotated[float, typer.Option(help="The scale of the zoom, above 1.")] = 2.0,
    controls: Annotated[
        str, typer.Option(help="Of blur, tile, window and periodic, with commas.")
    ] = "blur,tile,window",
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    point: PointOption = "0.5,0.5",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """What of a zoom is size: each unit's change split by every control, with its noise."""
    from sk_viz.measures.size.effect import size_effect

    named = tuple(part.strip() for part in controls.split(","))
    how = presentation("zoom", point)
    shown = read(picture, how.protocol)
    with progress_bar("measuring") as progress:
        effect = size_effect(
            load(model, device, weights, input_size),
            shown,
            scale,
            named,
            point=how.point,
            progress=progress,
        )
    if as_json:
        print_json(effect.to_json())
        return
    print_model(effect.record)
    console().print(_table(effect, scale))
    for note in effect.record["notes"]:
        print(note)
    settled = effect.settled[effect.settled["agree"]]
    moved = ", ".join(f"{row.unit} {row.direction}" for row in settled.itertuples())
    print(
        f"Settled (every control agrees, beyond 1/f noise and one-pixel shifts): "
        f"{moved or 'no unit'}."
    )


def _table(effect: SizeEffect, scale: float) -> Table:
    """One row a unit and control; the null is Cohen's d of the size found on 1/f noise."""
    parts = ("total", "content", "detail", "size", "frame")
    table = Table(
        "unit",
        "control",
        *parts,
        "noise",
        "null d",
        title=f"change of the difference from 1x to {scale:g}x",
    )
    noise = effect.noise.set_index("unit")["noise"]
    null = effect.null.set_index(["unit", "control"])["d"]
    for row in effect.table.to_dict("records"):
        table.add_row(
            str(row["unit"]),
            row["control"],
            *(f"{row[part]:+.4f}" for part in parts),
            f"{noise[row['unit']]:.4f}",
            f"{null[row['unit'], row['control']]:+.2f}",
        )
    return table
