"""What may be asked for, and the sentence that answers what may not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_viz.errors import ScaleError
from sk_viz.pictures import PROTOCOLS, check_point, check_protocol, check_scales, parse_scales


def test_ranges_are_the_decimals_that_one_writes() -> None:
    assert parse_scales("1:2:11") == (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0)
    assert parse_scales(" 0.5:1.5:3 ") == (0.5, 1.0, 1.5)


def test_lists() -> None:
    assert parse_scales("1,1.5, 2") == (1.0, 1.5, 2.0)
    assert parse_scales("3") == (3.0,)


@given(st.lists(st.floats(1, 64), min_size=1, max_size=20, unique=True))
def test_a_written_list_reads_back(scales: list[float]) -> None:
    assert list(parse_scales(",".join(map(repr, scales)))) == scales


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "a",
        "1,,2",
        "1;2",
        "1:2",
        "1:2:3:4",
        "1:2:x",
        "1:2:2.5",
        "1:2:1",
        "1:2:102",
        "2:1:5",
        "1:1:5",
        "nan:2:5",
        "1:inf:5",
        "1:2:1000000000",
        "1:2:-3",
        ":",
        "1:2:",
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ScaleError) as caught:
        parse_scales(text)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_scales_or_a_scale_error(text: str) -> None:
    try:
        scales = check_scales(parse_scales(text), "zoom")
    except ScaleError:
        return
    assert all(1 <= scale <= 64 for scale in scales)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scale", [0, -1, math.nan, math.inf, -math.inf, 65, 1e308, "x", None])
def test_no_protocol_takes_these(protocol: str, scale: float) -> None:
    with pytest.raises(ScaleError):
        check_scales([1.0, scale], protocol)


@pytest.mark.parametrize("protocol", ["zoom", "blur"])
def test_what_is_not_a_number_is_called_so(protocol: str) -> None:
    with pytest.raises(ScaleError, match="not a number"):
        check_scales([1.0, math.nan], protocol)


@pytest.mark.parametrize("protocol", ["zoom", "blur"])
def test_zoom_and_blur_start_at_one(protocol: str) -> None:
    assert check_scales([1, 1.5], protocol) == (1.0, 1.5)
    with pytest.raises(ScaleError, match="at least 1"):
        check_scales([0.99], protocol)


def test_object_may_shrink() -> None:
    assert check_scales([0.25, 3], "object") == (0.25, 3.0)


def test_the_sides_of_resolution() -> None:
    assert check_scales([32 / 224, 1024 / 224], "resolution", 224)
    for scale in (31 / 224, 1025 / 224):
        with pytest.raises(ScaleError, match="pixels wide"):
            check_scales([scale], "resolution", 224)


def test_numbers_of_scales() -> None:
    hundred_and_one = [1 + i / 100 for i in range(101)]
    assert len(check_scales(hundred_and_one, "zoom")) == 101
    for scales in ([], [*hundred_and_one, 3.0], [1.0, 1.0]):
        with pytest.raises(ScaleError):
            check_scales(scales, "zoom")
    with pytest.raises(ScaleError):
        check_scales(1.0, "zoom")  # type: ignore[arg-type]


def test_an_unknown_protocol_is_answered_with_those_there_are() -> None:
    with pytest.raises(ScaleError, match="zoom, blur, tile, window, resolution, object"):
        check_protocol("zoomy")


@pytest.mark.parametrize("point", [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5), (1,), "ab", None])
def test_points_outside(point: object) -> None:
    with pytest.raises(ScaleError):
        check_point(point)  # type: ignore[arg-type]


def test_points_inside() -> None:
    assert check_point((0, 1)) == (0.0, 1.0)
