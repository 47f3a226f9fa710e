"""For each figure: measure what it shows, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.figures.paper import fig3 as draw_fig3
from sk_viz.figures.paper import fig4 as draw_fig4
from sk_viz.figures.paper import heatmap as draw_heatmap
from sk_viz.figures.paper import rf as draw_rf
from sk_viz.figures.paper import size as draw_size
from sk_viz.figures.paper import strip as draw_strip
from sk_viz.figures.paper.results import field_branches, picture_panel, strip_frames
from sk_viz.figures.paper.style import width_inches
from sk_viz.measures.record import Record
from sk_viz.measures.size.effect import size_effect
from sk_viz.publish.inputs import (
    inputs_of,
    model_of,
    one_picture,
    part,
    presentation_of,
    sweep_of,
)
from sk_viz.publish.request import NOTHING, AtHand, FigureRequest, Measured
from sk_viz.publish.size_figure import effect_marks, survey_marks
from sk_viz.publish.survey_figures import class_means, survey_map, survey_panel
from sk_viz.surveys.effects import CLASS_PICTURES, compute

if TYPE_CHECKING:
    from sk_viz.surveys.results import SurveyResults
    from sk_viz.types import Progress
    from sk_viz.zoo.model import Model

_SCALES = (1.0, 1.5, 2.0)
_FINE = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
_FIG4_SCALES = (1.0, 1.5)
_WIDE = 5.0  # inches from which a strip has six pictures


def fig3(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """Pictures one by one, and a survey's pictures together, in the form of the paper's figure 3.

    Raises:
        PictureError: more than one survey.
        ModelError: survey and pictures of different models; other units than the paper's.
    """
    pictures, survey = inputs_of(request, at_hand)
    scales = request.scales or _SCALES
    panels: list[draw_fig3.Fig3Panel] = []
    records: list[Record] = []
    kernel, unit = 5, request.unit
    if pictures:
        model = model_of(request, at_hand)
        unit = unit or draw_fig3.default_curve_unit([u.name for u in model.units])
        for n, picture in enumerate(pictures):
            shared = part(progress, n, len(pictures))
            sweep = sweep_of(request, at_hand, model, picture, scales, shared)
            kernel = _largest_kernel(model, unit)
            panels.append(picture_panel(sweep, unit, picture.name))
            records.append(sweep.record)
    if survey is not None:
        if records and records[0]["model_sha256"] != survey.record["model_sha256"]:
            raise ModelError(
                f"The survey is of {survey.record['model']}, the pictures are shown to "
                f"{request.model}: choose the survey's model."
            )
        unit = unit or draw_fig3.default_curve_unit(survey.units)
        kernel = _survey_kernel(survey, unit)
        panels.append(survey_panel(survey, unit, request.protocol, paper=request.paper))
        records.append(_survey_record(survey))
    assert unit is not None
    draw = partial(draw_fig3.fig3, panels, unit, kernel, request.width)
    caption = (
        f"Weight of the {kernel}x{kernel} branch in {unit}, means of successive channels, and "
        f"mean difference (largest minus smallest kernel) by unit, at "
        f"{_listed(panels[0].channels)} {request.protocol}. {_rises(panels[-1])}"
    )
    return Measured(draw, caption, records)


def fig4(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """The classes of a survey at two scales, in the form of the paper's figure 4.

    Raises:
        PictureError: no survey, or one without labels.
        ScaleError: scales that were not surveyed.
    """
    del progress  # the survey has been measured
    pictures, survey = inputs_of(request, at_hand)
    if survey is None or pictures:
        raise PictureError("fig4 shows a survey's classes: give the folder of a survey alone.")
    scales = request.scales or _FIG4_SCALES
    data = class_means(survey, scales, request.protocol, paper=request.paper)
    draw = partial(draw_fig4.fig4, data, request.width)
    enough = data.counts >= CLASS_PICTURES  # as the report counts them
    shares = []
    for unit, means in data.means.items():
        risen = means[max(means)][enough] > means[min(means)][enough]
        shares.append(f"{unit} {risen.mean():.0%}" if len(risen) else f"{unit} none")
    caption = (
        f"Mean difference (largest minus smallest kernel) of each of {len(data.classes)} classes "
        f"at {_listed(scales)} {request.protocol}, {int(data.counts.sum()):,} pictures. Of the "
        f"{int(enough.sum())} classes with at least {CLASS_PICTURES} pictures the mean rises in: "
        f"{', '.join(shares)}."
    )
    return Measured(draw, caption, [_survey_record(survey)])


def size(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """What of a zoom is size, by every control: of a picture, or of a survey with controls.

    Raises:
        PictureError: more than one picture or survey.
        ScaleError: more than one scale, or one at which no control was surveyed.
    """
    pictures, survey = inputs_of(request, at_hand)
    if len(request.inputs) != 1:
        raise PictureError("size shows one picture or one survey: name one.")
    scales = request.scales or (2.0,)
    if len(scales) != 1:
        raise ScaleError("size shows one zoom: give one scale, such as --scales 2.")
    (scale,) = scales
    if survey is not None:
        marks = survey_marks(compute(survey), scale)
        title = f"{len(survey.pictures):,} pictures"
        lines, record = "95 % interval", _survey_record(survey)
    else:
        effect = size_effect(
            model_of(request, at_hand), pictures[0], scale, point=request.point, progress=progress
        )
        marks, title = effect_marks(effect), pictures[0].name
        lines, record = "one-pixel noise", dict(effect.record)
    settled = list(dict.fromkeys(mark.unit for mark in marks if mark.settled))
    caption = (
        f"What each control takes for size in the change of every unit's difference from 1x to "
        f"{scale:g}x: {title}, lines {lines}; grey, the same on 1/f noise, which has no size. "
        f"Settled, where every control finds one sign beyond that: {', '.join(settled) or 'none'}."
    )
    draw = partial(draw_size.size_forest, marks, title, request.width, intervals=lines)
    return Measured(draw, caption, [record])


def heatmap(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """All units over the scales, of a picture or of a survey's mean.

    Raises:
        PictureError: more than one picture or survey.
    """
    pictures, survey = inputs_of(request, at_hand)
    if len(request.inputs) != 1:
        raise PictureError("heatmap shows one picture or one survey: name one.")
    if survey is not None:
        scales, values = survey_map(survey, request.protocol)
        units: Sequence[str] = survey.units
        title = f"{len(survey.pictures):,} pictures, {request.protocol}"
        record: Record = _survey_record(survey)
    else:
        model = model_of(request, at_hand)
        sweep = sweep_of(request, at_hand, model, pictures[0], request.scales or _FINE, progress)
        scales, units = list(sweep.scales), sweep.units
        values = np.stack([sweep.unit_differences(unit) for unit in units])
        title, record = f"{pictures[0].name}, {request.protocol}", sweep.record
    draw = partial(draw_heatmap.heatmap, units, scales, values, title, request.width)
    caption = (
        f"Difference (mean weight of the largest minus the smallest kernel) of every unit at "
        f"{_listed(scales)}: {title}. It lies between {values.min():+.3f} and {values.max():+.3f}."
    )
    return Measured(draw, caption, [record])


def strip(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """A picture over the scales with predictions and attributions.

    Raises:
        PictureError: not exactly one picture.
    """
    from sk_viz.measures.attribution.attribute import attribute_all

    picture = one_picture(request, at_hand)
    model = model_of(request, at_hand)
    wide = width_inches(request.width) >= _WIDE
    scales = request.scales or (_FINE if wide else _SCALES)
    sweep = sweep_of(request, at_hand, model, picture, scales, part(progress, 0, 2))
    found = attribute_all(
        model,
        picture,
        request.method,
        (_target(request.target),),
        sweep.scales,
        **presentation_of(request, at_hand).arguments,
        progress=part(progress, 1, 2),
    )
    maps = [one for (one,) in found]
    frames = strip_frames(sweep, maps)
    texts = dict.fromkeys(one.text for one in maps)
    of = next(iter(texts)) if len(texts) == 1 else "the likeliest class"
    explained = f"{request.method.replace('_', ' ')} of {of}"
    draw = partial(draw_strip.strip, frames, explained, request.width)
    best = ", ".join(
        f"{f.predictions[0][0]} {f.predictions[0][1]:.0%} at {f.scale:g}x"
        for f in frames
        if f.predictions
    )
    said = f" Prediction: {best}." if best else " The network names no classes."
    caption = (
        f"{picture.name} under {request.protocol}: what the network saw, its likeliest classes, "
        f"and {explained}. Opacity is the square root of the value's share of the largest over all "
        f"scales; the CSV file holds the values themselves.{said}"
    )
    return Measured(draw, caption, [sweep.record, *(one.record for one in maps)])


def rf(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> Measured:
    """The receptive field of a unit on a picture.

    Raises:
        PictureError: not exactly one picture.
        ModelError: no such unit, or a gate that is neither held nor free.
    """
    from sk_viz.measures.fields.receptive_field import receptive_field

    picture = one_picture(request, at_hand)
    model = model_of(request, at_hand)
    unit = request.unit or draw_fig3.default_curve_unit([u.name for u in model.units])
    scales = request.scales or (1.0,)
    if request.gate not in ("held", "free"):
        raise ModelError(f"There is no gate {request.gate!r}: choose held or free.")
    gate: Literal["held", "free"] = "held" if request.gate == "held" else "free"
    presentation = presentation_of(request, at_hand)
    view = presentation.arguments
    field = receptive_field(model, unit, picture, gate, scales=scales, **view, progress=progress)
    branches = field_branches(field)
    shown = presentation.stimuli(picture, scales[:1], model.preprocessing)[0].rgb
    draw = partial(
        draw_rf.rf, unit, shown, branches, field.effective, field.size, gate, request.width
    )
    sizes = ", ".join(f"{b.kernel}x{b.kernel} {b.size} px" for b in branches)
    caption = (
        f"Receptive field of {unit} on {picture.name} at {model.preprocessing.input_size} px: "
        f"in theory {sizes}; measured, gate {gate}, above 4.55 % of the peak "
        f"{field.size['luo']:.0f} px. Grey is the square root of the value's share of the peak; "
        "the CSV file holds the values themselves."
    )
    return Measured(draw, caption, [field.record])


def _largest_kernel(model: Model, unit: str) -> int:
    from sk_viz.measures.fields.receptive_field import find_unit

    return max(find_unit(model, unit).kernels)


def _survey_kernel(survey: SurveyResults, unit: str) -> int:
    for one in survey.header["units"]:
        if one["name"] == unit:
            return int(max(one["kernels"]))
    raise ModelError(f"There is no unit {unit!r}: choose one of {', '.join(survey.units)}.")


def _survey_record(survey: SurveyResults) -> dict[str, Any]:
    return survey.record | {"measured": len(survey.pictures), "unreadable": len(survey.unreadable)}


def _target(text: str) -> int | str | tuple[str, int]:
    """A target as ``attribute`` takes it, from ``class``, a class, ``SK_3_4`` or ``SK_3_4:17``."""
    unit, _, channel = text.partition(":")
    if channel.isdecimal():
        return unit, int(channel)
    return int(text) if text.isdecimal() else text


def _rises(panel: draw_fig3.Fig3Panel) -> str:
    """The change of each unit from the first to the last scale, in words."""
    scales = list(panel.differences)
    first, last = panel.differences[scales[0]], panel.differences[scales[-1]]
    changes = ", ".join(f"{unit} {last[unit] - first[unit]:+.4f}" for unit in first)
    return f"Change from {scales[0]:g}x to {scales[-1]:g}x ({panel.title}): {changes}."


def _listed(scales: Any) -> str:
    return ", ".join(f"{scale:g}x" for scale in scales)
