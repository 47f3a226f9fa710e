"""Figures for the screen, drawn with Plotly."""
