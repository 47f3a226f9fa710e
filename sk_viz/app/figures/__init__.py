"""The page Figures: a figure at its final width, and the command that makes it."""
