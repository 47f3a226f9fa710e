"""What a survey measures: everything its numbers depend on, in a form any worker can be sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from sk_viz.datasets.entries import Dataset
from sk_viz.datasets.left_out import LeftOut
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.networks.engine import EAGER, engine_of
from sk_viz.pictures import CENTRE, FILTER, check_scales
from sk_viz.version import __version__

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

SCALES = (1.0, 1.5, 2.0)
PROTOCOLS = ("zoom", "blur")

# Pixels in one forward. A CPU is quickest while a batch stays in its cache (a picture of 224 px
# alone, some thirty of 64 px together); other devices want work for all their cores.
_CPU_PIXELS = 32 * 64 * 64
_DEVICE_PIXELS = 256 * 224 * 224


@dataclass(frozen=True)
class SurveyPlan:
    """How every part of a survey is measured.

    Attributes:
        folder: where the survey is stored.
        dataset: of the pictures.
        conditions: (protocol, scale) of each row of a picture, in order.
        channels: whether the weight of every channel is kept.
        part_size: pictures in a part.
        batch: the most stimuli in one forward.
        record: lies in every part.
    """

    folder: str
    dataset: Dataset
    conditions: tuple[tuple[str, float], ...]
    channels: bool
    part_size: int
    batch: int
    record: Mapping[str, Any]


def check_once(protocols: Sequence[str]) -> None:
    """Do nothing when there is a protocol, and each once.

    Raises:
        ScaleError: none, or one twice.
    """
    if not protocols or len(set(protocols)) < len(protocols):
        raise ScaleError("Give each protocol once, at least one, such as zoom and blur.")


def check_conditions(
    scales: Sequence[float], protocols: Sequence[str], input_size: int
) -> tuple[tuple[str, float], ...]:
    """Each protocol at each scale.

    Raises:
        ScaleError: protocols or scales that make no sense together, a protocol twice, or no scale
            1, which every change is measured against.
    """
    if 1.0 not in [float(scale) for scale in scales]:
        raise ScaleError(
            "A survey measures changes against scale 1, which is not among the scales: add it, as "
            "in 1,1.5,2."
        )
    check_once(protocols)
    return tuple(
        (protocol, scale)
        for protocol in protocols
        for scale in check_scales(scales, protocol, input_size)
    )


def batch_size(model: Model) -> int:
    """How many stimuli go through the network at once, by the device and their size."""
    pixels = _CPU_PIXELS if model.device.type == "cpu" else _DEVICE_PIXELS
    return max(1, pixels // model.preprocessing.input_size**2)


def engine_name(model: Model, stimuli: int, begun_with: str | None) -> str:
    """The engine for a survey's stimuli: eager torch, or a faster one where it is worth building.

    Args:
        model: the model.
        stimuli: how many there are.
        begun_with: that of the run which began the survey, None at first. A resumed survey uses
            the same one, whatever was installed since and however the two would be timed today.
    """
    if begun_with == EAGER:
        return EAGER
    side = model.preprocessing.input_size
    pictures = stimuli if begun_with is None else math.inf
    engine = engine_of(model.readout, model.device, side, pictures=pictures, many=True)
    return engine.name if engine else EAGER


def survey_record(
    model: Model,
    protocols: Sequence[str],
    scales: Sequence[float],
    source_sha256: str,
    engine: str,
) -> dict[str, Any]:
    """The record of a survey: the same fields as that of a sweep, with the fingerprint of the
    data set.

    The device is its kind alone ("cuda"), so that parts made by several of them are equal.
    """
    preprocessing = model.preprocessing.to_record()
    return {
        "sk_viz": __version__,
        "measure": "survey",
        "model": model.id,
        "model_kind": model.kind,
        "model_note": model.note,
        "model_sha256": model.sha256,
        "source_sha256": source_sha256,
        # The field of every record, here as the command takes it, and as what it stands for.
        "protocol": ",".join(protocols),
        "protocols": list(protocols),
        "scales": [float(scale) for scale in scales],
        "point": list(CENTRE),
        "filter": FILTER,
        "input_size": model.preprocessing.input_size,
        "preprocessing": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in preprocessing.items()
        },
        "dtype": "float32",
        "device": model.device.type,
        "torch": torch.__version__,
        "engine": engine,
        "seed": None,
    }


def build_header(
    record: Mapping[str, Any],
    model: Model,
    dataset: Dataset,
    *,
    left_out: LeftOut,
    found: int,
    pictures: int,
    channels: bool,
    part_size: int,
) -> dict[str, Any]:
    """The content of ``survey.json``: what is measured, and on which pictures.

    Args:
        record: of :func:`survey_record`.
        model: the model.
        dataset: of the pictures.
        left_out: what the data set holds besides, and why it is not measured.
        found: pictures in the data set.
        pictures: pictures to be measured of them.
        channels: whether the weight of every channel is kept.
        part_size: pictures in a part.
    """
    return {
        "record": dict(record),
        "source_kind": dataset.kind,
        "source_pictures": found,
        "left_out": left_out.to_json(),
        "pictures": pictures,
        "channels": channels,
        "part_size": part_size,
        "units": [
            {
                "name": unit.name,
                "stage": unit.stage,
                "block": unit.block,
                "kernels": list(unit.kernels),
                "channels": unit.channels,
                "split_input": unit.split_input,
                "dead": unit.dead,
            }
            for unit in model.units
        ],
        "classes": list(model.classes),
    }


def refuse_other(stored: Mapping[str, Any], requested: Mapping[str, Any], folder: str) -> None:
    """Do nothing when both headers are of the same survey.

    Raises:
        PictureError: other pictures, number of pictures or channels.
        ModelError: another model, device or engine.
        ScaleError: other scales or protocols.
    """
    was, now = stored["record"], requested["record"]
    tail = f"give the same command again, or another --out than {folder!r}."
    if was["model_sha256"] != now["model_sha256"]:
        raise ModelError(f"A survey of another model, {was['model']}, was begun there: {tail}")
    for key in ("protocols", "scales"):
        if was[key] != now[key]:
            text = ", ".join(v if isinstance(v, str) else f"{v:g}" for v in was[key])
            raise ScaleError(f"A survey with the {key} {text} was begun there: {tail}")
    if was["source_sha256"] != now["source_sha256"]:
        raise PictureError(
            f"A survey of other pictures was begun there, or its {stored['source_pictures']} "
            f"pictures have changed since: {tail}"
        )
    if stored["pictures"] != requested["pictures"]:
        raise PictureError(f"A survey of {stored['pictures']} pictures was begun there: {tail}")
    if stored["channels"] != requested["channels"]:
        how = "with" if stored["channels"] else "without"
        raise PictureError(f"A survey {how} the weights of channels was begun there: {tail}")
    for key in ("device", "engine"):
        # Not by versions: a survey may be resumed after an update, and its records say so.
        kind, other = (record.get(key, EAGER).split()[0] for record in (was, now))
        if kind != other:
            raise ModelError(
                f"A survey on {kind} was begun there, whose last digits differ from {other}: {tail}"
            )
