"""The models that can be loaded by id, and what each one costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import torch
from torch import nn

from sk_viz.networks import sknet
from sk_viz.networks.units import units
from sk_viz.paths import models_dir
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import WEIGHTS, read_config
from sk_viz.zoo.hub import cached_weights
from sk_viz.zoo.own import OWN_PREPROCESSING

Kind = Literal["bundled", "pretrained", "untrained", "checkpoint", "given"]
Source = Literal["sk_viz", "timm"]

RESEARCH = "research-and-teaching"  # the terms of weights trained on ImageNet; see NOTICE

UNTRAINED_NOTE = "Untrained: random weights, for looking at the architecture alone."
SPLIT_NOTE = (
    "Not the paper's unit: each branch sees a different half of the input channels, so a weight "
    "chooses between inputs as well as kernels."
)


@dataclass(frozen=True)
class Known:
    """A model that can be loaded by id.

    Attributes:
        id: what ``load_model`` takes.
        kind: whether and by whom it is trained.
        source: the package whose code it is.
        licence: of its weights; None where there are none.
        preprocessing: of the untrained ones; trained ones bring their own.
    """

    id: str
    kind: Kind
    source: Source
    licence: str | None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def repository(self) -> str:
        """Name of a pretrained model's weights on the hub."""
        return f"timm/{self.id}"

    def build(self) -> nn.Module:
        """The network with random weights, from torch's own generator; not for bundled ones."""
        if self.source == "timm":
            import timm

            network: nn.Module = timm.create_model(self.id.split(".")[0], pretrained=False)
            return network
        return _OWN[self.id]()


@dataclass(frozen=True)
class ModelEntry:
    """One line of the list of models.

    Attributes:
        id: what ``load_model`` takes.
        kind: bundled, pretrained or untrained.
        source: the package whose code it is.
        units: number of SK units.
        parameters: number of trainable values.
        macs: multiplications with addition in one forward at ``input_size``, by torch's counter.
        input_size: side of the input, pixels.
        faithful: the units are the paper's, every branch sees the whole input.
        on_disk: nothing has to be downloaded.
        licence: of the weights; None where there are none.
    """

    id: str
    kind: Kind
    source: Source
    units: int
    parameters: int
    macs: int
    input_size: int
    faithful: bool
    on_disk: bool
    licence: str | None


_OWN: dict[str, Callable[[], nn.Module]] = {
    "sknet26": sknet.sknet26,
    "sknet50": sknet.sknet50,
    "sknet101": sknet.sknet101,
    "sknet29_cifar": sknet.sknet29_cifar,
}

BUNDLED = "sknet_tiny"
KNOWN: dict[str, Known] = {
    known.id: known
    for known in (
        Known(BUNDLED, "bundled", "sk_viz", RESEARCH, OWN_PREPROCESSING["small"]),
        Known("skresnext50_32x4d.ra_in1k", "pretrained", "timm", "Apache-2.0"),
        Known("skresnet18.ra_in1k", "pretrained", "timm", "Apache-2.0"),
        Known("skresnet34.ra_in1k", "pretrained", "timm", "Apache-2.0"),
        Known("sknet26", "untrained", "sk_viz", None),
        Known("sknet50", "untrained", "sk_viz", None),
        Known("sknet101", "untrained", "sk_viz", None),
        Known("sknet29_cifar", "untrained", "sk_viz", None, OWN_PREPROCESSING["cifar"]),
        Known("skresnet50", "untrained", "timm", None),
        Known("skresnet50d", "untrained", "timm", None),
    )
}


def list_models() -> tuple[ModelEntry, ...]:
    """All models that ``load_model`` takes by id; the bundled one only where it is there."""
    return tuple(_entry(known) for known in KNOWN.values() if is_there(known))


def is_there(known: Known) -> bool:
    """Whether a model can be loaded or downloaded: a bundled one may not be part of a copy."""
    return known.kind != "bundled" or (models_dir() / known.id / WEIGHTS).is_file()


def _entry(known: Known) -> ModelEntry:
    bundled = known.kind == "bundled"
    shape = read_config(models_dir() / known.id).network if bundled else None
    count, parameters, macs, faithful = _cost(known, shape)
    return ModelEntry(
        id=known.id,
        kind=known.kind,
        source=known.source,
        units=count,
        parameters=parameters,
        macs=macs,
        input_size=known.preprocessing.input_size,
        faithful=faithful,
        on_disk=known.kind != "pretrained" or cached_weights(known.repository) is not None,
        licence=known.licence,
    )


@cache
def _cost(known: Known, shape: sknet.SKNetConfig | None) -> tuple[int, int, int, bool]:
    """Units, parameters, MACs and whether the units are the paper's; no weight is made."""
    with torch.device("meta"):
        network = (known.build() if shape is None else sknet.SKNet(shape)).eval()
    found = units(network)
    parameters = sum(p.numel() for p in network.parameters())
    faithful = not any(unit.split_input for unit in found)
    return len(found), parameters, count_macs(network, known.preprocessing.input_size), faithful


def count_macs(network: nn.Module, input_size: int) -> int:
    """Multiplications with addition in one forward of one square picture.

    Counted by ``torch.utils.flop_counter``: convolutions and matrix products; norms, activations
    and sums are left out, as is usual.

    Args:
        network: on the meta device or any other.
        input_size: side of the picture, pixels.
    """
    from torch.utils.flop_counter import FlopCounterMode

    weight = next(network.parameters())
    picture = torch.zeros(1, 3, input_size, input_size, device=weight.device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(picture)
    return int(counter.get_total_flops()) // 2
