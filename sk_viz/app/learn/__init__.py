"""The page Learn: one unit, step by step."""
