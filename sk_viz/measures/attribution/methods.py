"""The attribution methods that hold for selective kernel networks.

Methods of many forwards are computed by Captum. Those of one gradient (saliency, input x gradient,
Grad-CAM) are taken from the forward that also gives the value and settles the target, where Captum
would run another; the tests hold their maps equal to Captum's.

Left out on purpose: LRP fails on these networks, DeepLift has no rule for the product of weight
and feature, and LayerConductance does not see the residual shortcut.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.explained import Evaluation, Explained
from sk_viz.measures.attribution.integrated_gradients import integrate, most_pictures

# Captum says so at each guided Grad-CAM; the hooks are on a private double of the network.
warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")


@dataclass(frozen=True, eq=False)
class Plan:
    """How a method goes about it.

    Attributes:
        steps: gradients along the path, or samples of noise; None for as many as it takes.
        chunk: pictures in one forward, at most.
        baseline: (1, 3, H, W), the picture that says nothing.
        baselines: (B, 3, H, W), several of them to draw from.
        positive: for Grad-CAM, keep only what speaks for it, as its authors do for a class.
    """

    steps: int | None
    chunk: int
    baseline: Tensor
    baselines: Tensor
    positive: bool = False


@dataclass(frozen=True, eq=False)
class Explaining:
    """The work of one method on some pictures.

    Attributes:
        explained: maps (N, 3, H, W) to one value per picture, (N,).
        x: (N, 3, H, W), the pictures.
        plan: the method's settings.
        evaluation: their forward with its graph, for methods with ``once``; else None.
        ends: for N = 1, the value of the baseline and of the picture; None if not known.
    """

    explained: Explained
    x: Tensor
    plan: Plan
    evaluation: Evaluation | None = None
    ends: tuple[float, float] | None = None

    def once(self) -> tuple[Evaluation, Tensor]:
        """The forward with its graph, and the sum of its values."""
        assert self.evaluation is not None
        found = self.evaluation
        return found, self.explained.target.value(found.logits, found.weights).sum()


@dataclass(frozen=True, eq=False)
class Attributed:
    """Attribution (N, 3 or 1, H, W); and the gradients of an adaptive integral, else None."""

    values: Tensor
    gradients: int | None = None


Run = Callable[[Explaining], Attributed]


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        id: its name in calls and records.
        title: its name for people.
        run: computes the attribution of the pictures.
        signed: a negative value speaks against what is explained; else only size counts.
        complete: the values of a map add up to value(picture) - value(baseline).
        once: it needs ``Explaining.evaluation``.
        layered: the graph of the evaluation begins at the layer that all paths cross.
        hooks: it puts hooks on the network, so it must have a private readout.
        rectifies: it heeds ``Plan.positive``.
        random: it draws random numbers.
        steps: ``Plan.steps`` by default; None where there is nothing to repeat.
        adaptive: without a number of steps it finds its own.
        baseline: what the picture is compared with, in words; None where with nothing.
    """

    id: str
    title: str
    run: Run
    signed: bool = True
    complete: bool = False
    once: bool = False
    layered: bool = False
    hooks: bool = False
    rectifies: bool = False
    random: bool = False
    steps: int | None = None
    adaptive: bool = False
    baseline: str | None = None

    @property
    def repeats(self) -> bool:
        """Whether it takes a number of steps."""
        return self.adaptive or self.steps is not None

    def heatmap(self, attribution: Tensor) -> Tensor:
        """Colours joined: (N, 3 or 1, H, W) -> (N, H, W), their sum, or the largest size."""
        return attribution.sum(dim=1) if self.signed else attribution.abs().amax(dim=1)

    def pictures(self, side: int, steps: int | None) -> int:
        """How many pictures go through the network for one map; at most, where it is adaptive.

        The forward that settles the target is not among them, unless the map is taken from it.
        """
        if steps is not None or self.steps is not None:
            return steps or self.steps or 0
        if self.adaptive:
            return most_pictures()
        if self.id == "occlusion":
            size, stride = occlusion_window(side)
            return (-(-(side - size) // stride) + 1) ** 2 + 1
        return 1 + self.hooks


def occlusion_window(side: int) -> tuple[int, int]:
    """Side and stride in pixels of the square that is hidden: an eighth of the picture, half."""
    size = max(2, round(side / 8))
    return size, max(1, size // 2)


def _saliency(work: Explaining) -> Attributed:
    found, value = work.once()
    return Attributed(torch.autograd.grad(value, found.x)[0])


def _input_x_gradient(work: Explaining) -> Attributed:
    found, value = work.once()
    return Attributed(torch.autograd.grad(value, found.x)[0] * found.x.detach())


def _integrated_gradients(work: Explaining) -> Attributed:
    from captum.attr import IntegratedGradients

    plan = work.plan
    if plan.steps is None:
        integrals = [
            integrate(work.explained, one, plan.baseline, chunk=plan.chunk, ends=work.ends)
            for one in torch.split(work.x, 1)
        ]
        used = max(one.gradients[0][0] for one in integrals)
        return Attributed(torch.cat([one.maps[:, 0] for one in integrals]), used)
    return Attributed(
        IntegratedGradients(work.explained).attribute(
            work.x,
            baselines=plan.baseline,
            n_steps=plan.steps,
            internal_batch_size=max(plan.chunk, len(work.x)),
        )
    )


def _smoothgrad(work: Explaining) -> Attributed:
    from captum.attr import NoiseTunnel, Saliency

    x, plan = work.x, work.plan
    # Smilkov et al. 2017: noise of 10 to 20 % of the picture's range.
    noise = 0.15 * float(x.detach().max() - x.detach().min())
    return Attributed(
        NoiseTunnel(Saliency(work.explained)).attribute(
            x,
            nt_type="smoothgrad",
            nt_samples=plan.steps,
            nt_samples_batch_size=plan.chunk,
            stdevs=noise,
            abs=False,
        )
    )


def _gradient_shap(work: Explaining) -> Attributed:
    from captum.attr import GradientShap

    plan = work.plan
    shap = GradientShap(work.explained)
    total = torch.zeros_like(work.x)
    steps = plan.steps or 1
    for first in range(0, steps, plan.chunk):  # Captum puts all its samples into one forward
        count = min(plan.chunk, steps - first)
        mean = shap.attribute(work.x, baselines=plan.baselines, n_samples=count).detach()
        total += count / steps * mean
    return Attributed(total)


def _occlusion(work: Explaining) -> Attributed:
    from captum.attr import Occlusion

    x, plan = work.x, work.plan
    size, stride = occlusion_window(x.shape[-1])
    with torch.no_grad():
        return Attributed(
            Occlusion(work.explained).attribute(
                x,
                sliding_window_shapes=(x.shape[1], size, size),
                strides=(x.shape[1], stride, stride),
                baselines=plan.baseline,
                perturbations_per_eval=plan.chunk,
            )
        )


def _grad_cam(work: Explaining) -> Attributed:
    return Attributed(_cam(work, positive=work.plan.positive))


def _guided_grad_cam(work: Explaining) -> Attributed:
    from captum.attr import GuidedBackprop

    # Of the coarse map its authors keep what speaks for it alone: where nothing does, all is 0.
    cam = _cam(work, positive=True)
    return Attributed(GuidedBackprop(work.explained).attribute(work.x) * cam)


def _cam(work: Explaining, *, positive: bool) -> Tensor:
    """Selvaraju et al. 2017, equations 1 and 2, at the size of the pictures: (N, 1, H, W)."""
    found, value = work.once()
    features = found.features
    assert features is not None
    gradient = torch.autograd.grad(value, features)[0]
    features = features.detach()
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)
    return F.interpolate(cam.relu() if positive else cam, work.x.shape[2:], mode="bilinear")


_MEAN = "the mean colour of the preprocessing"

METHODS: dict[str, Method] = {
    method.id: method
    for method in (
        Method("saliency", "Saliency", _saliency, signed=False, once=True),
        Method("input_x_gradient", "Input x gradient", _input_x_gradient, once=True),
        Method(
            "integrated_gradients",
            "Integrated gradients",
            _integrated_gradients,
            complete=True,
            adaptive=True,
            baseline=_MEAN,
        ),
        Method("smoothgrad", "SmoothGrad", _smoothgrad, signed=False, random=True, steps=32),
        Method(
            "gradient_shap",
            "GradientSHAP",
            _gradient_shap,
            complete=True,
            random=True,
            steps=64,
            baseline=f"black, {_MEAN}, or white, at random",
        ),
        Method("occlusion", "Occlusion", _occlusion, baseline=_MEAN),
        Method("grad_cam", "Grad-CAM", _grad_cam, once=True, layered=True, rectifies=True),
        Method(
            "guided_grad_cam",
            "Guided Grad-CAM",
            _guided_grad_cam,
            once=True,
            layered=True,
            hooks=True,
        ),
    )
}


def find_method(name: str) -> Method:
    """The method of that name, or a ModelError that names those there are."""
    if name not in METHODS:
        raise ModelError(f"There is no method {name!r}: choose {', '.join(METHODS)}.")
    return METHODS[name]


_dice = threading.Lock()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's and NumPy's global generators at a seed, and afterwards where they were.

    Captum draws from these alone, so one thread at a time may.
    """
    devices = [device] if device.type == "cuda" else []
    with _dice:
        state = np.random.get_state()
        try:
            with torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                np.random.seed(seed)
                yield
        finally:
            np.random.set_state(state)
