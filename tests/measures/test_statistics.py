from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sk_viz.measures.statistics import (
    bootstrap,
    cohens_d,
    holm,
    paired_effect,
    ranks,
    sign_flip_p,
    spearman,
    wilson_interval,
)

# Student's sleep data (1908): extra hours of sleep under two drugs, ten patients.
SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
SLEEP = SLEEP_2 - SLEEP_1


def test_cohens_d_of_students_sleep_data():
    # R prints t = 4.0621 for the paired test; d_z = t / sqrt(n).
    assert cohens_d(SLEEP) == pytest.approx(4.0621 / math.sqrt(10), abs=1e-5)


def test_cohens_d_works_by_column():
    both = np.stack([SLEEP, -2 * SLEEP], axis=1)
    assert cohens_d(both) == pytest.approx(np.array([1, -1]) * cohens_d(SLEEP))


def test_cohens_d_without_spread_is_not_a_number_of_moderate_size():
    assert np.isnan(cohens_d([0.0, 0.0, 0.0]))
    assert cohens_d([0.5, 0.5, 0.5]) == np.inf


def test_sign_flip_p_agrees_with_all_flips_of_students_sleep_data():
    signs = np.array(list(itertools.product((-1, 1), repeat=10)))
    exact = np.mean(np.abs(signs @ SLEEP) >= abs(SLEEP.sum()) - 1e-9)
    estimate = sign_flip_p(SLEEP, flips=100_000, seed=1)
    assert estimate == pytest.approx(exact, abs=4 * math.sqrt(exact / 100_000))


def test_sign_flip_p_is_one_without_a_change_and_bounded_below():
    assert sign_flip_p(np.zeros(20)) == 1.0
    assert sign_flip_p(np.ones(60), flips=999) == pytest.approx(1 / 1000)


def test_sign_flip_p_is_uniform_where_nothing_happens():
    p = sign_flip_p(np.random.default_rng(0).normal(size=(40, 400)), flips=2000)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.045)
    assert p.mean() == pytest.approx(0.5, abs=0.06)


def test_paired_effect_collects_the_same_numbers_by_column():
    rng = np.random.default_rng(0)
    values = np.stack([SLEEP, rng.normal(size=10), np.zeros(10)], axis=1)
    effect = paired_effect(values, resamples=500)
    assert effect.n == 10
    assert effect.mean == pytest.approx(values.mean(axis=0))
    assert effect.d[:2] == pytest.approx(cohens_d(values)[:2])
    assert effect.rising.tolist() == [0.9, (values[:, 1] > 0).mean(), 0.0]
    assert effect.rising_interval[:, 0] == pytest.approx(wilson_interval(9, 10))
    assert effect.mean_interval.shape == effect.d_interval.shape == (2, 3)
    assert (effect.mean_interval[0] <= effect.mean).all()
    assert (effect.mean <= effect.mean_interval[1]).all()


def test_paired_effect_of_one_column_has_scalars():
    effect = paired_effect(SLEEP, resamples=100)
    assert effect.mean.shape == effect.d.shape == effect.p.shape == ()
    assert effect.d_interval.shape == (2,)


@pytest.mark.filterwarnings("error")
def test_two_pictures_are_enough_for_an_infinite_interval():
    effect = paired_effect([1.0, 2.0])
    assert effect.d == pytest.approx(1.5 / math.sqrt(0.5))
    assert effect.mean_interval.tolist() == [1.0, 2.0]
    assert effect.d_interval[1] == np.inf


def test_the_bootstrap_is_seeded():
    one, two, other = (paired_effect(SLEEP, seed=s).d_interval for s in (4, 4, 5))
    assert one.tolist() == two.tolist()
    assert one.tolist() != other.tolist()


def test_the_interval_of_a_mean_is_that_of_the_normal_theory():
    values = np.random.default_rng(0).normal(0.3, 1.0, size=2000)
    low, high = paired_effect(values, resamples=4000).mean_interval
    half = 1.96 * values.std(ddof=1) / math.sqrt(2000)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_interval_of_d_covers_the_truth():
    rng = np.random.default_rng(0)
    effect = paired_effect(rng.normal(0.5, 1.0, size=(60, 200)), resamples=400)
    covered = (effect.d_interval[0] <= 0.5) & (effect.d_interval[1] >= 0.5)
    assert 0.88 <= covered.mean() <= 0.99


def test_bootstrap_blocks_do_not_matter(monkeypatch):
    values = np.random.default_rng(0).normal(size=(30, 2))
    whole = bootstrap(values, lambda s: s.mean(axis=1), resamples=50)
    monkeypatch.setattr("sk_viz.measures.statistics._BLOCK", 60)
    assert bootstrap(values, lambda s: s.mean(axis=1), resamples=50) == pytest.approx(whole)


def test_holm_textbook():
    # Holm's procedure by hand: 4 * .005, 3 * .01, 2 * .03, and .04 lifted to .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_keeps_shape_and_leaves_out_tests_that_were_not_made():
    corrected = holm([[0.01, np.nan], [0.02, 0.9]])
    assert corrected.shape == (2, 2)
    assert corrected[0, 0] == pytest.approx(0.03)
    assert np.isnan(corrected[0, 1])


@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(p):
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()


def test_spearman_textbook():
    # IQ and hours of television (Wikipedia, "Spearman's rank correlation coefficient"): -29/165.
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165)


def test_spearman_with_ties_and_without_variation():
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))
    assert spearman([[1, 2], [3, 4]], [[10, 20], [30, 99]]) == pytest.approx(1.0)


@given(arrays(float, 8, elements=st.integers(-4, 4)))
def test_ranks_by_counting(values):
    counted = [(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values]
    assert ranks(values).tolist() == counted


def test_wilson_textbook():
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson_interval(29, 29)[1] == 1.0


@pytest.mark.parametrize(("successes", "count"), [(0, 0), (-1, 3), (4, 3)])
def test_wilson_refuses_what_is_not_a_share(successes, count):
    with pytest.raises(ValueError, match="share"):
        wilson_interval(successes, count)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [1.0, np.inf]])
def test_effects_need_finite_pairs(values):
    with pytest.raises(ValueError, match="effect needs"):
        paired_effect(values)


def test_spearman_needs_pairs():
    with pytest.raises(ValueError, match="pairs"):
        spearman([1, 2], [1, 2, 3])
