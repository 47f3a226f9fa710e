"""Figures for papers, drawn with Matplotlib at their final width."""
