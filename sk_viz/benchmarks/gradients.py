"""How long attributions and effective fields take, against the bare forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sk_viz.benchmarks.timing import Case, Ratio
from sk_viz.measures.attribution.attribute import attribute, attribute_all
from sk_viz.measures.fields.effective import FieldProbe
from sk_viz.measures.reading import batch_size, to_tensor
from sk_viz.networks.double import double_of
from sk_viz.networks.sknet import SKBottleneck
from sk_viz.networks.tracing.reading import reading
from sk_viz.pictures import Picture, stimuli

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

STEPS = 64


def attribution_cases(model: Model, picture: Picture) -> tuple[list[Case], list[Ratio]]:
    """Integrated gradients, and as many bare gradients of the same input.

    Of the class alone; and of the class and a unit of the last stage, one by one and together.
    """
    (shown,) = stimuli(picture, (1.0,), "zoom", model.preprocessing)
    x = to_tensor([shown], model)
    chunk = batch_size(model, x.shape[-1])
    network = double_of(model.network)
    both = ("class", model.units[-1].name)

    def bare() -> None:
        for first in range(0, STEPS, chunk):
            inputs = x.repeat(min(chunk, STEPS - first), 1, 1, 1).requires_grad_()
            torch.autograd.grad(network(inputs)[:, 0].sum(), inputs)

    cases = [
        Case("bare", f"{STEPS} gradients of a logit, eager", bare),
        Case(
            "attribution",
            f"sk_viz.attribute, integrated gradients, {STEPS} steps",
            lambda: attribute(model, picture, steps=STEPS),
        ),
        Case(
            "two apart",
            f"the same of the class, then of {both[1]}",
            lambda: [attribute(model, picture, target=one, steps=STEPS) for one in both],
        ),
        Case(
            "two together",
            "the same two with shared forwards",
            lambda: attribute_all(model, picture, targets=both, steps=STEPS),
        ),
    ]
    return cases, [
        Ratio("attribution over bare gradients", "attribution", "bare"),
        Ratio("two targets together over apart", "two together", "two apart", "below 1"),
    ]


def field_cases(model: Model, picture: Picture) -> tuple[list[Case], list[Ratio]]:
    """The effective field of all units, and a bare forward with a backward to each of them.

    In both the branch weights are constants.

    Args:
        model: one of this project's networks.
        picture: decoded.
    """
    (shown,) = stimuli(picture, (1.0,), "zoom", model.preprocessing)
    x = to_tensor([shown], model)
    network = double_of(model.network)
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor]) -> None:
        row, column = inputs[0].shape[-2] // 2, inputs[0].shape[-1] // 2
        outputs.append(inputs[0][:, :, row, column].clone().sum())

    for block in network.modules():
        if isinstance(block, SKBottleneck):
            block.expand.register_forward_pre_hook(keep)

    def bare() -> None:
        outputs.clear()
        inputs = x.clone().requires_grad_()
        with reading(network, model.units, constant=True):
            network(inputs)
        for output in outputs:
            torch.autograd.grad(output, inputs, retain_graph=True)

    cases = [
        Case("bare", f"one forward, a backward to each of {len(model.units)} units", bare),
        Case(
            "fields",
            "the effective fields of all units, weights held",
            lambda: FieldProbe(model, model.units, "held", (0.5, 0.5)).maps(x),
        ),
    ]
    return cases, [Ratio("fields over bare backwards", "fields", "bare", "at most 1.3")]
