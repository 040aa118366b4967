"""Constraints: the forms in which they are given, and what a result says of them."""
