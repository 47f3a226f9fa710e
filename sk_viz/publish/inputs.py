"""Resolve a figure's request: read its pictures, open its survey, load its model, run its sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sk_viz.errors import PictureError
from sk_viz.publish.request import AtHand, FigureRequest

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.pictures import Background, Picture, Presentation
    from sk_viz.surveys.results import SurveyResults
    from sk_viz.types import Progress
    from sk_viz.zoo.model import Model


def inputs_of(
    request: FigureRequest, at_hand: AtHand
) -> tuple[list[Picture], SurveyResults | None]:
    """The pictures, and the survey if there is one.

    Raises:
        PictureError: more than one survey; a picture or survey that cannot be read.
    """
    from sk_viz.surveys.results import SurveyResults

    folders = {
        name: at_hand.surveys.get(name, Path(name))
        for name in request.inputs
        if name in at_hand.surveys or (name not in at_hand.pictures and Path(name).is_dir())
    }
    if len(folders) > 1:
        raise PictureError("A figure shows one survey: give one folder.")
    survey = SurveyResults.open(next(iter(folders.values()))) if folders else None
    names = [name for name in request.inputs if name not in folders]
    return [_picture(name, at_hand, cutout=request.protocol == "object") for name in names], survey


def one_picture(request: FigureRequest, at_hand: AtHand) -> Picture:
    """The picture of a figure that shows one.

    Raises:
        PictureError: not exactly one, or one that cannot be read.
    """
    if len(request.inputs) != 1:
        raise PictureError(f"{request.name} shows one picture: give one.")
    return _picture(request.inputs[0], at_hand, cutout=request.protocol == "object")


def _picture(name: str, at_hand: AtHand, *, cutout: bool = False) -> Picture:
    """What is at hand, a file, or a sample."""
    from sk_viz.pictures import read_named
    from sk_viz.pictures.picture import as_cutout

    picture = at_hand.pictures[name] if name in at_hand.pictures else read_named(name)
    return as_cutout(picture) if cutout else picture


def model_of(request: FigureRequest, at_hand: AtHand) -> Model:
    """The request's model, loaded if it is not at hand."""
    from sk_viz.zoo.load import load_model

    return at_hand.model or load_model(
        request.model, request.device, weights=request.weights, input_size=request.input_size
    )


def sweep_of(
    request: FigureRequest,
    at_hand: AtHand,
    model: Model,
    picture: Picture,
    scales: Sequence[float],
    progress: Progress | None = None,
) -> Sweep:
    """The picture shown to the model as the request says."""
    from sk_viz.measures.sweep.run import sweep

    view = presentation_of(request, at_hand).arguments
    return sweep(model, picture, scales, **view, progress=progress)


def part(progress: Progress | None, number: int, count: int) -> Progress | None:
    """The progress of one of several equal parts of the work, told as that of the whole."""
    if progress is None:
        return None
    tell = progress
    return lambda done, total: tell(number * total + done, count * total)


def presentation_of(request: FigureRequest, at_hand: AtHand) -> Presentation:
    """How the request's pictures are shown.

    Raises:
        PictureError: a background that cannot be read, or one for another protocol than
            ``object``.
        ScaleError: an unknown protocol, or a point outside the picture.
    """
    from sk_viz.pictures import Presentation

    return Presentation(request.protocol, request.point, _background(request, at_hand))


def _background(request: FigureRequest, at_hand: AtHand) -> Background | None:
    """A colour where three numbers are written, else a picture.

    Raises:
        PictureError: no such picture; another protocol than ``object``, which has none.
    """
    if request.background is None:
        return None
    if request.protocol != "object":
        raise PictureError("Only the protocol object has a background: leave it out.")
    parts = request.background.split(",")
    if len(parts) == 3 and all(part.strip().isdecimal() for part in parts):
        red, green, blue = (int(part) for part in parts)
        return red, green, blue
    return _picture(request.background, at_hand)
