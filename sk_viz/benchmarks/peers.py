"""Attributions and fields beside the libraries and scripts that people would take instead.

Each peer gets the network's input ready made; this project's functions begin at the decoded
picture, and make the record as well.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sk_viz.benchmarks.timing import Case, Ratio
from sk_viz.measures.attribution.attribute import attribute
from sk_viz.measures.attribution.integrated_gradients import TOLERANCE
from sk_viz.measures.attribution.methods import occlusion_window
from sk_viz.measures.fields.effective import FieldProbe
from sk_viz.measures.fields.growth import field_growth
from sk_viz.measures.fields.receptive_field import receptive_field
from sk_viz.measures.reading import batch_size, to_tensor
from sk_viz.networks.double import double_of
from sk_viz.pictures import Picture, stimuli
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

SAMPLES = 8  # of SmoothGrad
_CAPTUM_STEPS = (16, 32, 64, 128, 256, 512)


def one_gradient_cases(network: nn.Module, picture: Picture) -> tuple[list[Case], list[Ratio]]:
    """Methods of one gradient, and SmoothGrad, of a network given as a torch module.

    Args:
        network: of timm, with ``layer4``; in evaluation mode.
        picture: decoded.
    """
    from captum.attr import (
        InputXGradient,
        LayerAttribution,
        LayerGradCam,
        NoiseTunnel,
        Saliency,
    )

    model = as_loaded(network)
    x = _input(model, picture)
    side = x.shape[-2:]
    last: nn.Module = list(network.get_submodule("layer4").children())[-1]
    stdevs = 0.15 * float(x.max() - x.min())
    chunk = batch_size(model, x.shape[-1])

    def top() -> int:
        with torch.no_grad():
            return int(network(x).argmax())

    def captum_cam() -> Tensor:
        cam = LayerGradCam(network, last).attribute(x, target=top(), relu_attributions=True)
        found: Tensor = LayerAttribution.interpolate(cam, side, "bilinear")
        return found

    def leaf() -> Tensor:
        return x.clone().requires_grad_()

    def smooth() -> object:
        return NoiseTunnel(Saliency(network)).attribute(
            leaf(),
            target=top(),
            nt_samples=SAMPLES,
            nt_samples_batch_size=chunk,
            stdevs=stdevs,
            abs=False,
        )

    def bare() -> None:
        inputs = leaf()
        torch.autograd.grad(network(inputs).max(), inputs)

    peers: list[tuple[str, str, Callable[[], object], str, str]] = [
        ("captum grad_cam", "captum, LayerGradCam of the top class", captum_cam, "grad_cam", "1.5"),
        (
            "captum saliency",
            "captum, Saliency of the top class",
            lambda: Saliency(network).attribute(leaf(), target=top(), abs=False),
            "saliency",
            "0.95",
        ),
        (
            "captum input_x_gradient",
            "captum, InputXGradient of the top class",
            lambda: InputXGradient(network).attribute(leaf(), target=top()),
            "input_x_gradient",
            "0.95",
        ),
        (
            "captum smoothgrad",
            f"captum, NoiseTunnel, {SAMPLES} samples",
            smooth,
            "smoothgrad",
            "0.95",
        ),
    ]
    if find_spec("torchcam") is not None:
        cam = _torch_cam(network, last, x)
        peers.insert(
            0, ("torch-cam", "torch-cam, GradCAM of the top class", cam, "grad_cam", "0.95")
        )
    cases = [Case("bare", "a forward and a backward", bare)]
    ratios = []
    for name, what, run, method, aim in peers:
        cases.append(Case(name, what, run))
        ratios.append(Ratio(f"{name} over ours", name, method, f"at least {aim}"))
    for method in dict.fromkeys(peer[3] for peer in peers):
        steps = SAMPLES if method == "smoothgrad" else None
        cases.append(
            Case(method, f"sk_viz.attribute, {method}", _ours(network, picture, method, steps))
        )
    return cases, ratios


def many_forward_cases(model: Model, picture: Picture) -> tuple[list[Case], list[Ratio]]:
    """Occlusion at equal settings, and integrated gradients at equal completeness error.

    Captum's integrated gradients get the fewest steps, doubled from 16, with which their error is
    not above ours.
    """
    from captum.attr import IntegratedGradients, Occlusion

    network = double_of(model.network)
    x = _input(model, picture)
    with torch.no_grad():
        top = int(network(x).argmax())
    blank = torch.zeros_like(x)
    chunk = batch_size(model, x.shape[-1])
    size, stride = occlusion_window(x.shape[-1])

    def occlusion() -> object:
        with torch.no_grad():
            return Occlusion(network).attribute(
                x,
                sliding_window_shapes=(3, size, size),
                strides=(3, stride, stride),
                baselines=blank,
                target=top,
                perturbations_per_eval=chunk,
            )

    def integrated(steps: int) -> Tensor:
        found: Tensor = IntegratedGradients(network).attribute(
            x, blank, target=top, n_steps=steps, internal_batch_size=chunk
        )
        return found

    ours = attribute(model, picture)
    error, used = ours.delta or 0.0, ours.record["gradients"]
    with torch.no_grad():
        change = float(network(x)[0, top] - network(blank)[0, top])
    steps = next(
        (n for n in _CAPTUM_STEPS if abs(float(integrated(n).sum()) / change - 1) <= error),
        _CAPTUM_STEPS[-1],
    )

    def bare() -> None:
        with torch.no_grad():
            network(x)

    cases = [
        Case("bare", "one forward", bare),
        Case("captum occlusion", f"captum, {chunk} windows at a time", occlusion),
        Case("occlusion", "sk_viz.attribute, occlusion", _ours(model, picture, "occlusion")),
        Case("captum integrated_gradients", f"captum, {steps} steps", lambda: integrated(steps)),
        Case(
            "integrated_gradients",
            f"sk_viz.attribute to {TOLERANCE:.0%}: {used} gradients, error {error:.2%}",
            _ours(model, picture, "integrated_gradients"),
        ),
    ]
    return cases, [
        Ratio("captum occlusion over ours", "captum occlusion", "occlusion", "at least 0.95"),
        Ratio(
            "captum integrated_gradients over ours, equal error",
            "captum integrated_gradients",
            "integrated_gradients",
            "at least 1.0",
        ),
    ]


def hooked_field_cases(network: nn.Module, picture: Picture) -> tuple[list[Case], list[Ratio]]:
    """Effective fields against a hook written by hand, as RepLKNet's tool measures them.

    Args:
        network: given as a torch module, in evaluation mode.
        picture: decoded.
    """
    model = as_loaded(network)
    x = _input(model, picture)
    units = model.units
    middle = units[len(units) // 2]
    paths = [unit.path.rpartition(".")[0] for unit in units]

    def by_hand(path: str) -> Tensor:
        kept: list[Tensor] = []
        handle = network.get_submodule(path).register_forward_hook(
            lambda _module, _inputs, output: kept.append(output.clone())
        )
        try:
            inputs = x.clone().requires_grad_()
            network(inputs)
        finally:
            handle.remove()
        height, width = kept[0].shape[2:]
        value = F.relu(kept[0][:, :, height // 2, width // 2]).sum()
        return torch.autograd.grad(value, inputs)[0]

    def bare() -> None:
        inputs = x.clone().requires_grad_()
        torch.autograd.grad(network(inputs).max(), inputs)

    def all_units() -> object:
        return FieldProbe(model, units, "held", (0.5, 0.5)).maps(x)

    cases = [
        Case("bare", "a forward and a backward", bare),
        Case("hook", f"a hook by hand, {middle.name}", lambda: by_hand(paths[len(units) // 2])),
        Case(
            "field",
            f"sk_viz.receptive_field, {middle.name}",
            lambda: receptive_field(network, middle.name, picture),
        ),
        Case(
            "hooks", f"{len(units)} hooks, one after the other", lambda: [by_hand(p) for p in paths]
        ),
        Case("fields", f"the fields of all {len(units)} units", all_units),
        Case(
            "growth",
            f"sk_viz field growth of {middle.name}: 2 scales, 3 settings each",
            lambda: field_growth(model, picture, [middle.name], (1.0, 2.0)),
        ),
    ]
    return cases, [
        Ratio("hook over field", "hook", "field", "at least 0.95"),
        Ratio("hooks over fields", "hooks", "fields", "at least 1.0"),
        Ratio("growth over field", "growth", "field", "about 6, its fields"),
    ]


def _input(model: Model, picture: Picture) -> Tensor:
    return to_tensor(stimuli(picture, (1.0,), "zoom", model.preprocessing), model)


def _ours(
    model: Any, picture: Picture, method: str, steps: int | None = None
) -> Callable[[], object]:
    return lambda: attribute(model, picture, method, steps=steps)


def _torch_cam(network: nn.Module, layer: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        from torchcam.methods import GradCAM

        with GradCAM(network, layer) as extractor:
            logits = network(x)
            (cam,) = extractor(int(logits.argmax()), logits)
        return F.interpolate(cam[None], x.shape[2:], mode="bilinear")

    return run
