"""The maps, against Captum called directly, closed forms and laws."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import (
    GradientShap,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.attribute import attribute, attribute_all, rank_correlation
from sk_viz.measures.attribution.methods import METHODS, occlusion_window
from sk_viz.measures.reading import batch_size, to_tensor
from sk_viz.pictures import stimuli
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import as_model

pytestmark = pytest.mark.filterwarnings("ignore:Setting backward hooks")

TARGETS = ["class", "SK_3_1", ("SK_2_1", 3)]


@pytest.fixture(scope="module")
def x(tiny_model, noise_picture):
    shown = stimuli(noise_picture, (1.0,), "zoom", tiny_model.preprocessing)
    return to_tensor(shown, tiny_model).requires_grad_()


@pytest.fixture(scope="module")
def value(tiny_model, x):
    with torch.no_grad():
        top = int(tiny_model.network(x).argmax())

    def of(target):
        class Value(nn.Module):
            def __init__(self):
                super().__init__()
                self.network = tiny_model.network

            def forward(self, pictures):
                logits, weights = self.network.forward_with_weights(pictures)
                if target == "class":
                    return logits[:, top]
                if target == "SK_3_1":
                    return weights[1][:, 1].mean(1) - weights[1][:, 0].mean(1)
                return weights[0][:, 1, 3]

        return Value()

    return of


def captum(method, forward, x, model, target):
    """What Captum gives when it is called without this project."""
    blank = torch.zeros_like(x)
    size, stride = occlusion_window(x.shape[-1])
    if method == "saliency":
        return Saliency(forward).attribute(x).amax(1)
    if method == "input_x_gradient":
        return InputXGradient(forward).attribute(x).sum(1)
    if method == "integrated_gradients":
        return IntegratedGradients(forward).attribute(x, blank, n_steps=64).sum(1)
    if method == "smoothgrad":
        torch.manual_seed(0)
        noise = 0.15 * float(x.detach().max() - x.detach().min())
        tunnel = NoiseTunnel(Saliency(forward))
        return tunnel.attribute(x, nt_samples=32, stdevs=noise, abs=False).abs().amax(1)
    if method == "occlusion":
        return (
            Occlusion(forward)
            .attribute(
                x,
                (3, size, size),
                strides=(3, stride, stride),
                baselines=0,
                perturbations_per_eval=50,
            )
            .sum(1)
        )
    block = model.network.blocks["SK_2_1" if target == ("SK_2_1", 3) else "SK_3_1"]
    layer = block.activate if target == "class" else block.reduce
    if method == "grad_cam":
        cam = LayerGradCam(forward, layer).attribute(x, relu_attributions=target == "class")
        return nn.functional.interpolate(cam, x.shape[2:], mode="bilinear")[:, 0]
    guided = GuidedGradCam(forward, layer)
    return guided.attribute(x, interpolate_mode="bilinear").sum(1)


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("method", [name for name in METHODS if name != "gradient_shap"])
def test_maps_are_captums(tiny_model, noise_picture, x, value, method, target):
    steps = 64 if method == "integrated_gradients" else None
    ours = attribute(tiny_model, noise_picture, method, target, steps=steps)
    theirs = captum(method, value(target), x, tiny_model, target)[0].detach().numpy()
    assert ours.heatmap.shape == (32, 32)
    assert ours.heatmap.dtype == np.float32
    scale = np.abs(theirs).max()
    assert scale > 0
    np.testing.assert_allclose(ours.heatmap, theirs, atol=1e-4 * scale)


def test_gradient_shap_is_captums_mean_over_batches(tiny_model, noise_picture, x, value):
    ours = attribute(tiny_model, noise_picture, "gradient_shap", "SK_3_1", steps=100)
    chunk = batch_size(tiny_model, 32)
    assert chunk < 100
    mean, std = (np.array(v) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    plain = torch.tensor(np.stack([-mean / std, 0 * mean, (1 - mean) / std])).float()
    baselines = plain[:, :, None, None].expand(3, *x.shape[1:])
    torch.manual_seed(0)
    np.random.seed(0)
    parts = [
        n * GradientShap(value("SK_3_1")).attribute(x, baselines, n_samples=n)
        for n in (chunk, 100 - chunk)
    ]
    theirs = (sum(parts) / 100).sum(1)[0].detach().numpy()
    np.testing.assert_allclose(ours.heatmap, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_completeness_error_is_captums_delta(tiny_model, noise_picture, x, value, target):
    ours = attribute(tiny_model, noise_picture, "integrated_gradients", target, steps=64)
    forward = value(target)
    _, delta = IntegratedGradients(forward).attribute(
        x, torch.zeros_like(x), n_steps=64, return_convergence_delta=True
    )
    with torch.no_grad():
        change = forward(x) - forward(torch.zeros_like(x))
    assert ours.delta == pytest.approx(abs(delta / change).item(), abs=2e-4)
    assert ours.value == pytest.approx(forward(x).item(), abs=1e-5)


def test_more_steps_come_closer(make_model, noise_picture):
    model = make_model(seed=4)
    few, many = (
        attribute(model, noise_picture, target="SK_3_1", steps=steps).delta for steps in (2, 128)
    )
    assert many < few


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_by_default_the_completeness_error_is_below_one_percent(
    make_model, noise_picture, seed, target
):
    found = attribute(make_model(seed=seed), noise_picture, target=target)
    assert found.delta < 0.01
    assert found.record["steps"] is None
    assert found.record["tolerance"] == 0.01


def test_only_some_methods_add_up(tiny_model, noise_picture):
    for name, method in METHODS.items():
        delta = attribute(tiny_model, noise_picture, name, steps=method.steps and 3).delta
        assert (delta is not None) == (name in ("integrated_gradients", "gradient_shap")), name


class Linear(nn.Module):
    """A straight line in the pixels, behind the looks of a readout."""

    def __init__(self, inner, units):
        super().__init__()
        self.inner, self.units = inner, units
        self.factor = torch.linspace(-1, 1, 3 * 32 * 32).view(3, 32, 32)

    def forward(self, pictures, held=None):
        _, weights = self.inner(pictures)
        line = (pictures * self.factor).sum((1, 2, 3))[:, None]
        return torch.cat([line, -line.expand(-1, 6)], 1), weights


@pytest.mark.parametrize("method", ["integrated_gradients", "input_x_gradient"])
def test_of_a_line_a_map_is_factor_times_pixel(tiny_model, noise_picture, x, method):
    line = Linear(tiny_model.readout, tiny_model.units)
    ours = attribute(replace(tiny_model, readout=line), noise_picture, method, 0)
    expected = (x.detach()[0] * line.factor).sum(0).numpy()
    np.testing.assert_allclose(ours.heatmap, expected, atol=1e-4)
    if ours.delta is not None:
        assert ours.delta < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_only_pixels_upstream_count(make_model, noise_picture, method):
    """A unit's map does not change with what comes after it."""
    first = make_model(seed=2)
    network = make_model(seed=2).network
    with torch.no_grad():
        network.head.weight.normal_()
        network.blocks["SK_3_1"].expand[0].weight.normal_()
    second = as_model(
        network,
        id="changed",
        preprocessing=first.preprocessing,
        classes=[ClassName(name, ()) for name in first.classes],
        kind="untrained",
        note="",
        device=first.device,
    )
    maps = [attribute(model, noise_picture, method, "SK_3_1").heatmap for model in (first, second)]
    np.testing.assert_array_equal(*maps)
    of_class = [attribute(model, noise_picture, method, 0).heatmap for model in (first, second)]
    assert not np.array_equal(*of_class)


def test_grad_cam_looks_at_the_last_layer_that_feeds_it(make_model, noise_picture):
    model = make_model(depths=(2, 2))
    layers = {
        target: attribute(model, noise_picture, "grad_cam", target).record["layer"]
        for target in ("class", "SK_2_1", "SK_2_2", "SK_3_2")
    }
    assert layers == {
        "class": "blocks.SK_3_2",
        "SK_2_1": "blocks.SK_2_1.reduce",
        "SK_2_2": "blocks.SK_2_2.reduce",
        "SK_3_2": "blocks.SK_3_2.reduce",
    }


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was(tiny_model, noise_picture, method):
    network = tiny_model.network
    before = {name: value.clone() for name, value in network.state_dict().items()}

    class StopError(Exception):
        pass

    def stop(done, total):
        raise StopError

    attribute(tiny_model, noise_picture, method, "SK_3_1", steps=METHODS[method].steps and 2)
    with pytest.raises(StopError):
        attribute(tiny_model, noise_picture, method, "SK_3_1", progress=stop)
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("method", ["smoothgrad", "gradient_shap"])
def test_random_methods_are_seeded_and_leave_the_dice_alone(tiny_model, noise_picture, method):
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(5)
    np.random.seed(5)
    first = attribute(tiny_model, noise_picture, method)
    assert (torch.rand(1), np.random.rand()) == expected
    np.testing.assert_array_equal(
        first.heatmap, attribute(tiny_model, noise_picture, method).heatmap
    )
    assert first.record["seed"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_progress_counts_every_picture(tiny_model, noise_picture, method):
    seen = []
    attribute(tiny_model, noise_picture, method, progress=lambda *counts: seen.append(counts))
    total = seen[0][1]
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen[:-1]] == sorted({done for done, _ in seen[:-1]})


def test_threads_may_share_a_model(tiny_model, noise_picture):
    """Hooks of Grad-CAM in one thread, forwards of everything else in the others."""
    names = ["grad_cam", "guided_grad_cam", "saliency", "smoothgrad"]
    alone = {name: attribute(tiny_model, noise_picture, name, "SK_3_1").heatmap for name in names}
    wrong: list[str] = []

    def work(name):
        for _ in range(4):
            try:
                found = attribute(tiny_model, noise_picture, name, "SK_3_1").heatmap
                if not np.array_equal(found, alone[name]):
                    wrong.append(name)
            except Exception as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(name,)) for name in names * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_record_alone_makes_the_same_map(tiny_model, noise_picture):
    first = attribute(
        tiny_model, noise_picture, "smoothgrad", "class", 1.4, "zoom", (0.2, 0.6), steps=7
    )
    record = json.loads(json.dumps(first.to_json()))["record"]
    assert record == first.record
    again = attribute(
        tiny_model,
        noise_picture,
        method=record["method"],
        target=record["target"],
        scale=record["scales"][0],
        protocol=record["protocol"],
        point=record["point"],
        steps=record["steps"],
    )
    np.testing.assert_array_equal(again.heatmap, first.heatmap)
    assert again.record == record


def test_a_map_is_as_large_as_the_input(tiny_model, noise_picture):
    found = attribute(tiny_model, noise_picture, "grad_cam", scale=2.0, protocol="resolution")
    assert found.heatmap.shape == found.stimulus.rgb.shape[:2] == (64, 64)


def test_signs_are_told(tiny_model, noise_picture):
    for method in METHODS:
        for target in ("class", "SK_3_1"):
            found = attribute(tiny_model, noise_picture, method, target)
            if not found.signed:
                assert found.heatmap.min() >= 0
    assert not attribute(tiny_model, noise_picture, "grad_cam", "class").signed
    assert attribute(tiny_model, noise_picture, "grad_cam", "SK_3_1").signed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "lrp"}, "There is no method 'lrp': choose saliency, "),
        ({"method": "saliency", "steps": 5}, "Saliency has no steps: leave them out."),
        ({"steps": 0}, "0 steps are too few"),
        ({"target": "SK_7_1"}, "There is no unit 'SK_7_1': choose one of SK_2_1, SK_3_1"),
    ],
)
def test_a_wrong_wish_is_one_sentence(tiny_model, noise_picture, arguments, message):
    with pytest.raises(ModelError, match=message):
        attribute(tiny_model, noise_picture, **arguments)


def test_memory_running_out_halves_the_batch(tiny_model, noise_picture):
    class Small(nn.Module):
        def __init__(self, readout, limit):
            super().__init__()
            self.readout, self.limit, self.units = readout, limit, readout.units

        def forward(self, pictures, held=None):
            if len(pictures) > self.limit:
                raise torch.OutOfMemoryError
            return self.readout(pictures)

    plenty = attribute(tiny_model, noise_picture, target="SK_3_1", steps=40)
    tight = replace(tiny_model, readout=Small(tiny_model.readout, 30))
    found = attribute(tight, noise_picture, target="SK_3_1", steps=40)
    assert found.record["batch_size"] == 22
    assert found.record["notes"][:2] == [
        "Memory ran out at 88 pictures per batch; continued with 44.",
        "Memory ran out at 44 pictures per batch; continued with 22.",
    ]
    np.testing.assert_allclose(found.heatmap, plenty.heatmap, atol=1e-6)


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(8, 9)).astype(np.float32)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1)
    b = rng.normal(size=(8, 9)).astype(np.float32)
    order = 1 + np.stack([np.argsort(np.argsort(one.ravel())) for one in (a, b)])
    spread = ((order[0] - order[1]) ** 2).sum()
    n = a.size
    assert rank_correlation(a, b) == pytest.approx(1 - 6 * spread / (n * (n**2 - 1)))
    assert np.isnan(rank_correlation(a, np.zeros_like(a)))
    with pytest.raises(ValueError, match="cannot be compared"):
        rank_correlation(a, a.T)


@pytest.mark.parametrize(
    ("method", "steps"),
    [("integrated_gradients", None), ("integrated_gradients", 6), ("saliency", None)],
)
def test_several_targets_and_scales_at_once_are_those_one_by_one(
    tiny_model, noise_picture, method, steps
):
    scales = (1.0, 1.7, 2.5)
    found = attribute_all(tiny_model, noise_picture, method, TARGETS, scales, steps=steps)
    assert [[one.stimulus.scale for one in row] for row in found] == [[s] * 3 for s in scales]
    for row, scale in zip(found, scales, strict=True):
        for ours, target in zip(row, TARGETS, strict=True):
            alone = attribute(tiny_model, noise_picture, method, target, scale, steps=steps)
            largest = float(np.abs(alone.heatmap).max())
            np.testing.assert_allclose(ours.heatmap, alone.heatmap, atol=1e-4 * largest)
            assert ours.record == alone.record
            assert ours.value == pytest.approx(alone.value, rel=1e-5)
            assert not ours.heatmap.flags.writeable


def test_pictures_of_several_sizes_are_explained_each_at_its_own(tiny_model, noise_picture):
    found = attribute_all(
        tiny_model, noise_picture, targets=("SK_2_1",), scales=(1.0, 2.0), protocol="resolution"
    )
    assert [one.heatmap.shape for (one,) in found] == [(32, 32), (64, 64)]


def test_targets_share_their_forwards(tiny_model, noise_picture):
    shown = []
    readout = tiny_model.readout

    class Counting(nn.Module):
        units = readout.units

        def forward(self, x, held=None):
            shown.append(len(x))
            return readout(x, held)

    counted = replace(tiny_model, readout=Counting())
    attribute(counted, noise_picture, target="SK_2_1", steps=32)
    alone = sum(shown)
    shown.clear()
    attribute_all(counted, noise_picture, targets=("SK_2_1", "SK_3_1", "class"), steps=32)
    # The picture, the baseline, and the gradients.
    assert sum(shown) == alone == 1 + 1 + 32


def test_without_targets_there_is_nothing_to_explain(tiny_model, noise_picture):
    with pytest.raises(ModelError, match="at least one target"):
        attribute_all(tiny_model, noise_picture, targets=())


def test_small_memory_explains_one_by_one(tiny_model, noise_picture, monkeypatch):
    def no_memory(*_, **__):
        raise torch.OutOfMemoryError

    expected = attribute(tiny_model, noise_picture, target="SK_2_1").heatmap
    monkeypatch.setattr("sk_viz.measures.attribution.attribute.integrate_all", no_memory)
    ((found,),) = attribute_all(tiny_model, noise_picture, targets=("SK_2_1",))
    np.testing.assert_array_equal(found.heatmap, expected)
