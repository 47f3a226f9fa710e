"""``sk-viz rf --layer`` and ``sk-viz fields``: receptive fields of layers of any network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from sk_viz.cli.options import (
    DeviceOption,
    JsonOption,
    console,
    load,
    print_json,
    print_model,
    progress_bar,
    read,
)
from sk_viz.errors import ModelError, ScaleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sk_viz.measures.fields.layer import LayerField
    from sk_viz.pictures import Picture, Presentation
    from sk_viz.zoo.model import Model
    from sk_viz.zoo.plain import PlainNetwork


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("fields")(fields)


def fields(
    out: Annotated[Path, typer.Option(help="A folder for fields.csv, .parquet and .pdf.")],
    pictures: Annotated[
        list[str] | None,
        typer.Argument(help="Pictures' files or names of samples; without any, pictures of noise."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Networks of timm, NAME,NAME; twenty of four families if left out."),
    ] = None,
    input_sizes: Annotated[
        str | None, typer.Option(help="In pixels, such as 224,448; each network's own if left out.")
    ] = None,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Download nothing: untrained networks.")
    ] = False,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Also measure a copy reset at random.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """The receptive fields of the last stage of many networks, in one table and one figure."""
    from sk_viz.figures.paper.fields import fields as draw
    from sk_viz.figures.paper.metadata import metadata
    from sk_viz.figures.paper.style import paper_style, render
    from sk_viz.files import write_whole
    from sk_viz.measures.fields.many import FAMILIES, field_table
    from sk_viz.zoo.plain import TIMM, UNTRAINED, timm_network

    names = [(family, name) for family, row in FAMILIES.items() for name in row]
    if models is not None:
        names = [("", name.strip().removeprefix(TIMM)) for name in models.split(",")]
    tail = UNTRAINED if random_weights else ""
    shown = [read(one, "zoom") for one in pictures or ()]
    out.mkdir(parents=True, exist_ok=True)
    with progress_bar("measuring") as progress:
        found = field_table(
            names,
            lambda name: timm_network(f"{TIMM}{name}{tail}", device),
            shown or None,
            input_sizes=parse_sizes(input_sizes),
            untrained=untrained,
            progress=progress,
        )
    found.save(out / "fields.csv")
    found.save(out / "fields.parquet")
    with paper_style():
        figure = draw(found.table, "cvpr-column")
        data = render(figure, "pdf", metadata("pdf", "Receptive fields", found.record))
    write_whole(out / "fields.pdf", data)
    if as_json:
        print_json(found.to_json())
        return
    _print(found.table)


def measure_layer(
    model: str,
    layer: str,
    shown: Picture | None,
    how: Presentation,
    scale: float,
    place: tuple[float, float],
    input_sizes: Sequence[int],
    untrained: bool,
    device: str,
) -> tuple[LayerField, PlainNetwork | Model]:
    """The field of a layer of a network by its name, ``timm:NAME`` or what ``load`` takes.

    Raises:
        ModelError: no such network or layer.
    """
    from sk_viz.measures.fields.receptive_field import receptive_field
    from sk_viz.zoo.plain import TIMM, timm_network

    network: PlainNetwork | Model
    network = timm_network(model, device) if model.startswith(TIMM) else load(model, device)
    with progress_bar("measuring") as progress:
        found = receptive_field(
            network,
            layer=layer,
            picture=shown,
            place=place,
            scales=(scale,),
            input_sizes=input_sizes,
            untrained=untrained,
            progress=progress,
            **how.arguments,
        )
    return found, network


def print_layer(found: LayerField) -> None:
    """What was measured, for people."""
    print_model(found.record)
    extent = found.extent
    print(f"{found.layer}: {extent.width} x {extent.height} px ({extent.status}).")
    _print(found.table)
    for note in found.record["notes"]:
        print(note)


def parse_sizes(text: str | None) -> tuple[int, ...]:
    """``"224,448"`` as numbers; nothing as none.

    Raises:
        ScaleError: not whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ScaleError(f"The sizes {text!r} are not whole numbers: write 224,448.") from None


def refuse_both(unit: str | None, layer: str | None) -> None:
    """Refuse a command that names neither or both.

    Raises:
        ModelError: it does.
    """
    if (unit is None) == (layer is None):
        raise ModelError("Give either --unit, such as SK_3_2, or --layer, such as layer3.5.")


def _print(table: pd.DataFrame) -> None:
    from rich.table import Table

    columns = ["model", "input_size", "weights", "height", "status", "luo", "share_50", "share_99"]
    columns += ["replknet_side_50", "replknet_area_50"]
    columns = [column for column in columns if column in table]
    drawn = Table(*columns)
    for _, row in table.iterrows():
        drawn.add_row(*(_text(row[column]) for column in columns))
    console().print(drawn)


def _text(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "-" if np.isnan(value) else f"{value:.4g}"
    return str(value)
