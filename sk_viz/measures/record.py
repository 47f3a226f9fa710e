"""The record that lies in every result: all that is needed to make the same numbers again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from sk_viz.pictures import FILTER, Picture, Presentation
from sk_viz.version import __version__

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model
    from sk_viz.zoo.plain import PlainNetwork

Record = Mapping[str, Any]


def build_record(
    measure: str,
    model: Model | PlainNetwork,
    picture: Picture,
    *,
    presentation: Presentation,
    scales: Sequence[float],
    dtype: str = "float32",
    seed: int | None = None,
    notes: Sequence[str] = (),
    **settings: object,
) -> dict[str, Any]:
    """The record of one measurement.

    Args:
        measure: what was measured: "sweep", "attribution" ...
        model: the model that was read.
        picture: the picture that was shown.
        presentation: how it was shown.
        scales: in the order shown.
        dtype: of the forward's arithmetic.
        seed: of whatever was drawn at random; None where nothing was.
        notes: what a reader of the numbers should know besides, in plain sentences.
        settings: what this measure has besides, as plain values.

    Returns:
        A flat dict of plain values that ``json`` writes and reads back equal.
    """
    record: dict[str, Any] = {
        "sk_viz": __version__,
        "measure": measure,
        "model": model.id,
        "model_kind": model.kind,
        "model_note": model.note,
        "model_sha256": model.sha256,
        "picture": picture.name,
        "picture_sha256": picture.sha256,
        "scales": [float(scale) for scale in scales],
        **presentation.to_record(),
        "filter": FILTER,
        "input_size": model.preprocessing.input_size,
        "preprocessing": _plain(model.preprocessing.to_record()),
        "dtype": dtype,
        "device": str(model.device),
        "torch": torch.__version__,
        "seed": seed,
    }
    record.update({name: _plain(value) for name, value in settings.items()})
    record["notes"] = [*notes, *picture.notes]
    return record


def _plain(value: object) -> object:
    """Lists for tuples, so that a record is equal to itself after JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
