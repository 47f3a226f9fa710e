"""Models by id or by file: a network together with all that is needed to use it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.device import choose_device, place
from sk_viz.networks.readout import Readout
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.units import Unit
from sk_viz.paths import models_dir
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import CONFIG, WEIGHTS, ClassName, load_bundled
from sk_viz.zoo.catalogue import (
    BUNDLED,
    KNOWN,
    SPLIT_NOTE,
    UNTRAINED_NOTE,
    Kind,
    Known,
    ModelEntry,
    is_there,
    list_models,
)
from sk_viz.zoo.certainty import Certainty
from sk_viz.zoo.checkpoints import (
    brief,
    file_sha256,
    fill,
    read_checkpoint,
    read_state,
    state_sha256,
)
from sk_viz.zoo.classes import unnamed_classes
from sk_viz.zoo.hub import ShareProgress, download_weights
from sk_viz.zoo.hub_folders import HUB_WEIGHTS, is_hub_folder, load_hub_folder
from sk_viz.zoo.layouts import network_from_checkpoint

__all__ = ["Model", "ModelEntry", "as_model", "list_models", "load_model"]

_seeding = threading.Lock()
_ASSUMED = "Kernel sizes, preprocessing and class names are assumed: no weight shows them."


@dataclass(frozen=True, eq=False)
class Model:
    """A network with all that is needed to show it pictures and to read its answers.

    Attributes:
        id: the id or path it was loaded by.
        network: in evaluation mode, on ``device``, without gradients for its weights.
        readout: the same network, read together with its branch weights.
        units: its SK units, in order.
        preprocessing: how it wants its pictures.
        classes: name of each logit.
        wordnet_ids: WordNet ids of each logit, empty where unknown.
        sha256: hex digest of the file of its weights; of the file that would be, for weights
            that come from none.
        kind: bundled, pretrained, untrained, checkpoint, or given as a torch module.
        note: one or two sentences to show beside its name.
        device: where it runs.
        certainty: what its probabilities are worth; None where it was not measured.
    """

    id: str
    network: nn.Module
    readout: Readout
    units: tuple[Unit, ...]
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    wordnet_ids: tuple[tuple[str, ...], ...]
    sha256: str
    kind: Kind
    note: str
    device: torch.device
    certainty: Certainty | None = None


def load_model(
    id_or_path: str | Path = BUNDLED,
    device: str = "auto",
    progress: ShareProgress | None = None,
) -> Model:
    """Load a model.

    Args:
        id_or_path: an id of :func:`list_models`; a folder of this project or of timm's hub with
            ``config.json`` and the weights; or a file of safetensors or of ``torch.save`` with the
            weights of an SKNet of this project, timm, pytorchcv or syt2/SKNet.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        progress: called with the share of a download that is done, in [0, 1].

    Raises:
        ModelError: an unknown id, a file that cannot be used, weights that are neither on this
            machine nor to be downloaded, or a device that is not there.
    """
    if not isinstance(id_or_path, str | Path) or not str(id_or_path).strip():
        raise ModelError(_unknown(str(id_or_path)))
    place_on = choose_device(device)
    known = KNOWN.get(str(id_or_path))
    if known is None:
        path = Path(id_or_path).expanduser()
        if not path.exists():
            raise ModelError(_unknown(str(id_or_path)))
        return _from_path(path, place_on)
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


def as_model(
    network: nn.Module,
    *,
    id: str,  # noqa: A002  the word that every record uses
    preprocessing: Preprocessing,
    classes: Sequence[ClassName],
    kind: Kind,
    note: str,
    device: torch.device,
    sha256: str | None = None,
    certainty: Certainty | None = None,
) -> Model:
    """Any network with SK units as a model.

    Args:
        network: changed: put into evaluation mode and on the device.
        id: shown, and kept in every record.
        preprocessing: how it wants its pictures.
        classes: one for each logit.
        kind: bundled, pretrained, untrained, checkpoint, or given as a torch module.
        note: shown beside its name; what is unusual about its units is added.
        device: where to put it.
        sha256: of the file of its weights; without it, of its weights as safetensors.
        certainty: what its probabilities are worth, where it was measured.

    Raises:
        ModelError: the network has no SK units.
    """
    sha256 = sha256 or state_sha256(network)
    reader = Readout(network)
    place(reader, device)
    dead = [unit.name for unit in reader.units if unit.dead]
    if any(unit.split_input for unit in reader.units):
        note = f"{note} {SPLIT_NOTE}"
    if dead:
        note = f"{note} Dead units, whose weights never change: {', '.join(dead)}."
    return Model(
        id=id,
        network=network,
        readout=reader,
        units=reader.units,
        preprocessing=preprocessing,
        classes=tuple(one.name for one in classes),
        wordnet_ids=tuple(one.wnids for one in classes),
        sha256=sha256,
        kind=kind,
        note=note,
        device=device,
        certainty=certainty,
    )


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
