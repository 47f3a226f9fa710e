"""Choices between branches, recognised by what a network computes, read and held."""
