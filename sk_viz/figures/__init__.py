"""Figures: draw results for paper and screen; nothing here runs a model."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from sk_viz.figures import paper as paper
    from sk_viz.figures import screen as screen

# Matplotlib and Plotly are imported when a figure is first drawn.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["paper", "screen"])
