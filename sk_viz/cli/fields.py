"""``sk-viz rf``: the receptive field of a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import numpy as np
import typer

from sk_viz.cli.options import (
    DeviceOption,
    JsonOption,
    MapOption,
    ModelOption,
    PointOption,
    ProtocolOption,
    ScaleOption,
    load,
    parse_point,
    presentation,
    print_json,
    print_model,
    read,
)

if TYPE_CHECKING:
    from sk_viz.measures.fields.effective import Gate


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("rf")(rf)


def rf(
    unit: Annotated[str, typer.Option(help="A unit's name, such as SK_3_2.")],
    picture: Annotated[
        str | None,
        typer.Argument(
            help="A picture's file, the name of a sample, or -; without one, pictures of noise."
        ),
    ] = None,
    model: ModelOption = "sknet_tiny",
    gate: Annotated[
        str, typer.Option(help="held: the convolutions alone; free: with the choice of weights.")
    ] = "held",
    scale: ScaleOption = 1.0,
    protocol: ProtocolOption = "zoom",
    point: PointOption = "0.5,0.5",
    place: Annotated[
        str, typer.Option(help="X,Y in [0, 1]: where in the network's input the field is measured.")
    ] = "0.5,0.5",
    out: MapOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """How much of the picture a unit sees, in theory and measured."""
    from sk_viz.measures.fields.receptive_field import receptive_field
    from sk_viz.publish.maps import check_ending, save_map

    if out is not None:
        check_ending(out)
    shown = read(picture, protocol) if picture is not None else None
    how = presentation(protocol, point)
    loaded = load(model, device)
    result = receptive_field(
        loaded,
        unit,
        shown,
        cast("Gate", gate),  # which refuses any other word
        place=parse_point(place),
        scales=(scale,),
        **how.arguments,
    )
    if out is not None:
        if shown is None:
            below = np.full((*result.effective.shape, 3), 128, np.uint8)
        else:
            (stimulus,) = how.stimuli(shown, (scale,), loaded.preprocessing)
            below = stimulus.rgb
        boxes = [branch.box(*result.position) for branch in result.theoretical]
        save_map(out, below, result.effective, result.record, boxes)
    if as_json:
        print_json(result.to_json())
        return
    print_model(result.record)
    for branch in result.theoretical:
        print(
            f"{branch.unit}, {branch.kernel}x{branch.kernel}: {branch.size} px wide "
            f"({branch.smallest.size} to {branch.largest.size} over its paths), one position "
            f"every {branch.stride} px ({branch.status})."
        )
    sides = result.size
    print(
        f"Effective, gate {gate} (measured): {sides['luo']:.1f} px by Luo's definition; half of "
        f"the gradient in {sides['share_50']:.0f} px, 99 % in {sides['share_99']:.0f} px."
    )
    for note in result.record["notes"]:
        print(note)
