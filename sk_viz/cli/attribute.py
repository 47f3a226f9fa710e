"""``sk-viz attribute``: which pixels decide a class or a unit's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sk_viz.cli.options import (
    DeviceOption,
    InputSizeOption,
    JsonOption,
    MapOption,
    ModelOption,
    PictureArgument,
    PointOption,
    ProtocolOption,
    ScaleOption,
    WeightsOption,
    load,
    presentation,
    print_json,
    print_model,
    progress_bar,
    read,
)

if TYPE_CHECKING:
    pass


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("attribute")(attribute)


def attribute(
    picture: PictureArgument,
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    method: Annotated[str, typer.Option(help="integrated_gradients, grad_cam, occlusion ...")] = (
        "integrated_gradients"
    ),
    target: Annotated[
        str, typer.Option(help="class, a class's name or index, SK_3_4, or SK_3_4:CHANNEL")
    ] = "class",
    scale: ScaleOption = 1.0,
    protocol: ProtocolOption = "zoom",
    point: PointOption = "0.5,0.5",
    out: MapOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Which pixels speak for a class, or for a unit's choice of kernel."""
    from sk_viz.measures.attribution.attribute import attribute as run
    from sk_viz.measures.attribution.targets import parse_target
    from sk_viz.publish.maps import check_ending, save_map

    if out is not None:
        check_ending(out)
    how = presentation(protocol, point)
    shown = read(picture, protocol)
    with progress_bar("explaining") as progress:
        result = run(
            load(model, device, weights, input_size),
            shown,
            method=method,
            target=parse_target(target),
            scale=scale,
            progress=progress,
            **how.arguments,
        )
    if out is not None:
        save_map(out, result.stimulus.rgb, result.heatmap, result.record)
    if as_json:
        print_json(result.to_json() | {"heatmap": result.heatmap.tolist()})
        return
    print_model(result.record)
    print(f"{result.method} explains {result.explains}: {result.value:.4g}.")
    low, high = float(result.heatmap.min()), float(result.heatmap.max())
    height, width = result.heatmap.shape
    print(f"Values from {low:.3g} to {high:.3g} over {height} x {width} pixels (measured).")
    if result.delta is not None:
        print(f"Completeness error {result.delta:.2%} (measured).")
