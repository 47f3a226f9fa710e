"""The pictures that come with the project, as listed in ``assets/samples.json``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sk_viz.errors import PictureError
from sk_viz.paths import assets_dir
from sk_viz.pictures.picture import Picture, read_picture

Kind = Literal["photo", "cutout", "background"]


@dataclass(frozen=True)
class Sample:
    """One sample picture and whose it is.

    Attributes:
        id: a short name without spaces.
        title: what one sees, for display.
        file: path below the assets folder, with forward slashes.
        kind: a photograph, a cut-out with alpha for the protocol ``object``, or a background.
        label: the bundled model's class that it shows, or None.
        credit: its author.
        licence: the licence's short name.
        source: where it was taken from.
        changes: what was changed, or "none".
    """

    id: str
    title: str
    file: str
    kind: Kind
    label: str | None
    credit: str
    licence: str
    source: str
    changes: str

    @property
    def path(self) -> Path:
        """Where it lies on this machine."""
        return assets_dir() / self.file


def samples(kind: Kind | None = None) -> tuple[Sample, ...]:
    """The samples in the order they are to be offered, all or of one kind."""
    listed = json.loads((assets_dir() / "samples.json").read_text(encoding="utf-8"))
    everything = (Sample(**entry) for entry in listed["samples"])
    return tuple(sample for sample in everything if kind is None or sample.kind == kind)


def read_named(name: str) -> Picture:
    """A picture by its path, a sample by its id where there is no such file, or ``-``.

    ``-`` stands for standard input.

    Raises:
        PictureError: neither of them, or one that cannot be read.
    """
    if name == "-":
        return read_picture(sys.stdin.buffer, "standard input")
    path = Path(name)
    try:
        there = path.expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        there = True  # which reading it says better
    if not there and path.name == name:
        ids = [sample.id for sample in samples()]
        if name in ids:
            return read_sample(name)
        if not path.suffix:
            raise PictureError(
                f"There is no file and no sample {name!r}: check the path, or choose one of the "
                f"samples {', '.join(ids)}."
            )
    return read_picture(name)


def read_sample(sample_id: str) -> Picture:
    """Decode a sample by its id; cut-outs come as :class:`~sk_viz.pictures.picture.Cutout`.

    Raises:
        PictureError: there is no sample of that id.
    """
    for sample in samples():
        if sample.id == sample_id:
            return read_picture(sample.path)
    known = ", ".join(sample.id for sample in samples())
    raise PictureError(f"There is no sample {sample_id!r}: choose one of {known}.")
