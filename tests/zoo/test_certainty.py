from __future__ import annotations

from dataclasses import replace

import numpy as np

from sk_viz.measures.certainty import known_score, likely_none
from sk_viz.measures.reading import read
from sk_viz.measures.sweep.run import sweep
from sk_viz.zoo.certainty import Certainty, Share, UnknownRule

OFTEN, SELDOM = Share(0.95, (0.9, 0.97), 254), Share(0.0, (0.0, 0.02), 99)


def test_the_scores_are_those_of_their_definitions():
    logits = np.array([[np.log(3), 0.0], [500.0, 500.0]], np.float32)
    np.testing.assert_allclose(known_score("probability", logits), [0.75, 0.5], rtol=1e-6)
    np.testing.assert_allclose(
        known_score("energy", logits), [np.log(4), 500 + np.log(2)], rtol=1e-6
    )
    np.testing.assert_allclose(known_score("logit", logits), [np.log(3), 500], rtol=1e-6)


def test_below_the_threshold_it_is_likely_none():
    rule = UnknownRule("probability", 0.7, OFTEN, OFTEN)
    logits = np.array([[np.log(3), 0.0], [0.0, 0.0]], np.float32)
    assert likely_none(rule, logits).tolist() == [False, True]


def test_a_sweep_says_it_for_a_model_with_a_rule_that_is_proven(tiny_model, noise_picture):
    assert sweep(tiny_model, noise_picture, (1.0,)).likely_none is None
    plain = sweep(tiny_model, noise_picture, (1.0, 1.5, 2.0))
    logits = read(tiny_model, plain.stimuli).logits
    middle = float(np.median(logits.max(axis=1)))
    rule = UnknownRule("logit", middle, OFTEN, OFTEN)
    certain = replace(tiny_model, certainty=Certainty(1.0, 0.0, (0.0, 0.1), 9, rule))
    found = sweep(certain, noise_picture, (1.0, 1.5, 2.0)).likely_none
    assert found is not None
    assert found.tolist() == (logits.max(axis=1) < middle).tolist()
    assert found.sum() == 1
    for unknown in (None, replace(rule, noticed=SELDOM)):
        silent = replace(tiny_model, certainty=Certainty(1.0, 0.0, (0.0, 0.1), 9, unknown))
        assert sweep(silent, noise_picture, (1.0,)).likely_none is None
