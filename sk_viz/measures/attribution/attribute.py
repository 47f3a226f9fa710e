"""Which pixels make a class likely, or a unit prefer its larger kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.explained import values_of
from sk_viz.measures.attribution.explanation import SEED, Baselines, Explanation, prepare
from sk_viz.measures.attribution.integrated_gradients import integrate_all, shared_gradients
from sk_viz.measures.attribution.methods import Method, find_method
from sk_viz.measures.attribution.targets import Target
from sk_viz.measures.reading import Floats, counter, to_tensor
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result, map_of, map_table, pixels_of, png_text
from sk_viz.measures.statistics import spearman
from sk_viz.pictures import (
    CENTRE,
    Background,
    Picture,
    PictureLike,
    Presentation,
    Stimulus,
    read_picture,
)
from sk_viz.types import Progress
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model


@dataclass(frozen=True, eq=False)
class Attribution(Result):
    """How much each pixel of one stimulus contributes to one value.

    Attributes:
        heatmap: float32 (H, W), as large as the stimulus.
        delta: relative completeness error, |sum of the map - (value of the picture - value of
            the baseline)| / |value of the picture - value of the baseline|; None for a method
            whose values need not add up.
        method: name of the method.
        target: what was explained: a class index, a unit name, or (unit, channel).
        text: the same for display: the class's name, ``SK_3_4`` or ``SK_3_4:17``.
        explains: the same in words.
        value: what was explained, of this stimulus.
        score: the same as people read it: the probability of a class in [0, 1], or a unit's value.
        signed: whether negative values speak against it.
        stimulus: what the network was shown.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "attribution"
    NOUN: ClassVar[str] = "an attribution"

    heatmap: Floats = field(repr=False)
    delta: float | None
    method: str
    target: Target
    text: str
    explains: str
    value: float
    score: float
    signed: bool
    stimulus: Stimulus = field(repr=False)
    record: Record = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the map and the pixels, as plain values."""
        return {
            "record": dict(self.record),
            "method": self.method,
            "target": list(self.target) if isinstance(self.target, tuple) else self.target,
            "text": self.text,
            "explains": self.explains,
            "value": self.value,
            "score": self.score,
            "delta": self.delta,
            "signed": self.signed,
        }

    def _table(self) -> pd.DataFrame:
        return map_table(self.heatmap)

    def _besides(self, *, table: bool) -> dict[str, Any]:
        stimulus = {"scale": self.stimulus.scale, "png": png_text(self.stimulus.rgb)}
        return {"stimulus": stimulus} | ({} if table else {"heatmap": self.heatmap.tolist()})

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        target, shown = contents["target"], contents["stimulus"]
        return cls(
            heatmap=map_of(table, contents.get("heatmap")),
            delta=contents["delta"],
            method=contents["method"],
            target=(target[0], target[1]) if isinstance(target, list) else target,
            text=contents["text"],
            explains=contents["explains"],
            value=contents["value"],
            score=contents["score"],
            signed=contents["signed"],
            stimulus=Stimulus(shown["scale"], pixels_of(shown["png"])),
            record=contents["record"],
        )


def attribute(
    model: Model | nn.Module,
    picture: PictureLike,
    method: str = "integrated_gradients",
    target: Target = "class",
    scale: float = 1.0,
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    steps: int | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """Explain one value of a model for one picture at one scale.

    Any number of threads may use one model at once.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``).
        picture: of ``sk_viz.read_picture``, or anything that it takes.
        method: one of ``sk_viz.measures.attribution.methods.METHODS``.
        target: ``"class"`` (the top class at this scale), a class index or name, a unit name (its
            difference), or ``(unit, channel)`` (that channel's weight of the largest kernel).
            Where the unit's weights are saturated, their logits are explained instead.
        scale: s of the protocol.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1].
        background: of the protocol ``object``.
        steps: gradients along the path of integrated gradients, samples of SmoothGrad and
            GradientSHAP. If left out the method's own number, and for integrated gradients as
            many as its completeness error needs to fall under 1 % (at most 640, see
            ``sk_viz.measures.attribution.integrated_gradients``).
        progress: called with (done, total) pictures shown; what it raises ends the work.

    Raises:
        ModelError: no such method, class, unit or channel; memory too small.
        ScaleError: scale, protocol or point that make no sense together.
        PictureError: ``object`` with a picture that has no transparency.
    """
    how = find_method(method)
    model, picture = as_loaded(model), read_picture(picture)
    presentation = Presentation(protocol, point, background)
    (stimulus,) = presentation.stimuli(picture, (scale,), model.preprocessing)
    total = _shown(how, stimulus, steps)
    (explanation,) = prepare(model, stimulus, how, (target,), steps, counter(total, progress))
    found = _attribution(explanation, explanation.map(), stimulus, picture, presentation)
    if progress is not None:
        progress(total, total)  # an adaptive method may have needed less
    return found


def attribute_all(
    model: Model | nn.Module,
    picture: PictureLike,
    method: str = "integrated_gradients",
    targets: Sequence[Target] = ("class",),
    scales: Sequence[float] = (1.0,),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    steps: int | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[Attribution, ...], ...]:
    """Explain several values of a model for one picture at several scales.

    The maps are those of :func:`attribute`, up to rounding. Integrated gradients share their
    forwards: each is done once for all targets, and scales fill a batch together.

    Args:
        targets: each as that of :func:`attribute`; the top class is that of each scale.
        scales: of the protocol, each once.
        progress: called with (done, total) pictures shown; what it raises ends the work.

    The other arguments, and what it raises, are those of :func:`attribute`.

    Returns:
        For each scale, one attribution per target.
    """
    how = find_method(method)
    if not targets:
        raise ModelError("There is nothing to explain: give at least one target.")
    model, picture = as_loaded(model), read_picture(picture)
    presentation = Presentation(protocol, point, background)
    shown = presentation.stimuli(picture, scales, model.preprocessing)
    together = how.id == "integrated_gradients"  # one forward serves all targets
    count = sum(_shown(how, stimulus, steps) for stimulus in shown)
    total = count if together else count * len(targets)
    seen = counter(total, progress)
    found: list[tuple[Attribution, ...]] = []
    for _, same in groupby(shown, key=lambda stimulus: stimulus.rgb.shape):
        group = list(same)
        baselines = Baselines(model, to_tensor(group[:1], model))
        if together:
            rows = [prepare(model, one, how, targets, steps, seen, baselines) for one in group]
            made = _integrals(rows)
        else:
            made = [
                [_made(model, one, how, target, steps, seen, baselines) for target in targets]
                for one in group
            ]
        found += [
            tuple(
                _attribution(one, heatmap, stimulus, picture, presentation) for one, heatmap in row
            )
            for row, stimulus in zip(made, group, strict=True)
        ]
    if progress is not None:
        progress(total, total)  # an adaptive method may have needed less
    return tuple(found)


def rank_correlation(first: Floats, second: Floats) -> float:
    """How alike two maps of one shape order their pixels: Spearman's rho, in [-1, 1].

    NaN when one of them has the same value everywhere.
    """
    if first.shape != second.shape:
        raise ValueError(f"Maps of {first.shape} and {second.shape} cannot be compared.")
    return spearman(first.ravel(), second.ravel())


_Made = tuple[Explanation, Tensor]  # an explanation and its map (H, W)


def _made(
    model: Model,
    stimulus: Stimulus,
    method: Method,
    target: Target,
    steps: int | None,
    seen: Callable[[int], None] | None,
    baselines: Baselines,
) -> _Made:
    """One explanation, whose graph is gone before the next one is made."""
    (one,) = prepare(model, stimulus, method, (target,), steps, seen, baselines)
    return one, one.map()


def _integrals(explanations: Sequence[Sequence[Explanation]]) -> list[list[_Made]]:
    """Integrated gradients of a row per stimulus and a column per target."""
    first = explanations[0][0]
    values = values_of(
        first.explained.readout,
        [[one.target for one in row] for row in explanations],
        first.explained.seen,
    )
    x = torch.cat([row[0].x for row in explanations])
    plan = first.plan
    try:
        if plan.steps is None:
            ends = [[one.ends for one in row] for row in explanations]
            found = integrate_all(values, x, plan.baseline, chunk=plan.chunk, ends=ends)
            shared = found.maps
            for row, used in zip(explanations, found.gradients, strict=True):
                for one, gradients in zip(row, used, strict=True):
                    one.gradients = gradients
        else:
            together = [
                shared_gradients(
                    values,
                    x[number : number + 1],
                    plan.baseline,
                    (number,),
                    range(len(explanations[0])),
                    steps=plan.steps,
                    chunk=plan.chunk,
                )
                for number in range(len(x))
            ]
            shared = torch.cat(together)
    except torch.OutOfMemoryError:  # one by one, each with the batches that fit it
        return [[(one, one.map()) for one in row] for row in explanations]
    return [
        list(zip(row, first.method.heatmap(maps), strict=True))
        for row, maps in zip(explanations, shared, strict=True)
    ]


def _attribution(
    explanation: Explanation,
    heatmap: Tensor,
    stimulus: Stimulus,
    picture: Picture,
    presentation: Presentation,
) -> Attribution:
    """The result of an explanation whose map (H, W) has been made."""
    how, settled = explanation.method, explanation.target
    delta = explanation.completeness_error(heatmap) if how.complete else None
    return Attribution(
        heatmap=_array(heatmap),
        delta=delta,
        method=how.id,
        target=settled.key,
        text=settled.text,
        explains=settled.explains,
        value=explanation.value,
        score=explanation.score,
        signed=explanation.signed,
        stimulus=stimulus,
        record=build_record(
            "attribution",
            explanation.model,
            picture,
            presentation=presentation,
            scales=(stimulus.scale,),
            seed=SEED if how.random else None,
            method=how.id,
            target=settled.key,
            explains=settled.explains,
            batch_size=explanation.plan.chunk,
            notes=explanation.notes,
            **explanation.settings(),
        ),
    )


def _shown(method: Method, stimulus: Stimulus, steps: int | None) -> int:
    """How many pictures go through the network for one attribution."""
    shown = method.pictures(stimulus.rgb.shape[0], steps)
    # Besides the map the value that is explained, and for completeness those of the baselines.
    return shown + (not method.once) + (0 if not method.complete else 3 if method.random else 1)


def _array(heatmap: Tensor) -> Floats:
    array = heatmap.float().cpu().numpy()
    array.flags.writeable = False
    return array
