"""The data axis: a graph over many rows as a short graph over a panel of them.

A loss sums over samples, a gradient too; between the data and these sums each row is
computed by itself, or from its neighbors. What is computed row by row from arrays in memory
is found here and cut out: in its place come :data:`PANELS` nodes, which run a graph of a few
hundred rows again and again, so that each panel is read from memory once, however often it
is used, what lies in between never leaves the caches, and panels can go to threads. Sums
over rows are sums over panels of the panels' sums, in an order that depends on shapes alone.

Rows have coordinates. A slice of rows, ``x[1:]``, keeps the coordinates of ``x``; to meet
``x[:-1]``, it is read one row further on. Where rows come to an end, the coordinates are
divided: on each segment every row that is looked at is there, or is known to be zero.
"""

from steepest.rewrite.panels.op import PANELS, Panels, Segment
from steepest.rewrite.panels.tiling import Report, with_panels

__all__ = ["PANELS", "Panels", "Report", "Segment", "with_panels"]
