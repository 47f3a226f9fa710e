"""The attribution methods that hold for selective kernel networks, all computed by Captum.

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
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.integrated_gradients import integrate, most_pictures

# Captum says so at each guided Grad-CAM; the hooks are on a copy of the network.
warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")


@dataclass(frozen=True, eq=False)
class Plan:
    """How a method goes about it.

    Attributes:
        steps: gradients along the path, or samples of noise; None for as many as it takes.
        chunk: pictures in one forward, at most.
        baseline: (1, 3, H, W), the picture that says nothing.
        baselines: (B, 3, H, W), several of them to draw from.
        layer: for Grad-CAM, the layer all of what is explained passes through.
        positive: for Grad-CAM, keep only what speaks for it, as its authors do for a class.
    """

    steps: int | None
    chunk: int
    baseline: Tensor
    baselines: Tensor
    layer: nn.Module | None = None
    positive: bool = False


Run = Callable[[nn.Module, Tensor, Plan], Tensor]


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        id: its name in calls and records.
        title: its name for people.
        run: (explained, x (N, 3, H, W), plan) -> attribution (N, 3 or 1, H, W); ``explained``
            maps (N, 3, H, W) to one value a picture, (N,).
        signed: a negative value speaks against what is explained; else only size counts.
        complete: the values of a map add up to value(picture) - value(baseline).
        hooks: it puts hooks on the network, so it must have a copy of its own.
        layered: it needs ``Plan.layer``.
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
    hooks: bool = False
    layered: bool = False
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
        """How many pictures go through the network for one map; at most, where it is adaptive."""
        if steps is not None or self.steps is not None:
            return steps or self.steps or 0
        if self.adaptive:
            return most_pictures()
        if self.id == "occlusion":
            size, stride = occlusion_window(side)
            return (-(-(side - size) // stride) + 1) ** 2 + 1
        return 1 + (self.id == "guided_grad_cam")


def occlusion_window(side: int) -> tuple[int, int]:
    """Side and stride in pixels of the square that is hidden: an eighth of the picture, half."""
    size = max(2, round(side / 8))
    return size, max(1, size // 2)


def _saliency(explained: nn.Module, x: Tensor, _: Plan) -> Tensor:
    from captum.attr import Saliency

    return _tensor(Saliency(explained).attribute(x, abs=False))


def _input_x_gradient(explained: nn.Module, x: Tensor, _: Plan) -> Tensor:
    from captum.attr import InputXGradient

    return _tensor(InputXGradient(explained).attribute(x))


def _integrated_gradients(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import IntegratedGradients

    if plan.steps is None:
        maps = [
            integrate(explained, one, plan.baseline, chunk=plan.chunk) for one in torch.split(x, 1)
        ]
        return torch.cat(maps)
    return _tensor(
        IntegratedGradients(explained).attribute(
            x,
            baselines=plan.baseline,
            n_steps=plan.steps,
            internal_batch_size=max(plan.chunk, len(x)),
        )
    )


def _smoothgrad(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import NoiseTunnel, Saliency

    # Smilkov et al. 2017: noise of 10 to 20 % of the picture's range.
    noise = 0.15 * float(x.detach().max() - x.detach().min())
    return _tensor(
        NoiseTunnel(Saliency(explained)).attribute(
            x,
            nt_type="smoothgrad",
            nt_samples=plan.steps,
            nt_samples_batch_size=plan.chunk,
            stdevs=noise,
            abs=False,
        )
    )


def _gradient_shap(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import GradientShap

    shap = GradientShap(explained)
    total = torch.zeros_like(x)
    steps = plan.steps or 1
    for first in range(0, steps, plan.chunk):  # Captum puts all its samples into one forward
        count = min(plan.chunk, steps - first)
        mean = _tensor(shap.attribute(x, baselines=plan.baselines, n_samples=count))
        total += count / steps * mean
    return total


def _occlusion(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import Occlusion

    size, stride = occlusion_window(x.shape[-1])
    with torch.no_grad():
        return _tensor(
            Occlusion(explained).attribute(
                x,
                sliding_window_shapes=(x.shape[1], size, size),
                strides=(x.shape[1], stride, stride),
                baselines=plan.baseline,
                perturbations_per_eval=plan.chunk,
            )
        )


def _grad_cam(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import LayerAttribution, LayerGradCam

    cam = LayerGradCam(explained, plan.layer).attribute(x, relu_attributions=plan.positive)
    return _tensor(LayerAttribution.interpolate(cam, tuple(x.shape[2:]), "bilinear"))


def _guided_grad_cam(explained: nn.Module, x: Tensor, plan: Plan) -> Tensor:
    from captum.attr import GuidedGradCam

    # Of the coarse map Captum keeps what speaks for it alone: where nothing does, all is 0.
    guided = GuidedGradCam(explained, plan.layer)
    return _tensor(guided.attribute(x, interpolate_mode="bilinear"))


_MEAN = "the mean colour of the preprocessing"

METHODS: dict[str, Method] = {
    method.id: method
    for method in (
        Method("saliency", "Saliency", _saliency, signed=False),
        Method("input_x_gradient", "Input x gradient", _input_x_gradient),
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
        Method("grad_cam", "Grad-CAM", _grad_cam, hooks=True, layered=True, rectifies=True),
        Method("guided_grad_cam", "Guided Grad-CAM", _guided_grad_cam, hooks=True, layered=True),
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


def _tensor(attribution: Tensor) -> Tensor:
    return attribution.detach()
