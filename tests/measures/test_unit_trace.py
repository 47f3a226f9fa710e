"""One unit opened, against the network's own forward, torch's gradients and counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.measures.reading import to_tensor
from sk_viz.measures.unit_trace import count_parameters, pushed_weights, trace_unit
from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.pictures import Picture, stimuli
from sk_viz.zoo.model import Model


@pytest.fixture(params=["tiny_model", "three_branch_model"])
def model(request: pytest.FixtureRequest) -> Model:
    found: Model = request.getfixturevalue(request.param)
    return found


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.tensor(logits).softmax(0).numpy()


def shown(model: Model, picture: Picture) -> Any:
    return stimuli(picture, (1.5,), "zoom", model.preprocessing)[0]


def test_the_trace_is_the_networks_own_forward(model: Model, noise_picture: Picture) -> None:
    stimulus = shown(model, noise_picture)
    outputs: dict[str, torch.Tensor] = {}
    inputs: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, given: Any, _output: Any) -> None:
            inputs[name] = given[0]

        return hook

    # forward_with_weights is not a module's call, so the input is read off the first branch and
    # the output off the convolution that follows the unit.
    handles = []
    for name, block in model.network.blocks.items():  # type: ignore[union-attr, operator]
        handles.append(block.sk.branches[0].register_forward_hook(keep(name)))
        handles.append(
            block.expand.register_forward_hook(
                lambda _m, given, _o, name=name: outputs.update({name: given[0]})
            )
        )
    try:
        with torch.inference_mode():
            _, weights = model.network.forward_with_weights(to_tensor([stimulus], model))  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
    for unit, expected in zip(model.units, weights, strict=True):
        trace = trace_unit(model, stimulus, unit.name)
        np.testing.assert_array_equal(trace.weights, expected[0])
        np.testing.assert_array_equal(trace.entering, inputs[unit.name][0])
        np.testing.assert_array_equal(trace.output, outputs[unit.name][0])


def test_the_steps_follow_the_equations(model: Model, noise_picture: Picture) -> None:
    for unit in model.units:
        trace = trace_unit(model, shown(model, noise_picture), unit.name)
        np.testing.assert_allclose(trace.summed, trace.branches.sum(0), rtol=1e-6)
        np.testing.assert_allclose(trace.pooled, trace.summed.mean((1, 2)), rtol=1e-5)
        logits = np.einsum("mcd,d->mc", trace.rows, trace.compact)
        np.testing.assert_allclose(trace.logits, logits, atol=1e-5)
        np.testing.assert_allclose(trace.weights, softmax(trace.logits), rtol=1e-5)
        weighted = (trace.weights[:, :, None, None] * trace.branches).sum(0)
        np.testing.assert_allclose(trace.output, weighted, rtol=1e-5, atol=1e-7)


def test_a_branch_looks_where_its_gradient_is(model: Model, noise_picture: Picture) -> None:
    """Support of the gradient of one place, in the second unit, whose stride is 2."""
    unit = model.units[1]
    trace = trace_unit(model, shown(model, noise_picture), unit.name)
    row, column = 3, 4
    for branch, convolution in enumerate(trace.convolutions):
        layer = model.network.blocks[unit.name].sk.branches[branch][0]  # type: ignore[union-attr, index]
        x = torch.tensor(trace.entering)[None].requires_grad_()
        layer(x)[0, :, row, column].sum().backward()
        assert x.grad is not None
        support = np.argwhere((x.grad[0] != 0).any(0).numpy())
        places = convolution.looks_at(row, column)
        assert len(places) == 9
        assert {tuple(p) for p in support} == {tuple(p) for p in places}
        assert places[:, 0].max() - places[:, 0].min() + 1 == unit.kernels[branch]


logits = numbers.arrays(
    np.float32,
    st.tuples(st.integers(2, 4), st.integers(1, 5)),
    elements=st.floats(-30, 30, width=32),
)


@settings(deadline=None, max_examples=50)
@given(logits=logits, push=st.floats(-20, 20), data=st.data())
def test_a_push_is_the_softmax_of_the_pushed_logits(
    logits: np.ndarray, push: float, data: st.DataObject
) -> None:
    branch = data.draw(st.integers(0, len(logits) - 1))
    moved = logits.astype(np.float64)
    moved[branch] += push
    found = pushed_weights(logits, branch, push)
    np.testing.assert_allclose(found, softmax(moved), atol=1e-6)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_parameters_are_those_of_the_layers_by_hand(make_model: Callable[..., Model]) -> None:
    model = make_model(depths=(1,), unit_widths=(64,), out_widths=(16,), min_features=32)
    own, plain = count_parameters(model, "SK_2_1")
    norm = 2 * 64
    assert own.branches == (64 * 16 * 9 + norm,) * 2
    assert own.fuse == 64 * 32 + 2 * 32
    assert own.select == 32 * 64 * 2
    assert own.total == sum(p.numel() for p in model.network.blocks["SK_2_1"].sk.parameters())  # type: ignore[index, union-attr]
    assert plain.branches == (64 * 16 * 9 + 64 + norm, 64 * 16 * 25 + 64 + norm)
    assert plain.fuse == 64 * 32 + 32
    assert plain.select == 32 * 64 * 2 + 64 * 2


def test_the_plain_variant_is_the_one_of_the_note(make_model: Callable[..., Model]) -> None:
    """Its demo: 256 channels, M = 2, G = 1, r = 2, with 2,328,704 parameters."""
    model = make_model(
        depths=(1,), unit_widths=(256,), out_widths=(8,), groups=1, reduction=2, min_features=32
    )
    assert count_parameters(model, "SK_2_1")[1].total == 2_328_704


def test_other_networks_and_units_are_refused(tiny_model: Model, noise_picture: Picture) -> None:
    class Foreign(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unit = SelectiveKernelConv(8, groups=4)

    stimulus = shown(tiny_model, noise_picture)
    with pytest.raises(ModelError, match="There is no unit 'SK_9_9': choose one of SK_2_1"):
        trace_unit(tiny_model, stimulus, "SK_9_9")
    foreign = replace(tiny_model, network=Foreign())
    with pytest.raises(ModelError, match="not built by this project"):
        trace_unit(foreign, stimulus, "SK_2_1")
    with pytest.raises(ModelError, match="not built by this project"):
        count_parameters(foreign, "SK_2_1")
