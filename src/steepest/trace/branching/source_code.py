"""A function's code, compiled again from its source with another syntax tree."""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import inspect
import linecache
import types
from collections.abc import Iterator

from steepest.trace.branching.plain import is_plain
from steepest.trace.branching.rewriting import FunctionNode, rewritten

MARK = ("steepest", "rewritten")
"""The last constant of code that was rewritten."""

_FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names,
    0,
)


def is_rewritten(code: types.CodeType) -> bool:
    """Whether code was made here."""
    return bool(code.co_consts) and code.co_consts[-1] == MARK


def rewritten_code(code: types.CodeType) -> types.CodeType | None:
    """Return the code of a function with its branches rewritten.

    None if the source is not known, is not the source of this code, or is not plain.
    """
    return _rewritten(code, code.co_filename)


@functools.lru_cache(maxsize=256)
def _rewritten(code: types.CodeType, file: str) -> types.CodeType | None:
    text = "".join(linecache.getlines(file))
    try:
        tree, known = _parsed(text, file, code.co_flags & _FUTURE)
        if code not in known:  # the file has changed, or it was compiled from something else
            return None
        found = [x for x in _functions(tree, None) if _matches(x[0], code)]
        if len(found) != 1:
            return None
        node, owner = found[0]
        if not is_plain(node):
            return None
        return _like(code, _compiled(rewritten(copy.deepcopy(node)), owner, code))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=8)
def _parsed(text: str, file: str, flags: int) -> tuple[ast.Module, frozenset[types.CodeType]]:
    """Return the syntax tree of a file, and the code of all functions in it."""
    tree = ast.parse(text)
    return tree, frozenset(_nested(compile(tree, file, "exec", flags, dont_inherit=True)))


def _functions(node: ast.AST, owner: str | None) -> Iterator[tuple[FunctionNode, str | None]]:
    """Yield the functions in a tree, each with the name of the class that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child, owner
        yield from _functions(child, child.name if isinstance(child, ast.ClassDef) else owner)


def _matches(node: FunctionNode, code: types.CodeType) -> bool:
    """Whether code is that of a function in the tree."""
    if isinstance(node, ast.FunctionDef):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return (node.name, first) == (code.co_name, code.co_firstlineno)
    if (code.co_name, code.co_firstlineno) != ("<lambda>", node.lineno):
        return False
    spans = [x for x in code.co_positions() if None not in x and x[2:] != (0, 0)]
    start = min((line, column) for line, _, column, _ in spans)
    return start == (node.body.lineno, node.body.col_offset)


def _compiled(
    node: FunctionNode, owner: str | None, code: types.CodeType
) -> Iterator[types.CodeType]:
    """Yield the code objects that a function's syntax tree gives, with the same free names."""
    free = [name for name in code.co_freevars if name != "__class__"]
    line = {name: getattr(node, name) for name in node._attributes}
    body: list[ast.stmt] = [
        ast.Assign([ast.Name(name, ast.Store(), **line)], ast.Constant(None, **line), **line)
        for name in free
    ]
    inner: ast.stmt = node if isinstance(node, ast.FunctionDef) else ast.Expr(node, **line)
    if owner is not None:  # whose private names are mangled
        inner = ast.ClassDef(owner, [], [], [inner], [], **line)
        if hasattr(inner, "type_params"):  # since Python 3.12
            inner.type_params = []
    outermost: list[ast.stmt] = [*body, inner]
    if code.co_flags & inspect.CO_NESTED:
        around = ast.parse("def around(): pass").body[0]
        assert isinstance(around, ast.FunctionDef)
        around.body, outermost = outermost, [around]
    module = ast.fix_missing_locations(ast.Module(outermost, []))
    flags = code.co_flags & _FUTURE
    made = compile(module, code.co_filename, "exec", flags, dont_inherit=True)
    yield from _nested(made)


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)


def _like(code: types.CodeType, found: Iterator[types.CodeType]) -> types.CodeType | None:
    """Return the first code that can take the place of another."""
    for new in found:
        same = all(getattr(new, name) == getattr(code, name) for name in _SIGNATURE)
        if same and new.co_varnames[: _arguments(new)] == code.co_varnames[: _arguments(code)]:
            return _marked(new).replace(co_qualname=code.co_qualname)
    return None


_SIGNATURE = (
    *("co_name", "co_firstlineno", "co_freevars"),
    *("co_argcount", "co_posonlyargcount", "co_kwonlyargcount"),
)


def _arguments(code: types.CodeType) -> int:
    return code.co_argcount + code.co_kwonlyargcount


def _marked(code: types.CodeType) -> types.CodeType:
    constants = [
        _marked(constant) if isinstance(constant, types.CodeType) else constant
        for constant in code.co_consts
    ]
    return code.replace(co_consts=(*constants, MARK))
