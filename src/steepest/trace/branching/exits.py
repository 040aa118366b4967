"""``return`` and ``continue`` in arms, rewritten so that both arms end at the same place.

``if a: return b`` followed by more statements becomes an ``if`` with these in its ``else``. The
value that is returned becomes a variable.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence

RESULT = "steepest result"
"""The variable for what the function returns."""

_MOST_COPIED = 4
"""Statements after a branch that may be copied into both arms."""

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)


class _CannotError(Exception):
    """Statements that cannot be rewritten."""


def has_exit(statements: Sequence[ast.stmt]) -> bool:
    """Whether statements may leave the block that they stand in."""
    kinds = (ast.Return, ast.Break, ast.Continue)
    return any(_has(statement, kinds) for statement in statements)


def _has(node: ast.AST, kinds: tuple[type[ast.stmt], ...]) -> bool:
    if isinstance(node, kinds):
        return True
    if isinstance(node, _SCOPES):
        return False
    if isinstance(node, _LOOPS):  # which `break` and `continue` in it belong to
        kinds = tuple(kind for kind in kinds if kind is ast.Return)
        if not kinds:
            return False
    return any(_has(child, kinds) for child in ast.iter_child_nodes(node))


def without_returns(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the body of a function with one ``return`` at its end, if that is possible."""
    if not any(isinstance(x, ast.If) and _has(x, (ast.Return,)) for x in body):
        return body
    last = body[-1]
    try:
        new = _straight(body, ast.Return, _result, last)
    except _CannotError:
        return body
    end = ast.Return(ast.Name(RESULT, ast.Load()))
    return [*new, _at(end, last)]


def without_continue(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the body of a loop without ``continue``, if that is possible."""
    if not any(isinstance(x, ast.If) and _has(x, (ast.Continue,)) for x in body):
        return body
    try:
        return _straight(body, ast.Continue, lambda node: _at(ast.Pass(), node), body[-1])
    except _CannotError:
        return body


def _at(new: ast.stmt, old: ast.AST) -> ast.stmt:
    return ast.fix_missing_locations(ast.copy_location(new, old))


def _result(node: ast.stmt) -> ast.stmt:
    value = node.value if isinstance(node, ast.Return) else None
    assigned = ast.Assign([ast.Name(RESULT, ast.Store())], value or ast.Constant(None))
    return _at(assigned, node)


def _straight(
    body: Sequence[ast.stmt],
    kind: type[ast.stmt],
    instead: Callable[[ast.stmt], ast.stmt],
    place: ast.stmt,
) -> list[ast.stmt]:
    """Return statements that all reach their end; what is new gets the line of `place`."""
    new: list[ast.stmt] = []
    for i, statement in enumerate(body):
        rest = list(body[i + 1 :])
        if isinstance(statement, kind):
            return [*new, instead(statement)]
        if not _has(statement, (kind,)):
            new.append(statement)
            continue
        if not isinstance(statement, ast.If):
            raise _CannotError
        arms = [list(statement.body), list(statement.orelse)]
        going_on = [arm for arm in arms if not _leaves(arm)]
        if len(going_on) == 2 and len(rest) > _MOST_COPIED:
            raise _CannotError
        for number, arm in enumerate(going_on):
            arm += copy.deepcopy(rest) if number else rest
        body_arm, else_arm = (_straight(arm, kind, instead, statement) for arm in arms)
        branch = ast.If(statement.test, body_arm or [_at(ast.Pass(), statement)], else_arm)
        return [*new, ast.copy_location(branch, statement)]
    if kind is ast.Return and not _leaves(body):  # an end without a value
        new.append(instead(_at(ast.Pass(), place)))
    return new


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether statements surely do not reach their end."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return _leaves(last.body) and _leaves(last.orelse)
    return isinstance(last, ast.Return | ast.Continue | ast.Break | ast.Raise)
