"""The recipe of the bundled model, and how any model is evaluated."""
