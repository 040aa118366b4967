"""``%load_ext steepest``: the cell magic ``%%trace``, which shows the graph of a cell."""

from __future__ import annotations

import ast
import itertools
import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.show.graphs.picture import svg
from steepest.trace import trace

_numbers = itertools.count(1)


class CellPicture:
    """The picture of a cell's graph, with values at its nodes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "the graph of a cell, as a picture"

    def _repr_svg_(self) -> str:
        return self._text


def load(shell: Any) -> None:
    """Add ``%%trace`` to an IPython shell."""

    def magic(line: str, cell: str) -> Any:
        """Show the graph of the cell's last value.

        ``%%trace [--values] [NAME ...]``: the names are the inputs; by default all arrays of real
        numbers and all floats that the cell reads. ``--values`` shows values and gradients. The
        cell is recorded, not run: variables that it assigns do not change.
        """
        names = [name for name in line.replace(",", " ").split() if name != "--values"]
        return trace_cell(cell, names, shell.user_ns, "--values" in line.split())

    shell.register_magic_function(magic, "cell", "trace")


def trace_cell(
    cell: str, names: Sequence[str], variables: dict[str, Any], with_values: bool
) -> Any:
    """Return the graph of a cell's last value, or a picture of it with values.

    Parameters
    ----------
    cell
        Its code.
    names
        The inputs; all arrays and floats that it reads if there are none.
    variables
        The notebook's variables.
    with_values
        Whether to show values and gradients at the variables.

    Raises
    ------
    InputError
        If a name is no variable, or the cell ends without a value.
    """
    tree = ast.parse(cell)
    for name in names:
        if name not in variables:
            raise InputError(f"%%trace: there is no variable {name!r}")
    inputs = list(names) or _read_numbers(tree, variables)
    if not inputs:
        raise InputError(
            "%%trace: the cell reads no array of real numbers and no float: name its inputs, as "
            "in %%trace x"
        )
    function = _as_function(tree, cell, inputs, variables)
    values = [variables[name] for name in inputs]
    graph = trace(function, *values)
    return CellPicture(svg(graph, values)) if with_values else graph


def _read_numbers(tree: ast.Module, variables: dict[str, Any]) -> list[str]:
    """Return the variables that a cell reads and that hold real numbers, in order."""
    loaded = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    kinds = {
        name: np.asarray(variables[name]).dtype.kind
        for name in loaded
        if name in variables and isinstance(variables[name], np.ndarray | float)
    }
    return [name for name in dict.fromkeys(loaded) if kinds.get(name) == "f"]


def _as_function(
    tree: ast.Module, cell: str, inputs: Sequence[str], variables: dict[str, Any]
) -> Callable[..., Any]:
    """Return a function of the inputs whose body is the cell, on the cell's own lines."""
    *body, last = tree.body or [ast.Pass()]
    if isinstance(last, ast.Expr):
        value: ast.expr | None = last.value
    elif isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        body, value = [*body, last], ast.Name(last.targets[0].id, ast.Load())
    else:
        raise InputError("%%trace: the cell must end with a value, such as np.sum(x**2)")
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(name) for name in inputs], kwonlyargs=[], kw_defaults=[],
        defaults=[],
    )  # fmt: skip
    function = ast.FunctionDef("cell", arguments, [*body, ast.Return(value)], [])
    module = ast.fix_missing_locations(ast.Module([function], []))
    file = f"<cell {next(_numbers)}>"
    linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
    made: dict[str, Any] = {}
    exec(compile(module, file, "exec"), variables, made)
    found: Callable[..., Any] = made["cell"]
    return found
