"""What the model is, said the same way beside its name on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.app.shared import shell, terms
from sk_viz.language import gettext as _
from sk_viz.language import mark, ngettext
from sk_viz.pictures import Picture

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

_COLOURS = {"bundled": "green", "pretrained": "blue", "untrained": "red"}
_KINDS = {
    "bundled": mark("bundled"),
    "pretrained": mark("pretrained"),
    "untrained": mark("untrained"),
    "checkpoint": mark("checkpoint"),
    "given": mark("given"),
}


def kind(name: str) -> str:
    """Where a model's weights are from, in a word."""
    return _(_KINDS[name]) if name in _KINDS else name


def marks(kind_: str, *, split: bool, dead: int = 0) -> str:
    """Badges, as Markdown: where the weights are from, and what does not hold of the units.

    Args:
        kind_: bundled, pretrained, untrained, or the like.
        split: each branch of its units sees a different part of the channels.
        dead: units that choose the same for every input.
    """
    badges = f":{_COLOURS.get(kind_, 'gray')}-badge[{kind(kind_)}]"
    if split:
        badges += f" :orange-badge[{_('split halves')}]"
    if dead:
        badges += f" :red-badge[{ngettext('{n} dead unit', '{n} dead units', dead).format(n=dead)}]"
    return badges


def marks_of(model: Model) -> str:
    """The badges of a loaded model."""
    units = model.units
    split, dead = any(unit.split_input for unit in units), sum(unit.dead for unit in units)
    return marks(model.kind, split=split, dead=dead)


def brief(name: str, note: str, badges: str) -> str:
    """A model's name, badges and note as small Markdown."""
    # Not a caption, which would pale the badge that says what not to trust.
    return f":small[**{shell.plain(name)}** {badges} {shell.plain(terms.sentence(note))}]"


def line(model: Model, picture: Picture) -> None:
    """One small line on the model and the picture."""
    shown = _("Input {side} × {side} on {device}. Picture: {name}, {width} × {height}.").format(
        side=model.preprocessing.input_size,
        device=str(model.device).upper(),
        name=picture.name,
        width=picture.width,
        height=picture.height,
    )
    st.markdown(f"{brief(model.id, model.note, marks_of(model))} :small[{shell.plain(shown)}]")
