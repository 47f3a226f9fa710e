"""Every case does the work that it says; how long it takes is the machine's affair."""

import numpy as np
import pytest
import torch

from sk_viz.benchmarks.gradients import attribution_cases, field_cases
from sk_viz.benchmarks.surveys import PICTURES, survey_cases
from sk_viz.benchmarks.sweeps import sweep_cases
from sk_viz.networks.bundled import ClassName, save_bundled
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.networks.zoo import load_model
from sk_viz.pictures import read_sample
from sk_viz.preprocessing import Preprocessing

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
    by_name(cases)["bare"].run()
    cases, _ = field_cases(small, picture)
    assert set(by_name(cases)["fields"].run()) == {unit.name for unit in small.units}
    by_name(cases)["bare"].run()
    assert not any(parameter.requires_grad for parameter in small.network.parameters())
    assert torch.is_grad_enabled()


def test_a_survey_measures_all_its_pictures_each_time(small, picture, tmp_path):
    cases, _ = survey_cases(small, picture, tmp_path)
    survey = by_name(cases)["survey"]
    survey.run()
    survey.run()
    assert len(list((tmp_path / "pictures").iterdir())) == PICTURES
    assert (tmp_path / "survey" / "part-000000.parquet").is_file()
    by_name(cases)["bare"].run()
