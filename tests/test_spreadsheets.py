"""CSV: formulas are text, numbers are numbers, and everything else is as it was."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from sk_viz.spreadsheets import to_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_would_run_is_text(start: str) -> None:
    evil = f"{start}HYPERLINK(1,2)"
    table = pd.DataFrame({evil: [evil, "cat"], "unit": pd.Categorical(["SK_2_1", evil])})
    rows = list(csv.reader(io.StringIO(to_csv(table).decode(), newline="")))
    assert rows[0] == [f"'{evil}", "unit"]
    assert rows[1] == [f"'{evil}", "SK_2_1"]
    assert rows[2] == ["cat", f"'{evil}"]


def test_the_rest_is_as_pandas_writes_it() -> None:
    table = pd.DataFrame(
        {
            "difference": np.array([-0.5, 1e-9]),
            "rank": np.array([-1, 2], np.int16),
            "name": ["a - b", None],
            "unit": pd.Categorical(["SK_2_1", "SK_2_2"]),
            "shown": [True, False],
        }
    )
    before = table.copy()
    assert to_csv(table) == table.to_csv(index=False).encode()
    pd.testing.assert_frame_equal(table, before)
