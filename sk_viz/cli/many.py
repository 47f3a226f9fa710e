"""``survey``, ``report``, ``worth``, ``figure``: many pictures, and what goes into a paper."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sk_viz.cli.options import (
    DEFAULT_SCALES,
    DeviceOption,
    JsonOption,
    ModelOption,
    PointOption,
    ProtocolOption,
    console,
    load,
    parse_point,
    print_json,
    progress_bar,
    read,
)
from sk_viz.errors import ModelError
from sk_viz.pictures import parse_scales


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.command("survey")(survey)
    cli.command("report")(report)
    cli.command("worth")(worth)
    cli.command("figure")(figure)


def survey(
    source: Annotated[str, typer.Argument(help="A folder, an ImageFolder, or parquet.")],
    out: Annotated[Path, typer.Option(help="The survey's folder.")],
    model: ModelOption = "sknet_tiny",
    scales: Annotated[str, typer.Option(help="FIRST:LAST:NUMBER, or a list.")] = "1,1.5,2",
    protocol: Annotated[str, typer.Option(help="One or several, as zoom,blur.")] = "zoom,blur",
    engine: Annotated[str, typer.Option(help="local or ray.")] = "local",
    limit: Annotated[int | None, typer.Option(help="At most so many pictures.")] = None,
    channels: Annotated[bool, typer.Option(help="Keep the weight of every channel.")] = False,
    device: DeviceOption = "auto",
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster.")] = None,
) -> None:
    """Sweep many pictures; started again on the same folder it goes on where it stopped."""
    from sk_viz.surveys.run import SurveyProgress, run_survey

    if engine not in ("local", "ray"):
        raise ModelError(f"There is no engine {engine!r}: choose local or ray.")
    with progress_bar("surveying") as draw:

        def report_progress(progress: SurveyProgress) -> None:
            draw(progress.done, progress.total)

        summary = run_survey(
            model,
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
        )
    print(
        f"{summary.pictures} pictures in {summary.folder}, {summary.measured} of them measured "
        f"now at {summary.rate:.1f} pictures/s. 'sk-viz report {out}' says what they show."
    )


def report(
    survey_folder: Annotated[Path, typer.Argument(help="A survey's folder.")],
    as_json: JsonOption = False,
) -> None:
    """A survey's statistics, with effect sizes and intervals; also as a page to read."""
    from sk_viz.surveys.effects import make_report

    made = make_report(survey_folder)
    if as_json:
        print_json(dict(made.data))
        return
    changes = made.data["changes"]
    table = Table("unit", "scale", "protocol", "change", "Cohen's d", "95 % interval", "rising")
    for entry in changes:
        table.add_row(
            entry["unit"],
            f"{entry['scale']:g}",
            entry["protocol"],
            f"{entry['change']:+.4f}",
            _number(entry["d"]),
            _interval(entry["d_interval"]),
            f"{entry['rising']:.0%}",
        )
    console().print(table)
    print(f"The whole report: {made.folder / 'report.html'}")


def worth(
    source: Annotated[Path, typer.Argument(help="Labelled pictures: an ImageFolder or parquet.")],
    model: ModelOption = "sknet_tiny",
    scales: Annotated[str, typer.Option(help="FIRST:LAST:NUMBER, or a list.")] = "1,1.5,2",
    protocol: Annotated[str, typer.Option(help="zoom, blur or resolution.")] = "zoom",
    limit: Annotated[int | None, typer.Option(help="At most so many pictures.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """What the choice is worth: accuracy with live branch weights and with held ones."""
    from sk_viz.measures.accuracy import known_pictures
    from sk_viz.measures.choice.value import LIVE, value_of_choice

    loaded = load(model, device)
    pictures = known_pictures(loaded, source, limit)
    with progress_bar("holding the weights") as progress:
        value = value_of_choice(loaded, pictures, parse_scales(scales), protocol, progress=progress)
    for reason in pictures.unreadable.values():
        print(reason, file=sys.stderr)
    unreadable = len(pictures.unreadable)
    if as_json:
        print_json(value.to_json() | {"left_out": pictures.left_out, "unreadable": unreadable})
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
    print(
        f"{model}, {len(pictures) - unreadable} pictures, {protocol}"
        + (f"; {pictures.left_out} of classes that it does not have" if pictures.left_out else "")
        + (f"; {unreadable} unreadable" if unreadable else "")
    )


def figure(
    name: Annotated[
        str | None, typer.Argument(help="fig3, fig4, heatmap, strip, rf, or film (.gif, .mp4).")
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

    if again is not None:
        made = make_again(again, out)
    elif name is None or not inputs or out is None:
        raise ModelError(
            "A figure needs a name, an input and --out FILE, or --again FILE to make one again."
        )
    elif name == "film":
        _film(inputs, out, model, scales or DEFAULT_SCALES, protocol, parse_point(point), device)
        return
    else:
        made = make_figure(
            name,
            inputs,
            out,
            width,
            dpi,
            model=model,
            scales=None if scales is None else parse_scales(scales),
            protocol=protocol,
            point=parse_point(point),
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
    model: str,
    scales: str,
    protocol: str,
    point: tuple[float, float],
    device: str,
) -> None:
    from sk_viz.figures.paper.animation import make_animation
    from sk_viz.measures.sweep.run import sweep

    if len(inputs) != 1:
        raise ModelError(f"A film shows one picture; {len(inputs)} were given.")
    shown = read(Path(inputs[0]), protocol)
    with progress_bar("sweeping") as progress:
        result = sweep(
            load(model, device),
            shown,
            parse_scales(scales),
            protocol,
            point=point,
            progress=progress,
        )
    print(make_animation(result, out))


def _number(value: float | None) -> str:
    """Two digits, or a dash where there is no number."""
    return "-" if value is None else f"{value:+.2f}"


def _interval(ends: Sequence[float | None] | None) -> str:
    """Both ends, or a dash where there is no interval."""
    return "-" if ends is None else " to ".join(_number(end) for end in ends)
