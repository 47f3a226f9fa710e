"""What is held to a number. How fast this machine is, is tested nowhere but with ``--long``."""

import numpy as np
import pytest
import torch

from sk_viz.benchmarks import bounds
from sk_viz.measures.reading import Reading
from sk_viz.pictures import read_sample
from sk_viz.zoo.load import load_model


def test_the_largest_error_is_that_of_the_worst_unit_and_scale(monkeypatch):
    model, picture = load_model("sknet_tiny", "cpu"), read_sample("coffee")
    assert bounds.largest_error(model, picture, (1.0, 2.0), "float32") < 1e-6
    exact = bounds.read

    def wrong(model, shown, **asked):
        found = exact(model, shown, **asked)
        weights = [w.copy() for w in found.weights]
        weights[3][1, 1] += 0.25
        weights[3][1, 0] -= 0.25
        return Reading(found.logits, tuple(weights), 1, "", "float32", ())

    monkeypatch.setattr(bounds, "read", wrong)
    found = bounds.largest_error(model, picture, (1.0, 2.0), "float32")
    assert found == pytest.approx(0.5, abs=1e-5)
    assert bounds.largest_error(model, picture, (1.0, 2.0), "bfloat16") is None


def test_a_process_answers_with_its_last_number():
    code = "import sys; print('said', 3); print(float(sys.argv[1]) / 2)"
    assert bounds.in_a_process(code, "5") == 2.5


def test_a_process_counts_its_own_memory_and_not_that_of_who_began_it():
    held = np.ones(40_000_000)  # 0.32 GB
    small = bounds.in_a_process(bounds._PEAK)
    large = bounds.in_a_process(f"x = b'1' * 200_000_000{bounds._PEAK}")
    assert held[-1]
    assert small < 0.1
    assert 0.19 < large - small < 0.22


def test_importing_is_quick_and_the_bundled_model_needs_no_timm():
    assert bounds.in_a_process(bounds._LOAD) > 0  # it fails where timm or Captum were imported


def test_the_tables_are_timed():
    assert bounds.seconds_of_tables() > 0


@pytest.mark.timeout(900)
def test_this_machine_keeps_its_bounds(request, tmp_path):
    if not request.config.getoption("--long"):
        pytest.skip("measures a quiet machine: --long")
    model = load_model("sknet50", "cpu")
    held = bounds.bounds(model, read_sample("coffee"), (1.0, 1.5, 2.0), tmp_path)
    measured = {bound.name: bound.measure() for bound in held}
    print(measured, torch.get_num_threads())
    for bound in held:
        value = measured[bound.name]
        if value is not None and bound.at_most is not None:
            assert value <= bound.at_most, (bound.name, value)
