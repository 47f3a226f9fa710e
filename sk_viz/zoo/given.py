"""A network from anywhere in place of a loaded model, without a change to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.double import without_hooks
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.tracing.example import Example
from sk_viz.networks.units import units
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.checkpoints import check_finite, state_sha256
from sk_viz.zoo.classes import unnamed_classes
from sk_viz.zoo.fingerprint import Fingerprint
from sk_viz.zoo.interface import Answer, Interface, look, noise
from sk_viz.zoo.model import Model, as_model
from sk_viz.zoo.own import OWN_PREPROCESSING

# Sides to try where a network does not say its input size, the usual ones first.
_SIDES = (224, 96, 32, 256, 64, 128, 28, 384, 512)


@dataclass(frozen=True, eq=False)
class Told:
    """What its user says of a network that cannot be known from it; None where nothing is said.

    Attributes:
        input_size: side of its square input, pixels.
        mean: per channel, in units of [0, 1] intensity; one number for a network of grey pictures.
        std: likewise.
        classes: a name for each logit.
        output: takes what the network returns and gives its logits (N, K).
        example: an input of the network, whose size is then its input size.
    """

    input_size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] | None = None
    output: Callable[[Any], Any] | None = None
    example: Example | None = None


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
            most often returns logits (N, K). Where it carries timm's ``pretrained_cfg``, pictures
            are prepared as that says, else as the paper's are: 224 pixels, ImageNet's mean. To say
            more of it, give it to ``sk_viz.load_model``.

    Raises:
        ModelError: neither of them, or a network that cannot be read, see :func:`given_model`.
    """
    if isinstance(model, Model):
        return model
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"{type(model).__name__} is not a model: give one of sk_viz.load_model, or a "
            "torch module with SK units."
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
                kept.model = given_model(model, weight.device, Told(), sha256=sha256)
            kept.structure = structure
        return kept.model


def given_model(
    network: nn.Module,
    device: torch.device,
    told: Told,
    *,
    name: str | None = None,
    sha256: str | None = None,
    note: str = "A network given in Python as it is.",
) -> Model:
    """A network from anywhere as a model: a private copy, and what was found out about it.

    Args:
        network: any network with units that takes pictures; it stays as it is.
        device: where to put the copy.
        told: what its user says of it.
        name: shown, and kept in every record; by default what timm calls it, else its class.
        sha256: of its weights, if known.
        note: shown beside its name; what was assumed is added.

    Raises:
        ModelError: no SK units; weights without numbers; it takes no pictures of one or three
            channels; it does not run; what was told does not fit.
    """
    channels = _channels(network, told.example)
    check_finite(network.state_dict(), f"The network {type(network).__name__}")
    copied = deepcopy(network, without_hooks(network)).float().to(device).eval()
    preprocessing, assumed = _preprocessing(network, told, channels)
    answer, side = _answer(copied, preprocessing, told, channels)
    if side != preprocessing.input_size:
        preprocessing = replace(preprocessing, input_size=side)
        assumed = [*assumed, f"an input of {side} pixels, the first size at which it runs"]
    classes = _classes(answer, told.classes)
    if answer.form != "none" and told.classes is None:
        assumed = [*assumed, "the class names"]
    adapted = copied
    if channels == 1 or not answer.plain:
        adapted = Interface(copied, channels, answer.form, told.output)
    if channels == 1:
        note += " Pictures are shown to it in grey."
    if answer.sentence:
        note += f" {answer.sentence}"
    if assumed:
        note += f" Assumed: {'; '.join(assumed)}."
    return as_model(
        adapted,
        id=name or name_of(network),
        preprocessing=preprocessing,
        classes=classes,
        kind="given",
        note=note,
        device=device,
        sha256=sha256 or state_sha256(network),
        example=noise(3, side, next(copied.parameters())),
    )


def _channels(network: nn.Module, example: Example | None) -> int:
    """How many channels its pictures have, 1 or 3."""
    if isinstance(example, Tensor):
        axes, channels = example.ndim - 2, example.shape[1] if example.ndim > 1 else 0
    else:
        kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
        first = next((m for m in network.modules() if isinstance(m, kinds)), None)
        axes, channels = (len(first.kernel_size), first.in_channels) if first else (2, 3)
    if axes != 2 or channels not in (1, 3):
        what = f"inputs of {axes} axes" if axes != 2 else f"pictures of {channels} channels"
        raise ModelError(
            f"This network takes {what}, and pictures have 2 axes and 1 or 3 channels: read it in "
            "Python with sk_viz.units and sk_viz.readout, which take tensors of any shape."
        )
    return channels


def _answer(
    copied: nn.Module, preprocessing: Preprocessing, told: Told, channels: int
) -> tuple[Answer, int]:
    """What it returns, and the input size at which it does."""
    like = next(copied.parameters())
    known = preprocessing.input_size
    if isinstance(told.example, Tensor):
        if told.example.shape[-1] != told.example.shape[-2]:
            raise ModelError(
                f"The example has the shape {tuple(told.example.shape)}: pictures are shown as "
                "squares, so read this network in Python with sk_viz.readout."
            )
        sides: tuple[int, ...] = (int(told.example.shape[-1]),)
    else:
        sides = (known,) if told.input_size else tuple(dict.fromkeys((known, *_SIDES)))
    failed: ModelError | None = None
    for side in sides:
        try:
            return look(copied, noise(channels, side, like), told.output), side
        except ModelError as error:
            failed = failed or error
    assert failed is not None
    units(copied, told.example)  # a network without units is refused as such
    raise failed


def _classes(answer: Answer, names: Sequence[str] | None) -> tuple[ClassName, ...]:
    if names is None:
        return unnamed_classes(answer.classes)
    if len(names) != answer.classes:
        returned = f"{answer.classes} logits" if answer.classes else "no class logits"
        raise ModelError(f"{len(names)} class names were given, but it returns {returned}.")
    return tuple(ClassName(str(one)) for one in names)


def name_of(network: nn.Module) -> str:
    """What timm calls it, else its class."""
    config: Any = getattr(network, "pretrained_cfg", None)
    named = config.get("architecture") if isinstance(config, Mapping) else None
    return str(named or type(network).__name__)


def _preprocessing(
    network: nn.Module, told: Told, channels: int
) -> tuple[Preprocessing, list[str]]:
    """How it wants its pictures, and what of that is assumed."""
    known, assumed = _known_preprocessing(network, channels)
    changes: dict[str, Any] = {}
    if told.input_size is not None:
        changes["input_size"] = told.input_size
    for word, values in (("mean", told.mean), ("std", told.std)):
        if values is not None:
            three = tuple(float(value) for value in values)
            changes[word] = three * 3 if len(three) == 1 else three
    if channels == 1 and any(len(set(changes.get(word, ()))) > 1 for word in ("mean", "std")):
        raise ModelError("Give one number for mean and std: this network takes grey pictures.")
    if told.mean is not None and told.std is not None:
        assumed = [one for one in assumed if one != _NORMALISATION]
    return replace(known, **changes), assumed


_NORMALISATION = "the normalisation"


def _known_preprocessing(network: nn.Module, channels: int) -> tuple[Preprocessing, list[str]]:
    found, known = preprocessing_of(network)
    if channels == 1:
        half = (0.5, 0.5, 0.5)
        return replace(found, mean=half, std=half), [_NORMALISATION]
    return found, [] if known else [_NORMALISATION]


def preprocessing_of(network: nn.Module) -> tuple[Preprocessing, bool]:
    """How a network wants its pictures, and whether it says so."""
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
