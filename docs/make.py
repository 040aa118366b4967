"""Make what the documentation takes from the code: the table of ops, and the picture.

make docs
"""

from pathlib import Path

import steepest as st
from steepest.files import write_atomically
from steepest.lesson import rosenbrock
from steepest.ops import TABLE, JointLinear, Linear, Partials, Rule
from steepest.show.coverage import rows

HERE = Path(__file__).parent

_HEAD = """# The op table

This page is made from the op table by `make docs`; [coverage.md](coverage.md) lists the
functions of NumPy and SciPy that are made of these ops.

Every op is one row of `src/steepest/ops/`; each runs on the engines `native`, `numpy` and
`torch`, and is tested there against NumPy. Forward and reverse mode follow from the row's
derivative, to any order.

| op | derivative | where it has none |
| --- | --- | --- |
"""

_FUNCTIONS = """# What can be recorded

This page is made from the code by `make docs`; `steepest coverage` prints the same table.
Besides these functions (and array methods of the same names), operators, indices of every
kind, assignment, branches and loops are recorded, and distributions of `scipy.stats`, by
SciPy's own formulas. "0" are functions of steps, of truth values
and of whole numbers. Every line is proved by `tests/trace/functions/test_coverage.py`.

| function | slopes | engine native | made of |
| --- | --- | --- | --- |
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
    lines = [
        f"| `{row.name}` | {derivative_of(row)} | {row.kink} |"
        for row in sorted(TABLE.values(), key=lambda row: row.name)
    ]
    return _HEAD + "\n".join(lines) + "\n"


def coverage_page():
    """Return the page about NumPy's functions as Markdown."""
    lines = [f"| `{row.name}` | {row.slopes} | {row.native} | {row.kind} |" for row in rows()]
    return _FUNCTIONS + "\n".join(lines) + "\n"


def picture():
    """Draw the lesson's descent on Rosenbrock's contours."""
    run = rosenbrock.descend()
    run.plot(HERE / "rosenbrock.png")
    graph = st.trace(rosenbrock.rosenbrock, 0.5, 0.5)
    graph.draw(HERE / "graph.svg", 0.5, 0.5)


if __name__ == "__main__":
    write_atomically(HERE / "ops.md", ops_page())
    write_atomically(HERE / "coverage.md", coverage_page())
    picture()
