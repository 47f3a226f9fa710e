"""Attributions of networks that this project did not make."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import timm
import torch
from torch import nn

from sk_viz.measures.attribution.attribute import attribute
from sk_viz.measures.sweep.run import sweep
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import Model, as_model

pytestmark = pytest.mark.filterwarnings("ignore:Setting backward hooks")


@pytest.fixture(scope="module", params=["skresnet18", "skresnext50_32x4d"])
def foreign(request) -> Model:
    """A narrow network of timm's, whose ReLUs work in place."""
    torch.manual_seed(0)
    shape = {"layers": (1, 1, 1, 1), "num_classes": 5}
    network = timm.create_model(request.param, pretrained=False, **shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return as_model(
        network,
        id=request.param,
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
    relus = [m for m in foreign.network.modules() if isinstance(m, nn.ReLU) and m.inplace]
    assert relus
    for relu in relus:
        relu.inplace = False
    try:
        apart = attribute(foreign, noise_picture, method, target)
    finally:
        for relu in relus:
            relu.inplace = True
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
