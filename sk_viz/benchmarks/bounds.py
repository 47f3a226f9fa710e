"""What is held to a number and not to a ratio: exactness, starting, memory, and the tables."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from sk_viz.benchmarks.surveys import write_pictures
from sk_viz.measures.reading import read, to_tensor
from sk_viz.measures.sweep.tables import differences_table, weights_table
from sk_viz.networks.engine import COARSE_TOLERANCE, TOLERANCE, Dtype
from sk_viz.networks.sknet import sknet101
from sk_viz.networks.units import units
from sk_viz.pictures import Picture, stimuli

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

_TABLE_SCALES = 21
_TRIALS = 5
_FEW, _MANY = 700, 2_100  # both so many that the fastest engine reads them

_IMPORT = """
import time
began = time.perf_counter()
import sk_viz
print(time.perf_counter() - began)
"""
_LOAD = """
import sys, time
began = time.perf_counter()
import sk_viz
sk_viz.load_model(device="cpu")
assert "timm" not in sys.modules and "captum" not in sys.modules
print(time.perf_counter() - began)
"""
# The most memory that the process ever held. On Linux getrusage also counts what the process
# that began it held, so the kernel's own file is asked; macOS has none, and counts bytes.
_PEAK = """
import pathlib, resource
status = pathlib.Path("/proc/self/status")
if status.is_file():
    print(int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9)
"""
_SWEEP = f"""
import numpy as np, sk_viz
from sk_viz.pictures import read_sample
model = sk_viz.load_model("sknet50", "cpu")
sk_viz.sweep(model, read_sample("coffee"), np.linspace(1, 2, {_TABLE_SCALES}))
{_PEAK}"""
_SURVEY = f"""
import sys
from sk_viz.surveys.run import run_survey
run_survey("sknet_tiny", sys.argv[1], sys.argv[2], (1.0, 1.5, 2.0), ("zoom",), device="cpu")
{_PEAK}"""


@dataclass(frozen=True)
class Bound:
    """A figure with an aim.

    Attributes:
        name: short, as in the table.
        what: what is measured, in a few words.
        unit: of the value; "" for a pure number.
        at_most: the aim; None where it is told and not held to anything.
        measure: the value; None where this machine cannot have one.
    """

    name: str
    what: str
    unit: str
    at_most: float | None
    measure: Callable[[], float | None]


def bounds(
    model: Model, picture: Picture, scales: Sequence[float], folder: Path
) -> tuple[Bound, ...]:
    """All of them.

    Args:
        model: SKNet-50, whose engine's numbers are compared with eager torch's.
        picture: that is shown to it, and cut into the pictures of the surveys.
        scales: of the protocol zoom.
        folder: for the surveys' pictures and results.
    """

    def survey(count: int) -> float:
        pictures = folder / f"pictures-{count}"
        write_pictures(picture, pictures, count)
        return in_a_process(_SURVEY, str(pictures), str(folder / f"survey-{count}"))

    return (
        Bound(
            "error, float32",
            f"largest error of a difference against eager torch, {model.id}",
            "",
            TOLERANCE,
            lambda: largest_error(model, picture, scales, "float32"),
        ),
        Bound(
            "error, bfloat16",
            f"the same in bfloat16, {model.id}",
            "",
            COARSE_TOLERANCE,
            lambda: largest_error(model, picture, scales, "bfloat16"),
        ),
        Bound(
            "tables",
            f"the frames of 33 units x 1024 channels x {_TABLE_SCALES} scales",
            "s",
            0.1,
            seconds_of_tables,
        ),
        Bound("import", "import sk_viz", "s", 0.3, lambda: median_in_processes(_IMPORT)),
        Bound(
            "load",
            "import, torch with it, and load the bundled model, without timm",
            "s",
            None,
            lambda: median_in_processes(_LOAD),
        ),
        Bound(
            "memory of a sweep",
            f"most resident memory of a sweep of sknet50, {_TABLE_SCALES} scales",
            "GB",
            1.5,
            lambda: in_a_process(_SWEEP),
        ),
        Bound(
            "memory of a survey",
            f"what a survey of {_MANY} pictures holds more than one of {_FEW}",
            "GB",
            0.05,
            lambda: survey(_MANY) - survey(_FEW),
        ),
    )


def largest_error(
    model: Model, picture: Picture, scales: Sequence[float], dtype: Dtype
) -> float | None:
    """How far the difference of a unit lies from what eager torch computes in float32, at most.

    None where the dtype is not to be had.
    """
    shown = stimuli(picture, scales, "zoom", model.preprocessing)
    reading = read(model, shown, dtype=dtype)
    if reading.dtype != dtype:
        return None
    with torch.inference_mode():
        eager = [model.readout(to_tensor([stimulus], model))[1] for stimulus in shown]
    errors = []
    for unit, ours, *theirs in zip(model.units, reading.weights, *eager, strict=True):
        error = ours - torch.cat(theirs).cpu().numpy()
        errors.append(np.abs((error[:, unit.largest] - error[:, unit.smallest]).mean(axis=1)))
    return float(np.max(errors))


def seconds_of_tables() -> float:
    """Seconds to make the tables of a sweep of the size of SKNet-101, each unit of 1,024 channels.

    The median of some times.
    """
    with torch.device("meta"):
        layout = [replace(unit, channels=1024) for unit in units(sknet101())]
    rng = np.random.default_rng(0)
    weights = [
        rng.random((_TABLE_SCALES, len(u.kernels), u.channels), dtype=np.float32) for u in layout
    ]
    scales = np.linspace(1, 2, _TABLE_SCALES).tolist()
    seconds = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        weights_table(scales, layout, weights)
        differences_table(scales, layout, weights)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def median_in_processes(code: str) -> float:
    """The median of the last number printed by some fresh processes."""
    return float(np.median([in_a_process(code) for _ in range(_TRIALS)]))


def in_a_process(code: str, *arguments: str) -> float:
    """The last number that a fresh Python prints when it runs some code."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])
