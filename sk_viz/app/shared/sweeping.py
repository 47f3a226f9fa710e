"""The sweep that several pages show: computed once, found again by the same key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import sk_viz
from sk_viz.app.shared import shell
from sk_viz.app.state.settings import Settings
from sk_viz.errors import ScaleError
from sk_viz.language import gettext as _
from sk_viz.pictures import CENTRE, Background, Picture, Presentation
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.zoo.model import Model


def inputs(model: Model, picture: Picture, background: Background | None) -> tuple[Hashable, ...]:
    """What names model, picture and background in the key of a result.

    The picture's name is part of it: it stands in the record, and two people may have named the
    same picture differently.
    """
    return (
        model.id,
        model.sha256,
        str(model.device),
        picture.sha256,
        picture.name,
        background.sha256 if isinstance(background, Picture) else background,
    )


def presentation_of(settings: Settings, protocol: str, background: Picture | None) -> Presentation:
    """How the settings show a picture; the point counts only where the protocol has one."""
    point = settings.point if protocol in ("zoom", "object") else CENTRE
    return Presentation(protocol, point, background)


def swept(
    settings: Settings,
    presentation: Presentation,
    model: Model,
    picture: Picture,
    label: str = "",
) -> Sweep:
    """The sweep over the scales of the settings.

    Raises:
        ModelError, PictureError, ScaleError: what is chosen cannot be shown.
        shell.StoppedByUserError: it was stopped.
    """
    key, work = sweep_work(settings, presentation, model, picture)
    return shell.result(key, label or _("Sweeping the scales"), work)


def sweep_work(
    settings: Settings, presentation: Presentation, model: Model, picture: Picture
) -> tuple[Hashable, Callable[[Progress], Sweep]]:
    """What such a sweep is kept by, and what makes it.

    Raises:
        ScaleError: the scales make no sense.
    """
    scales = settings.scale_values

    def work(report: Progress) -> Sweep:
        return sk_viz.sweep(
            model,
            picture,
            scales=scales,
            **presentation.arguments,
            progress=report,
        )

    key = (
        "sweep",
        *inputs(model, picture, presentation.background),
        presentation.protocol,
        scales,
        presentation.point,
    )
    return key, work


# What full colour may stand for: the smallest of these that the model's differences fit into.
RANGES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_MOST_MEASURED = 4  # photographs


def colour_range(model: Model) -> float:
    """The difference that has full colour in every map of a model, so that maps compare.

    It is measured on sample pictures, once per model, and rounded up.
    """
    key, work = range_work(model)
    return shell.result(key, _("Measuring the model's range"), work)


def range_work(model: Model) -> tuple[Hashable, Callable[[Progress], float]]:
    """What the range is kept by, and what measures it."""

    def work(report: Progress) -> float:
        from sk_viz.measures.sweep.run import sweep

        largest = 0.0
        shown: list[tuple[str, str, tuple[float, ...]]]
        shown = [(name, "zoom", (1.0,)) for name in shell.sample_ids("zoom")[:_MOST_MEASURED]]
        shown.append((shell.default_sample("object"), "object", (0.5, 2.0)))
        for done, (name, protocol, scales) in enumerate(shown):
            report(done, len(shown))
            try:
                found = sweep(model, shell.sample(name), scales=scales, protocol=protocol)
            except ScaleError:  # an object too small for this network's input
                continue
            largest = max(largest, float(found.differences["difference"].abs().max()))
        return next((reach for reach in RANGES if reach >= largest), RANGES[-1])

    return ("range", model.id, model.sha256, str(model.device)), work
