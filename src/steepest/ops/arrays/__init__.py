"""Ops that move, pick, combine and add up elements, and loops."""
