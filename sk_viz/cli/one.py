"""``sweep``, ``attribute``, ``rf`` and ``intervene``: one picture, one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import typer
from rich.table import Table

from sk_viz.cli.options import (
    DEFAULT_SCALES,
    DeviceOption,
    JsonOption,
    ModelOption,
    PointOption,
    ProtocolOption,
    ScaleOption,
    ScalesOption,
    console,
    load,
    parse_point,
    print_json,
    progress_bar,
    read,
)
from sk_viz.errors import ModelError, ScaleError
from sk_viz.pictures import parse_scales, stimuli

if TYPE_CHECKING:
    from sk_viz.measures.fields.effective import Gate
    from sk_viz.measures.held import Choice
    from sk_viz.measures.sweep.run import Sweep
    from sk_viz.networks.engine import Dtype

MapOption = Annotated[Path | None, typer.Option("--out", help="FILE.png or FILE.npy")]
PictureArgument = Annotated[Path, typer.Argument(help="A picture's file.")]


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.command("sweep")(sweep)
    cli.command("attribute")(attribute)
    cli.command("rf")(rf)
    cli.command("intervene")(intervene)


def sweep(
    picture: PictureArgument,
    model: ModelOption = "sknet_tiny",
    protocol: ProtocolOption = "zoom",
    scales: ScalesOption = DEFAULT_SCALES,
    point: PointOption = "0.5,0.5",
    out: Annotated[Path | None, typer.Option(help="FILE.parquet, .csv or .json")] = None,
    device: DeviceOption = "auto",
    dtype: Annotated[
        str, typer.Option(help="float32; bfloat16, faster and less exact; float16 on CUDA.")
    ] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Rescale a picture and read every unit's branch weights at each scale."""
    from sk_viz.measures.sweep.files import check_ending, save
    from sk_viz.measures.sweep.run import sweep as run

    if out is not None:
        check_ending(out)
    chosen = parse_scales(scales)
    shown = read(picture, protocol)
    with progress_bar("sweeping") as progress:
        result = run(
            load(model, device),
            shown,
            chosen,
            protocol,
            parse_point(point),
            dtype=cast("Dtype", dtype),  # which refuses any other word
            progress=progress,
        )
    if out is not None:
        save(result, out)
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
    _caption(result.record)
    console().print(table)
    for note in result.record["notes"]:
        print(note)


def attribute(
    picture: PictureArgument,
    model: ModelOption = "sknet_tiny",
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
    shown = read(picture, protocol)
    with progress_bar("explaining") as progress:
        result = run(
            load(model, device),
            shown,
            method=method,
            target=parse_target(target),
            scale=scale,
            protocol=protocol,
            point=parse_point(point),
            progress=progress,
        )
    if out is not None:
        save_map(out, result.stimulus.rgb, result.heatmap, result.record)
    if as_json:
        print_json(result.to_json() | {"heatmap": result.heatmap.tolist()})
        return
    _caption(result.record)
    print(f"{result.method} explains {result.explains}: {result.value:.4g}.")
    low, high = float(result.heatmap.min()), float(result.heatmap.max())
    height, width = result.heatmap.shape
    print(f"Values from {low:.3g} to {high:.3g} over {height} x {width} pixels (measured).")
    if result.delta is not None:
        print(f"Completeness error {result.delta:.2%} (measured).")


def rf(
    unit: Annotated[str, typer.Option(help="A unit's name, such as SK_3_2.")],
    picture: Annotated[
        Path | None, typer.Argument(help="A picture's file; without one, pictures of noise.")
    ] = None,
    model: ModelOption = "sknet_tiny",
    gate: Annotated[
        str, typer.Option(help="held: the convolutions alone; free: with the choice of weights.")
    ] = "held",
    scale: ScaleOption = 1.0,
    protocol: ProtocolOption = "zoom",
    point: PointOption = "0.5,0.5",
    place: Annotated[
        str, typer.Option(help="X,Y in [0, 1] of what the network is shown, whose field it is.")
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
    centre = parse_point(point)
    loaded = load(model, device)
    result = receptive_field(
        loaded,
        unit,
        shown,
        cast("Gate", gate),  # which refuses any other word
        place=parse_point(place),
        scales=(scale,),
        protocol=protocol,
        point=centre,
    )
    if out is not None:
        if shown is None:
            below = np.full((*result.effective.shape, 3), 128, np.uint8)
        else:
            (stimulus,) = stimuli(shown, (scale,), protocol, loaded.preprocessing, point=centre)
            below = stimulus.rgb
        boxes = [branch.box(*result.position) for branch in result.theoretical]
        save_map(out, below, result.effective, result.record, boxes)
    if as_json:
        print_json(result.to_json())
        return
    _caption(result.record)
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


def intervene(
    picture: PictureArgument,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="UNIT=CHOICE. Units: SK_3_2, a stage as SK_3, or all. Choices: smallest, largest, "
            "equal, a weight for each branch as 0.3,0.7, @2 for what was chosen at scale 2, or "
            "FILE@2 for another picture.",
        ),
    ],
    model: ModelOption = "sknet_tiny",
    scale: ScaleOption = 1.0,
    protocol: ProtocolOption = "zoom",
    point: PointOption = "0.5,0.5",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """What the model would have said, had it chosen otherwise."""
    from sk_viz.measures.choice.intervention import intervene as run
    from sk_viz.measures.sweep.run import sweep as sweep_of

    words = {}
    for setting in settings:
        unit, equals, choice = setting.partition("=")
        if not equals or not unit or not choice:
            raise ModelError(f"{setting!r} sets nothing: write UNIT=CHOICE, as SK_3_2=largest.")
        words[unit] = choice
    shown, place = read(picture, protocol), parse_point(point)
    loaded = load(model, device)

    def chosen_at(file: str, text: str) -> tuple[Sweep, float]:
        at, *more = parse_scales(text)
        if more:
            raise ScaleError(f"'@{text}' names several scales: name one, as @2.")
        other = read(Path(file), protocol) if file else shown
        return sweep_of(loaded, other, (at,), protocol, place), at

    weights = {unit: _choice(word, chosen_at) for unit, word in words.items()}
    effect = run(loaded, shown, weights, scale, protocol, place)
    if as_json:
        print_json(effect.to_json())
        return
    _caption(effect.record)
    table = Table("rank", "before", "probability", "after", "probability")
    for before, after in zip(effect.before.itertuples(), effect.after.itertuples(), strict=True):
        table.add_row(
            str(before.rank),
            str(before.name),
            f"{before.probability:.1%}",
            str(after.name),
            f"{after.probability:.1%}",
        )
    console().print(table)


def _choice(word: str, chosen_at: Callable[[str, str], Choice]) -> Choice:
    """What ``--set`` holds: a word, the weights of the branches, or what was chosen elsewhere."""
    file, at, scale = word.rpartition("@")
    if at:
        return chosen_at(file, scale)
    try:
        return [float(part) for part in word.split(",")]
    except ValueError:
        return word


def _caption(record: Mapping[str, Any]) -> None:
    print(f"{record['model']} ({record['model_kind']}). {record['model_note']}")
