"""The pictures that come with the project, as listed in ``assets/samples.json``."""

from __future__ import annotations

import json
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
