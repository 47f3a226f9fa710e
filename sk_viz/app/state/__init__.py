"""The state of a page: its settings and its address."""
