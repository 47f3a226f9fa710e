"""The recipe of the bundled model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from sk_viz.training.data.augment import Augmentation
from sk_viz.training.data.photographs import Group


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        steps: optimiser steps. The learning rate stays at its peak until the last ``decay_share``
            of them and then falls linearly to zero, so a longer run continues a shorter one from
            before its decay.
        batch: pictures a step.
        size: input size that the model is kept with and judged at, pixels; may be a little above
            the last that it is trained on, as objects look smaller when they are judged (Touvron
            et al., "Fixing the train-test resolution discrepancy", NeurIPS 2019).
        size_schedule: (share of the steps done, input size), in order; small inputs first.
        rate: peak learning rate. Matrices are moved by Muon, whose steps are scaled to AdamW's;
            biases, norms, the first convolution and the last layer by AdamW itself, at half of it.
        decay: weight decay; not put on biases and norms.
        warmup: steps of linear warm-up.
        decay_share: share of the steps in which the learning rate falls.
        smoothing: label smoothing.
        average: decay of the exponential average of the weights, which is what is kept.
        mixed: compute in bfloat16, all but the branches' convolutions and the loss.
        large_share: share of each batch from the collection with the largest pictures, whose
            zooms bring real detail; ignored with one collection.
        validation: share of the pictures held out.
        seed: of the weights and of every draw; a step's draws depend on it and the step alone.
        augmentation: see :class:`~sk_viz.training.data.augment.Augmentation`.
        after: what is done first, with steps of its own; the learning rate then rises again
            (a warm restart: Loshchilov & Hutter, "SGDR", 2017).
        afresh: begin from the averaged weights of what was done first, with an optimiser that
            remembers nothing of it.
    """

    steps: int = 9_600
    batch: int = 128
    size: int = 64
    size_schedule: tuple[tuple[float, int], ...] = ((0.0, 32), (0.35, 40), (0.6, 48), (0.82, 64))
    rate: float = 4e-3
    decay: float = 0.05
    warmup: int = 400
    decay_share: float = 0.6
    smoothing: float = 0.1
    average: float = 0.998
    mixed: bool = True
    large_share: float = 0.25
    validation: float = 0.05
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    after: Recipe | None = None
    afresh: bool = False

    @property
    def before(self) -> int:
        """Steps of what is done first."""
        return 0 if self.after is None else self.after.total

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.before + self.steps

    @property
    def decay_start(self) -> int:
        """The step at which the learning rate begins to fall for the last time."""
        return self.before + math.ceil(self.steps * (1 - self.decay_share))

    @property
    def cuts(self) -> bool:
        """Whether any step puts objects before other grounds."""
        return self.augmentation.cut_share > 0 or (self.after is not None and self.after.cuts)

    def seeded(self, seed: int) -> Recipe:
        """The same, from the first step on, with another seed."""
        after = None if self.after is None else self.after.seeded(seed)
        return replace(self, seed=seed, after=after)

    def round_at(self, step: int) -> Recipe:
        """The round that a step is of."""
        if self.after is not None and step < self.before:
            return self.after.round_at(step)
        return self

    def size_at(self, step: int) -> int:
        """Input size of a step, pixels."""
        now = self.round_at(step)
        own = step - now.before
        return [size for start, size in now.size_schedule if own >= start * now.steps][-1]

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        now = self.round_at(step)
        own = step - now.before
        if own < now.warmup:
            return now.rate * (own + 1) / now.warmup
        left = (now.steps - own) / (now.decay_share * now.steps)
        return now.rate * min(1.0, left)

    def afresh_at(self, step: int) -> bool:
        """Whether a step is the first of a round that begins afresh."""
        now = self.round_at(step)
        return now.afresh and step == now.before


# The second round draws small and large objects more often, and ends on larger inputs, where both
# are recognised better.
_SECOND = Recipe(
    steps=12_500,
    size=80,
    size_schedule=((0.0, 40), (0.27, 48), (0.6, 64), (0.87, 80)),
    rate=3e-3,
    decay_share=1.0,
    augmentation=Augmentation(even_share=0.6),
    after=Recipe(),
)
# The third takes away what told the collections apart without looking at the object: how sharp a
# picture is, and what is behind the object.
_THIRD = replace(
    _SECOND,
    steps=11_500,
    augmentation=replace(_SECOND.augmentation, small_share=0.4, sharpen_share=0.3, cut_share=0.7),
    after=_SECOND,
)
# By then the few pictures with real detail are known by heart at every size, which those held out
# are not. The fourth round shows none twice alike: turned, and mixed with each other.
BUNDLED = replace(
    _THIRD,
    steps=9_000,
    size=88,
    size_schedule=((0.0, 48), (0.3, 64), (0.7, 80)),
    augmentation=replace(
        _THIRD.augmentation,
        crop=(0.42, 2.4),
        even_share=0.8,
        colour=0.4,
        cut_share=0.5,
        turn_share=0.5,
        mix_share=0.5,
    ),
    after=_THIRD,
    afresh=True,
)


@dataclass(frozen=True)
class Collected:
    """A collection of the first rounds in a refinement.

    Attributes:
        source: its name.
        share: of the views that are drawn, in [0, 1].
        weight: of the loss of its views.
    """

    source: str
    share: float
    weight: float


@dataclass(frozen=True)
class Refinement:
    """How the end of a network is trained again, with photographs among the pictures.

    The units before stay as they are, statistics of norms included, so what they make of a view is
    computed once (:mod:`~sk_viz.training.activations`).

    Attributes:
        first: the first unit that is trained, or ``head`` for the head alone, which leaves every
            branch weight as it was.
        shown_only: whether of the head only the rows of those classes move that a photograph shows
            or may show.
        size: input size of the views, pixels.
        blocks: of views that are drawn.
        block: views in each.
        steps: optimiser steps (AdamW).
        batch: views a step, all from one block.
        rate: peak learning rate; falls linearly to zero over the last ``decay_share`` of the steps.
        decay_share: see ``rate``.
        warmup: steps of linear warm-up.
        decay: weight decay; not put on biases and norms.
        smoothing: label smoothing.
        average: decay of the exponential average of the weights; 0 for the last weights.
        toward: how far what is kept lies from the weights before (0) towards that average (1);
            between them little is lost that was known before (Wortsman et al., "Robust
            fine-tuning of zero-shot models", CVPR 2022).
        own: share of the model's own answers before the refinement in what it learns for the
            collections (Li & Hoiem, "Learning without forgetting", ECCV 2016), in [0, 1].
        collections: the pictures of the first rounds.
        photographs: see :class:`~sk_viz.training.data.photographs.Group`.
        augmentation: how the views are drawn; objects are not cut out and views not mixed.
        seed: of every draw.
    """

    first: str = "head"
    shown_only: bool = True
    size: int = 88
    blocks: int = 14
    block: int = 2048
    steps: int = 672
    batch: int = 512
    rate: float = 2e-3
    decay_share: float = 1.0
    warmup: int = 1
    decay: float = 0.0
    smoothing: float = 0.05
    average: float = 0.0
    toward: float = 0.7
    own: float = 0.8
    collections: tuple[Collected, ...] = (
        Collected("caltech-101", share=0.22, weight=1.5),
        Collected("tiny-imagenet", share=0.36, weight=1.5),
    )
    photographs: tuple[Group, ...] = (
        Group("mini", labelled=True, share=0.18, weight=0.4, held_out=0.2),
        Group("mini", labelled=False, share=0.12, weight=0.8, held_out=0.0),
        Group("things", labelled=True, share=0.0, weight=1.0, held_out=1.0),
        Group("things", labelled=False, share=0.05, weight=1.0, held_out=0.0),
        Group("pets", labelled=False, share=0.07, weight=1.2, held_out=0.3),
    )
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(
            crop=(0.6, 1.7),
            even_share=0.3,
            blur_share=0.15,
            small_share=0.5,
            sharpen_share=0.3,
            turn_share=0.1,
        )
    )
    seed: int = 0

    @property
    def drawn(self) -> dict[str, Collected | Group]:
        """What views are drawn of, by source, in the order of the sources' names."""
        every: tuple[Collected | Group, ...] = (
            *self.collections,
            *(group for group in self.photographs if group.share),
        )
        return {part.source: part for part in sorted(every, key=lambda part: part.source)}

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        left = (1 - step / self.steps) / self.decay_share
        return self.rate * min(1.0, left, (step + 1) / self.warmup)
