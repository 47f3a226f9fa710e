"""One call for each figure on screen: a result in, an interactive Plotly figure out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sk_viz.errors import ModelError
from sk_viz.figures.screen import channels, intervention, lines
from sk_viz.figures.screen import map as maps
from sk_viz.figures.screen.attribution import attribution_panel
from sk_viz.figures.screen.style import Ink, ink_for, spread
from sk_viz.measures.sweep.changes import most_moving_unit

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.choice.intervention import ChoiceMap, Effect
    from sk_viz.measures.sweep.result import Sweep

Theme = Literal["light", "dark"]

_MOST_CURVES = 5


def sweep_map(sweep: Sweep, *, change: bool = False, theme: Theme = "light") -> go.Figure:
    """The difference of every unit at every scale.

    Args:
        sweep: of ``sk_viz.sweep``.
        change: draw the change from the smallest scale in place of the difference.
        theme: ``light`` or ``dark``.

    Example:
        >>> sk_viz.figures.screen.sweep_map(sweep)
    """
    return _on_page(
        maps.difference_map(
            sweep.differences,
            ink_for(theme),
            kernels=_kernels(sweep),
            change=change,
            protocol=sweep.record["protocol"],
        ),
        ink_for(theme),
    )


def sweep_lines(sweep: Sweep, control: Sweep | None = None, *, theme: Theme = "light") -> go.Figure:
    """How the mean difference of each stage changes from the smallest scale on.

    Args:
        sweep: of ``sk_viz.sweep``.
        control: the same over the control, such as the protocol ``blur``; drawn dashed.
        theme: ``light`` or ``dark``.

    Example:
        >>> control = sk_viz.sweep(model, picture, sweep.scales, protocol="blur")
        >>> sk_viz.figures.screen.sweep_lines(sweep, control)
    """
    return _on_page(
        lines.stage_lines(
            sweep.differences,
            ink_for(theme),
            kernels=_kernels(sweep),
            control=None if control is None else control.differences,
            protocol=sweep.record["protocol"],
        ),
        ink_for(theme),
    )


def sweep_channels(sweep: Sweep, unit: str | None = None, *, theme: Theme = "light") -> go.Figure:
    """The weight of every channel of a unit for its largest kernel, one curve per scale.

    Channels are in the order of their weight at the smallest scale. At most five scales are drawn.

    Args:
        sweep: of ``sk_viz.sweep``, not loaded from JSON.
        unit: its name; by default the unit whose difference changes most.
        theme: ``light`` or ``dark``.

    Raises:
        ModelError: no such unit, or a sweep without the weights of single channels.

    Example:
        >>> sk_viz.figures.screen.sweep_channels(sweep, "SK_3_1")
    """
    unit = unit or most_moving_unit(sweep.differences)
    sweep.unit_weights(unit)
    ink = ink_for(theme)
    scales = spread(sorted(sweep.scales), _MOST_CURVES)
    return _on_page(channels.channel_curves(sweep.weights, unit, ink, scales=scales), ink)


def attribution_map(attribution: Attribution, *, theme: Theme = "light") -> go.Figure:
    """An attribution over the picture in grey; full colour is the 97th percentile.

    Args:
        attribution: of ``sk_viz.attribute``.
        theme: ``light`` or ``dark``.

    Example:
        >>> sk_viz.figures.screen.attribution_map(sk_viz.attribute(model, picture, "saliency"))
    """
    ink = ink_for(theme)
    panel = attribution_panel(
        attribution.stimulus.rgb,
        attribution.heatmap,
        ink,
        signed=attribution.signed,
        of=attribution.explains,
    )
    return _on_page(panel, ink)


def effect_bars(effect: Effect, *, theme: Theme = "light") -> go.Figure:
    """The likeliest classes before and after an intervention.

    Args:
        effect: of ``sk_viz.intervene``.
        theme: ``light`` or ``dark``.

    Example:
        >>> sk_viz.figures.screen.effect_bars(sk_viz.intervene(model, picture, {"all": "largest"}))
    """
    ink = ink_for(theme)
    return _on_page(intervention.answer_bars(effect.before, effect.after, effect.change, ink), ink)


def choice_map(choices: ChoiceMap, *, theme: Theme = "light") -> go.Figure:
    """What holding one unit at a time does to the likeliest class.

    Args:
        choices: of ``sk_viz.measures.choice.intervention.which_choice_mattered``.
        theme: ``light`` or ``dark``.

    Example:
        >>> from sk_viz.measures.choice.intervention import which_choice_mattered
        >>> sk_viz.figures.screen.choice_map(which_choice_mattered(model, picture))
    """
    ink = ink_for(theme)
    titles = {kind: kind for kind in choices.table["intervention"].unique()}
    figure = intervention.choice_map(
        choices.table, ink, titles=titles, label=choices.label, name=choices.name
    )
    return _on_page(figure, ink)


def _kernels(sweep: Sweep) -> tuple[int, int]:
    """The smallest and the largest kernel of a network.

    Raises:
        ModelError: a sweep that was loaded from JSON, which keeps no weights.
    """
    if sweep.weights.empty:
        raise ModelError("A sweep loaded from JSON has no kernels to draw: save it as parquet.")
    return int(sweep.weights["kernel"].min()), int(sweep.weights["kernel"].max())


def _on_page(figure: go.Figure, ink: Ink) -> go.Figure:
    """On the app's page figures are see-through; by themselves they need a ground."""
    return figure.update_layout(paper_bgcolor=ink.surface, plot_bgcolor=ink.surface)
