"""What the page Figures alone chooses."""

from __future__ import annotations

from dataclasses import dataclass

from sk_viz.app.state.address import in_address, one_of, switch, word, write_switch
from sk_viz.figures.paper.style import DPI, WIDTHS
from sk_viz.language import mark
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.pictures import parse_scales

PICTURE = "picture"
MODEL_UNIT = "own"
CSS_PIXELS = 96  # in an inch, on every screen

OF_PICTURE = {
    "fig3": mark("Figure 3: channels and units"),
    "heatmap": mark("Heatmap: unit by scale"),
    "strip": mark("Strip: pictures and maps"),
    "rf": mark("Receptive field"),
}
OF_SURVEY = {
    "fig3": mark("Figure 3: channels and units"),
    "fig4": mark("Figure 4: classes"),
    "heatmap": mark("Heatmap: unit by scale"),
}
VENUES = {name: f"{name.split('-')[0].upper()} {name.split('-')[1]}" for name in WIDTHS}
RESOLUTIONS = ("150", "300", "600")
SIZES = {"1": mark("Final size"), "2": mark("Twice")}
TYPES = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
UNITS = {"fig3", "rf"}


def _read_scales(text: str) -> str:
    if text:
        parse_scales(text)
    return text


@dataclass(frozen=True)
class FiguresView:
    """What this page alone chooses.

    Attributes:
        figure: its name.
        source: ``PICTURE`` for the current one, or the name of a survey.
        width: a name of ``WIDTHS``.
        dpi: of a PNG, and of pictures inside the others.
        scales: as on the command line, "" for those of the figure.
        curve: the unit that is shown, ``MODEL_UNIT`` for the figure's own choice.
        by: the method of the attributions.
        gate: of the receptive field.
        paper: draw the paper's own values beside.
        latex: set all text by LaTeX.
        size: how many times the final size it is previewed.
    """

    figure: str = in_address("fig3", "figure", one_of(*OF_PICTURE, *OF_SURVEY))
    source: str = in_address(PICTURE, "source", str)
    width: str = in_address("cvpr-column", "width", one_of(*WIDTHS))
    dpi: str = in_address(str(DPI), "dpi", one_of(*RESOLUTIONS))
    scales: str = in_address("", "figure_scales", _read_scales)
    curve: str = in_address(MODEL_UNIT, "curve", word)
    by: str = in_address("integrated_gradients", "by", one_of(*METHODS))
    gate: str = in_address("held", "gate", one_of("held", "free"))
    paper: bool = in_address(False, "paper", switch, write_switch)
    latex: bool = in_address(False, "latex", switch, write_switch)
    size: str = in_address("1", "size", one_of(*SIZES))
