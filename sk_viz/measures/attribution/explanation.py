"""One explanation made ready: a stimulus, what is explained of it, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.explained import Explained, last_layer, private_readout
from sk_viz.measures.attribution.integrated_gradients import MOST, TOLERANCE
from sk_viz.measures.attribution.methods import Method, Plan, occlusion_window, seeded
from sk_viz.measures.attribution.targets import ClassTarget, Target, UnitTarget, resolve
from sk_viz.measures.reading import batch_size, to_tensor

if TYPE_CHECKING:
    from sk_viz.pictures import Stimulus
    from sk_viz.zoo.model import Model

SEED = 0

_layers: WeakKeyDictionary[nn.Module, dict[str, str]] = WeakKeyDictionary()


@dataclass(eq=False)
class Explanation:
    """How a map is made; the same for the stimulus and for pictures close to it.

    Attributes:
        model: the model explained.
        method: how it is explained.
        explained: what is explained, as a function of pictures.
        x: (1, 3, H, W), the stimulus.
        plan: the method's settings; its chunk shrinks when memory runs out.
        layer: path of the layer that Grad-CAM looks at, else None.
        notes: plain sentences about how it went.
    """

    model: Model
    method: Method
    explained: Explained
    x: Tensor
    plan: Plan
    layer: str | None
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> ClassTarget | UnitTarget:
        """What is explained."""
        return self.explained.target

    @property
    def signed(self) -> bool:
        """Whether a negative value speaks against what is explained."""
        return self.method.signed and not (self.method.rectifies and self.plan.positive)

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
                raise ModelError(
                    f"The memory of {self.model.device} is too small for one picture of "
                    f"{x.shape[-1]} pixels: choose the device cpu."
                )
            torch.cuda.empty_cache()
            self.plan = replace(self.plan, chunk=chunk // 2)
            note = f"Memory ran out at {chunk} pictures a batch; went on with {chunk // 2}."
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
        """Relative error of a map (H, W) of the stimulus against the baselines it was made with."""
        baselines = self.plan.baselines if self.method.random else self.plan.baseline
        change = float(self.values(self.x) - self.values(baselines).mean())
        error = abs(float(heatmap.sum(dtype=torch.float64)) - change)
        return error / max(abs(change), torch.finfo(torch.float32).tiny)

    def settings(self) -> dict[str, Any]:
        """What a record must keep of the method."""
        kept: dict[str, Any] = {}
        if self.method.repeats:
            kept["steps"] = self.plan.steps
        if self.method.adaptive and self.plan.steps is None:
            kept["tolerance"], kept["most_steps"] = TOLERANCE, MOST
        if self.method.baseline is not None:
            kept["baseline"] = self.method.baseline
        if self.method.id == "occlusion":
            kept["window"], kept["stride"] = occlusion_window(self.x.shape[-1])
        if self.layer is not None:
            kept["layer"] = self.layer
        return kept

    def _maps(self, x: Tensor) -> Tensor:
        x = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            if not self.method.random:
                attribution = self.method.run(self.explained, x, self.plan)
            else:
                with seeded(SEED, x.device):
                    attribution = self.method.run(self.explained, x, self.plan)
        return self.method.heatmap(attribution)


def prepare(
    model: Model,
    stimulus: Stimulus,
    method: Method,
    target: Target = "class",
    steps: int | None = None,
    seen: Callable[[int], None] | None = None,
) -> Explanation:
    """Make an explanation ready.

    Args:
        model: the model to explain.
        stimulus: what it is shown.
        method: how to explain it.
        target: see :func:`~sk_viz.measures.attribution.targets.resolve`.
        steps: in place of the method's own.
        seen: called with the number of pictures before each forward of the explanation.

    Raises:
        ModelError: no such target; steps for a method that has none, or below 1.
    """
    if steps is not None and not method.repeats:
        raise ModelError(f"{method.title} has no steps: leave them out.")
    if steps is not None and steps < 1:
        raise ModelError(f"{steps} steps are too few: give at least 1.")
    x = to_tensor((stimulus,), model)
    with torch.no_grad():
        settled = resolve(model, target, *model.readout(x))
    explained = Explained(private_readout(model) if method.hooks else model.readout, settled)
    layer = _layer(model, explained, x) if method.layered else None
    explained.seen = seen
    baselines = _plain_colours(model, x)
    plan = Plan(
        steps=steps or method.steps,
        chunk=batch_size(model, x.shape[-1]),
        baseline=baselines[1:2],
        baselines=baselines,
        layer=explained.readout.network.get_submodule(layer) if layer else None,
        positive=isinstance(settled, ClassTarget),
    )
    return Explanation(model, method, explained, x, plan, layer)


def _layer(model: Model, explained: Explained, x: Tensor) -> str:
    """Where Grad-CAM looks; the search is done once for each network and unit."""
    unit = explained.target.unit.name if isinstance(explained.target, UnitTarget) else ""
    known = _layers.setdefault(model.network, {})
    if unit not in known:
        known[unit] = last_layer(explained, x)
    return known[unit]


def _plain_colours(model: Model, x: Tensor) -> Tensor:
    """(3, 3, H, W): all black, all of the preprocessing's mean colour, all white."""
    mean, std = np.array(model.preprocessing.mean), np.array(model.preprocessing.std)
    colours = np.stack([-mean / std, np.zeros(3), (1 - mean) / std])
    tensor = torch.from_numpy(colours).to(x)
    return tensor[:, :, None, None].expand(3, *x.shape[1:]).contiguous()
