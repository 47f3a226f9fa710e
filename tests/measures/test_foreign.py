"""Attributions of networks that this project did not make."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import timm
import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.attribute import attribute
from sk_viz.measures.sweep.run import sweep
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import Model, as_model

pytestmark = pytest.mark.filterwarnings("ignore:Setting backward hooks")


@pytest.fixture(scope="module", params=["skresnet18", "skresnext50_32x4d"])
def foreign(request) -> Model:
    """A narrow network of timm's, whose ReLUs work in place."""
    return narrow(request.param)


def narrow(name: str) -> Model:
    torch.manual_seed(0)
    shape = {"layers": (1, 1, 1, 1), "num_classes": 5}
    network = timm.create_model(name, pretrained=False, **shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return as_model(
        network,
        id=name,
        preprocessing=Preprocessing(input_size=64),
        classes=[ClassName(f"thing {i}", ()) for i in range(5)],
        kind="untrained",
        note="",
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "guided_grad_cam"])
@pytest.mark.parametrize("target", ["class", "SK_4_1"])
def test_working_in_place_changes_no_map(foreign, noise_picture, method, target):
    in_place = attribute(foreign, noise_picture, method, target)
    other = narrow(foreign.id)
    relus = [m for m in other.network.modules() if isinstance(m, nn.ReLU) and m.inplace]
    assert relus
    for relu in relus:
        relu.inplace = False
    apart = attribute(other, noise_picture, method, target)
    scale = np.abs(apart.heatmap).max()
    # Guided Grad-CAM keeps only what speaks for it, which in a random network may be nothing.
    assert scale > 0 or method == "guided_grad_cam"
    np.testing.assert_allclose(in_place.heatmap, apart.heatmap, atol=1e-4 * scale)
    assert in_place.record.get("layer") == apart.record.get("layer")


def test_a_saturated_unit_is_explained_before_the_softmax(foreign, noise_picture):
    found = attribute(foreign, noise_picture, "saliency", "SK_5_1")
    weights = sweep(foreign, noise_picture, (1.0,)).unit_weights("SK_5_1")[0]
    saturated = (4 * weights[0] * weights[1]).mean() < 0.04
    assert ("before the softmax" in found.explains) == saturated
    assert found.heatmap.any()


def test_threads_sweep_and_explain_one_network(foreign, noise_picture):
    expected = sweep(foreign, noise_picture, (1.0, 1.5)).weights["weight"].to_numpy()
    cam = attribute(foreign, noise_picture, "grad_cam", "SK_3_1").heatmap
    wrong: list[str] = []

    def sweeping():
        for _ in range(4):
            found = sweep(foreign, noise_picture, (1.0, 1.5)).weights["weight"].to_numpy()
            if not np.array_equal(found, expected):
                wrong.append("sweep")

    def explaining():
        for _ in range(4):
            found = attribute(foreign, noise_picture, "grad_cam", "SK_3_1").heatmap
            if not np.array_equal(found, cam):
                wrong.append("grad_cam")

    threads = [threading.Thread(target=one) for one in (sweeping, explaining) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("method", ["grad_cam", "guided_grad_cam"])
def test_hooks_of_others_are_left_behind(noise_picture, method):
    """Hooks that another thread has on the network at that moment, of every kind."""
    model = narrow("skresnet18")
    expected = attribute(model, noise_picture, method, "SK_3_1").heatmap
    hooked = narrow("skresnet18")
    seen: list[str] = []
    layer = hooked.network.layer1[0]
    handles = [
        layer.register_forward_hook(lambda *_: seen.append("forward")),
        layer.register_forward_pre_hook(lambda *_: seen.append("before")),
        layer.register_full_backward_hook(lambda *_: seen.append("backward")),
        layer.register_full_backward_pre_hook(lambda *_: seen.append("before backward")),
    ]
    found = attribute(hooked, noise_picture, method, "SK_3_1").heatmap
    for handle in handles:
        handle.remove()
    assert seen == []
    np.testing.assert_array_equal(found, expected)


def test_nothing_is_copied_or_searched_again(noise_picture, monkeypatch):
    """After the first map of a network, another one costs no copy and no search for units."""
    model = narrow("skresnet18")
    expected = attribute(model, noise_picture, "grad_cam", "SK_3_1").heatmap

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("sk_viz.measures.private.double_of", never)
    monkeypatch.setattr("sk_viz.measures.attribution.explanation.last_layer", never)
    found = attribute(model, noise_picture, "grad_cam", "SK_3_1").heatmap
    np.testing.assert_array_equal(found, expected)


def test_other_weights_are_noticed(noise_picture):
    model = narrow("skresnet18")
    first = attribute(model, noise_picture, "grad_cam", 0).heatmap
    for parameter in model.network.parameters():
        parameter.data = torch.randn_like(parameter) * 0.1
    changed = attribute(model, noise_picture, "grad_cam", 0).heatmap
    assert not np.array_equal(first, changed)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "guided_grad_cam", "smoothgrad"])
def test_units_of_a_network_without_classes_are_explained(noise_picture, method):
    shape = {"layers": (1, 1, 1, 1), "pretrained_cfg_overlay": {"input_size": (3, 64, 64)}}
    body = timm.create_model("skresnext50_32x4d", pretrained=False, num_classes=0, **shape)
    steps = 2 if method == "smoothgrad" else None
    found = attribute(body, noise_picture, method, "SK_4_1", steps=steps)
    assert found.heatmap.shape == (64, 64)
    assert found.value == found.score
    with pytest.raises(ModelError, match="needs class logits"):
        attribute(body, noise_picture, method, steps=steps)
