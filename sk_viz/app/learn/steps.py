"""The five steps of the page Learn: the equation with its numbers beside the pictures of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from sk_viz.app.learn.facts import Walk, facts, signed
from sk_viz.app.learn.text import Text
from sk_viz.app.shared import shell
from sk_viz.figures.screen.learn import branch_ink, change_map, channel_map, looks_figure
from sk_viz.figures.screen.learn_numbers import PUSH, bars, push_curves, votes, weight_stack
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import kernel_label
from sk_viz.measures.unit_trace import pushed_weights
from sk_viz.pictures import Stimulus

LETTERS = "abcdefgh"
CURVE_POINTS = 121


def draw_equations(walk: Walk, step: str) -> None:
    """The equations of a step, with letters and then with the numbers on screen."""
    rows = r" \\[4pt] ".join(f"{left} &= {right}" for left, right in _EQUATIONS[step](walk))
    st.latex(rf"\begin{{aligned}} {rows} \end{{aligned}}")


def draw_pictures(walk: Walk, step: str, stimulus: Stimulus, text: Text) -> None:
    """The pictures of a step, side by side where there is room."""
    figures = _FIGURES[step](walk, stimulus, text)
    for number, (column, (caption, figure)) in enumerate(
        zip(st.columns(len(figures), gap="small"), figures, strict=True)
    ):
        with column:
            st.markdown(f"**{caption}**")
            st.plotly_chart(
                figure,
                theme=None,
                key=f"learn.{step}.{number}",
                config={"displayModeBar": False},
                alt=f"{caption}.".replace("\\", ""),
            )
    if limit := _LIMITS.get(step):
        st.caption(text.colours.format(limit=f"{limit(walk):.3f}"))


Equations = list[tuple[str, str]]


def _input_equations(walk: Walk) -> Equations:
    channels, height, width = walk.trace.entering.shape
    mean = walk.trace.entering.mean()
    return [
        (r"\mathrm{shape}(X)", rf"{channels} \times {height} \times {width}"),
        (r"\mathrm{mean}(X)", f"{mean:.3f}"),
    ]


def _split_equations(walk: Walk) -> Equations:
    lines = []
    for branch, values in enumerate(walk.maps):
        kernel = walk.kernels[branch]
        name = rf"U^{{{kernel}\times{kernel}}}"
        at = f"{name}_{{{walk.channel}}}({_place(walk)})"
        made = rf"\mathrm{{ReLU}}(\mathrm{{BN}}(K_{{{kernel}\times{kernel}}} * X))"
        lines.append((_coloured(walk, branch, name), made))
        lines.append((_coloured(walk, branch, at), f"{values[walk.place]:.3f}"))
    return lines


def _fuse_equations(walk: Walk) -> Equations:
    trace, c = walk.trace, walk.channel
    _, height, width = trace.summed.shape
    names = " + ".join(_coloured(walk, m, rf"U^{{{k}\times{k}}}") for m, k in _branches(walk))
    parts = " + ".join(_coloured(walk, m, f"{v[walk.place]:.3f}") for m, v in enumerate(walk.maps))
    mean = rf"\frac{{1}}{{{height} \cdot {width}}} \sum_{{i,j}} U_{{{c}}}(i, j)"
    return [
        ("U", names),
        (f"U_{{{c}}}({_place(walk)})", f"{parts} = {trace.summed[c][walk.place]:.3f}"),
        (f"s_{{{c}}}", f"{mean} = {trace.pooled[c]:.3f}"),
        ("z", r"\mathrm{ReLU}(\mathrm{BN}(W s))"),
        (r"\mathrm{shape}(W)", rf"{len(trace.compact)} \times {len(trace.pooled)}"),
    ]


def _select_equations(walk: Walk) -> Equations:
    c = walk.channel
    logits = [float(value) for value in walk.trace.logits[:, c]]
    lines = []
    for branch, value in enumerate(logits):
        row = _coloured(walk, branch, rf"{LETTERS[branch].upper()}_{{{c}}}\, z")
        lines.append((row, signed(value, 3)))
        if walk.push and branch == walk.branch:
            more = f"{signed(value, 3)} {signed(walk.push, 1)} = {signed(value + walk.push, 3)}"
            lines[-1] = (row, more)
    logits[walk.branch] += walk.push
    powers = [_coloured(walk, m, f"e^{{{signed(v, 2)}}}") for m, v in enumerate(logits)]
    for branch, power in enumerate(powers):
        name = _coloured(walk, branch, f"{LETTERS[branch]}_{{{c}}}")
        weight = rf"\mathbf{{{walk.pushed[branch]:.3f}}}"
        lines.append((name, rf"\frac{{{power}}}{{{' + '.join(powers)}}} = {weight}"))
    return lines


def _sum_equations(walk: Walk) -> Equations:
    c = walk.channel
    terms = [
        _coloured(walk, m, rf"{LETTERS[m]}_{{{c}}}\, U^{{{k}\times{k}}}_{{{c}}}")
        for m, k in _branches(walk)
    ]
    parts = [
        _coloured(walk, m, rf"{walk.pushed[m]:.3f} \cdot {values[walk.place]:.3f}")
        for m, values in enumerate(walk.maps)
    ]
    return [
        (f"V_{{{c}}}", " + ".join(terms)),
        (f"V_{{{c}}}({_place(walk)})", " + ".join(parts)),
        ("", rf"\mathbf{{{walk.sum_pushed[walk.place]:.3f}}}"),
    ]


Figures = list[tuple[str, go.Figure]]


def _input_figures(walk: Walk, stimulus: Stimulus, text: Text) -> Figures:
    ink = shell.ink()
    first, second = _captions(walk, "input", text)
    mean = walk.trace.entering.mean(axis=0)
    picture = picture_panel(stimulus.rgb, ink)
    x = channel_map(mean, ink, limit=float(mean.max()))
    picture.update_layout(height=x.layout.height)
    return [(first, picture), (second, x)]


def _split_figures(walk: Walk, _stimulus: Stimulus, text: Text) -> Figures:
    ink, trace = shell.ink(), walk.trace
    row, column = walk.place
    stride = trace.convolutions[0].stride
    looks = [convolution.looks_at(row, column) for convolution in trace.convolutions]
    ground = trace.entering.mean(axis=0)
    first, _ = _captions(walk, "split", text)
    shown: Figures = [(first, looks_figure(ground, looks, (row * stride, column * stride), ink))]
    limit = _LIMITS["split"](walk)
    for branch, kernel in _branches(walk):
        _, caption = _captions(walk, "split", text, kernel=kernel_label(kernel))
        shown.append((caption, _branch_map(walk, branch, walk.maps[branch], limit)))
    return shown


def _fuse_figures(walk: Walk, _stimulus: Stimulus, text: Text) -> Figures:
    ink, trace = shell.ink(), walk.trace
    summed = trace.summed[walk.channel]
    first, second, third = _captions(walk, "fuse", text)
    axes = text.axes
    return [
        (first, channel_map(summed, ink, limit=_LIMITS["fuse"](walk), place=walk.place)),
        (
            second,
            bars(trace.pooled, ink, across=axes["channel"], up=axes["mean"], chosen=walk.channel),
        ),
        (third, bars(trace.compact, ink, across=axes["entry"], up=axes["z"])),
    ]


def _select_figures(walk: Walk, _stimulus: Stimulus, text: Text) -> Figures:
    ink, trace, c = shell.ink(), walk.trace, walk.channel
    named = facts(walk, text.joined)
    axes = {name: words.format(**named) for name, words in text.axes.items()}
    parts = (trace.rows[-1, c] - trace.rows[0, c]) * trace.compact
    pushes = np.linspace(-PUSH, PUSH, CURVE_POINTS, dtype=np.float32)
    weights = np.stack([pushed_weights(trace.logits[:, c], walk.branch, float(p)) for p in pushes])
    every = trace.weights.copy()
    every[:, c] = walk.pushed
    first, second, third = _captions(walk, "select", text)
    return [
        (first, votes(parts, ink, across=axes["entry"], up=axes["vote"])),
        (
            second,
            push_curves(
                pushes,
                weights,
                walk.kernels,
                walk.push,
                ink,
                across=axes["push"],
                up=axes["weight"],
            ),
        ),
        (
            third,
            weight_stack(every, walk.kernels, c, ink, across=axes["channel"], up=axes["weight"]),
        ),
    ]


def _sum_figures(walk: Walk, _stimulus: Stimulus, text: Text) -> Figures:
    ink = shell.ink()
    own = walk.trace.output[walk.channel]
    limit = _LIMITS["sum"](walk)
    shown: Figures = []
    for branch, kernel in _branches(walk):
        weight = walk.pushed[branch]
        caption, second, third = _captions(
            walk, "sum", text, kernel=kernel_label(kernel), weight=f"{weight:.3f}"
        )
        shown.append((caption, _branch_map(walk, branch, weight * walk.maps[branch], limit)))
    shown.append((second, channel_map(walk.sum_pushed, ink, limit=limit, place=walk.place)))
    if walk.push:
        change = walk.sum_pushed - own
        reach = float(np.abs(change).max())
        shown.append((third, change_map(change, ink, limit=reach, place=walk.place)))
    return shown


_EQUATIONS = {
    "input": _input_equations,
    "split": _split_equations,
    "fuse": _fuse_equations,
    "select": _select_equations,
    "sum": _sum_equations,
}
_FIGURES = {
    "input": _input_figures,
    "split": _split_figures,
    "fuse": _fuse_figures,
    "select": _select_figures,
    "sum": _sum_figures,
}

# The value of full colour, the same in all maps of a step; V never exceeds the branches.
_LIMITS = {
    "split": lambda walk: float(walk.maps.max()),
    "fuse": lambda walk: float(walk.trace.summed[walk.channel].max()),
    "sum": lambda walk: float(walk.maps.max()),
}


def _captions(walk: Walk, step: str, text: Text, **more: str) -> Sequence[str]:
    named = {"kernel": "", "weight": "", **facts(walk, text.joined), **more}
    return [caption.format(**named) for caption in text.steps[step].captions]


def _branch_map(walk: Walk, branch: int, values: np.ndarray, limit: float) -> go.Figure:
    ink = shell.ink()
    colour = branch_ink(branch, len(walk.kernels), ink)
    return channel_map(values, ink, limit=limit, colour=colour, place=walk.place)


def _branches(walk: Walk) -> Sequence[tuple[int, int]]:
    return list(enumerate(walk.kernels))


def _coloured(walk: Walk, branch: int, formula: str) -> str:
    colour = branch_ink(branch, len(walk.kernels), shell.ink())
    return rf"\textcolor{{{colour}}}{{{formula}}}"


def _place(walk: Walk) -> str:
    row, column = walk.place
    return f"{row}, {column}"
