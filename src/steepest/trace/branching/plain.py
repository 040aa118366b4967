"""Which functions are plain enough for their branches to be merged: only arithmetic is.

Both arms of a branch run, and a function is recorded twice. So it may contain nothing that tells
a merged value from another one (``is``, ``isinstance``), and nothing whose effects would show
twice (files, iterators, objects). What is not known to be harmless keeps its branches.
"""

from __future__ import annotations

import ast

_MODULES = {"np", "numpy", "math", "st", "steepest"}
"""Names through which functions of arithmetic are called."""

_NOT_ARITHMETIC = {
    *("can_cast", "fromiter", "frompyfunc", "isscalar", "iterable", "load", "loadtxt", "nditer"),
    *("ndenumerate", "random", "result_type", "save", "savetxt", "vectorize"),
}
_FILLED = {"arange", "empty", "full", "linspace", "ones", "zeros"}
"""Functions of NumPy that take as much memory as they are told."""

_NUMBERS = {"abs", "bool", "float", "int", "len", "max", "min", "pow", "round"}
_BUILTINS = _NUMBERS | {"enumerate", "list", "range", "reversed", "sum", "tuple", "zip"}
_OTHERS = {
    *("callable", "delattr", "dir", "eval", "exec", "filter", "getattr", "globals", "hasattr"),
    *("id", "input", "isinstance", "issubclass", "iter", "locals", "map", "next", "open", "print"),
    *("repr", "set", "setattr", "sorted", "str", "super", "type", "vars", "all", "any", "dict"),
    *("bytearray", "bytes", "compile", "delattr", "format", "frozenset", "hash", "memoryview"),
    *("object", "property", "classmethod", "staticmethod", "slice", "breakpoint", "__import__"),
}
"""Built-in functions that are not plain; other names are functions of the user's."""

_METHODS = {
    *("T", "all", "any", "append", "astype", "clip", "copy", "cumsum", "dot", "flatten", "max"),
    *("mean", "min", "ndim", "prod", "ravel", "reshape", "shape", "size", "std", "sum", "var"),
    *("squeeze", "transpose"),
}
"""Attributes of arrays and lists."""

_STATEMENTS = (
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Continue, ast.Expr, ast.For, ast.If),
    *(ast.Pass, ast.Return),
)
_EXPRESSIONS = (
    *(
        ast.BinOp,
        ast.BoolOp,
        ast.Compare,
        ast.Constant,
        ast.Dict,
        ast.GeneratorExp,
        ast.IfExp,
        ast.List,
    ),
    *(ast.ListComp, ast.Name, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp),
)
_MOST_ROUNDS = 100
"""Most iterations of a loop in an arm, which runs even where the arm is not taken."""


def is_plain(function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a function consists of arithmetic, loops over data, and branches."""
    if isinstance(function, ast.Lambda):
        return _is_expression(function.body, False)
    return not function.decorator_list and _are_statements(function.body, False)


def _are_statements(statements: list[ast.stmt], in_arm: bool) -> bool:
    return all([_is_statement(statement, in_arm) for statement in statements])


def _is_statement(node: ast.stmt, in_arm: bool) -> bool:
    if isinstance(node, ast.FunctionDef):
        return not in_arm and is_plain(node)
    if not isinstance(node, _STATEMENTS):
        return False
    if isinstance(node, ast.If):
        arms = [*node.body, *node.orelse]
        return _is_expression(node.test, in_arm) and _are_statements(arms, True)
    if isinstance(node, ast.For):
        if in_arm and not _is_short(node.iter):
            return False
        inside = [*node.body, *node.orelse]
        return _is_expression(node.iter, in_arm) and _are_statements(inside, in_arm)
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    if isinstance(node, ast.AnnAssign):
        parts = [part for part in parts if part is not node.annotation]
    are_names = all([target is None or _is_target(target) for target in targets])
    return are_names and all([_is_expression(part, in_arm) for part in parts])


def _is_target(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(_is_target, node.elts))
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name)
    return isinstance(node, ast.Name)


def _is_short(iterable: ast.expr) -> bool:
    """Whether a loop is over a short range that the code spells out."""
    if not (isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name)):
        return False
    values = [x.value for x in iterable.args if isinstance(x, ast.Constant)]
    ends = [value for value in values if isinstance(value, int)]
    if iterable.func.id != "range" or not ends or len(ends) != len(iterable.args):
        return False
    return len(range(*ends)) <= _MOST_ROUNDS


def _is_expression(node: ast.expr, in_arm: bool) -> bool:
    if isinstance(node, ast.Call):
        return _is_call(node, in_arm)
    if isinstance(node, ast.Attribute):
        return _is_attribute(node, in_arm)
    if not isinstance(node, _EXPRESSIONS):
        return False
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float | str | None)
    if isinstance(node, ast.Dict) and None in node.keys:
        return False
    if isinstance(node, ast.Compare):
        if any(isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn) for op in node.ops):
            return False
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        if in_arm or any(part.ifs or part.is_async for part in node.generators):
            return False
        inside = [node.elt, *(part.iter for part in node.generators)]
        return all([_is_expression(part, in_arm) for part in inside])
    if isinstance(node, ast.IfExp):
        return _is_expression(node.test, in_arm) and all(
            [_is_expression(arm, True) for arm in (node.body, node.orelse)]
        )
    if isinstance(node, ast.BoolOp):
        first, *others = node.values
        return _is_expression(first, in_arm) and all([_is_expression(x, True) for x in others])
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return all([_is_expression(part, in_arm) for part in parts])


def _is_attribute(node: ast.Attribute, in_arm: bool) -> bool:
    if _module_of(node) is not None:
        return node.attr not in _NOT_ARITHMETIC
    if node.attr in _METHODS:
        return _is_expression(node.value, in_arm)
    # What an object computes when it is read may have effects.
    return not in_arm and isinstance(node.value, ast.Name)


def _module_of(node: ast.expr) -> str | None:
    """Return the name of the module that an attribute is looked up in, if it is one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) and node.id in _MODULES else None


def _is_call(node: ast.Call, in_arm: bool) -> bool:
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    if not all([_is_expression(x, in_arm) for x in given]):
        return False
    function = node.func
    if isinstance(function, ast.Name):
        if function.id in ("max", "min") and in_arm:
            return len(node.args) > 1 and not any(isinstance(x, ast.Starred) for x in node.args)
        if function.id in _BUILTINS:
            return not in_arm or function.id in _NUMBERS or _is_short(node)
        return function.id not in _OTHERS
    if isinstance(function, ast.Call):  # of what st.gradient returns
        return not in_arm and _is_call(function, in_arm)
    if not isinstance(function, ast.Attribute):
        return False
    if _module_of(function) is not None:
        return function.attr not in _NOT_ARITHMETIC and not (in_arm and function.attr in _FILLED)
    return function.attr in _METHODS and _is_expression(function.value, in_arm)
