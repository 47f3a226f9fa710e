from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.targets import ClassTarget, UnitTarget, parse_target, resolve
from sk_viz.networks.units import Unit


@pytest.fixture(scope="module")
def read(tiny_model):
    torch.manual_seed(1)
    with torch.no_grad():
        return tiny_model.readout(torch.randn(1, 3, 32, 32))


def alone(weights, kernels=(3, 5)):
    """A unit whose weights are these, (M, C)."""
    return unit_of(kernels, len(weights[0])), [torch.tensor([weights])]


def unit_of(kernels, channels):
    return Unit("SK_2_1", 2, 1, kernels, channels, path="", split_input=False, dead=False)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("class", "class"),
        ("281", 281),
        ("SK_3_4", "SK_3_4"),
        ("SK_3_4:17", ("SK_3_4", 17)),
        ("SK_3_4, 17", ("SK_3_4", 17)),
        ("tabby cat", "tabby cat"),
        ("1" * 5000, "1" * 5000),
        (f"SK_3_4:{10**12}", f"SK_3_4:{10**12}"),
    ],
)
def test_a_target_is_read_from_text(text, target):
    assert parse_target(text) == target


def test_class_is_the_likeliest(tiny_model, read):
    settled = resolve(tiny_model, "class", *read)
    label = int(read[0].argmax())
    assert settled == ClassTarget(label, tiny_model.classes[label])
    assert settled.value(*read).item() == read[0][0, label].item()
    assert settled.score(*read).item() == pytest.approx(read[0].softmax(1)[0, label].item())


@pytest.mark.parametrize("target", [4, np.int64(4), "thing 4, object 4", "thing 4", " Object 4"])
def test_a_class_by_index_or_any_of_its_names(tiny_model, read, target):
    assert resolve(tiny_model, target, *read).label == 4


def test_a_name_of_several_classes_asks_for_an_index(tiny_model, read):
    model = replace(tiny_model, classes=("crane, bird", "crane, machine", *"abcde"))
    with pytest.raises(ModelError, match="Several classes are called 'crane': give an index, 0, 1"):
        resolve(model, "crane", *read)


def test_a_unit_is_its_difference(tiny_model, read):
    logits, weights = read
    settled = resolve(tiny_model, "SK_3_1", logits, weights)
    expected = weights[1][0, 1].mean() - weights[1][0, 0].mean()
    assert settled.value(logits, weights).item() == pytest.approx(expected.item(), abs=1e-6)
    assert "weight of the 5x5 branch minus that of the 3x3 branch" in settled.explains
    assert "before the softmax" not in settled.explains


def test_a_channel_is_its_weight_of_the_largest_kernel(three_branch_model):
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits, weights = three_branch_model.readout(x)
    settled = resolve(three_branch_model, ("SK_2_1", 3), logits, weights)
    assert settled.value(logits, weights).item() == weights[0][0, 2, 3].item()
    assert settled.key == ("SK_2_1", 3)
    assert settled.explains == "the weight of the 7x7 branch in channel 3 of SK_2_1"


def test_saturated_weights_are_explained_before_the_softmax(tiny_model, read):
    logits, weights = read
    saturated = [torch.cat([torch.full_like(w[:, :1], 1e-6), 1 - 1e-6 + 0 * w[:, 1:]], 1)
                 for w in weights]  # fmt: skip
    settled = resolve(tiny_model, "SK_3_1", logits, saturated)
    assert settled.before_softmax
    assert "before the softmax, because its weights are saturated" in settled.explains
    assert settled.value(logits, saturated).item() == pytest.approx(np.log(1e6), abs=1e-3)


def test_one_saturated_channel_is_not_a_saturated_unit():
    unit, weights = alone([[0.5, 1e-7, 0.4], [0.5, 1.0, 0.6]])
    assert not UnitTarget(unit, 0).saturated(weights)
    assert UnitTarget(unit, 0, channel=1).saturated(weights)
    assert not UnitTarget(unit, 0, channel=2).saturated(weights)


@pytest.mark.parametrize(("weight", "saturated"), [(0.985, False), (0.995, True)])
def test_saturation_begins_at_99_percent(weight, saturated):
    unit, weights = alone([[1 - weight], [weight]])
    assert UnitTarget(unit, 0).saturated(weights) is saturated


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=2, max_size=4),
)
def test_logs_of_weights_give_the_difference_of_logits(logits):
    """log softmax(a) - log softmax(b) = a - b, whatever the other branches say."""
    rows = torch.tensor(logits)[None].double()
    kernels = tuple(range(3, 3 + 2 * rows.shape[1], 2))
    unit = unit_of(kernels, 3)
    value = UnitTarget(unit, 0, before_softmax=True).value(None, [rows.softmax(1)])
    assert value.item() == pytest.approx((rows[0, -1] - rows[0, 0]).mean().item(), abs=1e-6)


def test_weights_of_zero_give_a_finite_value_and_gradient():
    unit, _ = alone([[0.0], [1.0]])
    logits = torch.tensor([[[-200.0], [0.0]]], requires_grad=True)
    value = UnitTarget(unit, 0, before_softmax=True).value(None, [logits.softmax(1)])
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (7, "There is no class 7: tiny_random has classes 0 to 6."),
        (-1, "There is no class -1"),
        ("thong 3", "tiny_random has no class or unit 'thong 3': did you mean 'thing 3'?"),
        ("zebra", "give a class, its index, or a unit"),
        (("SK_9_9", 0), "There is no unit 'SK_9_9': choose one of SK_2_1, SK_3_1"),
        (("SK_2_1", 8), "SK_2_1 has no channel 8: its channels are 0 to 7"),
        (("SK_2_1",), "is not"),
        ((1, 2), "is not"),
        (("SK_2_1", "a"), "is not"),
        (("SK_2_1", 1.5), "is not"),
        (1.5, "The target 1.5 is unknown"),
        (float("nan"), "The target nan is unknown"),
        (True, "The target True is unknown"),
        (None, "The target None is unknown"),
        (b"x", "is unknown"),
    ],
)
def test_a_wrong_target_is_one_sentence(tiny_model, read, target, message):
    with pytest.raises(ModelError) as caught:
        resolve(tiny_model, target, *read)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dead_unit_has_nothing_to_explain(tiny_model, read):
    dead = tuple(replace(unit, dead=True) for unit in tiny_model.units)
    with pytest.raises(ModelError, match="SK_2_1 chooses the same for every picture"):
        resolve(replace(tiny_model, units=dead), "SK_2_1", *read)
