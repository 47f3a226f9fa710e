"""A model: a network together with all that is needed to show it pictures and read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.device import place
from sk_viz.networks.readout import Readout
from sk_viz.networks.tracing.example import Example
from sk_viz.networks.units import Unit
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.catalogue import (
    SPLIT_NOTE,
    Kind,
)
from sk_viz.zoo.certainty import Certainty
from sk_viz.zoo.checkpoints import (
    state_sha256,
)


@dataclass(frozen=True, eq=False)
class Model:
    """A network with all that is needed to show it pictures and to read its answers.

    Attributes:
        id: the id or path it was loaded by.
        network: in evaluation mode, on ``device``, without gradients for its weights.
        readout: the same network, read together with its branch weights.
        units: its SK units, in order.
        preprocessing: how it wants its pictures.
        classes: name of each logit; empty for a network that predicts no classes.
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

    @property
    def predicts(self) -> bool:
        """Whether the network returns class logits; what needs a class refuses if not."""
        return bool(self.classes)

    def check_predicts(self, what: str) -> None:
        """Refuse what needs a class.

        Args:
            what: such as "An evaluation", for the message.

        Raises:
            ModelError: the network returns no class logits.
        """
        if not self.predicts:
            raise ModelError(
                f"{what} needs class logits, which {self.id} does not return: choose a unit "
                "instead of a class, or say with output= where its logits are."
            )


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
    example: Example | None = None,
) -> Model:
    """Any network with SK units as a model.

    Args:
        network: changed: put into evaluation mode and on the device.
        id: shown, and kept in every record.
        preprocessing: how it wants its pictures.
        classes: one for each logit.
        kind: bundled, pretrained, untrained, checkpoint, or given as a torch module.
        note: shown beside its name; what is unusual about its units is added, and what
            resembles a unit and is not shown.
        device: where to put it.
        sha256: of the file of its weights; without it, of its weights as safetensors.
        certainty: what its probabilities are worth, where it was measured.
        example: an input that shows what the network computes; by default noise.

    Raises:
        ModelError: the network has no SK units.
    """
    sha256 = sha256 or state_sha256(network)
    reader = Readout(network, example)
    place(reader, device)
    note = " ".join([note, *_unusual(reader)])
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


def _unusual(reader: Readout) -> list[str]:
    """What is to be said about the units of a network, in sentences."""
    said = [SPLIT_NOTE] if any(unit.split_input for unit in reader.units) else []
    notes: dict[str, list[str]] = {}
    for unit in reader.units:
        if unit.note:
            notes.setdefault(unit.note, []).append(unit.name)
    said += [f"{', '.join(names)}: {note}" for note, names in notes.items()]
    dead = [unit.name for unit in reader.units if unit.dead]
    if dead:
        said.append(f"Dead units, whose weights never change: {', '.join(dead)}.")
    for missed in reader.near_misses:
        where = missed.paths[0] or "the network itself"
        more = f" and {missed.calls - 1} more" if missed.calls > 1 else ""
        said.append(f"Not shown, since {missed.sentence}: {where}{more}.")
    return said
