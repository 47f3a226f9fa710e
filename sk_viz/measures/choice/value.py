"""What the choice is worth: accuracy with live branch weights against held ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from sk_viz.errors import PictureError
from sk_viz.measures.reading import to_tensor
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result
from sk_viz.measures.statistics import bootstrap, wilson_interval
from sk_viz.pictures import CENTRE, Background, Picture, Presentation
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

LIVE, AT_ONE, AT_MEAN = "live", "held at 1.0x", "held at mean"

Correct = npt.NDArray[np.bool_]


class Labelled(Protocol):
    """Pictures with the index of their class, which can be walked more than once.

    A walk may pass over some, the same in each.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Picture, int]]: ...


@dataclass(frozen=True, eq=False)
class ChoiceValue(Result):
    """Accuracy by scale, with the units' own weights and with held ones.

    Attributes:
        table: one row a scale and kind of weights: columns scale, weights, n, accuracy (top 1, in
            [0, 1]), low and high (its 95 % Wilson interval), loss (accuracy live minus this),
            loss_low and loss_high (its 95 % interval: bootstrap over pictures, which keeps the
            pairs); the last three are NaN in the rows of live weights. The weights are

            - ``live``: what each unit chooses for what it sees;
            - ``held at 1.0x``: what the units chose for the same picture at scale 1;
            - ``held at mean``: the same weights for every picture and scale, the mean of the
              live ones over all of them.
        mean_weights: float32 (M, C) by unit name, the mean that was held.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "value_of_choice"
    NOUN: ClassVar[str] = "a value of choice"

    table: pd.DataFrame
    mean_weights: Mapping[str, npt.NDArray[np.float32]]
    record: Record

    def row(self, scale: float, weights: str) -> dict[str, Any]:
        """One row of the table by name of its column."""
        table = self.table
        chosen = table[(table["scale"] == scale) & (table["weights"] == weights)]
        return {str(name): value for name, value in chosen.iloc[0].items()}

    def to_json(self) -> dict[str, Any]:
        """The record and the table as plain values."""
        return {"record": dict(self.record), "accuracy": self.table.to_dict("records")}

    def _table(self) -> pd.DataFrame:
        return self.table

    def _besides(self, *, table: bool) -> dict[str, Any]:
        del table
        return {"mean_weights": {name: w.tolist() for name, w in self.mean_weights.items()}}

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        if table is None:
            losses = dict.fromkeys(("loss", "loss_low", "loss_high"), "float64")
            table = pd.DataFrame(contents["accuracy"]).astype(losses)
        means = {n: np.array(w, np.float32) for n, w in contents["mean_weights"].items()}
        return cls(table, means, contents["record"])


def value_of_choice(
    model: Model,
    pictures: Labelled,
    scales: Sequence[float] = (1.0, 1.5, 2.0),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    batch_size: int = 16,
    resamples: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> ChoiceValue:
    """What accuracy loses when the units may not choose.

    Args:
        model: of ``sk_viz.load_model``; it stays exactly as it is.
        pictures: (picture, index of its class) pairs; walked twice, so a list and not a generator.
        scales: S scales, each once.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        batch_size: pictures in one forward.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        progress: called with (done, total), each picture counting once in each of two passes;
            what it raises ends the work.

    Raises:
        PictureError: no pictures, none that can be read, pictures that can be walked once only, a
            label that is no class of the model.
        ScaleError: scales, protocol or point that make no sense.
    """
    model.check_predicts("The value of the choice")
    if not isinstance(pictures, Sized):
        raise PictureError("The pictures are walked twice; give them as a list.")
    if not len(pictures):
        raise PictureError("There is no picture to measure on; give at least one.")
    scales = tuple(scales)
    presentation = Presentation(protocol, point, background)
    correct: dict[str, list[Correct]] = {LIVE: [], AT_ONE: [], AT_MEAN: []}
    sums = {u.name: torch.zeros(len(u.kernels), u.channels).double() for u in model.units}
    digest, done = hashlib.sha256(), 0
    with torch.inference_mode():
        for chunk in _chunks(pictures, batch_size):
            labels = _labels(model, chunk)
            inputs = [_inputs(model, chunk, scale, presentation) for scale in scales]
            answers = [model.readout(x) for x in inputs]
            correct[LIVE].append(_correct([logits for logits, _ in answers], labels))
            for _, weights in answers:
                for unit, mine in zip(model.units, weights, strict=True):
                    sums[unit.name] += mine.sum(dim=0).cpu().double()
            own = model.readout(_inputs(model, chunk, 1.0, presentation))[1]
            held = {u.name: w for u, w in zip(model.units, own, strict=True)}
            correct[AT_ONE].append(_correct([model.readout(x, held)[0] for x in inputs], labels))
            for picture, label in chunk:
                digest.update(f"{picture.sha256} {label}\n".encode())
            done += len(chunk)
            if progress is not None:
                progress(done, 2 * len(pictures))
        if not done:
            raise PictureError("None of the pictures can be read; give at least one that can.")
        count = done
        means = {n: (s / (count * len(scales))).float()[None] for n, s in sums.items()}
        on_device = {name: mean.to(model.device) for name, mean in means.items()}
        for chunk in _chunks(pictures, batch_size):
            inputs = [_inputs(model, chunk, scale, presentation) for scale in scales]
            logits = [model.readout(x, on_device)[0] for x in inputs]
            correct[AT_MEAN].append(_correct(logits, _labels(model, chunk)))
            done += len(chunk)
            if progress is not None:
                progress(done, 2 * len(pictures))
    record = build_record(
        "value_of_choice",
        model,
        next(iter(pictures))[0],
        presentation=presentation,
        scales=scales,
        seed=seed,
        resamples=resamples,
        pictures=count,
        intervals="95 %; accuracy: Wilson; loss: percentile bootstrap over pictures, paired",
    )
    record |= {"picture": f"{count} labelled pictures", "picture_sha256": digest.hexdigest()}
    return ChoiceValue(
        table=_table(scales, {k: np.concatenate(v) for k, v in correct.items()}, resamples, seed),
        mean_weights={name: mean[0].numpy() for name, mean in means.items()},
        record=record,
    )


def _chunks(pictures: Labelled, size: int) -> Iterator[tuple[tuple[Picture, int], ...]]:
    walk = iter(pictures)
    while chunk := tuple(islice(walk, size)):
        yield chunk


def _labels(model: Model, chunk: tuple[tuple[Picture, int], ...]) -> Tensor:
    for picture, label in chunk:
        if not 0 <= label < len(model.classes):
            raise PictureError(
                f"{picture.name!r} has the label {label}, which is no class of {model.id}: labels "
                f"go from 0 to {len(model.classes) - 1}."
            )
    return torch.tensor([label for _, label in chunk], device=model.device)


def _inputs(
    model: Model, chunk: tuple[tuple[Picture, int], ...], scale: float, presentation: Presentation
) -> Tensor:
    """The pictures of a chunk at one scale: (B, 3, H, W)."""
    one_scale = [
        presentation.stimuli(picture, (scale,), model.preprocessing)[0] for picture, _ in chunk
    ]
    return to_tensor(one_scale, model)


def _correct(logits: list[Tensor], labels: Tensor) -> Correct:
    """(B, S): whether the top class is the right one, at each scale."""
    right: Correct = torch.stack([one.argmax(1) == labels for one in logits], dim=1).cpu().numpy()
    return right


def _table(
    scales: tuple[float, ...], correct: Mapping[str, Correct], resamples: int, seed: int
) -> pd.DataFrame:
    count = len(correct[LIVE])
    rows = []
    for weights, right in correct.items():
        lost = correct[LIVE].astype(np.float64) - right
        draws = bootstrap(lost, lambda s: s.mean(axis=1), resamples=resamples, seed=seed)
        bounds = np.percentile(draws, (2.5, 97.5), axis=0)
        for i, scale in enumerate(scales):
            low, high = wilson_interval(int(right[:, i].sum()), count)
            itself = weights == LIVE
            rows.append(
                {
                    "scale": scale,
                    "weights": weights,
                    "n": count,
                    "accuracy": right[:, i].mean(),
                    "low": low,
                    "high": high,
                    "loss": np.nan if itself else lost[:, i].mean(),
                    "loss_low": np.nan if itself else bounds[0, i],
                    "loss_high": np.nan if itself else bounds[1, i],
                }
            )
    return pd.DataFrame(rows).sort_values("scale", kind="stable", ignore_index=True)
