"""The screen figures of a sweep, from tables alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sk_viz.figures.palette import AGAINST, BETWEEN, FOR, LARGEST, SMALLEST
from sk_viz.figures.screen.channels import (
    channel_curves,
    channel_points,
    largest_weights,
    scale_colours,
)
from sk_viz.figures.screen.lines import stage_branches, stage_lines
from sk_viz.figures.screen.map import difference_map
from sk_viz.figures.screen.overlay import common_limit, heat_layer
from sk_viz.figures.screen.style import (
    DARK,
    LIGHT,
    Ink,
    decimals,
    difference_colours,
    ink_for,
    kernel_label,
    mix,
    scale_label,
    spread,
)
from sk_viz.measures.sweep.changes import change_from_first, end_changes, most_moving_unit

UNITS = ("SK_2_1", "SK_2_2", "SK_3_1", "SK_4_1")
SCALES = (1.0, 1.5, 2.0)


def weights(kernels: tuple[int, ...] = (3, 5), channels: int = 40) -> pd.DataFrame:
    """Weights that sum to 1 over the branches, other ones at each scale and unit."""
    dice = np.random.default_rng(5)
    rows = []
    for scale, unit in itertools.product(SCALES, UNITS):
        drawn = dice.dirichlet(np.ones(len(kernels)), channels)
        for branch, channel in itertools.product(range(len(kernels)), range(channels)):
            stage, block = (int(part) for part in unit.split("_")[1:])
            rows.append(
                (
                    scale,
                    unit,
                    stage,
                    block,
                    branch,
                    kernels[branch],
                    channel,
                    drawn[channel, branch],
                )
            )
    columns = ["scale", "unit", "stage", "block", "branch", "kernel", "channel", "weight"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(unit=pd.Categorical(table["unit"], categories=UNITS, ordered=True))


def differences() -> pd.DataFrame:
    wide = weights().pivot_table(
        index=["scale", "unit", "stage", "block"], columns="kernel", values="weight", observed=True
    )
    return (wide[5] - wide[3]).rename("difference").reset_index()


def traces(figure: go.Figure, kind: str) -> list[Any]:
    return [trace for trace in figure.data if trace.type == kind]


@pytest.mark.parametrize("ink", [LIGHT, DARK])
@pytest.mark.parametrize("change", [False, True])
def test_the_map_shows_every_unit_at_every_scale(ink: Ink, change: bool) -> None:
    table = differences()
    figure = difference_map(table, ink, kernels=(3, 5), unit="SK_3_1", scale=1.5, change=change)
    shown = np.concatenate([np.asarray(t["z"]) for t in traces(figure, "heatmap")])
    wide = table.pivot(index="unit", columns="scale", values="difference").loc[list(UNITS)]
    expected = wide.to_numpy()
    if change:
        expected = expected - expected[:, :1]
    np.testing.assert_allclose(shown, expected)
    axis = figure.to_dict()["layout"]["coloraxis"]
    assert axis["cmin"] == -axis["cmax"]
    assert axis["cmax"] == pytest.approx(np.abs(expected).max())
    assert dict(difference_colours(ink))[0.25] == SMALLEST
    assert dict(difference_colours(ink))[0.75] == LARGEST


def test_every_cell_of_the_map_answers_a_click_with_its_unit_and_scale() -> None:
    figure = difference_map(differences(), LIGHT, kernels=(3, 5))
    (cells,) = traces(figure, "scatter")
    answers = {(unit, scale) for unit, scale in cells["customdata"]}
    assert answers == set(itertools.product(UNITS, SCALES))
    assert figure.layout.hoverdistance == -1
    heatmap_rows = {y for t in traces(figure, "heatmap") for y in t["y"]}
    assert set(cells["y"]) == heatmap_rows


def test_the_map_names_stages_units_and_what_is_dead() -> None:
    figure = difference_map(
        differences(), LIGHT, kernels=(3, 7), dead=["SK_2_2"], unit="SK_4_1", protocol="blur"
    )
    assert list(figure.layout.yaxis.ticktext) == [
        "SK_2_1",
        "SK_2_2 dead",
        "SK_3_1",
        "<b>SK_4_1</b>",
    ]
    notes = {note.text for note in figure.layout.annotations}
    assert {"stage 2", "stage 3", "stage 4", "scale (blur)"} <= notes
    ends = " ".join(figure.layout.coloraxis.colorbar.ticktext)
    assert "3×3" in ends
    assert "7×7" in ends


def test_a_map_of_nothing_but_zeros_is_drawn() -> None:
    table = differences().assign(difference=0.0)
    figure = difference_map(table, LIGHT, kernels=(3, 5))
    assert figure.layout.coloraxis.cmax > 0


def test_changes_start_at_zero_whatever_the_order_of_the_rows() -> None:
    table = differences()
    shuffled = table.sample(frac=1, random_state=1)
    changes = change_from_first(shuffled, ["unit"], "difference")
    assert list(changes.index) == list(shuffled.index)
    assert (changes.loc[changes["scale"] == 1.0, "difference"] == 0).all()
    ends = end_changes(table)
    assert list(ends.index) == list(UNITS)
    last = changes[changes["scale"] == 2.0].set_index("unit")["difference"]
    for unit in UNITS:
        assert ends[unit] == pytest.approx(last[unit])
    assert most_moving_unit(table) == max(UNITS, key=lambda unit: abs(ends[unit]))


def test_the_lines_of_the_stages_are_means_of_their_units_from_zero() -> None:
    table = differences()
    figure = stage_lines(table, LIGHT, kernels=(3, 5), control=table, protocol="zoom")
    drawn = traces(figure, "scatter")
    means = table.groupby(["stage", "scale"])["difference"].mean()
    thick = [t for t in drawn if t["line"]["width"] > 2]
    dashed = [t for t in drawn if t["line"]["dash"] == "dash"]
    assert len(thick) == len(dashed) == 3
    for stage, line, control in zip((2, 3, 4), thick, dashed, strict=True):
        expected = (means[stage] - means[stage][1.0]).to_numpy()
        np.testing.assert_allclose(line["y"], expected)
        np.testing.assert_allclose(control["y"], expected)
    assert len(drawn) == 3 + 3 + len(UNITS)
    legend = [t["name"] for t in drawn if t["showlegend"]]
    assert sorted(legend) == ["blur only", "one unit", "stage, zoom"]


def test_three_branches_are_three_lines_in_their_colours() -> None:
    units = weights((3, 5, 7)).groupby(
        ["scale", "unit", "stage", "branch", "kernel"], observed=True
    )
    stages = units["weight"].mean().reset_index()
    stages = stages.groupby(["scale", "stage", "branch", "kernel"])["weight"].mean().reset_index()
    figure = stage_branches(stages, LIGHT, control=stages)
    solid = [t for t in traces(figure, "scatter") if t["line"]["dash"] == "solid"]
    assert [t["line"]["color"] for t in solid if t["xaxis"] == "x"] == [
        SMALLEST,
        BETWEEN[0],
        LARGEST,
    ]
    total = np.sum([t["y"] for t in solid if t["xaxis"] == "x"], axis=0)
    np.testing.assert_allclose(total, 0, atol=1e-12)  # weights sum to 1, so changes to 0


def test_one_scale_alone_can_be_drawn() -> None:
    table, channels = differences(), weights()
    table = table[table["scale"] == 1.5]
    channels = channels[channels["scale"] == 1.5]
    difference_map(table, LIGHT, kernels=(3, 5), scale=1.5)
    stage_lines(table, LIGHT, kernels=(3, 5), scale=1.5)
    channel_curves(channels, "SK_2_1", LIGHT, scales=[1.5])


def test_sorted_channels_keep_their_place_over_the_scales() -> None:
    table = largest_weights(weights(), "SK_3_1")
    x, points = channel_points(table, "sorted")
    order = np.argsort(table[1.0].to_numpy(), kind="stable")
    np.testing.assert_array_equal(x, np.arange(1, 41))
    for scale in SCALES:
        np.testing.assert_array_equal(points[scale], table[scale].to_numpy()[order])


def test_averages_are_of_sixteen_successive_channels_as_in_the_paper() -> None:
    table = largest_weights(weights(channels=256), "SK_3_1")
    x, points = channel_points(table, "averaged")
    assert len(x) == 16
    assert x[0] == 8.5
    np.testing.assert_allclose(
        points[2.0], table[2.0].to_numpy().reshape(16, 16).mean(axis=1), rtol=1e-12
    )
    x, points = channel_points(table.iloc[:40], "averaged")
    assert list(x) == [8.5, 24.5, 36.5]
    assert points[1.0].iloc[-1] == pytest.approx(table[1.0].iloc[32:40].mean())


def test_the_histograms_count_every_channel_at_the_first_and_last_scale() -> None:
    figure = channel_curves(weights(), "SK_2_2", LIGHT, scales=SCALES)
    bars = traces(figure, "bar")
    assert len(bars) == 2
    assert [sum(bar["x"]) for bar in bars] == [40, 40]
    dead = weights().assign(weight=0.5)
    for bar in traces(channel_curves(dead, "SK_2_2", LIGHT, scales=SCALES), "bar"):
        assert sum(bar["x"]) == 40


def test_the_weights_opened_are_the_largest_kernels() -> None:
    table = weights((3, 7, 5))
    opened = largest_weights(table, "SK_2_1")
    rows = table[(table["unit"] == "SK_2_1") & (table["branch"] == 1) & (table["scale"] == 2.0)]
    np.testing.assert_array_equal(opened[2.0], rows["weight"])


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_scales_are_told_apart_by_lightness(ink: Ink) -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    steps = np.diff([lightness(colour) for colour in scale_colours(5, ink)])
    assert (steps < 0).all() if ink is LIGHT else (steps > 0).all()


def test_a_layer_shows_the_size_as_opacity_and_the_sign_as_colour() -> None:
    heatmap = np.array([[0.0, 0.5, 2.0], [-0.5, -4.0, 1.0]], np.float32)
    layer = heat_layer(heatmap, limit=1.0)
    np.testing.assert_array_equal(layer[..., 3], [[0, 128, 255], [128, 255, 255]])
    assert tuple(layer[0, 1, :3]) == FOR
    assert tuple(layer[1, 0, :3]) == AGAINST
    assert heat_layer(np.zeros((2, 2), np.float32), 0.0)[..., 3].max() == 0


def test_the_limit_is_common_to_all_and_not_of_a_few_pixels() -> None:
    quiet = np.full((100, 100), 0.1, np.float32)
    loud = np.full((100, 100), -1.0, np.float32)
    loud[0, 0] = 1000
    assert common_limit([quiet, loud]) == pytest.approx(1.0)


@given(some.lists(some.floats(0.1, 64), min_size=1, max_size=40, unique=True), some.integers(2, 12))
def test_a_spread_keeps_both_ends_and_what_must_stay(values: list[float], count: int) -> None:
    values = sorted(values)
    keep = values[len(values) // 3]
    chosen = spread(values, count, keep, 1000.0)
    assert chosen[0] == values[0]
    assert chosen[-1] == values[-1]
    assert keep in chosen
    assert set(chosen) <= set(values)
    assert len(chosen) <= max(count + 1, 2)
    assert list(chosen) == sorted(chosen)


@pytest.mark.parametrize(
    ("scale", "text"), [(1, "1.0×"), (1.1, "1.1×"), (1.25, "1.25×"), (10, "10.0×"), (0.5, "0.5×")]
)
def test_scales_are_written_as_one_says_them(scale: float, text: str) -> None:
    assert scale_label(scale) == text


@pytest.mark.parametrize(
    ("size", "digits"), [(0.5, 2), (0.05, 3), (0.0004, 5), (1e-12, 7), (0.0, 2), (3.0, 2)]
)
def test_small_numbers_keep_two_digits(size: float, digits: int) -> None:
    assert decimals(size, 2) == digits


def test_changes_far_below_a_thousandth_are_told_apart_on_the_axis() -> None:
    table = differences()
    tiny = table.assign(difference=table["difference"] * 1e-4)
    assert stage_lines(tiny, LIGHT, kernels=(3, 5)).layout.yaxis.tickformat == "+.6~f"
    ends = difference_map(tiny, LIGHT, kernels=(3, 5)).layout.coloraxis.colorbar.ticktext
    assert float(ends[-1].split("+")[1]) > 0


def test_small_helpers() -> None:
    assert kernel_label(5) == "5×5"
    assert mix("#000000", "#FFFFFF", 0.5) == "#808080"
    assert ink_for("dark") is DARK
    assert ink_for(None) is LIGHT
