"""A network from anywhere in place of a loaded model, without a change to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.double import without_hooks
from sk_viz.networks.readout import Readout
from sk_viz.networks.sknet import SKNet
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.checkpoints import check_finite, state_sha256
from sk_viz.zoo.classes import unnamed_classes
from sk_viz.zoo.fingerprint import Fingerprint
from sk_viz.zoo.model import Model, as_model
from sk_viz.zoo.own import OWN_PREPROCESSING

_NOTE = "A network given in Python as it is; its {assumed} assumed."


@dataclass
class _Kept:
    """The copy of a network.

    Attributes:
        copying: held by the thread that makes it.
        seen: the network as it was when it was copied.
        structure: its modules in words.
        model: the copy.
    """

    copying: threading.Lock = field(default_factory=threading.Lock)
    seen: Fingerprint | None = None
    structure: str = ""
    model: Model | None = None


# Copying, hashing and converting a large network takes seconds: once for each is enough.
_copies: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()
_keeping = threading.Lock()


def as_loaded(model: Model | nn.Module) -> Model:
    """A loaded model as it is; of a network a copy that can be measured like one.

    The network itself stays as it is, its mode, its place and its gradients too. The copy is made
    again when the network's weights or modules have changed (see ``Fingerprint``).

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units that takes (N, 3, H, W) and
            returns logits (N, K). Where it carries timm's ``pretrained_cfg`` its pictures are
            prepared as that says, else as the paper's are: 224 pixels, ImageNet's mean.

    Raises:
        ModelError: neither of them; no SK units; weights without numbers; no logits.
    """
    if isinstance(model, Model):
        return model
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"{type(model).__name__} is no model: give one of sk_viz.load_model, or a torch module "
            "with SK units."
        )
    weight = next(model.parameters(), None)
    if weight is None or weight.is_meta:
        raise ModelError("This network has no weights to read: give it some first.")
    with _keeping:
        kept = _copies.setdefault(model, _Kept())
    with kept.copying:
        if kept.model is None or kept.seen is None or not kept.seen.fits(model):
            kept.seen = Fingerprint(model)
            structure, sha256 = repr(model), state_sha256(model)
            if kept.model is None or (kept.structure, kept.model.sha256) != (structure, sha256):
                kept.model = _copy(model, weight.device, sha256)
            kept.structure = structure
        return kept.model


def _copy(network: nn.Module, device: torch.device, sha256: str) -> Model:
    preprocessing, known = preprocessing_of(network)
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels != 3:
        raise ModelError(
            f"This network takes pictures of {first.in_channels} channels: give one of 3 (RGB)."
        )
    check_finite(network.state_dict(), f"The network {type(network).__name__}")
    copied = deepcopy(network, without_hooks(network)).float()
    model = as_model(
        copied,
        id=name_of(network),
        preprocessing=preprocessing,
        classes=(),
        kind="given",
        note=_NOTE.format(assumed="class names are" if known else "preprocessing and names are"),
        device=device,
        sha256=sha256,
    )
    classes = unnamed_classes(_logits(model.readout, preprocessing.input_size, device))
    return replace(
        model,
        classes=tuple(one.name for one in classes),
        wordnet_ids=tuple(one.wnids for one in classes),
    )


def name_of(network: nn.Module) -> str:
    """What timm calls it, else its class."""
    config: Any = getattr(network, "pretrained_cfg", None)
    named = config.get("architecture") if isinstance(config, Mapping) else None
    return str(named or type(network).__name__)


def preprocessing_of(network: nn.Module) -> tuple[Preprocessing, bool]:
    """How it wants its pictures, and whether it says so."""
    if isinstance(network, SKNet):
        return OWN_PREPROCESSING[network.config.stem], False
    config: Any = getattr(network, "pretrained_cfg", None)
    try:
        return Preprocessing(
            input_size=config["input_size"][-1],
            crop_fraction=config["crop_pct"],
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
        ), True
    except (TypeError, KeyError, IndexError):
        return Preprocessing(), False


def _logits(reader: Readout, side: int, device: torch.device) -> int:
    """How many there are, by asking."""
    with torch.inference_mode():
        logits = reader(torch.zeros(1, 3, side, side, device=device))[0]
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        raise ModelError("This network returns no logits of the shape (pictures, classes).")
    return logits.shape[1]
