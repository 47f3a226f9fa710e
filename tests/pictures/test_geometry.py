"""The boxes that the protocols cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_viz.pictures.geometry import Box, evaluation_crop, intersection, zoom_window

sides = st.integers(1, 8000)
fractions = st.floats(0.1, 1.0)
scales = st.floats(1.0, 64.0)
shares = st.floats(0.0, 1.0)


def test_the_evaluation_crop_by_hand() -> None:
    assert evaluation_crop(400, 200, 0.5) == Box(150, 50, 250, 150)
    assert evaluation_crop(200, 400, 1.0) == Box(0, 100, 200, 300)


def test_a_zoom_window_by_hand() -> None:
    assert zoom_window(400, 200, 1.0, 2.0, (0.5, 0.5)) == Box(150, 50, 250, 150)
    # The point (0.6, 0.75) is (240, 150): just within reach of a window of 100 in 100..300.
    assert zoom_window(400, 200, 1.0, 2.0, (0.6, 0.75)) == Box(190, 100, 290, 200)
    # A point outside the evaluation crop is approached as far as the crop goes.
    assert zoom_window(400, 200, 1.0, 2.0, (1.0, 0.0)) == Box(200, 0, 300, 100)


@given(sides, sides, fractions, scales, shares, shares)
def test_the_window_stays_inside_the_crop_and_has_its_size(
    width: int, height: int, fraction: float, scale: float, x: float, y: float
) -> None:
    crop = evaluation_crop(width, height, fraction)
    box = zoom_window(width, height, fraction, scale, (x, y))
    assert 0 <= crop.left <= box.left <= box.right <= crop.right <= width
    assert 0 <= crop.top <= box.top <= box.bottom <= crop.bottom <= height
    expected = fraction * min(width, height) / scale
    assert box.width == pytest.approx(expected, abs=1e-9)
    assert box.height == pytest.approx(expected, abs=1e-9)


@given(sides, sides, fractions, shares, shares)
def test_at_scale_one_the_window_is_the_crop_whatever_the_point(
    width: int, height: int, fraction: float, x: float, y: float
) -> None:
    box = zoom_window(width, height, fraction, 1.0, (x, y))
    assert box == pytest.approx(evaluation_crop(width, height, fraction), abs=1e-9)


@given(sides, sides, fractions, scales, scales, shares, shares)
def test_windows_of_larger_scales_lie_within_those_of_smaller_ones(
    width: int, height: int, fraction: float, a: float, b: float, x: float, y: float
) -> None:
    outer = zoom_window(width, height, fraction, min(a, b), (x, y))
    inner = zoom_window(width, height, fraction, max(a, b), (x, y))
    assert outer.left <= inner.left + 1e-9
    assert outer.top <= inner.top + 1e-9
    assert inner.right <= outer.right + 1e-9
    assert inner.bottom <= outer.bottom + 1e-9


def test_intersections() -> None:
    assert intersection(Box(0, 0, 4, 4), Box(2, 1, 9, 3)) == Box(2, 1, 4, 3)
    assert intersection(Box(0, 0, 4, 4), Box(4, 0, 9, 3)) is None
