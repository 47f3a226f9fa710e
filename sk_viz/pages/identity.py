"""What the model is, said the same way beside its name on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.pages import shell
from sk_viz.pictures import Picture

if TYPE_CHECKING:
    from sk_viz.networks.zoo import Model

_COLOURS = {"bundled": "green", "pretrained": "blue", "untrained": "red"}


def marks(kind: str, *, split: bool, dead: int = 0) -> str:
    """Badges, as Markdown: where the weights are from, and what does not hold of the units.

    Args:
        kind: bundled, pretrained, untrained, or the like.
        split: each branch of its units sees a different part of the channels.
        dead: units that choose the same for every input.
    """
    badges = f":{_COLOURS.get(kind, 'gray')}-badge[{kind}]"
    if split:
        badges += " :orange-badge[split halves]"
    if dead:
        badges += f" :red-badge[{dead} dead {'unit' if dead == 1 else 'units'}]"
    return badges


def marks_of(model: Model) -> str:
    """The badges of a loaded model."""
    units = model.units
    split, dead = any(unit.split_input for unit in units), sum(unit.dead for unit in units)
    return marks(model.kind, split=split, dead=dead)


def brief(name: str, note: str, badges: str) -> str:
    """A model's name, badges and note as small Markdown."""
    # Not a caption, which would pale the badge that says what not to trust.
    return f":small[**{shell.plain(name)}** {badges} :gray[{shell.plain(note)}]]"


def line(model: Model, picture: Picture) -> None:
    """One small line on the model and the picture."""
    side = model.preprocessing.input_size
    note = (
        f"{model.note} Input {side} × {side} on {model.device}. Picture: {picture.name}, "
        f"{picture.width} × {picture.height}."
    )
    st.markdown(brief(model.id, note, marks_of(model)))
