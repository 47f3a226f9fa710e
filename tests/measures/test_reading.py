from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from torch import nn

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.reading import batch_size, read, softmax, to_tensor
from sk_viz.networks.engine import cpu_has_bfloat16
from sk_viz.networks.pooling import pooled_gates
from sk_viz.pictures import normalise, stimuli


class SmallMemory(nn.Module):
    """A readout that holds ``limit`` pictures at once, on a device that batches."""

    def __init__(self, readout: nn.Module, limit: int) -> None:
        super().__init__()
        self.readout, self.limit, self.batches = readout, limit, []

    def forward(self, x, held=None):
        if len(x) > self.limit:
            raise torch.OutOfMemoryError
        self.batches.append(len(x))
        return self.readout(x, held)


class BatchingDevice:
    """Looks like another kind of device; tensors stay where torch can compute here."""

    type = "meta-batching"

    def __str__(self) -> str:
        return "cuda:0"


@pytest.fixture
def shown(tiny_model, noise_picture):
    return stimuli(noise_picture, np.linspace(1, 2, 11), "zoom", tiny_model.preprocessing)


@pytest.fixture
def on_batching_device(tiny_model, monkeypatch):
    monkeypatch.setattr(
        "sk_viz.measures.reading.to_tensor",
        lambda shown, model, **_: torch.from_numpy(
            np.stack([normalise(s.rgb, model.preprocessing) for s in shown])
        ),
    )
    return lambda limit: replace(
        tiny_model, readout=SmallMemory(tiny_model.readout, limit), device=BatchingDevice()
    )


def test_tensor_is_the_normalised_stimuli(tiny_model, shown):
    tensor = to_tensor(shown[:2], tiny_model)
    assert tensor.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(
        tensor[1].numpy(), normalise(shown[1].rgb, tiny_model.preprocessing)
    )


def test_probabilities_are_those_of_the_definition_and_do_not_overflow():
    logits = np.array([[np.log(9), 0], [1e4, 0]], np.float32)
    np.testing.assert_allclose(softmax(logits), [[0.9, 0.1], [1, 0]], atol=1e-6)


def test_memory_running_out_halves_the_batch_and_is_noted(tiny_model, shown, on_batching_device):
    model = on_batching_device(3)
    reading = read(model, shown)
    assert model.readout.batches == [2, 2, 2, 2, 2, 1]
    assert reading.batch_size == 2
    assert reading.notes == (
        "Memory ran out at 11 pictures per batch; continued with 5.",
        "Memory ran out at 5 pictures per batch; continued with 2.",
    )
    one_by_one = read(tiny_model, shown)
    np.testing.assert_allclose(reading.logits, one_by_one.logits, atol=1e-5)
    for batched, single in zip(reading.weights, one_by_one.weights, strict=True):
        np.testing.assert_allclose(batched, single, atol=1e-6)


def test_memory_too_small_for_one_says_so(shown, on_batching_device):
    with pytest.raises(ModelError, match="too small for one picture of 32 pixels: choose"):
        read(on_batching_device(0), shown)


def test_a_batch_has_one_size(tiny_model, noise_picture, on_batching_device):
    sizes = stimuli(noise_picture, (1.0, 2.0, 3.0), "resolution", tiny_model.preprocessing)
    model = on_batching_device(99)
    reading = read(model, (*sizes, sizes[2]))
    assert model.readout.batches == [1, 1, 2]
    assert reading.logits.shape == (4, 7)


@pytest.mark.parametrize(("side", "count"), [(32, 88), (64, 22), (80, 14), (224, 1), (320, 1)])
def test_a_cpu_batches_small_inputs_only(tiny_model, side, count):
    assert batch_size(tiny_model, side) == count


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_batches_and_agrees_with_the_cpu(tiny_model, shown):
    import copy

    network = copy.deepcopy(tiny_model.network).cuda()
    on_cuda = replace(
        tiny_model,
        network=network,
        readout=type(tiny_model.readout)(network),
        device=torch.device("cuda"),
    )
    expected = read(tiny_model, shown)
    for dtype, tolerance in (("float32", 2e-3), ("float16", 5e-2), ("bfloat16", 5e-2)):
        reading = read(on_cuda, shown, dtype=dtype)
        assert reading.dtype == dtype
        assert reading.batch_size == len(shown)
        for ours, theirs in zip(reading.weights, expected.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_an_engine_reads_the_same_and_leaves_held_weights_to_eager_torch(
    tiny_model, shown, monkeypatch
):
    eager = read(tiny_model, shown)
    assert eager.engine == "eager"
    monkeypatch.setattr("sk_viz.networks.engine._WORTH_IT", 0)
    seconds = iter((1, 2))  # the engine's, then eager torch's: a busy machine shall not decide
    monkeypatch.setattr("sk_viz.networks.engine._fastest", lambda _: next(seconds))
    fast = read(tiny_model, shown)
    assert fast.engine.startswith("openvino")
    np.testing.assert_allclose(fast.logits, eager.logits, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(fast.weights, eager.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    first = tiny_model.units[0]
    half = {first.name: torch.full((1, len(first.kernels), first.channels), 0.5)}
    assert read(tiny_model, shown, held=half).engine == "eager"


def difference(weights, unit):
    return (weights[:, unit.largest] - weights[:, unit.smallest]).mean(axis=1)


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="needs a CPU that computes in bfloat16")
def test_bfloat16_on_a_cpu_is_close_and_named(tiny_model, shown, monkeypatch):
    seconds = iter((1, 2))
    monkeypatch.setattr("sk_viz.networks.engine._fastest", lambda _: next(seconds))
    # These random weights err by more on the trial pictures than on those shown here.
    monkeypatch.setattr("sk_viz.networks.engine._COARSE_TRIAL", 1)
    # What another test found out about the same network does not count here.
    monkeypatch.setattr("sk_viz.networks.engine._built", WeakKeyDictionary())
    exact, coarse = read(tiny_model, shown), read(tiny_model, shown, dtype="bfloat16")
    assert (exact.dtype, coarse.dtype) == ("float32", "bfloat16")
    assert coarse.engine.startswith("openvino")
    assert coarse.notes == ()
    for unit, ours, theirs in zip(tiny_model.units, coarse.weights, exact.weights, strict=True):
        assert np.abs(difference(ours, unit) - difference(theirs, unit)).max() < 2e-3
    assert any((a != b).any() for a, b in zip(coarse.weights, exact.weights, strict=True))


def test_bfloat16_that_cannot_be_had_is_float32_and_said(tiny_model, shown, monkeypatch):
    exact = read(tiny_model, shown)
    half = {
        u.name: torch.full((1, len(u.kernels), u.channels), 1 / len(u.kernels))
        for u in tiny_model.units
    }
    held = read(tiny_model, shown, held=half, dtype="bfloat16")
    assert held.dtype == "float32"
    assert held.notes == ("bfloat16 was asked for and float32 used: weights are held.",)
    monkeypatch.setattr("sk_viz.measures.reading.engine_of", lambda *_, **__: None)
    without = read(tiny_model, shown, dtype="bfloat16")
    assert (without.dtype, without.engine) == ("float32", "eager")
    assert "this machine cannot" in without.notes[0]
    np.testing.assert_array_equal(without.logits, exact.logits)


def test_other_dtypes_are_refused(tiny_model, shown):
    with pytest.raises(ModelError, match="float16 needs a CUDA device"):
        read(tiny_model, shown, dtype="float16")
    with pytest.raises(ModelError, match="choose float32, bfloat16, float16"):
        read(tiny_model, shown, dtype="int8")


def test_gates_are_pooled_as_the_stimuli_say(tiny_model, noise_picture):
    preprocessing = tiny_model.preprocessing
    (window,) = stimuli(noise_picture, (2.0,), "window", preprocessing)
    (whole,) = stimuli(noise_picture, (2.0,), "resolution", preprocessing)
    both = read(tiny_model, (whole, window))
    with pooled_gates(tiny_model.network, tiny_model.units, window.pool):
        expected = read(tiny_model, (whole,))
    for own, pooled in zip(both.weights, expected.weights, strict=True):
        np.testing.assert_allclose(own[1], pooled[0], atol=1e-6)
        assert np.abs(own[0] - pooled[0]).max() > 1e-4


def test_a_measure_that_does_not_pool_the_gates_refuses_the_window(tiny_model, noise_picture):
    shown = stimuli(noise_picture, (2.0,), "window", tiny_model.preprocessing)
    with pytest.raises(ScaleError, match="choose another protocol"):
        to_tensor(shown, tiny_model)
