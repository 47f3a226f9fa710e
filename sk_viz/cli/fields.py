"""``sk-viz rf``: the receptive field of a unit, or of a layer of any network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import numpy as np
import numpy.typing as npt
import typer

from sk_viz.cli.layers import measure_layer, parse_sizes, print_layer, refuse_both
from sk_viz.cli.options import (
    DeviceOption,
    InputSizeOption,
    JsonOption,
    MapOption,
    ModelOption,
    PointOption,
    ProtocolOption,
    ScaleOption,
    WeightsOption,
    load,
    parse_point,
    presentation,
    print_json,
    print_model,
    read,
)

if TYPE_CHECKING:
    from sk_viz.measures.fields.effective import Gate
    from sk_viz.pictures import Picture, Presentation
    from sk_viz.preprocessing import Preprocessing


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("rf")(rf)


def rf(
    picture: Annotated[
        str | None,
        typer.Argument(
            help="A picture's file, the name of a sample, or -; without one, pictures of noise."
        ),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="A unit's name, such as SK_3_2.")] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="A layer's path, such as layer3.5; the model may be timm:NAME, too."),
    ] = None,
    input_sizes: Annotated[
        str | None, typer.Option(help="Of a layer: input sizes in pixels, such as 224,448,1024.")
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Of a layer: also measure a copy reset at random.")
    ] = False,
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
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
    """How much of the picture a unit or a layer sees, in theory and measured."""
    from sk_viz.measures.fields.receptive_field import receptive_field
    from sk_viz.publish.maps import check_ending, save_map

    refuse_both(unit, layer)
    if out is not None:
        check_ending(out)
    shown = read(picture, protocol) if picture is not None else None
    how = presentation(protocol, point)
    if layer is not None:
        found, network = measure_layer(
            model,
            layer,
            shown,
            how,
            scale,
            parse_point(place),
            parse_sizes(input_sizes),
            untrained,
            device,
        )
        if out is not None:
            side = found.effective.shape[0]
            below = _below(shown, how, scale, replace(network.preprocessing, input_size=side))
            save_map(out, below, found.effective, found.record)
        if as_json:
            print_json(found.to_json())
        else:
            print_layer(found)
        return
    assert unit is not None
    loaded = load(model, device, weights, input_size)
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
        below = _below(shown, how, scale, loaded.preprocessing)
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


def _below(
    shown: Picture | None, how: Presentation, scale: float, preprocessing: Preprocessing
) -> npt.NDArray[np.uint8]:
    """What the network was shown, or grey in place of noise."""
    if shown is None:
        return np.full((preprocessing.input_size, preprocessing.input_size, 3), 128, np.uint8)
    return how.stimuli(shown, (scale,), preprocessing)[0].rgb
