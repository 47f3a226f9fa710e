"""``sk-viz figure``: a figure for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sk_viz.cli.options import (
    DEFAULT_SCALES,
    DeviceOption,
    InputSizeOption,
    ModelOption,
    PointOption,
    ProtocolOption,
    WeightsOption,
    load,
    presentation,
    progress_bar,
    read,
)
from sk_viz.errors import ModelError
from sk_viz.pictures import parse_scales

if TYPE_CHECKING:
    from sk_viz.pictures import Presentation
    from sk_viz.zoo.model import Model


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("figure")(figure)


def figure(
    name: Annotated[
        str | None, typer.Argument(help="fig3, fig4, size, heatmap, strip, rf, film (.gif, .mp4).")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Pictures, a survey's folder, or both.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="FILE.pdf, .svg or .png")] = None,
    width: Annotated[
        str, typer.Option(help="cvpr-column, cvpr-text, neurips-text ..., or inches.")
    ] = "cvpr-column",
    dpi: Annotated[int, typer.Option(min=50, max=1200, help="Of pixels in it.")] = 300,
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    scales: Annotated[str | None, typer.Option(help="FIRST:LAST:NUMBER, or a list.")] = None,
    protocol: ProtocolOption = "zoom",
    point: PointOption = "0.5,0.5",
    background: Annotated[
        str | None, typer.Option(help="Under an object: a picture, a sample, or R,G,B.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="A unit's name, such as SK_3_2.")] = None,
    method: Annotated[str, typer.Option(help="Of the attributions.")] = "integrated_gradients",
    target: Annotated[str, typer.Option(help="Of the attributions.")] = "class",
    gate: Annotated[str, typer.Option(help="Of the receptive field: held or free.")] = "held",
    paper: Annotated[bool, typer.Option("--paper", help="Draw the paper's values too.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Set all text by LaTeX.")] = False,
    device: DeviceOption = "auto",
    again: Annotated[Path | None, typer.Option(help="A figure to make again.")] = None,
) -> None:
    """A figure for a paper, with its data, its caption and the command that makes it again."""
    from sk_viz.publish.make import make_again, make_figure

    how = presentation(protocol, point)
    if again is not None:
        with progress_bar("measuring") as progress:
            made = make_again(again, out, progress=progress)
    elif name is None or not inputs or out is None:
        raise ModelError(
            "A figure needs a name, an input and --out FILE, or --again FILE to make one again."
        )
    elif name == "film":
        loaded = load(model, device, weights, input_size)
        _film(inputs, out, loaded, scales or DEFAULT_SCALES, how)
        return
    else:
        with progress_bar("measuring") as progress:
            made = make_figure(
                name,
                inputs,
                out,
                width,
                dpi,
                progress=progress,
                model=model,
                weights=None if weights is None else str(weights),
                input_size=input_size,
                scales=None if scales is None else parse_scales(scales),
                protocol=protocol,
                point=how.point,
                background=background,
                unit=unit,
                method=method,
                target=target,
                gate=gate,
                paper=paper,
                latex=latex,
                device=device,
            )
    print(f"{made.figure} with {made.table.name}, {made.snippet.name}, {made.bibliography.name}")
    print(f"Again: {made.command}")


def _film(
    inputs: list[str],
    out: Path,
    model: Model,
    scales: str,
    how: Presentation,
) -> None:
    from sk_viz.figures.paper.animation import make_animation
    from sk_viz.measures.sweep.run import sweep

    if len(inputs) != 1:
        raise ModelError(f"A film shows one picture; {len(inputs)} were given.")
    shown = read(inputs[0], how.protocol)
    with progress_bar("sweeping") as progress:
        result = sweep(
            model,
            shown,
            parse_scales(scales),
            progress=progress,
            **how.arguments,
        )
    print(make_animation(result, out))
