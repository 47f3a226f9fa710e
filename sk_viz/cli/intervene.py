"""``sk-viz intervene``: predictions with other branch weights."""

from __future__ import annotations

from collections.abc import Callable
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
    ProtocolOption,
    ScaleOption,
    WeightsOption,
    console,
    load,
    presentation,
    print_json,
    print_model,
    read,
)
from sk_viz.errors import ModelError, ScaleError
from sk_viz.pictures import parse_scales

if TYPE_CHECKING:
    from sk_viz.measures.held import Choice
    from sk_viz.measures.sweep.result import Sweep


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("intervene")(intervene)


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
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
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
    shown, how = read(picture, protocol), presentation(protocol, point)
    loaded = load(model, device, weights, input_size)

    def chosen_at(file: str, text: str) -> tuple[Sweep, float]:
        at, *more = parse_scales(text)
        if more:
            raise ScaleError(f"'@{text}' names several scales: name one, as @2.")
        other = read(file, protocol) if file else shown
        return sweep_of(loaded, other, (at,), **how.arguments), at

    held = {unit: _choice(word, chosen_at) for unit, word in words.items()}
    effect = run(loaded, shown, held, scale, **how.arguments)
    if as_json:
        print_json(effect.to_json())
        return
    print_model(effect.record)
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
