"""Decode picture files, each in a process of its own with bounds."""
