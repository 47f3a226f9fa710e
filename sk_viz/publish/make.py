"""From a picture or a survey to a figure's files in one call, and again from such a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sk_viz.errors import ModelError, PictureError
from sk_viz.figures.paper.latex import bibtex, snippet
from sk_viz.figures.paper.metadata import KINDS, metadata, read_metadata
from sk_viz.figures.paper.style import (
    DPI,
    WIDTHS,
    check_latex,
    paper_style,
    render,
    width_inches,
)
from sk_viz.files import write_together
from sk_viz.pictures import exact
from sk_viz.publish import build
from sk_viz.publish.request import NOTHING, AtHand, FigureRequest, Measure, Measured
from sk_viz.spreadsheets import to_csv
from sk_viz.zoo.catalogue import SPLIT_NOTE

if TYPE_CHECKING:
    from sk_viz.types import Progress

_DIGESTS = ("picture_sha256", "model_sha256", "source_sha256", "background")


@dataclass(frozen=True)
class FigureFiles:
    """What was written.

    Attributes:
        figure: the figure itself, its record in its metadata.
        table: CSV of what is drawn.
        snippet: LaTeX that includes it, its caption with the numbers.
        bibliography: BibTeX of the paper and this software.
        command: makes the figure again.
    """

    figure: Path
    table: Path
    snippet: Path
    bibliography: Path
    command: str


@dataclass(frozen=True)
class FigureBundle:
    """A figure in every form, nothing written.

    Attributes:
        pdf: the file of :func:`make_figure` that ends so.
        svg: likewise.
        png: likewise.
        table: CSV of what is drawn.
        snippet: LaTeX that includes the PDF.
        bibliography: BibTeX of the paper and this software.
        caption: plain text, with the numbers.
        command: makes the PDF again.
    """

    pdf: bytes
    svg: bytes
    png: bytes
    table: bytes
    snippet: bytes
    bibliography: bytes
    caption: str
    command: str


NAMES: Mapping[str, Measure] = {
    "fig3": build.fig3,
    "fig4": build.fig4,
    "size": build.size,
    "heatmap": build.heatmap,
    "strip": build.strip,
    "rf": build.rf,
}


def make_figure(
    name: str,
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    width: str = "cvpr-column",
    dpi: int = DPI,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> FigureFiles:
    """Measure and draw a figure, and write it with its table, LaTeX and BibTeX beside it.

    Args:
        name: ``fig3`` (pictures, a survey, or both), ``fig4`` (a survey), ``size`` and ``heatmap``
            (a picture or a survey), ``strip`` (a picture), ``rf`` (a picture).
        inputs: paths of pictures and of a survey's folder.
        out: ends with .pdf, .svg or .png.
        width: a name of ``WIDTHS``, or inches.
        dpi: of a PNG, and of pictures inside the others.
        progress: called with (done, total) while it is measured; what it raises ends the work.
        options: the other fields of :class:`FigureRequest`.

    Raises:
        PictureError: a picture or survey that cannot be used, or a place that cannot be written.
        ModelError: no such figure, width, model, unit, method or target.
        ScaleError: scales and protocol that make no sense together.
    """
    known = {field.name for field in fields(FigureRequest)}
    if unknown := sorted(set(options) - known):
        raise ModelError(f"A figure has no option {unknown[0]!r}: {', '.join(sorted(known))}.")
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    request = FigureRequest(name, tuple(str(path) for path in paths), width, dpi, **options)
    return _make(request, Path(out), None, progress)


def make_again(
    file: str | Path, out: str | Path | None = None, *, progress: Progress | None = None
) -> FigureFiles:
    """Make a figure again from what its file carries.

    Args:
        file: a PDF, SVG or PNG of :func:`make_figure`.
        out: where to; the same file by default.
        progress: as that of :func:`make_figure`.

    Raises:
        PictureError: not such a file, or a picture, survey or model that has changed since.
    """
    carried = read_metadata(file)
    try:
        asked = dict(carried["request"])
        asked["inputs"] = tuple(asked["inputs"])
        asked["scales"] = None if asked["scales"] is None else tuple(asked["scales"])
        asked["point"] = tuple(asked["point"])
        request = FigureRequest(**asked)
        records = carried["records"]
    except (KeyError, TypeError) as error:
        raise PictureError(
            f"{Path(file).name!r} carries no request of this version of SK-Viz: create it again."
        ) from error
    return _make(request, Path(out or file), records, progress)


def command_of(request: FigureRequest, out: str) -> str:
    """The command line that makes a figure."""
    words = ["sk-viz", "figure", request.name, *request.inputs, "--out", out]
    plain = FigureRequest(request.name, request.inputs)
    for field in fields(FigureRequest):
        value = getattr(request, field.name)
        if field.name in ("name", "inputs") or value == getattr(plain, field.name):
            continue
        if value is True:
            words.append(f"--{field.name}")
        elif field.name in ("scales", "point"):
            words += [f"--{field.name}", ",".join(exact(number) for number in value)]
        else:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def preview(
    request: FigureRequest, at_hand: AtHand = NOTHING, progress: Progress | None = None
) -> bytes:
    """The figure as a PNG, nothing written; raises what :func:`make_figure` raises."""
    _check(request, "png")
    measured = NAMES[request.name](request, at_hand, progress)
    with paper_style(request.latex):
        return render(measured.draw()[0], "png", {}, request.dpi)


def make_bundle(
    request: FigureRequest,
    stem: str,
    at_hand: AtHand = NOTHING,
    progress: Progress | None = None,
) -> FigureBundle:
    """Measure once, and draw the figure in every form.

    Args:
        request: the figure.
        stem: of its files' names.
        at_hand: what stands for the request's words.
        progress: as that of :func:`make_figure`.

    Raises:
        PictureError, ModelError, ScaleError: as :func:`make_figure`.
    """
    _check(request, "pdf")
    measured = _marked(NAMES[request.name](request, at_hand, progress))
    # Rendering fixes a figure's layout to that file's kind; each kind gets a fresh one.
    made = {}
    for kind in KINDS:
        if progress is not None:
            progress(1, 1)  # all is measured; it can still be stopped
        made[kind] = _rendered(request, measured, f"{stem}.{kind}")
    return FigureBundle(
        **{kind: data for kind, (data, _) in made.items()},
        table=to_csv(made["pdf"][1]),
        snippet=_snippet(request, measured, f"{stem}.pdf").encode(),
        bibliography=bibtex().encode(),
        caption=measured.caption,
        command=command_of(request, f"{stem}.pdf"),
    )


def _make(
    request: FigureRequest,
    out: Path,
    before: Sequence[Any] | None,
    progress: Progress | None,
) -> FigureFiles:
    _check(request, out.suffix.lower().removeprefix("."))
    measured = _marked(NAMES[request.name](request, NOTHING, progress))
    if before is not None:
        _refuse_changed(before, measured.records)
    data, drawn = _rendered(request, measured, out.name)
    files = FigureFiles(
        figure=out,
        table=out.with_suffix(".csv"),
        snippet=out.with_suffix(".tex"),
        bibliography=out.with_name("sk-viz.bib"),
        command=command_of(request, out.name),
    )
    try:
        write_together(
            {
                files.figure: data,
                files.table: to_csv(drawn),
                files.snippet: _snippet(request, measured, out.name).encode(),
                files.bibliography: bibtex().encode(),
            }
        )
    except OSError as error:
        raise PictureError(f"{str(out)!r} cannot be written: {error.strerror or error}.") from error
    return files


def _rendered(request: FigureRequest, measured: Measured, name: str) -> tuple[bytes, pd.DataFrame]:
    """The figure's file of this name, with its record, and the table of what is drawn."""
    kind = name.rsplit(".", 1)[-1].lower()
    carried = {
        "sk_viz": "figure",
        "command": command_of(request, name),
        "request": asdict(request),
        "records": [dict(record) for record in measured.records],
    }
    described = metadata(kind, request.name, carried)
    with paper_style(request.latex):
        figure, drawn = measured.draw()
        return render(figure, kind, described, request.dpi), drawn


def _marked(measured: Measured) -> Measured:
    """With a caption that says what the network is, unless it is a trained one of the paper's."""
    notes = dict.fromkeys(
        str(record["model_note"])
        for record in measured.records
        if record["model_kind"] == "untrained" or SPLIT_NOTE in record["model_note"]
    )
    return replace(measured, caption=" ".join([measured.caption, *notes]))


def _snippet(request: FigureRequest, measured: Measured, name: str) -> str:
    spans = request.width.endswith("-text") and WIDTHS.get(request.width, 0) > 6
    return snippet(name, measured.caption, command_of(request, name), spans=spans)


def _check(request: FigureRequest, kind: str) -> None:
    if request.name not in NAMES:
        raise ModelError(f"There is no figure {request.name!r}: choose {', '.join(NAMES)}.")
    if kind not in KINDS:
        raise PictureError("A figure's file must end with .pdf, .svg or .png.")
    if not request.inputs:
        raise PictureError("A figure needs a picture or a survey's folder: give one.")
    if not 30 <= request.dpi <= 1200:
        raise PictureError(f"{request.dpi} dpi is out of range: choose 30 to 1200.")
    width_inches(request.width)
    if request.latex:
        check_latex()


def _refuse_changed(before: Sequence[Any], now: Sequence[Mapping[str, Any]]) -> None:
    for old, new in zip(before, now, strict=True):
        for key in _DIGESTS:
            if old.get(key) != new.get(key):
                named = old.get(key.replace("_sha256", ""))
                what = named if isinstance(named, str) else f"The {key.replace('_sha256', '')}"
                raise PictureError(
                    f"{what} is not what it was when the figure was made: bring the old one "
                    "back, or create the figure again."
                )
