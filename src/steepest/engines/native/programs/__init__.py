"""Whole functions of machine code: a graph, a descent, many problems side by side."""

from steepest.engines.native import kernels  # noqa: F401 - they register themselves
