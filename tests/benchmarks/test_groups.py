"""Every case does the work that it says; how long it takes is the machine's affair."""

import itertools
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import timm
import torch

from sk_viz.benchmarks import peers, surveys, sweeps
from sk_viz.benchmarks.gradients import attribution_cases, field_cases
from sk_viz.benchmarks.sweeps import sweep_cases
from sk_viz.networks.engine import cpu_has_bfloat16
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.pictures import read_sample
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName, save_bundled
from sk_viz.zoo.load import load_model

SCALES = (1.0, 1.5, 2.0)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    sizes = {"depths": (1, 1), "unit_widths": (8, 16), "out_widths": (16, 24)}
    network = SKNet(
        SKNetConfig(**sizes, stem_width=8, stem="small", groups=2, min_features=4, classes=6)
    )
    network.wake()
    folder = tmp_path_factory.mktemp("model")
    classes = [ClassName(f"thing {i}") for i in range(6)]
    save_bundled(folder, network.eval(), Preprocessing(32, 1.0), classes, "Random, for a test.")
    return load_model(folder, "cpu")


@pytest.fixture(scope="module")
def picture():
    return read_sample("coffee")


def by_name(cases):
    return {case.name: case for case in cases}


def test_by_hand_and_the_sweep_find_the_same(small, picture):
    cases, ratios = sweep_cases(small, small.network, picture, SCALES)
    by_hand = by_name(cases)["by hand"].run()
    swept = by_name(cases)["sweep"].run()
    for (logits, differences), scale in zip(by_hand, SCALES, strict=True):
        rows = swept.differences[swept.differences["scale"] == scale]
        # PIL's crop is cut at whole pixels, ours is not.
        np.testing.assert_allclose(differences, rows["difference"], atol=0.02)
        assert logits.sum() == pytest.approx(1, abs=1e-5)
    assert {ratio.over for ratio in ratios} | {ratio.under for ratio in ratios} <= set(
        by_name(cases)
    )


def test_no_hook_stays_on_a_network_that_was_read_by_hand(small, picture):
    cases, _ = sweep_cases(small, small.network, picture, SCALES)
    by_name(cases)["by hand"].run()
    assert not any(module._forward_hooks for module in small.network.modules())


def test_attribution_and_fields_run_beside_their_bare_gradients(small, picture):
    cases, _ = attribution_cases(small, picture)
    assert by_name(cases)["attribution"].run().heatmap.shape == (32, 32)
    apart = by_name(cases)["two apart"].run()
    (together,) = by_name(cases)["two together"].run()
    for one, other in zip(apart, together, strict=True):
        assert one.target == other.target
        np.testing.assert_allclose(one.heatmap, other.heatmap, atol=1e-4 * one.heatmap.max())
    by_name(cases)["bare"].run()
    cases, _ = field_cases(small, picture)
    assert set(by_name(cases)["fields"].run()) == {unit.name for unit in small.units}
    by_name(cases)["bare"].run()
    assert not any(parameter.requires_grad for parameter in small.network.parameters())
    assert torch.is_grad_enabled()


@pytest.fixture(scope="module")
def given():
    """A small network of timm's, given as a module."""
    shape = {"layers": (1, 1, 1, 1), "num_classes": 5}
    overlay = {"input_size": (3, 64, 64)}
    torch.manual_seed(0)
    return timm.create_model(
        "skresnext50_32x4d", pretrained=False, **shape, pretrained_cfg_overlay=overlay
    ).eval()


def test_each_peer_finds_what_ours_finds(given, picture):
    cases, ratios = peers.one_gradient_cases(given, picture)
    found = {name: case.run() for name, case in by_name(cases).items()}
    assert {ratio.over for ratio in ratios} | {ratio.under for ratio in ratios} <= set(found)
    ours = {name: found[name].heatmap for name in ("grad_cam", "saliency", "input_x_gradient")}
    theirs = {
        "grad_cam": found["captum grad_cam"][0, 0],
        "saliency": found["captum saliency"][0].abs().amax(0),
        "input_x_gradient": found["captum input_x_gradient"][0].sum(0),
    }
    for name, expected in theirs.items():
        scale = float(expected.abs().max())
        np.testing.assert_allclose(ours[name], expected.detach(), atol=1e-4 * scale)
    if "torch-cam" in found:  # it stretches its map to [0, 1]
        cam = found["torch-cam"][0, 0].detach().numpy()
        assert np.corrcoef(cam.ravel(), ours["grad_cam"].ravel())[0, 1] > 0.99
    assert not any(module._forward_hooks for module in given.modules())


def test_integrated_gradients_are_compared_at_equal_error(small, picture):
    cases, _ = peers.many_forward_cases(small, picture)
    named = by_name(cases)
    assert named["integrated_gradients"].run().delta <= 0.01
    assert named["captum integrated_gradients"].run().shape == (1, 3, 32, 32)
    ours, theirs = named["occlusion"].run(), named["captum occlusion"].run()
    expected = theirs[0].sum(0)
    np.testing.assert_allclose(ours.heatmap, expected, atol=1e-4 * float(expected.abs().max()))


def test_a_hook_by_hand_finds_the_same_field(given, picture):
    cases, _ = peers.hooked_field_cases(given, picture)
    named = by_name(cases)
    assert named["hook"].run().shape == (1, 3, 64, 64)
    assert len(named["hooks"].run()) == len(named["fields"].run()) == 4
    assert len(named["growth"].run().table) == 6
    assert named["field"].run().effective.shape == (64, 64)
    assert not any(module._forward_hooks for module in given.modules())


def test_a_survey_measures_all_its_pictures_each_time(small, picture, tmp_path, monkeypatch):
    monkeypatch.setattr(surveys, "PICTURES", 7)
    cases, _ = surveys.survey_cases(small, picture, tmp_path)
    survey = by_name(cases)["survey"]
    survey.run()
    assert survey.run().seconds > 0
    assert len(list((tmp_path / "pictures").iterdir())) == 7
    assert (tmp_path / "survey" / "part-000000.parquet").is_file()
    by_name(cases)["bare"].run()


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="needs a CPU that computes in bfloat16")
def test_bfloat16_is_timed_where_it_is_to_be_had(small, picture, monkeypatch):
    monkeypatch.setattr("sk_viz.networks.engine._COARSE_TRIAL", 1)  # of random weights
    monkeypatch.setattr("sk_viz.networks.engine._built", WeakKeyDictionary())
    seconds = itertools.cycle((1, 2))  # the engine's, then eager torch's
    monkeypatch.setattr("sk_viz.networks.engine._fastest", lambda _: next(seconds))
    cases, ratios = sweeps.sweep_cases(small, small.network, picture, SCALES)
    assert by_name(cases)["sweep bfloat16"].run().record["dtype"] == "bfloat16"
    by_name(cases)["bare bfloat16"].run()
    assert by_name(cases)["gemm bfloat16"].run().dtype == torch.bfloat16
    assert {"faster than by hand, bfloat16", "sweep over eager forward"} <= {r.name for r in ratios}
    # The bare forward is on the fastest engine there is, though one sweep would not build it.
    assert by_name(cases)["bare"].what.startswith("openvino")
    assert by_name(cases)["sweep"].run().record["engine"] == "eager"
