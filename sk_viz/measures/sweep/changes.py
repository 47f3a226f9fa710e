"""How the differences of a sweep change from its smallest scale to its largest."""

from __future__ import annotations

import pandas as pd


def change_from_first(table: pd.DataFrame, by: list[str], column: str) -> pd.DataFrame:
    """The table with ``column`` replaced by its change from the smallest scale of each group.

    Args:
        table: with the columns ``scale``, ``column`` and those of ``by``.
        by: what makes a group, such as ``["unit"]``.
    """
    ordered = table.sort_values("scale", kind="stable")
    first = ordered.groupby(by, sort=False)[column].transform("first")
    return ordered.assign(**{column: ordered[column] - first}).loc[table.index]


def end_changes(differences: pd.DataFrame) -> pd.Series:
    """The difference at the largest scale minus that at the smallest, by unit in order."""
    scales = differences["scale"].to_numpy()
    first, last = (
        differences[scales == end].set_index("unit")["difference"]
        for end in (scales.min(), scales.max())
    )
    changes: pd.Series = last.loc[first.index] - first
    return changes


def most_moving_unit(differences: pd.DataFrame) -> str:
    """The unit whose difference changes most from the smallest scale to the largest."""
    return str(end_changes(differences).abs().idxmax())
