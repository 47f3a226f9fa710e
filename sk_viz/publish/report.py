"""Compute the statistics of a survey and write them as a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sk_viz.errors import PictureError
from sk_viz.files import write_together
from sk_viz.publish.report_html import render_report
from sk_viz.surveys.coverage import survey_coverage
from sk_viz.surveys.effects import compute
from sk_viz.surveys.results import SurveyResults


@dataclass(frozen=True, eq=False)
class Report:
    """A survey's statistics.

    Attributes:
        data: plain values, as in ``report.json``.
        folder: of the survey.
    """

    data: Mapping[str, Any]
    folder: Path


def make_report(folder: str | Path) -> Report:
    """Compute the statistics of a survey and write ``report.json`` and ``report.html`` beside it.

    A survey that is not finished is reported as far as it is, and says so.

    Raises:
        PictureError: there is no survey, nothing has been measured yet, or the folder cannot be
            written.
    """
    results = SurveyResults.open(folder)
    coverage = survey_coverage(results.store)
    data = compute(results) | {
        "coverage": coverage.to_json(),
        "coverage_sentence": coverage.sentence(),
    }
    report = Report(data, Path(folder))
    text = json.dumps(report.data, ensure_ascii=False, indent=1, allow_nan=False)
    page = render_report(results, report.data)
    try:
        write_together(
            {
                report.folder / "report.json": text.encode(),
                report.folder / "report.html": page.encode(),
            }
        )
    except OSError as error:
        raise PictureError(
            f"The report cannot be written beside the survey ({error.strerror or error}): "
            "copy the survey to a folder that can be written."
        ) from error
    return report
