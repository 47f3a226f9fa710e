"""Networks of this project as a folder: ``model.safetensors`` beside a ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from sk_viz.errors import ModelError
from sk_viz.files import write_together
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.certainty import Certainty, read_certainty
from sk_viz.zoo.checkpoints import fill, read_state, saved

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
# What a document of the wrong shape raises when it is taken for the right one.
_WRONG = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class ClassName:
    """One class of a network.

    Attributes:
        name: as shown.
        wnids: its WordNet ids, such as ``n02123045``; empty where unknown.
    """

    name: str
    wnids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """What such a folder holds."""

    network: SKNet
    preprocessing: Preprocessing
    classes: tuple[ClassName, ...]
    note: str
    certainty: Certainty | None


@dataclass(frozen=True)
class BundleConfig:
    """The same without the weights."""

    network: SKNetConfig
    preprocessing: Preprocessing
    classes: tuple[ClassName, ...]
    note: str
    certainty: Certainty | None


def save_bundled(
    folder: Path,
    network: SKNet,
    preprocessing: Preprocessing,
    classes: Sequence[ClassName],
    note: str,
    certainty: Certainty | None = None,
) -> None:
    """Write a network as a folder that :func:`load_bundled` and ``load_model`` read.

    Args:
        folder: made if it is not there.
        network: its weights are stored as they are, without counters of batches.
        preprocessing: how it wants its pictures.
        classes: one for each logit, in order.
        note: one sentence on what the network is.
        certainty: what its probabilities are worth; None where it was not measured.

    Raises:
        ModelError: as many classes as logits are needed.
    """
    _check_classes(len(classes), network.config.classes)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "network": asdict(network.config),
        "preprocessing": asdict(preprocessing),
        "classes": [asdict(one) for one in classes],
        "note": note,
    }
    if certainty is not None:
        config["certainty"] = asdict(certainty)
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    write_together({folder / WEIGHTS: saved(network), folder / CONFIG: text.encode()})


def load_bundled(folder: Path) -> Bundle:
    """Read a folder that :func:`save_bundled` wrote.

    Raises:
        ModelError: a file is missing, damaged, or they do not fit together.
    """
    config = read_config(folder)
    with torch.device("meta"):
        network = SKNet(config.network)
    fill(network, read_state(folder / WEIGHTS), f"{folder.name}/{WEIGHTS}")
    return Bundle(network, config.preprocessing, config.classes, config.note, config.certainty)


def read_config(folder: Path) -> BundleConfig:
    """The ``config.json`` of such a folder.

    Raises:
        ModelError: it is missing, or does not say what it must.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config = BundleConfig(
            network=SKNetConfig(**_tuples(SKNetConfig, raw["network"])),
            preprocessing=Preprocessing(**_tuples(Preprocessing, raw["preprocessing"])),
            classes=tuple(_class_name(one) for one in raw["classes"]),
            note=str(raw["note"]),
            certainty=read_certainty(raw["certainty"]) if "certainty" in raw else None,
        )
    except FileNotFoundError as error:
        raise ModelError(f"{folder} holds no model: there is no {CONFIG} in it.") from error
    except _WRONG as error:
        reason = str(error).split("\n", 1)[0].rstrip(".")
        raise ModelError(f"{path} does not describe a model: {reason}.") from error
    _check_classes(len(config.classes), config.network.classes)
    return config


def _tuples(kind: type[SKNetConfig | Preprocessing], raw: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples of a dataclass; unknown names are an error."""
    unknown = set(raw) - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"unknown entry {min(unknown)!r}")
    return {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}


def _class_name(raw: Mapping[str, Any]) -> ClassName:
    one = ClassName(raw["name"], tuple(raw["wnids"]))
    if not all(isinstance(text, str) for text in (one.name, *one.wnids)):
        raise ValueError("the names of classes and their wnids must be text")
    return one


def _check_classes(names: int, logits: int) -> None:
    if names != logits:
        raise ModelError(f"The network has {logits} logits, but {names} classes are named.")
