"""The summary of a run over its data set, on a page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sk_viz.app.shared import shell
from sk_viz.datasets.coverage import Coverage
from sk_viz.language import gettext as _


def draw_coverage(coverage: Coverage) -> None:
    """The counts, and under them by name what is not measured and what is said of labels."""
    counts = _("{found} found: {measured} measured, {others} left out.")
    english = counts.startswith("{found} found")
    # The library's sentence counts by reason, in English; the table below it has every reason.
    text = shell.plain(
        coverage.sentence()
        if english
        else counts.format(
            found=f"{coverage.found:,}",
            measured=f"{coverage.measured:,}",
            others=f"{coverage.left_out.total:,}",
        )
    )
    rows, labels = coverage.left_out.rows(), coverage.labels.lines()
    if not rows and not labels:
        st.caption(text)
        return
    icon = ":material/broken_image:" if rows else ":material/label:"
    with st.expander(text, icon=icon):
        if rows:
            st.dataframe(pd.DataFrame(rows), hide_index=True)
        if labels:
            st.dataframe(pd.DataFrame({_("label"): labels}), hide_index=True)
