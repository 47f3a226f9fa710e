from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.attribute import attribute
from sk_viz.measures.attribution.explanation import prepare
from sk_viz.measures.attribution.faithfulness import (
    RADIUS,
    SHARES,
    Curve,
    curves,
    faithfulness,
    random_maps,
    sensitivity,
)
from sk_viz.measures.attribution.infidelity import SQUARES, infidelity
from sk_viz.measures.attribution.methods import METHODS


class Line(nn.Module):
    """A straight line in the pixels, behind the looks of a readout; also of the probability."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.units = inner, inner.units
        generator = torch.Generator().manual_seed(0)
        self.factor = torch.randn(3, 32, 32, generator=generator) / 100

    def forward(self, pictures, held=None):
        _, weights = self.inner(pictures)
        line = (pictures * self.factor).sum((1, 2, 3))[:, None]
        return torch.cat([line, torch.zeros(len(line), 6)], 1), weights


@pytest.fixture(scope="module")
def line(tiny_model):
    return replace(tiny_model, readout=Line(tiny_model.readout))


@pytest.fixture(scope="module")
def exact(line, noise_picture):
    """Integrated gradients of a straight line: nothing is better."""
    return attribute(line, noise_picture, "integrated_gradients", 0)


@pytest.fixture(scope="module")
def explanation(line, exact):
    return prepare(line, exact.stimulus, METHODS["integrated_gradients"], (0,))[0]


def test_the_area_is_the_mean_score():
    assert Curve((0.0, 0.5, 1.0), (1.0, 0.5, 0.0)).auc == pytest.approx(0.5)
    assert Curve((0.0, 0.25, 1.0), (1.0, 1.0, 0.0)).auc == pytest.approx(0.25 + 0.375)


def test_curves_of_a_line_are_its_sorted_sums(explanation, exact):
    """Each pixel adds what its place in the map says, so the logit can be summed by hand."""
    deletion, insertion = curves(explanation, exact.heatmap)
    taken = np.concatenate([[0], np.cumsum(np.sort(exact.heatmap, axis=None)[::-1])])
    at = taken[[round(share * 1024) for share in SHARES]]

    def probability(logit):
        return np.exp(logit) / (np.exp(logit) + 6)

    np.testing.assert_allclose(insertion.scores, probability(at), atol=1e-4)
    np.testing.assert_allclose(deletion.scores, probability(taken[-1] - at), atol=1e-4)


def test_no_map_beats_the_exact_one(line, exact):
    found = faithfulness(line, exact)
    for curve in found.random_deletion:
        assert found.deletion.auc < curve.auc
    for curve in found.random_insertion:
        assert found.insertion.auc > curve.auc
    assert found.infidelity == pytest.approx(0, abs=1e-4)
    assert all(0.5 < one <= 1.0001 for one in found.random_infidelity)


def test_curves_start_and_end_at_picture_and_blank(tiny_model, noise_picture):
    found = attribute(tiny_model, noise_picture, "grad_cam", "SK_3_1")
    deletion, insertion = curves(
        prepare(tiny_model, found.stimulus, METHODS["grad_cam"], ("SK_3_1",))[0], found.heatmap
    )
    assert deletion.scores[0] == pytest.approx(found.value, abs=1e-6)
    assert insertion.scores[-1] == pytest.approx(found.value, abs=1e-6)
    assert insertion.scores[0] == pytest.approx(deletion.scores[-1], abs=1e-6)


def test_infidelity_is_captums_over_the_mean_squared_change(tiny_model, noise_picture):
    found = attribute(tiny_model, noise_picture, "occlusion", "SK_3_1")
    (explanation,) = prepare(tiny_model, found.stimulus, METHODS["occlusion"], ("SK_3_1",))
    maps = [found.heatmap, 3 * found.heatmap, np.zeros_like(found.heatmap)]
    ours = [one.value for one in infidelity(explanation, maps, seed=0)]
    x = explanation.x
    changes = []

    def hide(repeated):
        generator = torch.Generator().manual_seed(0)
        corners = torch.randint(0, 32 - 8 + 1, (2, len(repeated)), generator=generator)
        mask = torch.zeros_like(repeated)
        for one, (top, left) in zip(mask, corners.T.tolist(), strict=True):
            one[:, top : top + 8, left : left + 8] = 1
        changes.append(explanation.values(x) - explanation.values(repeated * (1 - mask)))
        return mask, repeated * (1 - mask)

    theirs = captum_infidelity(
        explanation.values,
        hide,
        x,
        torch.tensor(found.heatmap).expand(1, 3, 32, 32) / 3,
        n_perturb_samples=SQUARES,
        normalize=True,
    )
    expected = theirs.item() / changes[0].square().mean().item()
    assert ours[0] == pytest.approx(expected, rel=1e-3)
    assert ours[1] == pytest.approx(ours[0], rel=1e-3)  # a map's size does not matter
    assert ours[2] == pytest.approx(1, rel=1e-4)  # a map of zeros predicts nothing
    assert 0 <= ours[0] <= 1


def test_the_interval_of_infidelity_holds_what_many_more_squares_say(
    tiny_model, noise_picture, monkeypatch
):
    found = attribute(tiny_model, noise_picture, "occlusion", "SK_3_1")
    (explanation,) = prepare(tiny_model, found.stimulus, METHODS["occlusion"], ("SK_3_1",))
    maps = [found.heatmap, *random_maps(32)]
    few = [infidelity(explanation, maps, seed) for seed in range(8)]
    monkeypatch.setattr("sk_viz.measures.attribution.infidelity.SQUARES", 4000)
    many = infidelity(explanation, maps, seed=99)
    for row in few:
        for one in row:
            assert 0 <= one.low <= one.value <= one.high <= 1
    inside = [
        one.low <= exact.value <= one.high
        for row in few
        for one, exact in zip(row, many, strict=True)
    ]
    assert np.mean(inside) >= 0.8
    widths = [one.high - one.low for row in few for one in row]
    assert max(one.high - one.low for one in many) < min(widths)


def test_a_gradient_that_is_everywhere_the_same_is_not_sensitive(line, exact):
    (steady,) = prepare(line, exact.stimulus, METHODS["saliency"], (0,))
    assert sensitivity(steady) == pytest.approx(0, abs=1e-6)


def test_sensitivity_of_a_line_is_that_of_its_pixels(explanation, exact, line):
    """The map is factor x pixel: it moves at most by RADIUS x |factor|, and does move."""
    found = sensitivity(explanation)
    bound = np.linalg.norm(RADIUS * line.readout.factor.abs().sum(0)) / np.linalg.norm(
        exact.heatmap
    )
    assert 0.1 * bound < found <= bound


def test_everything_is_recorded_and_repeatable(tiny_model, noise_picture):
    found = attribute(tiny_model, noise_picture, "smoothgrad", ("SK_2_1", 1), steps=4)
    seen = []
    first = faithfulness(tiny_model, found, progress=lambda *counts: seen.append(counts))
    assert seen[-1][0] == seen[-1][1]
    written = json.loads(json.dumps(first.to_json()))
    assert written == json.loads(json.dumps(faithfulness(tiny_model, found).to_json()))
    assert written["record"]["picture_sha256"] == noise_picture.sha256
    assert written["record"]["steps"] == 4
    assert written["deletion_auc"] == first.deletion.auc


def test_random_maps_differ_and_stay_the_same():
    maps = list(random_maps(48))
    assert {one.shape for one in maps} == {(48, 48)}
    assert not np.array_equal(maps[0], maps[1])
    np.testing.assert_array_equal(maps[0], next(iter(random_maps(48))))


def test_another_model_is_refused(make_model, tiny_model, noise_picture):
    found = attribute(tiny_model, noise_picture, "saliency")
    with pytest.raises(ModelError, match="explains tiny_random, not tiny_random: give that model"):
        faithfulness(make_model(seed=9), found)
