"""Load a model by its id, from a file or folder, or from a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.device import choose_device
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.tracing.example import Example
from sk_viz.paths import models_dir
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import CONFIG, WEIGHTS, load_bundled
from sk_viz.zoo.catalogue import (
    BUNDLED,
    KNOWN,
    UNTRAINED_NOTE,
    Kind,
    Known,
    is_there,
)
from sk_viz.zoo.checkpoints import (
    brief,
    file_sha256,
    fill,
    read_checkpoint,
    read_state,
)
from sk_viz.zoo.classes import unnamed_classes
from sk_viz.zoo.factory import is_factory, make_network
from sk_viz.zoo.given import Told, given_model
from sk_viz.zoo.hub import PREFIX, ShareProgress, download_weights, repository_folder
from sk_viz.zoo.hub_folders import HUB_WEIGHTS, is_hub_folder, load_hub_folder
from sk_viz.zoo.layouts import network_from_checkpoint
from sk_viz.zoo.model import Model, as_model

_seeding = threading.Lock()
_ASSUMED = "Kernel sizes, preprocessing and class names are assumed: no weight shows them."


def load_model(
    model: str | Path | nn.Module = BUNDLED,
    device: str = "auto",
    progress: ShareProgress | None = None,
    *,
    weights: str | Path | None = None,
    input_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    classes: Sequence[str] | None = None,
    output: Callable[[Any], Any] | None = None,
    example: Example | None = None,
) -> Model:
    """Load a model.

    Args:
        model: an id of :func:`list_models`; ``hf:OWNER/NAME`` for a repository of the Hugging
            Face hub; a folder of this project or of timm's hub with
            ``config.json`` and the weights; a file of safetensors or of ``torch.save`` with the
            weights of an SKNet of this project, timm, pytorchcv or syt2/SKNet; a torch module; or
            where to find a function that returns one, ``FILE.py:FACTORY`` or ``MODULE:FACTORY``,
            whose code is run.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        progress: called with the share of a download that is done, in [0, 1].
        weights: a checkpoint for the network of a factory, by the network's own names.
        input_size: side of the input of a module or of a factory's network, pixels. Without it,
            what the network says, else the first of the usual sizes at which it runs.
        mean: per channel, in units of [0, 1] intensity; ImageNet's where the network says nothing.
        std: likewise.
        classes: a name for each logit.
        output: takes what the network returns and gives its logits (N, K).
        example: an input (N, C, H, W) of the network.

    Returns:
        The model. What was assumed stands in its ``note``; its ``predicts`` is False if the
        network returns no class logits.

    Raises:
        ModelError: an unknown id, a file that cannot be used, weights that are neither on this
            machine nor to be downloaded, a device that is not there, or a network that cannot be
            read.
    """
    told = Told(input_size, mean, std, classes, output, example)
    if isinstance(model, nn.Module):
        if weights is not None:
            raise ModelError("A module has its weights already: load them into it first.")
        return given_model(model, choose_device(device), told)
    if not isinstance(model, str | Path) or not str(model).strip():
        raise ModelError(_unknown(str(model)))
    place_on = choose_device(device)
    if is_factory(str(model)) and not str(model).startswith(PREFIX):
        return _from_factory(str(model), weights, told, place_on)
    said = (weights, input_size, mean, std, classes, output, example)
    if any(one is not None for one in said):
        raise ModelError(
            f"{model} says itself how it wants its pictures: weights, input_size, mean, std, "
            "classes, output and example go with a module or FILE.py:FACTORY."
        )
    known = KNOWN.get(str(model))
    if known is None:
        return _from_elsewhere(str(model), place_on, progress)
    if known.kind == "bundled":
        if not is_there(known):
            raise ModelError(
                f"The bundled model {known.id} is not part of this installation: install it again "
                "from its source, or choose sknet50."
            )
        return _from_folder(models_dir() / known.id, known.id, "bundled", place_on)
    if known.kind == "pretrained":
        return _pretrained(known, place_on, progress)
    return _untrained(known, place_on)


def _from_factory(name: str, weights: str | Path | None, told: Told, device: torch.device) -> Model:
    network = make_network(name)
    if weights is None:
        note = "Its weights are those that its factory gives it: untrained ones mean nothing."
        return given_model(network, device, told, name=name, note=note)
    path = Path(weights).expanduser()
    fill(network, read_checkpoint(path).state, path.name)
    note = f"Weights from {path.name}."
    return given_model(network, device, told, name=name, note=note, sha256=file_sha256(path))


def _from_folder(folder: Path, name: str, kind: Kind, device: torch.device) -> Model:
    bundle = load_bundled(folder)
    return as_model(
        bundle.network,
        id=name,
        preprocessing=bundle.preprocessing,
        classes=bundle.classes,
        kind=kind,
        note=bundle.note,
        device=device,
        sha256=file_sha256(folder / WEIGHTS),
        certainty=bundle.certainty,
    )


def _from_path(path: Path, device: torch.device) -> Model:
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or (path.name in HUB_WEIGHTS and (folder / CONFIG).is_file()):
        if is_hub_folder(folder):
            return _from_hub_folder(folder, str(path), device)
        return _from_folder(folder, str(path), "checkpoint", device)
    checkpoint = read_checkpoint(path)
    found = network_from_checkpoint(checkpoint.state, path.name)
    head = [m for m in found.network.modules() if isinstance(m, nn.Linear)][-1]
    part = f" under {checkpoint.part}" if checkpoint.part else ""
    note = f"Weights from {path.name}{part}, stored as {found.layout} stores them. {_ASSUMED}"
    if found.others:
        note += f" Not of the network and left out: {brief(', '.join(sorted(found.others)))}."
    return as_model(
        found.network,
        id=str(path),
        preprocessing=found.preprocessing,
        classes=unnamed_classes(head.out_features),
        kind="checkpoint",
        note=note,
        device=device,
        sha256=file_sha256(path),
    )


def _from_elsewhere(name: str, device: torch.device, progress: ShareProgress | None) -> Model:
    """A repository of the hub, a folder or a file."""
    if not name.startswith(PREFIX):
        path = Path(name).expanduser()
        if not path.exists():
            raise ModelError(_unknown(name))
        return _from_path(path, device)
    folder = repository_folder(name.removeprefix(PREFIX), progress)
    if is_hub_folder(folder):
        return _from_hub_folder(folder, name, device)
    return _from_folder(folder, name, "checkpoint", device)


def _from_hub_folder(folder: Path, name: str, device: torch.device) -> Model:
    found = load_hub_folder(folder)
    return as_model(
        found.network,
        id=name,
        preprocessing=found.preprocessing,
        classes=found.classes,
        kind="checkpoint",
        note=f"{found.architecture} of timm, from the folder {folder.name}.",
        device=device,
        sha256=file_sha256(found.weights),
    )


def _pretrained(known: Known, device: torch.device, progress: ShareProgress | None) -> Model:
    import timm

    path = download_weights(known.repository, progress)
    with torch.device("meta"):
        network = known.build()
    fill(network, read_state(path), known.id)
    config = timm.get_pretrained_cfg(known.id)
    return as_model(
        network,
        id=known.id,
        preprocessing=Preprocessing(
            input_size=config.input_size[-1],
            crop_fraction=config.crop_pct,
            mean=config.mean,
            std=config.std,
        ),
        classes=unnamed_classes(config.num_classes),
        kind="pretrained",
        note="Trained on ImageNet-1k by timm.",
        device=device,
        sha256=file_sha256(path),
    )


def _untrained(known: Known, device: torch.device) -> Model:
    # The generator is one for the whole process, and left as it was found.
    with _seeding, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = known.build()
    if isinstance(network, SKNet):
        network.wake()
    head = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    return as_model(
        network,
        id=known.id,
        preprocessing=known.preprocessing,
        classes=unnamed_classes(head.out_features),
        kind="untrained",
        note=UNTRAINED_NOTE,
        device=device,
    )


def _unknown(name: str) -> str:
    looks_like_a_file = Path(name).suffix in (
        ".safetensors",
        ".pth",
        ".pt",
        ".bin",
        ".ckpt",
        ".tar",
    )
    if looks_like_a_file or "/" in name:
        return f"There is no file {name}; give the path of a checkpoint."
    # Prefer an id that begins with the given name to one that only looks like it.
    usable = [one for one, known in KNOWN.items() if is_there(known)]
    begun = [one for one in usable if name and one.lower().startswith(name.lower())]
    close = sorted(begun, key=len) or get_close_matches(name.lower(), usable, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}? The ids are" if close else "the ids are"
    return f"There is no model {name!r}: {hint} {', '.join(KNOWN)}; a path works too."
