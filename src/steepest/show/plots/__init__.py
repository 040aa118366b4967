"""Plots of descents and fits, in matplotlib."""
