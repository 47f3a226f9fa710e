"""The form of what the page Learn says.

A text in which ``{name}`` stands is filled with what is on screen (``learn_facts.facts``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the walk.

    Attributes:
        name: on the button.
        text: Markdown, filled.
        captions: of its pictures, filled.
    """

    name: str
    text: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question and its answer, both filled.

    Attributes:
        ask: the question.
        answer: Markdown, with the numbers on screen.
    """

    ask: str
    answer: str


@dataclass(frozen=True)
class Text:
    """All of the page.

    Attributes:
        question: the page's title.
        unit, channel, scale: labels of the controls.
        back, forth: labels of the buttons between the steps.
        row, column: labels of the place's sliders.
        place: their heading, filled.
        push: label of the slider, filled with ``pushed``.
        push_which: label of the choice of a branch to push.
        reset: label of the button that takes the push back.
        pushed: what the push changed, filled.
        joined: puts several kernels or numbers in one line.
        steps: ``input``, ``split``, ``fuse``, ``select``, ``sum``.
        colours: what the colours of the maps mean, filled.
        axes: names on the axes: channel, mean, entry of z, z, vote, weight, push.
        tabs: plain variant, questions, glossary.
        variant: about the plain variant, filled.
        variant_parts: its table's first column: branch (filled), W, A and B, all.
        variant_columns: heads of its table.
        show: label of a question's button.
        questions: five.
        glossary: words and what they mean.
        other_model: label of the button where the model cannot be walked.
    """

    question: str
    unit: str
    channel: str
    scale: str
    back: str
    forth: str
    row: str
    column: str
    place: str
    push: str
    push_which: str
    reset: str
    pushed: str
    joined: str
    steps: dict[str, Step]
    colours: str
    axes: dict[str, str]
    tabs: tuple[str, str, str]
    variant: str
    variant_parts: tuple[str, str, str, str]
    variant_columns: tuple[str, str, str]
    show: str
    questions: tuple[Question, ...]
    glossary: tuple[tuple[str, str], ...]
    other_model: str
