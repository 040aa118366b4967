"""The data axis: replace a graph over many rows by a graph over a panel of rows.

A loss and its gradient sum over samples. Between the data and these sums, each row is
computed by itself or from neighboring rows. The nodes that are computed row by row from
arrays in memory are replaced by :data:`PANELS` nodes, which run a graph of a few hundred rows
for one panel after the other. Each panel is then read from memory once, however often it is
used; intermediate values stay in the caches; and threads can share the panels. A sum over
rows is the sum of the panels' sums, in an order that depends on shapes alone.

Rows have coordinates. A slice of rows, ``x[1:]``, keeps the coordinates of ``x``. In
``x[1:] - x[:-1]``, the two operands are read at a distance of one row. The coordinates are
divided into segments where rows end: on each segment, every row that is read exists or is
known to be zero.
"""

from steepest.rewrite.panels.op import PANELS, Panels, Result, Segment
from steepest.rewrite.panels.tiling import Report, is_large, with_panels

__all__ = ["PANELS", "Panels", "Report", "Result", "Segment", "is_large", "with_panels"]
