"""Traced values: arrays and their views, Python's numbers, complex arrays, text."""
