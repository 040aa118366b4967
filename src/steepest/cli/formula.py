"""A model written as a formula on the command line: ``a * exp(-k * x) + c``.

The formula is parsed, and every part of its syntax tree is checked against what a formula may
hold: numbers, names, arithmetic, comparisons, and calls of the functions below. Only then is it
compiled. So a formula can compute numbers, and nothing else.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import linecache
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.ops import TABLE

_COMPOSED = {"abs": 1, "clip": 3, "heaviside": 2, "sinc": 1, "where": 3}
"""Functions of NumPy's that are no rows of the op table, and how many arguments they take."""

CONSTANTS = {"pi": np.pi}

_ARITHMETIC = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow),
    *(ast.Mod, ast.FloorDiv, ast.UAdd, ast.USub, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq),
    *(ast.NotEq, ast.Load, ast.BitAnd, ast.BitOr, ast.Invert, ast.Expression),
)


@dataclass(frozen=True)
class Formula:
    """A checked formula.

    Parameters
    ----------
    text
        The formula, without what stands left of ``=``.
    result
        What stands left of ``=``, such as ``y``; None if there is nothing.
    names
        Names that are no functions and no constants, in the order in which they appear.
    """

    text: str
    result: str | None
    names: tuple[str, ...]

    def model(self, variables: Collection[str]) -> Callable[..., Any]:
        """Return the formula as a function of its variables and its parameters.

        With several variables the first argument is a stack of them.

        Parameters
        ----------
        variables
            Names of the columns that the formula reads; the other names are parameters.
        """
        columns = [name for name in self.names if name in variables]
        parameters = [name for name in self.names if name not in variables]
        if not columns or not parameters:
            missing = "variable: name a column of the table" if not columns else "parameter to fit"
            raise InputError(f"--model {self.text!r} has no {missing}")
        first = columns[0] if len(columns) == 1 else "columns_"
        unpacked = "" if len(columns) == 1 else f"    {', '.join(columns)} = columns_\n"
        source = (
            f"def formula({', '.join([first, *parameters])}):\n{unpacked}    return {self.text}\n"
        )
        file = f"<model {self.text}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        scope: dict[str, Any] = {"__builtins__": {}, **_namespace(source)}
        exec(compile(source, file, "exec"), scope)  # checked by `parse`
        return scope["formula"]  # type: ignore[no-any-return]


def parse(text: str) -> Formula:
    """Return a formula, if it is one.

    Raises
    ------
    InputError
        If the text holds anything but arithmetic of numbers, names and known functions.
    """
    result, text = _sides(text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise InputError(f"--model {text!r} is no formula: {error.args[0]}") from None
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        _check(node, text)
    names = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and id(node) not in called and node.id not in CONSTANTS
    ]
    functions = _called(tree)
    for node in names:
        if isinstance(getattr(np, node.id, None), np.ufunc) or node.id in functions:
            raise InputError(f"--model: {node.id} is a function; write {node.id}(...)")
        if node.id.startswith("_") or node.id == "columns_":
            raise InputError(f"--model: the name {node.id} cannot be used, choose another")
    tree = _RealPowers().visit(tree)
    in_order = sorted(names, key=lambda node: (node.lineno, node.col_offset))
    return Formula(ast.unparse(tree), result, tuple(dict.fromkeys(node.id for node in in_order)))


def _sides(text: str) -> tuple[str | None, str]:
    """Return what stands left of a single ``=``, and the rest."""
    left, equals, right = text.partition("=")
    name = left.strip()
    if equals and name.isidentifier() and not right.startswith("="):
        return name, right
    return None, text


def _check(node: ast.AST, text: str) -> None:
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=str()) | ast.Constant(value=None):
            raise InputError(f"--model {text!r}: {ast.unparse(node)} is no number")
        case ast.Constant(value=int() | float()) | ast.Name():
            return
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            _check_call(name, len(args))
        case ast.BitXor():
            raise InputError(f"--model {text!r}: write a power as x**2, not x^2")
        case _ if not isinstance(node, _ARITHMETIC):
            kind = type(node).__name__.lower()
            raise InputError(
                f"--model {text!r}: a formula holds numbers, names, arithmetic and calls of "
                f"functions, not {'an' if kind[0] in 'aeio' else 'a'} {kind}"
            )


def _check_call(name: str, count: int) -> None:
    known = [*TABLE, *_COMPOSED]
    function = _function(name) if name in known else None
    if function is None:
        near = difflib.get_close_matches(name, filter(_function, known), n=1)
        hint = f"; do you mean {near[0]}?" if near else ""
        raise InputError(
            f"--model: {name} is no function that a formula can call, one of NumPy or "
            f"scipy.special with numbers for its arguments{hint}"
        )
    wanted = _COMPOSED.get(name) or function.nin
    if count != wanted:
        needed = "1 argument" if wanted == 1 else f"{wanted} arguments"
        raise InputError(f"--model: {name} takes {needed}, got {count}")


def _function(name: str) -> Any:
    """Return a function of numbers by its name, of NumPy or SciPy; None if there is none."""
    if name in _COMPOSED:
        return getattr(np, name)
    found = getattr(np, name, None)
    if found is None:
        import scipy.special

        found = getattr(scipy.special, name, None)
    is_of_numbers = isinstance(found, np.ufunc) and found.nout == 1 and not found.signature
    return found if is_of_numbers else None


class _RealPowers(ast.NodeTransformer):
    """Powers of whole numbers are computed as real ones: those may take for ever."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        inside = list(ast.walk(node))
        if isinstance(node.op, ast.Pow) and not any(isinstance(n, ast.Name) for n in inside):
            for constant in inside:
                if isinstance(constant, ast.Constant):
                    constant.value = float(constant.value)  # type: ignore[arg-type]
        return self.generic_visit(node)


def _namespace(source: str) -> dict[str, Any]:
    """Return the functions and constants that a formula names; SciPy is imported if one is its."""
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    scope = {name: value for name, value in CONSTANTS.items() if name in used}
    return scope | {name: _function(name) for name in _called(ast.parse(source))}


def _called(tree: ast.AST) -> set[str]:
    """Return the names of the functions that a formula calls."""
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def identifier(name: str) -> str:
    """Return a column's name as a formula can write it: ``wave length (nm)`` as wave_length_nm."""
    letters = "".join(c if c.isalnum() else "_" for c in name).strip("_")
    while "__" in letters:
        letters = letters.replace("__", "_")
    is_name = letters.isidentifier() and not keyword.iskeyword(letters)
    return letters if is_name else f"c{letters}"
