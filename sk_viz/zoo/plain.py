"""Any network as it is, also one without SK units: what fields of layers are measured on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.device import choose_device
from sk_viz.networks.double import double_of
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.catalogue import UNTRAINED_NOTE, Kind
from sk_viz.zoo.checkpoints import state_sha256
from sk_viz.zoo.given import name_of, preprocessing_of
from sk_viz.zoo.model import Model

TIMM = "timm:"
UNTRAINED = ":untrained"


@dataclass(frozen=True, eq=False)
class PlainNetwork:
    """A network with what a record says about it.

    Attributes:
        id: shown, and kept in every record.
        network: a private double in evaluation mode, in float32, without gradients for its weights.
        preprocessing: how it wants its pictures.
        sha256: of its weights.
        kind: pretrained, untrained or given.
        note: shown beside its name.
        device: where it runs.
    """

    id: str
    network: nn.Module
    preprocessing: Preprocessing
    sha256: str
    kind: Kind
    note: str
    device: torch.device


def as_plain(model: Model | PlainNetwork | nn.Module) -> PlainNetwork:
    """A loaded model or any network of torch; it is not changed.

    A network that carries timm's ``pretrained_cfg`` is shown its pictures as that says, any other
    one as the paper's networks are: 224 pixels, ImageNet's mean.

    Raises:
        ModelError: neither of them, or weights without numbers.
    """
    if isinstance(model, PlainNetwork):
        return model
    if isinstance(model, Model):
        return PlainNetwork(
            model.id,
            double_of(model.network),
            model.preprocessing,
            model.sha256,
            model.kind,
            model.note,
            model.device,
        )
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"{type(model).__name__} is not a model: give one of sk_viz.load_model, or a torch "
            "module."
        )
    weight = next(model.parameters(), None)
    if weight is None or weight.is_meta:
        raise ModelError("This network has no weights to read: give it some first.")
    preprocessing, known = preprocessing_of(model)
    assumed = "" if known else " Its preprocessing is assumed."
    return PlainNetwork(
        name_of(model),
        double_of(model).float(),
        preprocessing,
        state_sha256(model),
        "given",
        f"A network given in Python as it is.{assumed}",
        weight.device,
    )


def timm_network(spec: str, device: str = "auto") -> PlainNetwork:
    """A network of timm by name.

    Args:
        spec: ``timm:NAME`` with the weights that timm downloads and caches, or
            ``timm:NAME:untrained`` with random ones (seed 0).
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        ModelError: timm has no such network, or its weights cannot be downloaded.
    """
    import timm

    name = spec.removeprefix(TIMM)
    untrained = name.endswith(UNTRAINED)
    name = name.removesuffix(UNTRAINED)
    if not timm.is_model(name):
        raise ModelError(f"timm has no network {name!r}: see timm.list_models().")
    place_on = choose_device(device)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = timm.create_model(name, pretrained=not untrained)
    except Exception as error:  # whatever the hub and its cache raise
        raise ModelError(
            f"The weights of {name} cannot be loaded ({type(error).__name__}): go online, or use "
            f"{TIMM}{name}{UNTRAINED}."
        ) from error
    plain = as_plain(network.to(place_on))
    note = UNTRAINED_NOTE if untrained else "Trained by timm or its sources."
    return PlainNetwork(
        f"{TIMM}{name}",
        plain.network,
        plain.preprocessing,
        plain.sha256,
        "untrained" if untrained else "pretrained",
        note,
        place_on,
    )
