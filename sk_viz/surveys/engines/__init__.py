"""Engines that run the parts of a survey: local, Ray, and one process per part."""
