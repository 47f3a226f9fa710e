"""For slides: the zoom, with every unit's difference moving beside it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sk_viz.errors import ModelError, PictureError
from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.paper.style import paper_style
from sk_viz.files import write_atomic

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.types import Progress

Pixels = npt.NDArray[np.uint8]

FRAMES_A_SECOND = 8
_SIZE = (8.0, 4.0)  # inches
_DPI = 100
_TEXT = 13
_FIRST: dict[str, Any] = {"color": "black", "markersize": 13, "markeredgewidth": 1.8}


def make_animation(sweep: Sweep, out: str | Path, *, progress: Progress | None = None) -> Path:
    """Write a sweep as a film that runs forward and back.

    Args:
        sweep: with its stimuli, so one that was just made.
        out: ends with .gif, which loops and carries the record, or .mp4.
        progress: called with (done, total) after each frame; what it raises ends the work.

    Raises:
        ModelError: a sweep without stimuli.
        PictureError: another ending, or a place that cannot be written.
    """
    path = Path(out)
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise PictureError(f"{path.name!r} must end with .gif or .mp4.")
    if not sweep.stimuli:
        raise ModelError("A sweep that was loaded from a file has no pictures: run it again.")
    forth = []
    for frame in _frames(sweep):
        forth.append(frame)
        if progress is not None:
            progress(len(forth), len(sweep.stimuli))
    film = [*forth, *forth[-2:0:-1]]
    try:
        if path.suffix.lower() == ".gif":
            _write_gif(path, film, dict(sweep.record))
        else:
            _write_mp4(path, film)
    except OSError as error:
        raise PictureError(
            f"{str(path)!r} cannot be written: {error.strerror or error}."
        ) from error
    return path


def _frames(sweep: Sweep) -> Iterator[Pixels]:
    """One picture (400, 800, 3) a scale."""
    values = np.stack([sweep.unit_differences(unit) for unit in sweep.units])
    limit = max(float(np.abs(values).max()) * 1.08, 0.01)
    with paper_style():
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.1])
    for n, stimulus in enumerate(sweep.stimuli):
        with paper_style():  # for one frame at a time, so that others can draw between them
            _zoomed(left, sweep, stimulus.scale, stimulus.rgb)
            _differences(right, sweep, values, n, limit)
            canvas.draw()  # type: ignore[no-untyped-call]
        shown = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        yield shown[..., :3].copy()


def _zoomed(axes: Axes, sweep: Sweep, scale: float, rgb: Pixels) -> None:
    """What the network is shown, and what it says."""
    axes.clear()
    axes.imshow(rgb, interpolation="antialiased")
    axes.set_axis_off()
    axes.set_title(f"{scale:.2f}x", fontsize=_TEXT)
    rows = sweep.predictions[sweep.predictions["scale"] == scale]
    if rows.empty:  # the network names no classes
        return
    said = rows.iloc[0]
    axes.text(
        0.5,
        -0.03,
        f"{said['name']} {said['probability']:.0%}",
        transform=axes.transAxes,
        ha="center",
        va="top",
        fontsize=_TEXT,
    )


def _differences(
    axes: Axes, sweep: Sweep, values: npt.NDArray[np.float64], n: int, limit: float
) -> None:
    """A bar for each unit, with a mark where it began."""
    axes.clear()
    now = values[:, n]
    colours = [LARGEST if value > 0 else SMALLEST for value in now]
    axes.barh(sweep.units, now, color=colours, height=0.7)
    axes.plot(values[:, 0], np.arange(len(now)), "|", **_FIRST)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(len(now) - 0.4, -0.6)
    axes.tick_params(labelsize=max(6.0, min(_TEXT - 3.0, 150 / len(now))))
    axes.set_title("\N{LEFTWARDS ARROW} smaller kernel", fontsize=_TEXT, loc="left")
    axes.set_title("larger kernel \N{RIGHTWARDS ARROW}", fontsize=_TEXT, loc="right")
    axes.set_xlabel(f"difference; the marks are at {sweep.scales[0]:.2f}x", fontsize=_TEXT)


def _write_gif(path: Path, film: list[Pixels], record: dict[str, Any]) -> None:
    images = [Image.fromarray(frame) for frame in film]
    # One palette for all frames, or colours would flicker.
    palette = Image.fromarray(np.concatenate(film[:: max(1, len(film) // 4)])).quantize(255)
    indexed = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    indexed[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=indexed[1:],
        duration=1000 // FRAMES_A_SECOND,
        loop=0,
        comment=json.dumps({"sk_viz": record}).encode(),
    )
    write_atomic(path, buffer.getvalue())


def _write_mp4(path: Path, film: list[Pixels]) -> None:
    height, width = film[0].shape[:2]
    code = cv2.VideoWriter.fourcc(*"mp4v")
    frames = 3 * film  # players rarely repeat
    with tempfile.TemporaryDirectory(prefix="sk-viz-") as folder:
        made = Path(folder) / "film.mp4"
        writer = cv2.VideoWriter(str(made), code, FRAMES_A_SECOND, (width, height))
        if not writer.isOpened():
            raise OSError("this OpenCV cannot write MP4; name it .gif")
        try:
            for frame in frames:
                writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
        # The writer says nothing of a full disk.
        if int(cv2.VideoCapture(str(made)).get(cv2.CAP_PROP_FRAME_COUNT)) != len(frames):
            raise OSError("the film could not be written completely: free some disk space")
        write_atomic(path, made.read_bytes())
