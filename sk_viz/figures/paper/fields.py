"""The fields of many networks: measured sizes over the size of the input."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sk_viz.errors import ModelError
from sk_viz.figures.palette import branch_colour
from sk_viz.figures.paper.style import SMALL, new_figure, words

# Column and what it is called.
DRAWN = (
    ("share_50", "half of |gradient|"),
    ("luo", "above 4.55 % of the peak"),
    ("share_99", "99 % of |gradient|"),
)


def fields(table: pd.DataFrame, width: str) -> Figure:
    """Draw the sizes of the fields of several networks; inside ``paper_style``.

    Args:
        table: of ``FieldTable``. Of several input sizes the first of each network is drawn;
            untrained weights are drawn hollow.
        width: of the figure.

    Raises:
        ModelError: an empty table.
    """
    if table.empty:
        raise ModelError("There is no field to draw: measure at least one network.")
    rows = table.groupby(["model", "weights"], sort=False).head(1)
    models = list(dict.fromkeys(rows["model"]))
    figure = new_figure(width, 0.9 + 0.16 * len(models))
    axes = figure.subplots()
    for place, model in enumerate(models):
        own = rows[rows["model"] == model]
        exact = own[own["status"] == "exact"]
        if not exact.empty:
            share = exact["height"].iloc[0] / exact["input_size"].iloc[0]
            axes.plot([min(share, 1.5)], [place], marker="|", color="black", markersize=7)
        for _, row in own.iterrows():
            hollow = row["weights"] != "given" or row["kind"] == "untrained"
            for number, (column, _) in enumerate(DRAWN):
                colour = branch_colour(number, len(DRAWN))
                axes.plot(
                    [row[column] / row["input_size"]],
                    [place],
                    marker="o",
                    markersize=4,
                    linestyle="",
                    color=colour,
                    markerfacecolor="none" if hollow else colour,
                )
    for number, (_, title) in enumerate(DRAWN):
        colour = branch_colour(number, len(DRAWN))
        axes.plot([], [], marker="o", linestyle="", markersize=4, color=colour, label=words(title))
    axes.plot(
        [], [], marker="|", linestyle="", color="black", label="in theory (1.5 and more at 1.5)"
    )
    axes.plot(
        [],
        [],
        marker="o",
        linestyle="",
        markersize=4,
        color="grey",
        markerfacecolor="none",
        label="random weights",
    )
    labels = [f"{model.removeprefix('timm:')}" for model in models]
    axes.set_yticks(range(len(models)), [words(one) for one in labels])
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.set_xlim(0, 1.55)
    axes.set_xlabel("side of the field over side of the input")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=2, fontsize=SMALL)
    return figure
