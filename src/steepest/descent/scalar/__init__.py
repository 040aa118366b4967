"""Minima and roots of functions of one number, as loops of the graph."""
