"""Run a scale sweep: show one picture at several scales and read every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sk_viz.measures.certainty import likely_none
from sk_viz.measures.held import Choice, describe, held_weights
from sk_viz.measures.reading import read, softmax
from sk_viz.measures.record import build_record
from sk_viz.measures.sweep.result import Sweep
from sk_viz.measures.sweep.tables import (
    differences_table,
    predictions_table,
    weights_table,
)
from sk_viz.pictures import (
    CENTRE,
    Background,
    PictureLike,
    Presentation,
    parse_scales,
    read_picture,
)
from sk_viz.types import Progress
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from torch import nn

    from sk_viz.networks.engine import Dtype
    from sk_viz.zoo.model import Model

SCALES = parse_scales("1:2:11")


def sweep(
    model: Model | nn.Module,
    picture: PictureLike,
    scales: Sequence[float] = SCALES,
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    held: Mapping[str, Choice] | None = None,
    dtype: Dtype = "float32",
    progress: Progress | None = None,
) -> Sweep:
    """Show a model one picture at several scales and read every unit's branch weights.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``).
        picture: of ``sk_viz.read_picture``, or anything that it takes; one with
            transparency for the protocol ``object``.
        scales: S scales, each once; the table keeps their order.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        held: what to hold where at every scale, such as ``{"SK_3_4": "largest"}``: the same
            mapping as ``weights`` of ``sk_viz.intervene``, see ``held_weights``. The tables keep
            what each unit chose by itself, the held ones too; those after a held one choose from
            what they then see.
        dtype: of the arithmetic: ``float32``; ``bfloat16``, on a CPU that has it or on CUDA,
            faster, on a CPU for networks whose differences kept within 1e-3 on trial pictures;
            ``float16`` on CUDA. Where ``bfloat16`` cannot be had, float32 is used; the record
            says what was.
        progress: called with (done, total) between the scales; what it raises ends the sweep.

    Raises:
        ScaleError: scales, protocol or point that make no sense together.
        PictureError: ``object`` with a picture that has no transparency.
        ModelError: memory too small for one stimulus; no such dtype; units, stages or
            choices in ``held`` that are unknown.
    """
    model, picture = as_loaded(model), read_picture(picture)
    holding = held_weights(model.units, held) if held else None
    settings: dict[str, Any] = {}
    if held:
        settings["held"] = {key: describe(choice) for key, choice in held.items()}
    presentation = Presentation(protocol, point, background)
    shown = presentation.stimuli(picture, scales, model.preprocessing)
    reading = read(model, shown, held=holding, dtype=dtype, progress=progress)
    scales = tuple(stimulus.scale for stimulus in shown)
    probabilities = softmax(reading.logits)
    probabilities.flags.writeable = False
    rule = model.certainty.unknown if model.certainty else None
    return Sweep(
        weights=weights_table(scales, model.units, reading.weights),
        differences=differences_table(scales, model.units, reading.weights),
        predictions=predictions_table(scales, probabilities, model.classes),
        record=build_record(
            "sweep",
            model,
            picture,
            presentation=presentation,
            scales=scales,
            dtype=reading.dtype,
            batch_size=reading.batch_size,
            engine=reading.engine,
            notes=reading.notes,
            **settings,
        ),
        stimuli=shown,
        probabilities=probabilities,
        likely_none=likely_none(rule, reading.logits) if rule is not None and rule.proven else None,
    )
