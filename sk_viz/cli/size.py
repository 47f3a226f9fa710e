"""``sk-viz size``: what of a zoom is size, for a picture or for a survey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DeviceOption,
    InputSizeOption,
    JsonOption,
    ModelOption,
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
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE|SURVEY",
            help="A picture's file, the name of a sample, - for standard input, or the folder of "
            "a survey.",
        ),
    ],
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
    """Split each unit's change under a zoom by every control, beside its noise and its null.

    A survey has its own model and point, and the controls of its protocols.
    """
    if Path(picture).is_dir():
        _survey(Path(picture), scale, as_json)
        return
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
    _print_settled(effect.settled.to_dict("records"), "1/f noise and one-pixel shifts")


def _survey(folder: Path, scale: float, as_json: bool) -> None:
    """The size of a survey: what its report has of it at one scale."""
    from sk_viz.errors import ScaleError
    from sk_viz.surveys.effects import compute
    from sk_viz.surveys.results import SurveyResults

    data = compute(SurveyResults.open(folder))
    rows, settled, changes = (
        [row for row in data[name] if row["scale"] == scale]
        for name in ("size", "settled", "changes")
    )
    if not rows:
        raise ScaleError(
            f"The survey has no control at {scale:g}x: run one with --protocol "
            "zoom,blur,tile,window."
        )
    if as_json:
        kept = {name: data[name] for name in ("record", "readable", "smallest_effect", "warnings")}
        print_json({**kept, "changes": changes, "size": rows, "settled": settled})
        return
    print_model(data["record"])
    table = Table(
        "unit",
        "compared",
        "change",
        "Cohen's d",
        "95 % interval",
        "p",
        "no effect",
        "null d",
        title=f"{data['readable']:,} pictures, {scale:g}x against 1x",
    )
    for row in [*changes, *rows]:
        table.add_row(
            row["unit"],
            f"size by {row['control']}" if "control" in row else row["protocol"],
            f"{row['change']:+.4f}",
            _number(row["d"], "+.2f"),
            "-" if row["d_interval"] is None else "{:+.2f} to {:+.2f}".format(*row["d_interval"]),
            _number(row["p_holm"], ".2g"),
            _number(row["p_equivalent_holm"], ".2g"),
            _number(row.get("null_d"), "+.2f"),
        )
    console().print(table)
    for sentence in data["warnings"]:
        print(sentence)
    _print_settled(settled, "1/f noise")


def _print_settled(rows: Iterable[Mapping[Any, Any]], beyond: str) -> None:
    moved = ", ".join(f"{row['unit']} {row['direction']}" for row in rows if row["agree"])
    print(f"Settled (every control agrees, beyond {beyond}): {moved or 'no unit'}.")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


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
