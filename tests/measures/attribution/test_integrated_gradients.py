from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.measures.attribution.integrated_gradients import (
    MOST,
    NODES,
    PARTS,
    integrate,
    integrate_all,
    most_pictures,
)

X = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
BLANK = torch.full_like(X, 0.25)
FACTOR = torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(1))


class Counted:
    """A function that counts the pictures it is shown, and those differentiated."""

    def __init__(self, function):
        self.function, self.pictures, self.gradients, self.largest = function, 0, 0, 0

    def __call__(self, x):
        self.pictures += len(x)
        self.gradients += len(x) * torch.is_grad_enabled()
        self.largest = max(self.largest, len(x))
        return self.function(x)


def alone(function, x=X, **settings):
    """The integral of one value of one picture, without the axes of pictures and values."""
    return integrate(function, x, BLANK, **settings).maps[:, 0]


def line(x):
    return (x * FACTOR).sum((1, 2, 3))


def step(x):
    """Nearly all of the change within 2 % of the path."""
    along = (line(x) - line(BLANK)) / (line(X) - line(BLANK))
    return torch.sigmoid(400 * (along - 0.33))


def test_of_a_line_it_is_factor_times_pixel():
    counted = Counted(line)
    found = alone(counted, chunk=16)
    torch.testing.assert_close(found[0], FACTOR * (X - BLANK)[0], atol=1e-5, rtol=1e-4)
    assert counted.gradients == NODES * PARTS


@settings(max_examples=25, deadline=None)
@given(power=st.floats(1, 6), chunk=st.integers(1, 40))
def test_of_a_power_it_is_the_closed_form(power, chunk):
    """f = sum of (x - b)^p: along a straight path each pixel's share is its own (x - b)^p."""

    def powers(x):
        return ((x - BLANK).abs() ** power).sum((1, 2, 3))

    found = alone(powers, chunk=chunk)
    expected = (X - BLANK).abs() ** power
    assert float(found.sum()) == pytest.approx(float(expected.sum()), rel=0.01)
    torch.testing.assert_close(found, expected, rtol=0.02, atol=1e-3)


def test_a_sudden_change_is_found_where_even_steps_miss_it():
    counted = Counted(step)
    found = alone(counted, chunk=16)
    change = float(step(X) - step(BLANK))
    assert abs(float(found.sum()) - change) < 0.01 * change

    def captum(**settings):
        x = X.clone().requires_grad_()
        return IntegratedGradients(step).attribute(x, BLANK, **settings).detach()

    even = captum(n_steps=counted.gradients)
    assert abs(float(even.sum()) - change) > 0.02 * change
    dense = captum(n_steps=4000, method="riemann_middle")
    np.testing.assert_allclose(found, dense, atol=0.01 * float(dense.abs().max()))


def test_the_whole_map_adds_up_where_all_parts_err_in_the_same_direction():
    """A kink in every part: each error is small beside the change, their sum is not."""

    def kinked(x):
        along = 16 * (line(x) - line(BLANK)) / (line(X) - line(BLANK)) + 0.1
        return 0.05 * ((along - torch.floor(along)) - 0.5).abs() + along

    counted = Counted(kinked)
    found = integrate(counted, X, BLANK, chunk=16)
    change = float(kinked(X) - kinked(BLANK))
    assert abs(float(found.maps.sum()) - change) <= 0.01 * abs(change)
    assert found.gradients == ((counted.gradients,),)
    assert NODES * PARTS < counted.gradients < 2 * NODES * PARTS


def test_it_never_asks_for_more_than_it_may():
    def noise(x):
        return torch.sin(3e4 * x).sum((1, 2, 3))

    counted = Counted(noise)
    alone(counted, chunk=7)
    assert counted.gradients <= MOST
    assert counted.pictures <= most_pictures()
    assert counted.largest <= 7


def test_a_value_that_never_changes_gives_nothing():
    found = alone(lambda x: 0 * x.sum((1, 2, 3)) + 2, chunk=16)
    assert not found.any()


def test_several_values_of_several_pictures_share_forwards_and_keep_their_results():
    pictures = torch.cat([X, 0.5 * X.flip(3)])
    shown = []

    def values(x, owners):
        shown.append(len(x))
        # The second value is another one for each picture.
        own = torch.stack([step(x), x.pow(3).sum((1, 2, 3))])
        return torch.stack([line(x), own[torch.tensor(owners), torch.arange(len(x))]], dim=1)

    found = integrate_all(values, pictures, BLANK, chunk=16).maps
    together = sum(shown)
    assert found.shape == (2, 2, 3, 6, 6)
    apart = 0
    for n in range(2):
        for t in range(2):
            counted = Counted(lambda x, n=n, t=t: values(x, [n] * len(x))[:, t])
            one = alone(counted, pictures[n : n + 1], chunk=16)
            torch.testing.assert_close(found[n, t], one[0], atol=1e-6, rtol=1e-4)
            apart += counted.pictures
    # The line needs no part that the other value does not need too.
    assert together == apart - 2 * (NODES * PARTS + 2)
