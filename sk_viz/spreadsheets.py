"""Write tables as CSV files in which a spreadsheet finds no formula to run."""

from __future__ import annotations

import pandas as pd

# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection).
_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(table: pd.DataFrame) -> bytes:
    """A table in UTF-8 with one line of column names, without its index.

    Text that a spreadsheet would take for a formula gets an apostrophe before it: the name of a
    class or file may come from somebody else. Numbers are left as they are, and parquet and JSON
    carry every name unchanged.
    """
    shown = table.rename(columns=_plain)
    for position, (_, column) in enumerate(shown.items()):
        if not pd.api.types.is_numeric_dtype(column):
            shown.isetitem(position, column.astype(object).map(_plain).array)
    return shown.to_csv(index=False).encode()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS) else value
