"""Searches for roots and minima of functions of one number, as loops of the graph."""
