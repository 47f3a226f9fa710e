import itertools

import pytest

from sk_viz.benchmarks.timing import Case, Ratio, Spread, Took, interleave, ratio_of


def test_every_case_is_timed_in_every_round_and_the_first_round_does_not_count():
    now = 0.0
    order = []

    def takes(name, seconds):
        def run():
            nonlocal now
            order.append(name)
            now += seconds * (100 if len(order) <= 2 else 1)

        return Case(name, "", run)

    told = itertools.count()
    cases = [takes("slow", 3.0), takes("quick", 1.0)]
    found = interleave(cases, 4, told=lambda: next(told), clock=lambda: now)
    assert found == {"slow": (3.0,) * 4, "quick": (1.0,) * 4}
    assert next(told) == 10
    rounds = [order[i : i + 2] for i in range(0, 10, 2)]
    assert all(sorted(names) == ["quick", "slow"] for names in rounds)
    assert {names[0] for names in rounds} == {"quick", "slow"}


def test_a_ratio_divides_each_round_by_itself():
    # A machine that is ten times slower in one round changes no ratio.
    seconds = {"ours": (1.0, 10.0, 1.2), "bare": (0.5, 5.0, 0.5)}
    found = ratio_of(Ratio("", "ours", "bare"), seconds)
    assert found == Spread(pytest.approx(2.0), pytest.approx(2.0), pytest.approx(2.4))


def test_work_with_a_preparation_says_how_long_it_took_without():
    cases = [Case("own", "", lambda: Took(7.0))]
    assert interleave(cases, 2, clock=lambda: 0.0) == {"own": (7.0, 7.0)}
