"""One call for each figure on paper: a result in, a Matplotlib figure at its final size out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sk_viz.errors import ModelError
from sk_viz.figures.paper import fig3, heatmap, rf, strip
from sk_viz.figures.paper.style import paper_style

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.fields.receptive_field import ReceptiveField
    from sk_viz.measures.sweep.result import Sweep


def sweep_map(sweep: Sweep, width: str = "cvpr-text") -> Figure:
    """The difference of every unit at every scale.

    Args:
        sweep: of ``sk_viz.sweep``.
        width: a name of ``sk_viz.figures.paper.style.WIDTHS`` or a number of inches, such as
            ``"3.4"``.

    Example:
        >>> figure = sk_viz.figures.paper.sweep_map(sweep, "cvpr-column")
        >>> figure.savefig("map.pdf")
    """
    values = np.stack([sweep.unit_differences(unit) for unit in sweep.units])
    title = f"{sweep.record['picture']}, {sweep.record['protocol']}"
    with paper_style():
        return heatmap.heatmap(sweep.units, sweep.scales, values, title, width)[0]


def sweep_channels(
    sweeps: Sweep | Sequence[Sweep], unit: str | None = None, width: str = "cvpr-text"
) -> Figure:
    """The weights of one unit's channels and the mean differences, as figure 3 of the paper.

    Args:
        sweeps: one sweep per row, all over the same scales.
        unit: whose channels are drawn; by default SK_3_4 where the network has it, else the last
            unit of its second stage of units.
        width: as that of :func:`sweep_map`.

    Raises:
        ModelError: no such unit, or sweeps over different scales.

    Example:
        >>> figure = sk_viz.figures.paper.sweep_channels(sweep)
    """
    rows = [sweeps] if not isinstance(sweeps, Sequence) else list(sweeps)
    if len({sweep.scales for sweep in rows}) != 1:
        raise ModelError("The sweeps must be over the same scales.")
    unit = unit or fig3.default_curve_unit(rows[0].units)
    panels = [picture_panel(sweep, unit) for sweep in rows]
    with paper_style():
        return fig3.fig3(panels, unit, largest_kernel(rows[0], unit), width)[0]


def sweep_strip(
    sweep: Sweep, attributions: Sequence[Attribution] = (), width: str = "cvpr-text"
) -> Figure:
    """What the network was shown at each scale, its likeliest classes and attribution maps.

    Opacity is the square root of a value's share of the largest value over all maps.

    Args:
        sweep: with its stimuli, so not one that was loaded from a file.
        attributions: one per scale, in the sweep's order, or none.
        width: as that of :func:`sweep_map`.

    Raises:
        ModelError: a sweep without stimuli, or attributions of other scales.

    Example:
        >>> maps = [sk_viz.attribute(model, picture, "saliency", scale=s) for s in sweep.scales]
        >>> figure = sk_viz.figures.paper.sweep_strip(sweep, maps)
    """
    if not sweep.stimuli:
        raise ModelError("A sweep that was loaded from a file has no pictures: run it again.")
    if attributions and [one.stimulus.scale for one in attributions] != list(sweep.scales):
        raise ModelError("Give one attribution for each scale of the sweep, in its order.")
    explained = ""
    if attributions:
        texts = dict.fromkeys(one.text for one in attributions)
        of = next(iter(texts)) if len(texts) == 1 else "the likeliest class"
        explained = f"{attributions[0].method.replace('_', ' ')} of {of}"
    with paper_style():
        return strip.strip(strip_frames(sweep, attributions), explained, width)[0]


def field_figure(
    field: ReceptiveField, rgb: npt.NDArray[np.uint8] | None = None, width: str = "cvpr-text"
) -> Figure:
    """The theoretical fields on the picture, and the measured field.

    Grey is the square root of a value's share of the largest.

    Args:
        field: of ``sk_viz.receptive_field``.
        rgb: uint8 (H, W, 3), what the network was shown; white if left out.
        width: as that of :func:`sweep_map`.

    Example:
        >>> field = sk_viz.receptive_field(model, "SK_3_1", picture)
        >>> figure = sk_viz.figures.paper.field_figure(field, sweep.stimuli[0].rgb)
    """
    shown = np.full((*field.effective.shape, 3), 255, np.uint8) if rgb is None else rgb
    name, gate = str(field.record["unit"]), str(field.record["gate"])
    with paper_style():
        return rf.rf(name, shown, field_branches(field), field.effective, field.size, gate, width)[
            0
        ]


def picture_panel(sweep: Sweep, unit: str, title: str | None = None) -> fig3.Fig3Panel:
    """The row of figure 3 that shows one picture."""
    rows = sweep.weights[sweep.weights["unit"] == unit].drop_duplicates("branch")
    weights = sweep.unit_weights(unit)
    largest = int(np.argmax(rows["kernel"].to_numpy()))
    units = fig3.default_units(sweep.units)
    values = {name: sweep.unit_differences(name) for name in units}
    return fig3.Fig3Panel(
        title=title or str(sweep.record["picture"]),
        channels=dict(zip(sweep.scales, weights[:, largest, :].astype(np.float64), strict=True)),
        differences={
            scale: {name: float(v[n]) for name, v in values.items()}
            for n, scale in enumerate(sweep.scales)
        },
        pictures=[stimulus.rgb for stimulus in sweep.stimuli],
    )


def largest_kernel(sweep: Sweep, unit: str) -> int:
    """The extent of a unit's largest kernel.

    Raises:
        ModelError: there is no such unit.
    """
    sweep.unit_differences(unit)
    return int(sweep.weights.loc[sweep.weights["unit"] == unit, "kernel"].max())


def strip_frames(sweep: Sweep, attributions: Sequence[Attribution]) -> list[strip.StripFrame]:
    """The frames of a strip, with a map where there is one."""
    frames = []
    for n, stimulus in enumerate(sweep.stimuli):
        heat = attributions[n].heatmap if attributions else None
        rows = sweep.predictions[sweep.predictions["scale"] == stimulus.scale]
        said = [(str(n), float(p)) for n, p in zip(rows["name"], rows["probability"], strict=True)]
        frames.append(strip.StripFrame(stimulus.scale, stimulus.rgb, said, heat))
    return frames


def field_branches(field: ReceptiveField) -> list[rf.RfBranch]:
    """The theoretical field of each branch at the field's position."""
    branches = []
    for one in field.theoretical:
        box = one.box(*field.position)
        edges = (float(box.left), float(box.top), float(box.right), float(box.bottom))
        branches.append(rf.RfBranch(one.kernel, one.size, edges, one.status))
    return branches
