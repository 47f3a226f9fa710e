"""Resumable surveys of many pictures, and their statistics."""

from sk_viz.surveys.run import SurveyProgress, SurveySummary, run_survey

__all__ = ["SurveyProgress", "SurveySummary", "run_survey"]
