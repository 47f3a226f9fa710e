"""What if a unit had chosen otherwise?

Other branch weights are held in one forward and handed to it as an argument, so there is nothing
to undo, and nobody else who uses the model at the same moment sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.held import KINDS, Choice, describe, fixed, held_weights
from sk_viz.measures.reading import to_tensor
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result, as_made
from sk_viz.measures.sweep.tables import predictions_table
from sk_viz.pictures import CENTRE, Background, Picture, PictureLike, Presentation, read_picture
from sk_viz.types import Progress
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Effect(Result):
    """What an intervention did to the answer.

    Attributes:
        before: the five likeliest classes with the units' own weights: columns scale, rank,
            label, name, probability.
        after: the same with the weights held.
        change: float32 (K,), the logit of each class after minus before.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "intervention"
    NOUN: ClassVar[str] = "an intervention"

    before: pd.DataFrame
    after: pd.DataFrame
    change: Floats
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "before", "after", "change"}`` of plain values."""
        return {
            "record": dict(self.record),
            "before": self.before.to_dict("records"),
            "after": self.after.to_dict("records"),
            "change": self.change.tolist(),
        }

    def _table(self) -> pd.DataFrame:
        return pd.concat([self.before.assign(weights="own"), self.after.assign(weights="held")])

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        del table  # its rows are in the contents as well
        change = np.array(contents["change"], np.float32)
        before, after = as_made(contents["before"]), as_made(contents["after"])
        return cls(before, after, change, contents["record"])


@dataclass(frozen=True, eq=False)
class ChoiceMap(Result):
    """Which unit's choice mattered for one answer.

    Attributes:
        table: one row a unit and intervention: columns unit, stage, block, intervention,
            logit_change and probability_change of the class that the model names by itself
            (after minus before), and label and name of the class that it names now.
        label: that class, in 0..K-1.
        name: its name.
        probability: its probability before.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "which_choice_mattered"
    NOUN: ClassVar[str] = "a map of choices"

    table: pd.DataFrame
    label: int
    name: str
    probability: float
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "label", "name", "probability", "changes"}`` of plain values."""
        return {
            "record": dict(self.record),
            "label": self.label,
            "name": self.name,
            "probability": self.probability,
            "changes": self.table.to_dict("records"),
        }

    def _table(self) -> pd.DataFrame:
        return self.table

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        return cls(
            table=pd.DataFrame(contents["changes"]) if table is None else table,
            label=contents["label"],
            name=contents["name"],
            probability=contents["probability"],
            record=contents["record"],
        )


def intervene(
    model: Model | nn.Module,
    picture: PictureLike,
    weights: Mapping[str, Choice],
    scale: float = 1.0,
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
) -> Effect:
    """The answer with other branch weights in some units.

    Only the named units are held; those after them choose from what they now see.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``);
            it stays exactly as it is.
        picture: of ``sk_viz.read_picture``, or anything that it takes.
        weights: what to hold where, such as ``{"SK_3_4": "largest"}``: the same mapping as
            ``held`` of ``sk_viz.sweep``, see ``held_weights``.
        scale: the s of the protocol.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.

    Raises:
        ModelError: unknown units, stages or choices, or arrays that are not weights.
        ScaleError: scale, protocol or point that make no sense, a sweep without that scale.
        PictureError: ``object`` with a picture that has no transparency.
    """
    model, picture = as_loaded(model), read_picture(picture)
    held = held_weights(model.units, weights)
    presentation = Presentation(protocol, point, background)
    x = _input(model, picture, scale, presentation)
    with torch.inference_mode():
        before, after = model.readout(x)[0], model.readout(x, held)[0]
    return Effect(
        before=_predictions(model, scale, before),
        after=_predictions(model, scale, after),
        change=(after - before)[0].float().cpu().numpy(),
        record=build_record(
            "intervention",
            model,
            picture,
            presentation=presentation,
            scales=(scale,),
            held={key: describe(choice) for key, choice in weights.items()},
        ),
    )


def which_choice_mattered(
    model: Model,
    picture: Picture,
    interventions: Sequence[str] = KINDS,
    scale: float = 1.0,
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    progress: Progress | None = None,
) -> ChoiceMap:
    """Hold one unit at a time, in several ways, and see what becomes of the answer.

    One forward as it is, and one for each unit with all its interventions in one batch.

    Args:
        model: of ``sk_viz.load_model``; it stays exactly as it is.
        picture: of ``sk_viz.read_picture``.
        interventions: some of ``smallest``, ``largest`` and ``equal``, each once.
        scale: the s of the protocol.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        progress: called with (done, total) after each unit; what it raises ends the work.

    Raises:
        ModelError: interventions that are unknown, none or twice.
        ScaleError: scale, protocol or point that make no sense.
        PictureError: ``object`` with a picture that has no transparency.
    """
    model.check_predicts("What becomes of the answer")
    kinds = tuple(interventions)
    if not kinds or len(set(kinds)) < len(kinds):
        raise ModelError(f"Name some of {', '.join(KINDS)}, each once.")
    held = {u.name: torch.stack([fixed(u, kind) for kind in kinds]) for u in model.units}
    presentation = Presentation(protocol, point, background)
    x = _input(model, picture, scale, presentation)
    batch = x.expand(len(kinds), -1, -1, -1).contiguous()
    rows = []
    with torch.inference_mode():
        before = model.readout(x)[0][0].float()
        label = int(before.argmax())
        share = before.softmax(0)[label]
        for done, unit in enumerate(model.units, start=1):
            after = model.readout(batch, {unit.name: held[unit.name]})[0].float()
            logit_change = (after[:, label] - before[label]).tolist()
            probability_change = (after.softmax(1)[:, label] - share).tolist()
            named = after.argmax(1).tolist()
            rows += [
                {
                    "unit": unit.name,
                    "stage": unit.stage,
                    "block": unit.block,
                    "intervention": kind,
                    "logit_change": logit_change[i],
                    "probability_change": probability_change[i],
                    "label": named[i],
                    "name": model.classes[named[i]],
                }
                for i, kind in enumerate(kinds)
            ]
            if progress is not None:
                progress(done, len(model.units))
    return ChoiceMap(
        table=pd.DataFrame(rows),
        label=label,
        name=model.classes[label],
        probability=float(share),
        record=build_record(
            "which_choice_mattered",
            model,
            picture,
            presentation=presentation,
            scales=(scale,),
            interventions=kinds,
        ),
    )


def _input(
    model: Model,
    picture: Picture,
    scale: float,
    presentation: Presentation,
) -> Tensor:
    return to_tensor(presentation.stimuli(picture, (scale,), model.preprocessing), model)


def _predictions(model: Model, scale: float, logits: Tensor) -> pd.DataFrame:
    probabilities = logits.float().softmax(dim=1).cpu().numpy()
    return predictions_table((scale,), probabilities, model.classes)
