"""Figures for paper, drawn with Matplotlib: one call takes a result and returns a figure.

``savefig`` writes them in the style of the paper (TrueType fonts, no dates), whatever the user's
own Matplotlib settings are. ``sk_viz.publish.make.make_figure`` measures as well, and writes the
caption, the table and the command beside the figure.
"""

from sk_viz.figures.paper.results import field_figure, sweep_channels, sweep_map, sweep_strip

__all__ = ["field_figure", "sweep_channels", "sweep_map", "sweep_strip"]
