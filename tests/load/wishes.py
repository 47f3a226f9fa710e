"""What visitors wish to know, what they get, and the same computed alone.

Run with a count, it writes the answers to the wishes of so many visitors.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from visitors import Visitor

import sk_viz
from sk_viz.measures.choice.intervention import which_choice_mattered
from sk_viz.zoo.model import Model

SCALES = ("1,1.5,2", "1,1.25", "1:2:3", "1,1.3,1.7,2", "1.1,1.9")
METHODS = ("integrated_gradients", "smoothgrad", "grad_cam", "saliency", "gradient_shap")
KINDS = ("smallest", "largest", "equal")


def drawn(seed: int, width: int, height: int, kind: str = "PNG") -> bytes:
    """A picture of soft patches, other ones for each seed, as the bytes of a file."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    picture = patches.resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@dataclass(frozen=True)
class Wish:
    """One visitor's picture and settings.

    Attributes:
        name: of the file.
        data: its bytes.
        scales: of the sweep, the first of which is looked at.
        protocol: of the sweep.
        unit: that is explained and held.
        method: of the attributions.
        hold: what the unit is held at.
    """

    name: str
    data: bytes = field(repr=False)
    scales: str
    protocol: str
    unit: str
    method: str
    hold: str

    @property
    def parameters(self) -> dict[str, str]:
        """Of the page's address."""
        return {
            "picture": "upload",
            "scales": self.scales,
            "protocol": self.protocol,
            "unit": self.unit,
            "method": "saliency",
            "by": self.method,
            "hold": self.hold,
        }


def wish(number: int, units: tuple[str, ...]) -> Wish:
    """The wish of visitor ``number``; 0 and 1 give one picture under two names."""
    seed = max(number, 1)
    return Wish(
        # Most people's pictures have the same few names.
        name=f"secret-{number if number < 2 else number % 3}.png",
        data=drawn(seed, 100 + 13 * (seed % 11), 90 + 17 * (seed % 7)),
        scales=SCALES[seed % len(SCALES)],
        protocol=("zoom", "zoom", "resolution", "blur")[seed % 4],
        unit=units[seed % len(units)],
        method=METHODS[seed % len(METHODS)],
        hold=KINDS[seed % len(KINDS)],
    )


# What there is to take away, by its name, as it stands in the files.
Answers = dict[str, Any]


def alone(count: int) -> list[Answers]:
    """What the library answers to the wishes of so many visitors.

    They are computed in a process that does nothing else: threads that another test has set would
    change the last digits.
    """
    command = [sys.executable, __file__, str(count)]
    places = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # it finds what is found here
    found: list[Answers] = pickle.loads(subprocess.check_output(command, env=places))
    return found


def _alone(model: Model, asked: Wish) -> Answers:
    picture = sk_viz.read_picture(asked.data, asked.name)
    scales = tuple(sorted(sk_viz.pictures.parse_scales(asked.scales)))
    sweep = sk_viz.sweep(model, picture, scales, asked.protocol)
    shown: dict[str, Any] = {"scale": scales[0], "protocol": asked.protocol}
    label = int(sweep.predictions["label"].iloc[0])
    maps = [
        sk_viz.attribute(model, picture, method=asked.method, target=target, **shown)
        for target in (asked.unit, label)
    ]
    effect = sk_viz.intervene(model, picture, {asked.unit: asked.hold}, **shown)
    answers = {
        "sweep": _plain(sweep.to_json()),
        "weights": sweep.weights.to_csv(index=False).encode(),
        "map of the choice": maps[0].heatmap,
        "map of the class": maps[1].heatmap,
        "record of the choice": _plain(maps[0].to_json()),
        "record of the class": _plain(maps[1].to_json()),
        "effect": _plain(effect.to_json()),
        "choices": which_choice_mattered(model, picture, **shown)
        .table.to_csv(index=False)
        .encode(),
    }
    if asked.protocol == "zoom":
        answers["control"] = _plain(sk_viz.sweep(model, picture, scales, "blur").to_json())
    return answers


def visited(visitor: Visitor, asked: Wish) -> Answers:
    """Sweep, attribute and intervene on the pages, and take the answers away."""
    visitor.upload(asked.name, asked.data)
    answers: Answers = {
        "sweep": json.loads(visitor.download("Sweep, JSON")),
        "weights": visitor.download("Weights, CSV"),
    }
    if asked.protocol == "zoom":
        answers["control"] = json.loads(visitor.download("Sweep, JSON", 1))
    visitor.run("why")
    for which, what in enumerate(("choice", "class")):
        file = visitor.download(f"Map of the {what}, NPY")
        answers[f"map of the {what}"] = np.load(io.BytesIO(file))
        record = visitor.download("Its record, JSON", which)
        answers[f"record of the {what}"] = json.loads(record)
    visitor.run("what-if")
    answers["effect"] = json.loads(visitor.download("Before and after, JSON"))
    answers["choices"] = visitor.download("Each unit's choice, CSV")
    return answers


def differing(got: Answers, right: Answers) -> list[str]:
    """The names of the answers that are not those computed alone to the last digit."""
    return [
        name
        for name, value in got.items()
        if not (
            np.array_equal(value, right[name])
            if isinstance(value, np.ndarray)
            else value == right[name]
        )
    ]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


if __name__ == "__main__":
    bundled = sk_viz.load_model("sknet_tiny")
    names = tuple(unit.name for unit in bundled.units)
    wishes = [wish(number, names) for number in range(int(sys.argv[1]))]
    # Plain values, as the classes of this file are those of another module where they are read.
    sys.stdout.buffer.write(pickle.dumps([_alone(bundled, asked) for asked in wishes]))
