from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sk_viz.measures.statistics import (
    bootstrap,
    cohens_d,
    holm,
    paired_effect,
    rank_test,
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


def test_a_spread_of_rounding_is_no_spread():
    assert np.isnan(cohens_d([0.0, 0.0, 0.0]))
    assert np.isnan(cohens_d([0.5, 0.5, 0.5]))
    # Ten copies of one picture: single precision makes -70 million of it.
    copies = np.float32(-0.0421) + np.float32([0, 1, 0, 0, -1, 0, 1, 0, 0, 0]) * np.float32(6e-10)
    assert np.isnan(cohens_d(copies))
    effect = paired_effect(copies)
    assert np.isnan([effect.d, effect.p, effect.p_equivalent, *effect.d_interval]).all()
    assert effect.mean == pytest.approx(-0.0421)


def test_student_s_test_of_his_sleep_data():
    # R: t.test(extra ~ group, paired = TRUE): t = 4.0621, df = 9, p = 0.002833, 0.70 to 2.46.
    effect = paired_effect(SLEEP)
    assert effect.p == pytest.approx(0.002833, abs=1e-6)
    assert effect.mean_interval == pytest.approx([0.7001142, 2.4598858], abs=1e-6)


def test_the_interval_of_d_of_the_sleep_data():
    # R, package MBESS: ci.sm(sm = 4.0621 / sqrt(10), N = 10): 0.4146 to 2.1180 (noncentral t).
    effect = paired_effect(SLEEP)
    low, high = effect.d_interval
    for bound, level in ((low, 0.975), (high, 0.025)):
        found = stats.nct.cdf(4.062128, 9, bound * math.sqrt(10))
        assert found == pytest.approx(level, abs=1e-4)
    assert low < effect.d < high


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_p_and_both_intervals_say_the_same(n):
    values = np.random.default_rng(n).normal(0.3, 1.0, size=(n, 400))
    effect = paired_effect(values)
    for low, high in (effect.mean_interval, effect.d_interval):
        assert (((low > 0) | (high < 0)) == (effect.p < 0.05)).all()


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_few_pictures_exclude_a_true_null_as_rarely_as_they_say(n):
    """The percentile bootstrap of d excluded it in 23, 13, 14 and 9 of 100 surveys."""
    effect = paired_effect(np.random.default_rng(0).normal(size=(n, 2000)))
    excluded = (effect.d_interval[0] > 0) | (effect.d_interval[1] < 0)
    assert excluded.mean() == pytest.approx(0.05, abs=0.015)


def test_the_interval_of_d_covers_the_truth():
    effect = paired_effect(np.random.default_rng(0).normal(0.5, 1.0, size=(12, 1000)))
    covered = (effect.d_interval[0] <= 0.5) & (effect.d_interval[1] >= 0.5)
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


def test_many_tests_can_still_be_passed():
    """Signs flipped at random never gave p below 1 / 20,001, which Holm over 1,683 tests fails."""
    effect = paired_effect(np.random.default_rng(0).normal(1.5, 1.0, size=(60, 1)))
    p = np.concatenate([effect.p, np.ones(1682)])
    assert holm(p)[0] < 1e-6


def test_classes_count_as_groups():
    """Changes of one class are alike: by pictures alone a true null is excluded far too often."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    shared = np.repeat(rng.normal(0, 0.5, (40, 600)), 10, axis=0)
    values = shared + rng.normal(size=(400, 600))
    together, apart = paired_effect(values, groups), paired_effect(values)
    assert (apart.p < 0.05).mean() > 0.15
    assert (together.p < 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert together.groups == 40
    assert (together.d == apart.d).all()


def test_groups_agree_with_a_bootstrap_over_classes():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 8)
    values = np.repeat(rng.normal(0, 0.6, 60), 8) + rng.normal(0.2, 1.0, 480)
    low, high = paired_effect(values, groups).mean_interval
    by_class = values.reshape(60, 8).mean(axis=1)
    draws = bootstrap(by_class, lambda s: s.mean(axis=1), resamples=4000)
    assert (low, high) == pytest.approx(tuple(np.percentile(draws, (2.5, 97.5))), abs=0.03)


def test_pictures_of_classes_of_their_own_are_pictures():
    values = np.random.default_rng(0).normal(0.2, 1, 30)
    assert paired_effect(values, np.arange(30)).p == pytest.approx(float(paired_effect(values).p))
    with pytest.raises(ValueError, match="one entry per picture"):
        paired_effect(values, np.arange(29))


def test_equivalence_is_two_one_sided_tests():
    rng = np.random.default_rng(0)
    nothing = paired_effect(rng.normal(0, 1, (400, 1)))
    assert nothing.p_equivalent < 0.05
    assert paired_effect(rng.normal(0, 1, (20, 1))).p_equivalent > 0.05
    # At the smallest effect of interest itself it errs as often as it says.
    edge = paired_effect(rng.normal(0.2, 1, (200, 2000)))
    assert (edge.p_equivalent < 0.05).mean() == pytest.approx(0.05, abs=0.015)
    assert edge.smallest == 0.2


def test_paired_effect_collects_the_same_numbers_by_column():
    rng = np.random.default_rng(0)
    values = np.stack([SLEEP, rng.normal(size=10), np.zeros(10)], axis=1)
    effect = paired_effect(values)
    assert effect.n == 10
    assert effect.mean == pytest.approx(values.mean(axis=0))
    assert effect.d[:2] == pytest.approx(cohens_d(values)[:2])
    assert effect.rising.tolist() == [0.9, (values[:, 1] > 0).mean(), 0.0]
    assert effect.rising_interval[:, 0] == pytest.approx(wilson_interval(9, 10))
    assert effect.mean_interval.shape == effect.d_interval.shape == (2, 3)
    assert effect.d_interval[:, 0] == pytest.approx(paired_effect(SLEEP).d_interval)
    assert np.isnan(effect.p).tolist() == [False, False, True]


def test_paired_effect_of_one_column_has_scalars():
    effect = paired_effect(SLEEP)
    assert effect.mean.shape == effect.d.shape == effect.p.shape == ()
    assert effect.d_interval.shape == (2,)


def test_rank_tests_and_intervals_agree():
    for n in (5, 20, 200):
        for rho in np.linspace(-0.95, 0.95, 39):
            (low, high), p = rank_test(float(rho), n)
            assert (low > 0 or high < 0) == (p < 0.05)
    assert np.isnan(rank_test(1.0, 10)[1])
    assert np.isnan(rank_test(0.2, 3)[1])


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
