"""``sk-viz evaluate``: accuracy on labelled pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from sk_viz.cli.options import (
    DatasetHelp,
    DeviceOption,
    InputSizeOption,
    JsonOption,
    LimitOption,
    ModelOption,
    SplitOption,
    WeightsOption,
    load,
    name_left_out,
    print_json,
    progress_bar,
)


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("evaluate")(evaluate)


def evaluate(
    data: Annotated[str, typer.Option(help=DatasetHelp)],
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
    limit: LimitOption = None,
    split: SplitOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """How often a model is right on labelled pictures."""
    from sk_viz.measures.accuracy import evaluate as run

    loaded = load(model, device, weights, input_size)
    with progress_bar("evaluating") as progress:
        answers = run(loaded, data, limit=limit, split=split, progress=progress)
    summary = answers.summary()
    coverage = answers.coverage
    assert coverage is not None
    name_left_out(coverage)
    if as_json:
        print_json({**summary, "left_out": coverage.left_out.total, "coverage": coverage.to_json()})
        return
    low, high = summary["top1_interval"]
    print(
        f"{model}: top-1 {summary['top1']:.1%} (95 % interval {low:.1%} to {high:.1%}), "
        f"top-5 {summary['top5']:.1%}, calibration error "
        f"{summary['calibration_error']:.3f}, {summary['n']} pictures"
    )
    print(coverage.sentence())
