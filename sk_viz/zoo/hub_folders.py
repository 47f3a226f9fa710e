"""Networks of timm as a folder of the Hugging Face hub: weights beside a ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from sk_viz.zoo.bundled import CONFIG, WEIGHTS, ClassName
from sk_viz.zoo.checkpoints import fill, read_state
from sk_viz.zoo.classes import unnamed_classes

HUB_WEIGHTS = (WEIGHTS, "pytorch_model.bin")
_MAX_CLASSES = 100_000


@dataclass(frozen=True)
class HubFolder:
    """What such a folder holds.

    Attributes:
        network: with its weights.
        preprocessing: how it wants its pictures.
        classes: one for each logit.
        architecture: timm's name of it.
        weights: the file that its weights are from.
    """

    network: nn.Module
    preprocessing: Preprocessing
    classes: tuple[ClassName, ...]
    architecture: str
    weights: Path


def is_hub_folder(folder: Path) -> bool:
    """Whether a folder's ``config.json`` names an architecture of timm."""
    return isinstance(_config(folder).get("architecture"), str)


def load_hub_folder(folder: Path) -> HubFolder:
    """Read a folder that ``timm.models.push_to_hf_hub`` or ``save_for_hf`` made.

    Raises:
        ModelError: an architecture that timm does not have, no file of weights, weights that do
            not fit, or as many class names as logits are needed.
    """
    import timm

    config = _config(folder)
    about = config.get("pretrained_cfg")
    about = about if isinstance(about, Mapping) else config
    architecture = str(config["architecture"])
    if not timm.is_model(architecture):
        raise ModelError(f"{folder / CONFIG}: timm has no architecture {architecture!r}.")
    count = config.get("num_classes", about.get("num_classes", 1000))
    if type(count) is not int or not 1 <= count <= _MAX_CLASSES:
        raise ModelError(f"{folder / CONFIG}: num_classes must be a number from 1 on.")
    weights = next((folder / name for name in HUB_WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(f"{folder} holds no weights: there is no {' or '.join(HUB_WEIGHTS)}.")
    with torch.device("meta"):
        network: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=count)
    fill(network, read_state(weights), f"{folder.name}/{weights.name}")
    classes = _classes(config, about, count, folder)
    return HubFolder(network, _preprocessing(about, folder), classes, architecture, weights)


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, Mapping) else {}


def _preprocessing(about: Mapping[str, Any], folder: Path) -> Preprocessing:
    try:
        return Preprocessing(
            input_size=about.get("input_size", (3, 224, 224))[-1],
            crop_fraction=about.get("crop_pct", 0.875),
            mean=tuple(about.get("mean", IMAGENET_MEAN)),
            std=tuple(about.get("std", IMAGENET_STD)),
        )
    except (TypeError, IndexError, KeyError) as error:
        raise ModelError(f"{folder / CONFIG} does not say how pictures are prepared.") from error


def _classes(
    config: Mapping[str, Any], about: Mapping[str, Any], count: int, folder: Path
) -> tuple[ClassName, ...]:
    """From ``label_names``, with ``label_descriptions`` where the names are WordNet ids."""
    names = config.get("label_names", about.get("label_names"))
    if not isinstance(names, list):
        return unnamed_classes(count)
    if len(names) != count:
        raise ModelError(f"{folder / CONFIG} names {len(names)} classes for {count} logits.")
    described = config.get("label_descriptions", about.get("label_descriptions"))
    described = described if isinstance(described, Mapping) else {}
    found = []
    for name in map(str, names):
        text = str(described.get(name, name)).split(",")[0].strip() or name
        is_id = len(name) == 9 and name[0] == "n" and name[1:].isdecimal()
        found.append(ClassName(text, (name,) if is_id else ()))
    return tuple(found)
