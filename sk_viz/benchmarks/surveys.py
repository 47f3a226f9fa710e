"""How long a survey takes against the bare forward of the same batches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from sk_viz.benchmarks.timing import Case, Ratio, Took
from sk_viz.networks.engine import EAGER, engine_of, read_all
from sk_viz.pictures import Picture
from sk_viz.surveys.plan import batch_size
from sk_viz.surveys.run import run_survey

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

PICTURES = 700  # so many that a survey reads them with the fastest engine there is
SCALES = (1.0, 1.5, 2.0)
_SIDE = 320


def survey_cases(model: Model, picture: Picture, folder: Path) -> tuple[list[Case], list[Ratio]]:
    """A survey of JPEG files from the disk, and the bare forward of as many stimuli.

    Both on the engine that a survey of so many pictures chooses, with as many batches at a time as
    the survey has. The survey's own clock starts
    when the model is loaded and the engine built, which is once for any number of pictures.

    Args:
        model: by its id.
        picture: its cut pieces are the pictures of the survey.
        folder: an empty one, for the pictures and the survey.
    """
    pictures, out = folder / "pictures", folder / "survey"
    write_pictures(picture, pictures, PICTURES)
    side = model.preprocessing.input_size
    size = max(1, batch_size(model) // len(SCALES)) * len(SCALES)  # whole pictures, as a survey
    count = PICTURES * len(SCALES)
    inputs = torch.randn(size, 3, side, side, device=model.device)
    engine = engine_of(model.readout, model.device, side, pictures=count, many=True)
    batches = [inputs[: min(size, count - first)] for first in range(0, count, size)]
    named = engine.name if engine else EAGER

    def bare() -> None:
        if engine is not None:
            read_all(engine, batches)
            return
        with torch.inference_mode():
            for batch in batches:
                model.readout(batch)

    def survey() -> Took:
        shutil.rmtree(out, ignore_errors=True)
        done = run_survey(model.id, pictures, out, SCALES, ("zoom",), device=str(model.device))
        return Took(done.measured / done.rate)

    cases = [
        Case("bare", f"{named} forward of {count} stimuli in batches of {size}", bare),
        Case(
            "survey", f"{PICTURES} JPEG files of {_SIDE} px, {len(SCALES)} scales, {named}", survey
        ),
    ]
    return cases, [Ratio("survey's rate over that of the forward", "bare", "survey", "0.85")]


def write_pictures(picture: Picture, folder: Path, count: int) -> None:
    """So many JPEG files in a new folder: pieces of a picture, each from another place."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    image = Image.fromarray(picture.pixels)
    for number in range(count):
        x, y = rng.uniform(0, 0.4, 2) * image.size
        piece = image.crop((round(x), round(y), round(x) + _SIDE, round(y) + _SIDE))
        piece.save(folder / f"{number:03}.jpg", quality=90)
