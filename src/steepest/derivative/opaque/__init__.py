"""Derivatives of functions that are called as they are: differences, complex steps, given ones."""
