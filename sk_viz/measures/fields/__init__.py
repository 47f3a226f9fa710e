"""Receptive fields: in theory, as measured, and over scales."""
