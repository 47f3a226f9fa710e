"""The model card: its figures and its text."""
