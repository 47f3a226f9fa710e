"""Figures: draw results for paper and screen; nothing here runs a model."""
