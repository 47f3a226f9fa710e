"""What the tests of this folder share."""

from fixtures.figures import figure_model, figure_pictures, figure_survey
