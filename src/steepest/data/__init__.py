"""Data in and out: tables."""

from steepest.data.columns import read_columns

__all__ = ["read_columns"]
