"""Options that several commands share, and how they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sk_viz.errors import ScaleError
from sk_viz.pictures import Presentation, read_named
from sk_viz.pictures.picture import as_cutout

if TYPE_CHECKING:
    from sk_viz.datasets.coverage import Coverage
    from sk_viz.pictures import Picture
    from sk_viz.zoo.model import Model

DEFAULT_SCALES = "1:2:11"

ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        envvar="SK_VIZ_MODEL",
        help="A model's id (see 'sk-viz models'), a checkpoint, or FILE.py:FACTORY or "
        "MODULE:FACTORY for a network of your own, whose code is run.",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--weights", envvar="SK_VIZ_WEIGHTS", help="The checkpoint for FILE.py:FACTORY."),
]
InputSizeOption = Annotated[
    int | None,
    typer.Option(
        "--input-size",
        envvar="SK_VIZ_INPUT_SIZE",
        min=1,
        help="Side of the input in pixels, for FILE.py:FACTORY.",
    ),
]
MapOption = Annotated[Path | None, typer.Option("--out", help="FILE.png or FILE.npy")]
PictureArgument = Annotated[
    str, typer.Argument(help="A picture's file, the name of a sample, or - for standard input.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", envvar="SK_VIZ_DEVICE", help="auto, cuda, mps or cpu.")
]
ProtocolOption = Annotated[
    str, typer.Option("--protocol", help="zoom, blur, resolution or object.")
]
ScalesOption = Annotated[
    str, typer.Option("--scales", help="FIRST:LAST:NUMBER, or a list such as 1,1.5,2.")
]
ScaleOption = Annotated[float, typer.Option("--scale", help="The scale to look at.")]
PointOption = Annotated[
    str,
    typer.Option("--point", help="Centre X,Y of the zoom as shares of the picture's sides."),
]
DatasetHelp = (
    "Pictures: a folder, one folder per class, a zip or tar, parquet, or a CSV list of paths and "
    "labels."
)
LimitOption = Annotated[
    int | None, typer.Option("--limit", help="Use at most N pictures, spread evenly.")
]
SplitOption = Annotated[
    str | None, typer.Option("--split", help="Use the pictures of one split, such as val.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def presentation(protocol: str, point: str) -> Presentation:
    """How a command shows its picture.

    Args:
        protocol: one of ``sk_viz.pictures.PROTOCOLS``.
        point: such as ``"0.5,0.5"``.

    Raises:
        ScaleError: an unknown protocol; a point that is not two numbers from 0 to 1.
    """
    return Presentation(protocol, parse_point(point))


def parse_point(text: str) -> tuple[float, float]:
    """``"0.5,0.5"`` as two numbers.

    Raises:
        ScaleError: not two numbers.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ScaleError(
            f"The point {text!r} is not two numbers; write X,Y such as 0.5,0.5."
        ) from None
    return x, y


def print_json(value: Any) -> None:
    """The value on stdout; a number that is not finite becomes null, as JSON has none."""
    print(json.dumps(_finite(value), indent=1, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and value not in (float("inf"), float("-inf")):
        return value if value == value else None  # noqa: PLR0124 - only NaN differs from itself
    return None if isinstance(value, float) else value


def console() -> Console:
    """Where tables for people go: stdout, with colours only on a terminal."""
    return Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120")))


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress callback (done, total) that draws on stderr when it is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def read(name: str, protocol: str) -> Picture:
    """The picture of a command: a file, a sample, or what standard input holds.

    Raises:
        PictureError: it cannot be read, or has no transparency where the protocol needs it.
    """
    picture = read_named(name)
    return as_cutout(picture) if protocol == "object" else picture


def load(
    model: str, device: str, weights: Path | None = None, input_size: int | None = None
) -> Model:
    """The model of a command, its download drawn as progress."""
    from sk_viz.zoo.load import load_model

    with progress_bar("downloading") as draw:
        return load_model(
            model,
            device,
            lambda share: draw(round(share * 100), 100),
            weights=weights,
            input_size=input_size,
        )


def name_left_out(coverage: Coverage) -> None:
    """What a run left out of its data set, by name, on stderr."""
    for line in coverage.lines():
        print(line, file=sys.stderr)


def print_model(record: Mapping[str, Any]) -> None:
    """The line that says which model made the numbers, and what is to be known of it."""
    print(f"{record['model']} ({record['model_kind']}). {record['model_note']}")
