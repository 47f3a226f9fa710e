"""Maps of coloured cells as plain values."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from sk_viz.figures.screen.grid import choice_grid, difference_grid, signed
from sk_viz.figures.screen.picture import sign_cells
from sk_viz.figures.screen.style import DARK, LIGHT, Ink

UNITS = ("SK_2_1", "SK_2_2", "SK_3_1", "SK_4_1")
SCALES = (1.0, 1.5, 2.0)


def differences() -> pd.DataFrame:
    values = np.random.default_rng(5).uniform(-0.4, 0.4, (len(SCALES), len(UNITS)))
    return pd.DataFrame(
        [
            {
                "scale": scale,
                "unit": unit,
                "stage": int(unit.split("_")[1]),
                "block": int(unit.split("_")[2]),
                "difference": values[place],
            }
            for place, (scale, unit) in zip(
                np.ndindex(values.shape), itertools.product(SCALES, UNITS), strict=True
            )
        ]
    )


@pytest.mark.parametrize("ink", [LIGHT, DARK])
@pytest.mark.parametrize("change", [False, True])
def test_every_unit_is_shown_at_every_scale(ink: Ink, change: bool) -> None:
    table = differences()
    shown = difference_grid(table, ink, kernels=(3, 5), change=change)
    expected = table.pivot(index="unit", columns="scale", values="difference").loc[list(UNITS)]
    values = expected.to_numpy()
    if change:
        values = values - values[:, :1]
    np.testing.assert_allclose(np.asarray(shown.values), values)
    assert [row.id for row in shown.rows] == list(UNITS)
    assert [float(column.id) for column in shown.columns] == list(SCALES)
    assert shown.limit == pytest.approx(np.abs(values).max())


def test_a_locked_range_says_what_it_hides() -> None:
    table = differences()
    shown = difference_grid(table, LIGHT, kernels=(3, 5), limit=0.1)
    assert shown.limit == 0.1
    assert "Values beyond ±0.1 have full colour" in shown.note
    faint = difference_grid(table.assign(difference=0.001), LIGHT, kernels=(3, 5), limit=0.5)
    assert "too small to see" in faint.note
    assert difference_grid(table, LIGHT, kernels=(3, 5)).note == ""


def test_rows_stand_in_their_stages_and_the_dead_are_named() -> None:
    shown = difference_grid(differences(), LIGHT, kernels=(3, 7), dead=["SK_2_2"], protocol="blur")
    assert [row.group for row in shown.rows] == ["stage 2", "stage 2", "stage 3", "stage 4"]
    assert shown.rows[1].label == "SK_2_2 (dead)"
    assert (shown.low, shown.high, shown.corner) == ("3×3", "7×7", "scale (blur)")


def test_a_map_of_nothing_but_zeros_is_drawn() -> None:
    assert difference_grid(differences().assign(difference=0.0), LIGHT, kernels=(3, 5)).limit > 0


def test_many_scales_leave_out_labels_and_no_cell() -> None:
    table = pd.concat([differences().assign(scale=1 + place / 40) for place in range(41)])
    table = table.drop_duplicates(["unit", "scale"])
    shown = difference_grid(table, LIGHT, kernels=(3, 5))
    assert len(shown.columns) == 41
    assert 0 < sum(column.label != "" for column in shown.columns) <= 14


def test_a_cell_of_the_choices_says_its_value_and_another_answer() -> None:
    titles = {"smallest": "only 3×3", "largest": "only 5×5"}
    table = pd.DataFrame(
        [
            {
                "unit": f"SK_3_{unit}",
                "stage": 3,
                "intervention": kind,
                "logit_change": (-1) ** unit * (unit + number) / 10,
                "probability_change": 0.01,
                "label": 1 if unit == 2 else 0,
                "name": "b" if unit == 2 else "a",
            }
            for unit in (1, 2, 3)
            for number, kind in enumerate(titles)
        ]
    )
    shown = choice_grid(table, sign_cells(LIGHT), titles=titles, label=0)
    assert shown.limit == pytest.approx(0.4)
    assert shown.values[1] == (0.2, 0.3)
    assert shown.marks[1] == ("+0.20 ≠", "+0.30 ≠")
    assert shown.marks[0] == ("−0.10", "−0.20")
    assert "answer b" in shown.texts[1][0]
    assert (
        choice_grid(table.assign(logit_change=0.0), sign_cells(LIGHT), titles=titles, label=0).limit
        > 0
    )


def test_a_number_has_its_sign_and_zero_has_none() -> None:
    assert (signed(-0.5, 2), signed(0.25, 1), signed(-0.001, 2)) == ("−0.50", "+0.2", "0.00")
