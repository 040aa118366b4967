"""Data in and out: tables."""

from steepest.data.columns import STANDARD_INPUT, Dialect, Table, read_columns, read_table

__all__ = ["STANDARD_INPUT", "Dialect", "Table", "read_columns", "read_table"]
