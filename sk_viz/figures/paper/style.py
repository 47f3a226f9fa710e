"""What every figure on paper shares: widths of columns, type, lines and hatches, and saving.

Nothing here or beside it uses pyplot, whose state belongs to the whole process.
"""

from __future__ import annotations

import io
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from sk_viz.errors import ModelError
from sk_viz.figures.palette import difference_scale
from sk_viz.figures.paper.latex import escape

# Inches, of the authors' kits: a column, and the whole text block.
WIDTHS: Mapping[str, float] = {
    "cvpr-column": 3.25,
    "cvpr-text": 6.875,
    "iccv-column": 3.25,
    "iccv-text": 6.875,
    "icml-column": 3.25,
    "icml-text": 6.75,
    "neurips-text": 5.5,
    "iclr-text": 5.5,
    "eccv-text": 4.8,
    "aaai-column": 3.3,
    "aaai-text": 6.975,
}
SMALL, NORMAL = 6.0, 7.0  # points at final size; nothing is smaller
DPI = 300
_NOTEBOOK_DPI = 160

# One a scale, dark to light, told apart in grey and without colour by line and marker.
_COLOURS = ("#14213D", "#2F7F6F", "#D98C00", "#5B5F97", "#9A8C98", "#444444")
_LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_HATCHES = ("", "/////", ".....", "xxxxx", "-----", "\\\\\\\\\\")

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.6,
    "hatch.linewidth": 0.4,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a dollar in a file's name is a dollar
    "mathtext.fontset": "dejavusans",
    "image.interpolation": "nearest",
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "sk_viz",
    "pdf.compression": 6,
}
_LATEX_STYLE: dict[Any, Any] = {
    "text.usetex": True,
    "font.family": "serif",
    "font.serif": ["Computer Modern Roman"],
}

# matplotlib's settings belong to the process, and so does what a style changes.
_lock = threading.RLock()


class _Inside(threading.local):
    """How many styles this thread is inside of."""

    depth = 0


_inside = _Inside()


class PaperFigure(Figure):
    """A figure that is written and shown in the style it was drawn in, wherever that happens."""

    def savefig(self, *arguments: Any, **settings: Any) -> None:
        """Write the figure; the arguments are those of Matplotlib's ``Figure.savefig``."""
        with nullcontext() if _inside.depth else paper_style():
            super().savefig(*arguments, **settings)

    def _repr_png_(self) -> bytes:
        """What a notebook displays."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_NOTEBOOK_DPI)
        return buffer.getvalue()


def width_inches(width: str) -> float:
    """The width of a column in inches.

    Args:
        width: a name of ``WIDTHS``, or a number of inches such as ``"3.4"``.

    Raises:
        ModelError: neither, or outside 1 to 20 inches.
    """
    if width in WIDTHS:
        return WIDTHS[width]
    try:
        inches = float(width)
    except ValueError:
        inches = 0.0
    if not 1 <= inches <= 20:
        raise ModelError(
            f"There is no width {width!r}: choose {', '.join(WIDTHS)}, or inches from 1 to 20."
        )
    return inches


def scale_style(position: int) -> dict[str, Any]:
    """Line of a scale, by its position among those drawn."""
    return {
        "color": _COLOURS[position % len(_COLOURS)],
        "linestyle": _LINES[position % len(_LINES)],
        "marker": _MARKERS[position % len(_MARKERS)],
    }


def bar_style(position: int) -> dict[str, Any]:
    """Bar of a scale, by its position among those drawn."""
    colour = _COLOURS[position % len(_COLOURS)]
    hatch = _HATCHES[position % len(_HATCHES)]
    return {
        "facecolor": colour if not hatch else "white",
        "edgecolor": colour,
        "hatch": hatch,
        "linewidth": 0.6,
    }


def difference_colours() -> LinearSegmentedColormap:
    """The diverging colours of a difference, blue for the smallest kernel."""
    return LinearSegmentedColormap.from_list("difference", difference_scale())


def check_latex() -> None:
    """Raises: ModelError: LaTeX is not installed."""
    if not (shutil.which("latex") and shutil.which("dvipng")):
        raise ModelError(
            "LaTeX is not installed (latex and dvipng are needed): install it, or leave it out."
        )


@contextmanager
def paper_style(latex: bool = False) -> Iterator[None]:
    """matplotlib's settings for paper, for the thread inside alone.

    Args:
        latex: set all text by LaTeX, in its own type.

    Raises:
        ModelError: LaTeX was asked for and is not installed, or not with all it needs.
    """
    if latex:
        check_latex()
    with _lock, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        if latex:
            mpl.rcParams.update(_LATEX_STYLE)
        _inside.depth += 1
        try:
            yield
        except (RuntimeError, FileNotFoundError) as error:
            if not latex or "latex" not in str(error):  # torch raises such errors too
                raise
            said = re.search(r"^! *(.+)$", str(error), re.MULTILINE)
            raise ModelError(
                f"LaTeX could not set the text ({said[1] if said else 'see its log'}): install "
                "what it lacks, such as texlive-latex-extra and cm-super, or leave it out."
            ) from error
        finally:
            _inside.depth -= 1


def words(text: str) -> str:
    """Text that is drawn as it stands, by LaTeX too; inside :func:`paper_style`."""
    return escape(text) if mpl.rcParams["text.usetex"] else text


def new_figure(width: str, height: float) -> Figure:
    """An empty figure of a final size; inside :func:`paper_style`.

    Args:
        width: see :func:`width_inches`.
        height: inches.
    """
    figure = PaperFigure(figsize=(width_inches(width), height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure, kind: str, metadata: Mapping[str, Any], dpi: int = DPI) -> bytes:
    """The bytes of a figure; equal for equal figures. Inside :func:`paper_style`.

    Args:
        figure: what to draw.
        kind: pdf, svg or png.
        metadata: as matplotlib's ``savefig`` takes it for this kind.
        dpi: of a PNG, and of pictures inside the others.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=dict(metadata))
    return buffer.getvalue()
