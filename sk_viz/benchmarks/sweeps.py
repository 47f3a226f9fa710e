"""How long a sweep takes: the way it is written by hand, the bare forward, and ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sk_viz.benchmarks.timing import Case, Ratio
from sk_viz.measures.reading import batch_size, to_tensor
from sk_viz.measures.sweep.run import sweep
from sk_viz.networks.engine import EAGER, Engine, engine_of
from sk_viz.networks.units import units
from sk_viz.pictures import Picture, stimuli

if TYPE_CHECKING:
    from sk_viz.preprocessing import Preprocessing
    from sk_viz.zoo.model import Model

_GEMM = 1024
_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def sweep_cases(
    model: Model, by_hand: nn.Module, picture: Picture, scales: tuple[float, ...]
) -> tuple[list[Case], list[Ratio]]:
    """The cases of one sweep.

    Args:
        model: what is swept.
        by_hand: the network that somebody would hook: timm's for SKNet-50.
        picture: decoded.
        scales: of the protocol zoom.

    Returns:
        Cases "by hand", "bare eager", "bare" (the fastest engine found), "sweep" (from the
        decoded picture to the tables) and "gemm"; where this machine computes this model in
        bfloat16, "bare bfloat16", "sweep bfloat16" and "gemm bfloat16"; and their ratios.
    """
    shown = stimuli(picture, scales, "zoom", model.preprocessing)
    inputs = to_tensor(shown, model)
    size = batch_size(model, inputs.shape[-1])
    groups = [inputs[first : first + size] for first in range(0, len(inputs), size)]
    side = model.preprocessing.input_size

    def engine(**asked: Any) -> Engine | None:
        return engine_of(model.readout, model.device, side, **asked)

    fastest, used, coarse = engine(pictures=1e9), engine(), engine(dtype="bfloat16")

    def bare(read: Any) -> None:
        with torch.inference_mode():
            for group in groups:
                read(group)

    cases = [
        Case(
            "by hand",
            "forward hooks, one scale after the other, PIL crop and resize",
            lambda: _by_hand(by_hand, picture, scales, model.preprocessing, model.device),
        ),
        Case("bare eager", "eager forward of the same tensors", lambda: bare(model.readout)),
        Case(
            "bare",
            f"{_name(fastest)} forward of the same tensors",
            lambda: bare(fastest or model.readout),
        ),
        Case(
            "sweep",
            f"sk_viz.sweep, {_name(used)}, from the decoded picture to the tables",
            lambda: sweep(model, picture, scales),
        ),
        _gemm("gemm", torch.float32, model.device),
    ]
    ratios = [
        Ratio("faster than by hand", "by hand", "sweep", "at least 1.6 with SKNet-50 on a CPU"),
        Ratio("the engine's gain", "bare eager", "bare"),
        Ratio("sweep over bare forward", "sweep", "bare", "at most 1.05 with SKNet-50"),
    ]
    if used is not fastest:  # not built for one sweep
        ratios.append(Ratio("sweep over eager forward", "sweep", "bare eager"))
    if coarse is not None:
        cases += [
            Case(
                "bare bfloat16",
                f"{coarse.name} forward of the same tensors in bfloat16",
                lambda: bare(coarse),
            ),
            Case(
                "sweep bfloat16",
                "sk_viz.sweep in bfloat16",
                lambda: sweep(model, picture, scales, dtype="bfloat16"),
            ),
            _gemm("gemm bfloat16", torch.bfloat16, model.device),
        ]
        aim = "at least 2.4 with SKNet-50 on a CPU"
        ratios += [
            Ratio("faster than by hand, bfloat16", "by hand", "sweep bfloat16", aim),
            Ratio(
                "sweep over bare forward, bfloat16",
                "sweep bfloat16",
                "bare bfloat16",
                "at most 1.05 with SKNet-50",
            ),
        ]
    return cases, ratios


def _name(engine: Engine | None) -> str:
    return engine.name if engine else EAGER


def _gemm(name: str, dtype: torch.dtype, device: torch.device) -> Case:
    """The fastest product of two matrices: on a CPU oneDNN's, which uses all that a processor of
    any maker has. Torch's own float32 product is MKL's, which on AMD's reaches half of it."""
    kind = str(dtype).removeprefix("torch.")
    what = f"one product of {_GEMM} x {_GEMM}, {kind}"
    square = torch.rand(_GEMM, _GEMM, device=device).to(dtype)
    if device.type != "cpu" or dtype != torch.float32 or not _ONEDNN:
        return Case(name, what, lambda: square @ square)
    blocked = square.to_mkldnn()
    return Case(name, what, lambda: nn.functional.linear(blocked, blocked))


def gemm_flops() -> float:
    """Floating-point operations of the case "gemm"."""
    return 2.0 * _GEMM**3


def _by_hand(
    network: nn.Module,
    picture: Picture,
    scales: tuple[float, ...],
    preprocessing: Preprocessing,
    device: torch.device,
) -> list[tuple[Tensor, list[float]]]:
    """What one would write for an evening: hooks on the units, a loop over the scales."""
    image = Image.fromarray(picture.pixels)
    short = min(image.size) * preprocessing.crop_fraction
    mean, std = (np.array(v, np.float32) for v in (preprocessing.mean, preprocessing.std))
    side = preprocessing.input_size
    found = []
    with torch.no_grad(), _hooked(network) as weights:
        for scale in scales:
            half = short / scale / 2
            x, y = image.width / 2, image.height / 2
            crop = image.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
            resized = crop.resize((side, side), Image.Resampling.BICUBIC)
            values = (np.asarray(resized, np.float32) / 255 - mean) / std
            tensor = torch.from_numpy(values).permute(2, 0, 1)[None].to(device)
            logits = network(tensor).softmax(dim=1)
            found.append((logits, [float((w[:, -1] - w[:, 0]).mean()) for w in weights]))
            weights.clear()
    return found


@contextmanager
def _hooked(network: nn.Module) -> Iterator[list[Tensor]]:
    kept: list[Tensor] = []
    handles = [
        network.get_submodule(unit.path).register_forward_hook(
            lambda _module, _inputs, output, read=unit.layout.read: kept.append(read(output))
        )
        for unit in units(network)
    ]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()
