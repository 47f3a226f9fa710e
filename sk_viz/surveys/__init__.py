"""Many pictures: surveys that can be gone on with, and their statistics."""

from sk_viz.surveys.survey import SurveyProgress, SurveySummary, run_survey

__all__ = ["SurveyProgress", "SurveySummary", "run_survey"]
