"""Data that are read in blocks of rows, because they are larger than memory.

A :class:`Source` has a shape and a dtype like an array, and reads some of its rows when they are
needed. There is a module for each kind of data: arrays of other libraries (``arrays.py``), tables
in Parquet (``parquet.py``), iterators of blocks (``iterators.py``).
"""

from steepest.streams.opening import blocks, is_read, opened
from steepest.streams.source import Source

__all__ = ["Source", "blocks", "is_read", "opened"]
