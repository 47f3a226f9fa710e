"""What the model is, said the same way beside its name on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.app.shared.say import Say, english
from sk_viz.pictures import Picture

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

_COLOURS = {"bundled": "green", "pretrained": "blue", "untrained": "red"}


def marks(kind: str, *, split: bool, dead: int = 0, say: Say = english) -> str:
    """Badges, as Markdown: where the weights are from, and what does not hold of the units.

    Args:
        kind: bundled, pretrained, untrained, or the like.
        split: each branch of its units sees a different part of the channels.
        dead: units that choose the same for every input.
        say: the words for what stands here in English.
    """
    badges = f":{_COLOURS.get(kind, 'gray')}-badge[{say(kind)}]"
    if split:
        badges += f" :orange-badge[{say('split halves')}]"
    if dead:
        badges += f" :red-badge[{dead} {say('dead unit' if dead == 1 else 'dead units')}]"
    return badges


def marks_of(model: Model, say: Say = english) -> str:
    """The badges of a loaded model."""
    units = model.units
    split, dead = any(unit.split_input for unit in units), sum(unit.dead for unit in units)
    return marks(model.kind, split=split, dead=dead, say=say)


def brief(name: str, note: str, badges: str) -> str:
    """A model's name, badges and note as small Markdown."""
    # Not a caption, which would pale the badge that says what not to trust.
    return f":small[**{shell.plain(name)}** {badges} :gray[{shell.plain(note)}]]"


SHOWN = "Input {side} × {side} on {device}. Picture: {name}, {width} × {height}."


def line(model: Model, picture: Picture, say: Say = english) -> None:
    """One small line on the model and the picture."""
    shown = say(SHOWN).format(
        side=model.preprocessing.input_size,
        device=model.device,
        name=picture.name,
        width=picture.width,
        height=picture.height,
    )
    st.markdown(brief(model.id, f"{say(model.note)} {shown}", marks_of(model, say)))
