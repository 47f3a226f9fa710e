"""Explore's filmstrip: the pictures, what is predicted, and attributions beneath."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import streamlit as st

import sk_viz
from sk_viz.app.components.filmstrip import Frame, data_address, filmstrip
from sk_viz.app.explore.view import NO_METHOD, Shown, View
from sk_viz.app.shared import shell
from sk_viz.app.shared.prediction import percent
from sk_viz.app.state.settings import Settings, change, current
from sk_viz.figures.screen.overlay import common_limit, heat_layer
from sk_viz.figures.screen.style import scale_label, share_label, spread
from sk_viz.language import gettext as _
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.attribution.attribute import Attribution
    from sk_viz.measures.sweep.result import Sweep

MOST_FRAMES = 12


def attributions(
    shown: Shown, view: View
) -> dict[float, tuple[Hashable, Callable[[Progress], Attribution]]]:
    """What is asked for: by scale, what the result is kept by and what makes it."""
    return {
        scale: (key, _attribute(shown, view, scale)) for scale, key in _keys(shown, view).items()
    }


def draw_strip(shown: Shown, view: View, scale: float) -> None:
    """The strip with those attributions that are there already."""
    heats = {s: shell.jobs().kept(key) for s, key in _keys(shown, view).items()}
    _filmstrip(shown, view, scale, heats)


def fill_in(shown: Shown, view: View) -> None:
    """Compute the attributions that are missing, while all else is on the page already."""
    missing = {
        scale: (key, work)
        for scale, (key, work) in attributions(shown, view).items()
        if shell.jobs().kept(key) is None
    }
    if not missing:
        return

    def compute() -> bool:
        for count, (scale, (key, work)) in enumerate(missing.items(), start=1):
            label = _("Attributing at {scale}, {count} of {total}").format(
                scale=scale_label(scale), count=count, total=len(missing)
            )
            shell.result(key, label, work)
        return all(shell.jobs().kept(key) is not None for key, _work in missing.values())

    st.session_state.pop("attributions.good", None)
    if shell.last_good("attributions", compute):
        st.rerun()


def _keys(shown: Shown, view: View) -> dict[float, Hashable]:
    """The scales whose attribution is asked for, and what each result is kept by."""
    return {scale: _attribution_key(shown, view, scale) for scale in _explained(shown, view)}


def _explained(shown: Shown, view: View) -> tuple[float, ...]:
    """The scales whose attribution is asked for."""
    if view.method == NO_METHOD:
        return ()
    if view.explained is None:
        return spread(_regular(shown.sweep.scales), 3)
    return view.explained


def _regular(scales: tuple[float, ...]) -> tuple[float, ...]:
    """Every so many of the scales, at most ``MOST_FRAMES``, and the last."""
    every = max(1, math.ceil((len(scales) - 1) / (MOST_FRAMES - 1)))
    return tuple(dict.fromkeys((*scales[::every], scales[-1])))


def _filmstrip(
    shown: Shown, view: View, scale: float, heats: dict[float, Attribution | None]
) -> None:
    sweep = shown.sweep
    scales = sweep.scales
    frames_at = {*_regular(scales), scale, *heats}
    first = str(sweep.predictions["name"].iloc[0])
    done = {s: attribution.heatmap for s, attribution in heats.items() if attribution is not None}
    limit = common_limit(list(done.values())) if done else 0.0
    frames = []
    nearest = _("Likely none of its {classes} classes. Nearest:").format(
        classes=len(shown.model.classes)
    )
    likeliest = _likeliest(sweep)
    for column, stimulus in enumerate(sweep.stimuli):
        if stimulus.scale not in frames_at:
            continue
        heat = done.get(stimulus.scale)
        name, probability = likeliest[stimulus.scale][0]
        none = sweep.likely_none is not None and bool(sweep.likely_none[column])
        frames.append(
            Frame(
                column=column,
                scale=stimulus.scale,
                label=scale_label(stimulus.scale),
                says=_("scale {scale}: {answer}").format(
                    scale=scale_label(stimulus.scale), answer=shown.said(stimulus.scale)
                ),
                source=data_address(stimulus.rgb),
                name=name,
                probability=probability,
                share=percent(probability),
                none=none,
                others="\n".join(
                    ([nearest] if none else [])
                    + [f"{share_label(p)}  {n}" for n, p in likeliest[stimulus.scale]]
                ),
                changed=name != first,
                chosen=stimulus.scale == scale,
                explained=stimulus.scale in heats,
                heat=None if heat is None else data_address(heat_layer(heat, limit)),
            )
        )
    filmstrip(
        frames,
        columns=len(scales),
        strength=view.strength,
        explanation="" if view.method == NO_METHOD else f"{METHODS[view.method].title}: {first}",
        on_click=_strip_clicked,
        key="filmstrip",
    )


def _likeliest(sweep: Sweep) -> dict[float, list[tuple[str, float]]]:
    """The likeliest classes at each scale, with their probabilities."""
    found: dict[float, list[tuple[str, float]]] = {}
    table = sweep.predictions
    for scale, *best in zip(table["scale"], table["name"], table["probability"], strict=True):
        found.setdefault(float(scale), []).append((str(best[0]), float(best[1])))
    return found


def _strip_clicked() -> None:
    clicked = st.session_state["filmstrip"].clicked
    scale = float(clicked["scale"])
    if clicked["row"] == "picture":
        change(Settings, scale=scale)
        return
    shown: Shown = st.session_state["explore.good"]
    explained = set(_explained(shown, current(View)))
    change(View, explained=tuple(sorted(explained ^ {scale})))


def _explained_class(shown: Shown) -> int:
    """The likeliest class at the first scale: one class for all scales, so that they compare."""
    return int(shown.sweep.predictions["label"].to_numpy()[0])


def _attribution_key(shown: Shown, view: View, scale: float) -> Hashable:
    label, how = _explained_class(shown), shown.presentation
    return ("attribution", *shown.inputs, view.method, label, scale, how.protocol, how.point)


def _attribute(shown: Shown, view: View, scale: float) -> Callable[[Progress], Attribution]:
    label = _explained_class(shown)

    def work(report: Progress) -> Attribution:
        return sk_viz.attribute(
            shown.model,
            shown.picture,
            method=view.method,
            target=label,
            scale=scale,
            progress=report,
            **shown.presentation.arguments,
        )

    return work
