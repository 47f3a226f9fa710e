"""Publish results: measure what a figure or report shows, draw it, write its files."""
