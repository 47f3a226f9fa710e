"""One explanation made ready: a stimulus, what is explained of it, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.explained import Evaluation, Explained, evaluate, last_layer
from sk_viz.measures.attribution.integrated_gradients import MOST, TOLERANCE
from sk_viz.measures.attribution.methods import (
    Explaining,
    Method,
    Plan,
    occlusion_window,
    seeded,
)
from sk_viz.measures.attribution.targets import (
    ClassTarget,
    Target,
    UnitTarget,
    resolve,
    unit_of,
)
from sk_viz.measures.private import private_readout
from sk_viz.measures.reading import batch_size, to_tensor

if TYPE_CHECKING:
    from sk_viz.pictures import Stimulus
    from sk_viz.zoo.model import Model

SEED = 0

_layers: WeakKeyDictionary[nn.Module, dict[str, str]] = WeakKeyDictionary()


class Baselines:
    """Plain pictures of one size, and what a model returns for them, read once when needed.

    Args:
        model: the model to read.
        like: (N, 3, H, W), pictures of the size wanted.

    Attributes:
        pictures: (3, 3, H, W): all black, all of the preprocessing's mean colour, all white.
    """

    def __init__(self, model: Model, like: Tensor) -> None:
        mean, std = np.array(model.preprocessing.mean), np.array(model.preprocessing.std)
        colours = np.stack([-mean / std, np.zeros(3), (1 - mean) / std])
        tensor = torch.from_numpy(colours).to(like)
        self.pictures = tensor[:, :, None, None].expand(3, *like.shape[1:]).contiguous()
        self._model = model
        self._known: dict[bool, list[tuple[Tensor, list[Tensor]]]] = {}

    @property
    def mean_colour(self) -> Tensor:
        """(1, 3, H, W), the picture that says nothing."""
        return self.pictures[1:2]

    def value(self, explained: Explained, chunk: int, *, every: bool) -> float:
        """What is explained, of the mean colour, or the mean over all three."""
        if every not in self._known:
            pictures = self.pictures if every else self.mean_colour
            if explained.seen is not None:
                explained.seen(len(pictures))
            with torch.no_grad():
                parts = torch.split(pictures, chunk)
                self._known[every] = [explained.readout(part) for part in parts]
        return float(torch.cat([explained.target.value(*one) for one in self._known[every]]).mean())


@dataclass(eq=False)
class Explanation:
    """How a map is made; the same for the stimulus and for pictures close to it.

    Attributes:
        model: the model explained.
        method: how it is explained.
        explained: what is explained, as a function of pictures.
        x: (1, 3, H, W), the stimulus.
        value: what is explained, of the stimulus.
        score: the same as people read it: the probability of a class, or a unit's value.
        plan: the method's settings; its chunk shrinks when memory runs out.
        baselines: what the stimulus is compared with.
        layer: path of the layer that Grad-CAM looks at, else None.
        gradients: how many an adaptive method has used for the last map; else None.
        notes: plain sentences about how it went.
    """

    model: Model
    method: Method
    explained: Explained
    x: Tensor
    value: float
    score: float
    plan: Plan
    baselines: Baselines
    layer: str | None
    gradients: int | None = None
    notes: tuple[str, ...] = ()
    _evaluation: Evaluation | None = field(default=None, repr=False)

    @property
    def target(self) -> ClassTarget | UnitTarget:
        """What is explained."""
        return self.explained.target

    @property
    def signed(self) -> bool:
        """Whether a negative value speaks against what is explained."""
        return self.method.signed and not (self.method.rectifies and self.plan.positive)

    @property
    def ends(self) -> tuple[float, float]:
        """The value at the beginning and at the end of the path of integrated gradients."""
        return self.baselines.value(self.explained, self.plan.chunk, every=False), self.value

    def map(self) -> Tensor:
        """The map (H, W) of the stimulus.

        Raises:
            ModelError: memory too small for one picture.
        """
        return self.maps(self.x)[0]

    def maps(self, x: Tensor) -> Tensor:
        """The map of each picture: (N, 3, H, W) -> (N, H, W).

        Raises:
            ModelError: memory too small for one picture.
        """
        while True:
            try:
                return self._maps(x)
            except torch.OutOfMemoryError:
                chunk = self.plan.chunk
            # Outside the except, whose traceback would keep the tensors alive.
            if chunk == 1:
                raise _too_large(self.model, x)
            torch.cuda.empty_cache()
            self.plan = replace(self.plan, chunk=chunk // 2)
            half = chunk // 2
            note = f"Memory ran out at {chunk} pictures per batch; continued with {half}."
            self.notes = (*self.notes, note)

    def values(self, x: Tensor) -> Tensor:
        """What is explained, of each picture: (N, 3, H, W) -> (N,)."""
        with torch.no_grad():
            return torch.cat([self.explained(part) for part in torch.split(x, self.plan.chunk)])

    def scores(self, x: Tensor) -> tuple[float, ...]:
        """The same as people read it: the probability of a class, or a unit's value."""
        with torch.no_grad():
            parts = [self.explained.score(part) for part in torch.split(x, self.plan.chunk)]
        return tuple(torch.cat(parts).tolist())

    def completeness_error(self, heatmap: Tensor) -> float:
        """Relative error of a map (H, W) of the stimulus against the baselines it was made with.

        A note is added where integrated gradients did not reach what they promise.
        """
        every = self.method.random
        start = self.baselines.value(self.explained, self.plan.chunk, every=every)
        change = self.value - start
        error = abs(float(heatmap.sum(dtype=torch.float64)) - change)
        relative = error / max(abs(change), torch.finfo(torch.float32).tiny)
        if self.method.adaptive and not relative <= TOLERANCE:
            self.notes = (*self.notes, self._incomplete(relative))
        return relative

    def settings(self) -> dict[str, Any]:
        """What a record must keep of the method."""
        kept: dict[str, Any] = {}
        if self.method.repeats:
            kept["steps"] = self.plan.steps
        if self.method.adaptive and self.plan.steps is None:
            kept["tolerance"], kept["most_steps"] = TOLERANCE, MOST
            kept["gradients"] = self.gradients
        if self.method.baseline is not None:
            kept["baseline"] = self.method.baseline
        if self.method.id == "occlusion":
            kept["window"], kept["stride"] = occlusion_window(self.x.shape[-1])
        if self.layer is not None:
            kept["layer"] = self.layer
        return kept

    def _maps(self, x: Tensor) -> Tensor:
        stimulus = x is self.x
        evaluation, self._evaluation = (self._evaluation if stimulus else None), None
        with torch.enable_grad(), _readout(self.model, self.method) as readout:
            explained = self.explained
            if readout is not self.model.readout:
                explained = Explained(readout, self.target, explained.seen)
            if self.method.once and evaluation is None:
                evaluation = evaluate(readout, x, gradients=True, layer=self.layer)
            work = Explaining(
                explained,
                x.detach().clone().requires_grad_(),
                self.plan,
                evaluation,
                self.ends if stimulus and self.method.adaptive else None,
            )
            if not self.method.random:
                found = self.method.run(work)
            else:
                with seeded(SEED, x.device):
                    found = self.method.run(work)
        self.gradients = found.gradients
        return self.method.heatmap(found.values.detach())

    def _incomplete(self, error: float) -> str:
        if self.plan.steps is not None:
            return (
                f"The completeness error is {error:.2%}, above {TOLERANCE:.0%}: leave the steps "
                "out to use as many as are needed."
            )
        return (
            f"The completeness error stayed at {error:.2%}, above {TOLERANCE:.0%}, with "
            f"{self.gradients} gradients: the value changes too abruptly along the path."
        )


def prepare(
    model: Model,
    stimulus: Stimulus,
    method: Method,
    targets: Sequence[Target] = ("class",),
    steps: int | None = None,
    seen: Callable[[int], None] | None = None,
    baselines: Baselines | None = None,
) -> list[Explanation]:
    """Make the explanations of some targets ready, from one forward.

    A method with ``once`` takes its map from that forward, and so needs one for each target.

    Args:
        model: the model to explain.
        stimulus: what it is shown.
        method: how to explain it.
        targets: see :func:`~sk_viz.measures.attribution.targets.resolve`.
        steps: in place of the method's own.
        seen: called with the number of pictures before each forward of the explanation.
        baselines: of the stimulus's size, where they have been made.

    Raises:
        ModelError: no such target; steps for a method that has none, or below 1; memory too small.
    """
    if steps is not None and not method.repeats:
        raise ModelError(f"{method.title} has no steps: leave them out.")
    if steps is not None and steps < 1:
        raise ModelError(f"{steps} steps are too few: give at least 1.")
    x = to_tensor((stimulus,), model)
    baselines = baselines or Baselines(model, x)
    found: list[Explanation] = []
    evaluation = None
    for target in targets:
        layer = _layer(model, target, x) if method.layered else None
        if evaluation is None or method.once:
            # On a private double a class needs no weights; of all others they are read with it.
            weights_too = layer is None or unit_of(model, target) is not None
            evaluation = _evaluate(model, method, x, layer, weights_too, seen)
        logits, weights = evaluation.logits.detach(), [w.detach() for w in evaluation.weights]
        settled = resolve(model, target, logits, weights)
        found.append(
            Explanation(
                model=model,
                method=method,
                explained=Explained(model.readout, settled, seen),
                x=x,
                value=float(settled.value(logits, weights)),
                score=float(settled.score(logits, weights)),
                plan=Plan(
                    steps=steps or method.steps,
                    chunk=batch_size(model, x.shape[-1]),
                    baseline=baselines.mean_colour,
                    baselines=baselines.pictures,
                    positive=isinstance(settled, ClassTarget),
                ),
                baselines=baselines,
                layer=layer,
                _evaluation=evaluation if method.once else None,
            )
        )
    return found


def _evaluate(
    model: Model,
    method: Method,
    x: Tensor,
    layer: str | None,
    weights: bool,
    seen: Callable[[int], None] | None,
) -> Evaluation:
    """The forward that settles the target, with its graph where the map is taken from it."""
    if seen is not None:
        seen(len(x))
    try:
        with _readout(model, method) as readout:
            return evaluate(readout, x, gradients=method.once, layer=layer, weights=weights)
    except torch.OutOfMemoryError:
        pass
    raise _too_large(model, x)


@contextmanager
def _readout(model: Model, method: Method) -> Iterator[nn.Module]:
    """What reads the model; a private readout where hooks are put on it."""
    if method.layered or method.hooks:
        with private_readout(model) as readout:
            yield readout
    else:
        yield model.readout


def _too_large(model: Model, x: Tensor) -> ModelError:
    return ModelError(
        f"The memory of {model.device} is too small for one picture of {x.shape[-1]} pixels: "
        "choose the device cpu."
    )


def _layer(model: Model, target: Target, x: Tensor) -> str:
    """Where Grad-CAM looks; the search is done once for each network and unit.

    Raises:
        ModelError: no such unit; no such layer.
    """
    found = unit_of(model, target)
    if found is None:
        model.check_predicts("An explanation of a class")
    known = _layers.setdefault(model.network, {})
    name = "" if found is None else found.name
    if name not in known:
        place = None if found is None else UnitTarget(found, model.units.index(found))
        with private_readout(model) as readout:
            known[name] = last_layer(readout, x, place.value if place else _all_logits)
    return known[name]


def _all_logits(logits: Tensor, weights: Sequence[Tensor]) -> Tensor:  # noqa: ARG001
    return logits.sum(dim=1)
