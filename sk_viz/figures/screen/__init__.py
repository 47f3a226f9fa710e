"""Figures for the screen, drawn with Plotly: one call takes a result and returns a figure."""

from sk_viz.figures.screen.results import (
    attribution_map,
    choice_map,
    effect_bars,
    sweep_channels,
    sweep_lines,
    sweep_map,
)

__all__ = [
    "attribution_map",
    "choice_map",
    "effect_bars",
    "sweep_channels",
    "sweep_lines",
    "sweep_map",
]
