import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.measures.calibration import (
    calibration_bins,
    calibration_error,
    cross_fitted,
    fit_temperature,
)


def drawn(count, classes=7, seed=0):
    """Logits, and labels drawn with the probabilities that they give: calibrated by definition."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, classes)).astype(np.float32)
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # the Gumbel-max trick
    return logits, labels


def test_answers_of_probability_0_9_that_are_right_in_9_of_10_cases_are_calibrated():
    logits = np.tile([[np.log(9.0), 0.0]], (10, 1)).astype(np.float32)
    labels = np.array([0] * 9 + [1])
    assert calibration_error(logits, labels)[0] == pytest.approx(0, abs=1e-6)
    error, (low, high) = calibration_error(logits, 1 - labels)
    assert error == pytest.approx(0.8, abs=1e-6)
    assert low < 0.8 < high <= 0.9 + 1e-6


def test_the_bins_hold_every_picture_once():
    logits, labels = drawn(500)
    bins = calibration_bins(logits, labels)
    assert sum(b["n"] for b in bins) == 500
    right = sum(b["n"] * b["right"] for b in bins)
    assert right == pytest.approx((logits.argmax(axis=1) == labels).sum())
    error = sum(b["n"] * abs(b["probability"] - b["right"]) for b in bins) / 500
    assert calibration_error(logits, labels)[0] == pytest.approx(error)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 5))
def test_the_temperature_that_was_put_on_is_found_again(temperature):
    logits, labels = drawn(6000)
    found = fit_temperature(logits * np.float32(temperature), labels)
    assert found == pytest.approx(temperature, rel=0.06)


def test_half_of_the_pictures_make_the_other_half_true():
    logits, labels = drawn(4000)
    divided = cross_fitted(3 * logits, labels)
    assert calibration_error(3 * logits, labels)[0] > 0.1
    assert calibration_error(divided, labels)[0] < 0.03
    # Each half by the other's temperature, and not by its own.
    ratios = (3 * logits / divided)[:, 0]
    assert ratios[0] == pytest.approx(fit_temperature(3 * logits[1::2], labels[1::2]), rel=1e-5)
    assert ratios[1] == pytest.approx(fit_temperature(3 * logits[::2], labels[::2]), rel=1e-5)
