"""Make what the documentation takes from the code: the table of ops, and the picture.

make docs
"""

from pathlib import Path

import numpy as np

import steepest as st
from steepest.lesson import rosenbrock
from steepest.ops import TABLE, JointLinear, Linear, Partials, Rule
from steepest.trace.array import FUNCTIONS

HERE = Path(__file__).parent

_HEAD = """# What can be recorded

This page is made from the op table by `make docs`.

## Ops

Every op is one row of `src/steepest/ops/`; each runs on the engines `native`, `numpy` and
`torch`, and is tested there against NumPy. Forward and reverse mode follow from the row's
derivative, to any order.

| op | derivative | where it has none |
| --- | --- | --- |
"""

_FUNCTIONS = """
## NumPy functions

Besides NumPy's operators on arrays, indexing by numbers, slices, new axes, integer arrays and
constant masks, these functions (and the methods of the same names) are recorded, as ops or as
compositions of ops:

"""


def derivative_of(row):
    """Return how a row says its derivative, in words."""
    match row.derivative:
        case Partials():
            return "partial derivatives"
        case Linear() | JointLinear():
            return "linear: its transpose"
        case Rule():
            return "pullback and pushforward"
    return "zero"


def ops_page():
    """Return the page about ops as Markdown."""
    rows = [
        f"| `{row.name}` | {derivative_of(row)} | {row.kink} |"
        for row in sorted(TABLE.values(), key=lambda row: row.name)
    ]
    ufuncs = {f"np.{name}" for name, row in TABLE.items() if isinstance(row.evaluate, np.ufunc)}
    others = {
        f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        if hasattr(function, "__module__") and function.__module__
        else f"np.{function.__name__}"
        for function in FUNCTIONS
    }
    names = sorted(ufuncs | others)
    return _HEAD + "\n".join(rows) + "\n" + _FUNCTIONS + ", ".join(f"`{n}`" for n in names) + ".\n"


def picture():
    """Draw the lesson's descent on Rosenbrock's contours."""
    run = rosenbrock.descend()
    run.plot(HERE / "rosenbrock.png")
    graph = st.trace(rosenbrock.rosenbrock, 0.5, 0.5)
    graph.draw(HERE / "graph.svg", 0.5, 0.5)


if __name__ == "__main__":
    (HERE / "ops.md").write_text(ops_page())
    picture()
