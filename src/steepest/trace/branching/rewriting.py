"""The syntax tree of a function with calls at its branches.

An ``if`` statement whose arms only assign becomes::

    fork = FORK(test, ...)
    for side in fork:  # one side, or both
        if side:
            ...
        else:
            ...
    x = fork.merged("x")  # if there were both

``return`` and ``continue`` in arms are rewritten first (``exits``). A conditional expression
becomes a call with a lambda for each arm; so do ``and`` and ``or``. Names that contain a space
cannot be the user's.

What may have an effect outside the function announces itself (`EFFECT`), so that nothing happens
in an arm that was not taken.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from steepest.trace.branching.exits import has_exit, without_continue, without_returns

FORK, CHOOSE, JOIN, NOT = ("steepest " + x for x in ("fork", "choose", "join", "not"))
CALL, TOUCH, EFFECT, CAUGHT = ("steepest " + x for x in ("call", "touch", "effect", "caught"))
ITERATE, MADE, STEP = ("steepest " + x for x in ("iterate", "made", "step"))

FunctionNode = ast.FunctionDef | ast.Lambda

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_YIELDS = (ast.Yield, ast.YieldFrom, ast.Await)
_IN_ARMS = (
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.If, ast.For, ast.While),
    *(ast.Pass, ast.Break, ast.Continue),
)
"""Statements that an arm may consist of."""

_READ_FRAMES = {"super", "locals", "vars", "dir", "eval", "exec", "globals"}


def rewritten(function: FunctionNode) -> FunctionNode:
    """Return a function's syntax tree with calls at its branches."""
    rewriter = _Rewriter()
    return rewriter.function(function)


def _own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of some trees that belong to the function itself."""
    for node in nodes:
        yield node
        if not isinstance(node, _SCOPES):
            yield from _own(ast.iter_child_nodes(node))


def _names(nodes: Iterable[ast.AST], kind: type[ast.expr_context]) -> tuple[str, ...]:
    found = (x for node in nodes for x in ast.walk(node))
    names = [x.id for x in found if isinstance(x, ast.Name) and isinstance(x.ctx, kind)]
    return tuple(dict.fromkeys(names))


def _assigned(node: ast.AST, inside: bool = False) -> Iterator[str]:
    """Yield the names of the function that a tree assigns to."""
    if isinstance(node, ast.NamedExpr):
        yield node.target.id
        yield from _assigned(node.value, inside)
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not inside:
        yield node.id
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _assigned(child, inside or isinstance(node, _COMPREHENSIONS))


class _Rewriter(ast.NodeTransformer):
    def __init__(self) -> None:
        self.outer_names: set[str] = set()
        self.is_generator = False
        self.forks = 0

    def function(self, node: FunctionNode) -> FunctionNode:
        """Rewrite the body of a function, and not its defaults."""
        before = self.outer_names, self.is_generator
        if isinstance(node, ast.Lambda):
            self.is_generator = False
            node.body = self.visit(node.body)
        else:
            own = list(_own(node.body))
            self.outer_names = {
                name for x in own if isinstance(x, ast.Global | ast.Nonlocal) for name in x.names
            }
            self.is_generator = any(isinstance(x, _YIELDS) for x in own)
            if not self.is_generator:
                node.body = without_returns(node.body)
            node.body = self.block(node.body)
        self.outer_names, self.is_generator = before
        return node

    def block(self, statements: Sequence[ast.stmt]) -> list[Any]:
        """Rewrite statements."""
        new: list[Any] = []
        for statement in statements:
            result = self.visit(statement)
            new += result if isinstance(result, list) else [result]
        return new

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.decorator_list = [self.visit(x) for x in node.decorator_list]
        self._visit_defaults(node)
        return self.function(node)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        self._visit_defaults(node)
        return self.function(node)

    def _visit_defaults(self, node: FunctionNode) -> None:
        node.args.defaults = [self.visit(x) for x in node.args.defaults]
        node.args.kw_defaults = [x and self.visit(x) for x in node.args.kw_defaults]

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return node

    # Branches.

    def visit_If(self, node: ast.If) -> Any:
        may_fork = self._may_fork(node)
        written = tuple(dict.fromkeys(x for part in _arms(node) for x in _assigned(part)))
        read = _names(_arms(node), ast.Load)
        test = self.test(node.test)
        body, orelse = self.block(node.body), self.block(node.orelse)
        if not may_fork:
            return ast.copy_location(ast.If(test, body, orelse), node)
        self.forks += 1
        fork, side = f"steepest fork {self.forks}", f"steepest side {self.forks}"
        names: list[Any] = [_constants(written), _constants(read)]
        made = _assign(fork, _call(FORK, test, *_lines(node.test), *names))
        inner = ast.If(_load(side), body or [ast.Pass()], orelse)
        loop = ast.For(
            ast.Name(side, ast.Store()), _load(fork), [*_set(fork, "before", written), inner], []
        )
        after = _set(fork, "merged", written)
        return [_placed(x, node) for x in (made, loop, *after)]

    def _may_fork(self, node: ast.If) -> bool:
        """Whether both arms can run, one after the other."""
        if self.is_generator or has_exit(_arms(node)):
            return False
        for part in _own(_arms(node)):
            if isinstance(part, ast.stmt) and not isinstance(part, _IN_ARMS):
                return False
            if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
                return False
        return self.outer_names.isdisjoint(x for part in _arms(node) for x in _assigned(part))

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if not _can_be_lambda(node.body, node.orelse):
            return self.generic_visit(node)
        lines = _lines(node.test)
        test, body, orelse = self.test(node.test), self.visit(node.body), self.visit(node.orelse)
        return _placed(_call(CHOOSE, test, _lambda(body), _lambda(orelse), *lines), node)

    def test(self, node: ast.expr) -> Any:
        """Rewrite an expression of which only the truth counts."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _placed(_call(NOT, self.test(node.operand)), node)
        if isinstance(node, ast.Compare):
            return self._compare(node, is_test=True)
        if isinstance(node, ast.BoolOp) and _can_be_lambda(*node.values[1:]):
            return self._join(node, [self.test(value) for value in node.values], is_test=True)
        return self.visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        if not _can_be_lambda(*node.values[1:]):
            return self.generic_visit(node)
        return self._join(node, [self.visit(value) for value in node.values], is_test=False)

    def _join(self, node: ast.BoolOp, values: list[ast.expr], is_test: bool) -> Any:
        is_and = isinstance(node.op, ast.And)
        flags = [ast.Constant(is_and), ast.Constant(is_test), *_lines(node)]
        first, *rest = values
        return _placed(_call(JOIN, *flags, first, *map(_lambda, rest)), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        return self._compare(node, is_test=False)

    def _compare(self, node: ast.Compare, is_test: bool) -> Any:
        """Rewrite a comparison: ``a < b < c`` is ``a < b and b < c`` with `b` computed once."""
        can_be_lambda = _can_be_lambda(*node.comparators[1:])
        self.generic_visit(node)
        if len(node.ops) == 1 or not can_be_lambda:
            return node
        flags = [ast.Constant(True), ast.Constant(is_test), *_lines(node)]
        return _placed(_chain(node.left, node.ops, node.comparators, flags), node)

    # What may have effects.

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id == "super"):
            node.func = _placed(_call(CALL, node.func), node.func)
        return node

    def visit_List(self, node: ast.List) -> Any:
        self.generic_visit(node)
        return _placed(_call(MADE, node), node) if isinstance(node.ctx, ast.Load) else node

    def _visit_new(self, node: Any) -> Any:
        self.generic_visit(node)
        return _placed(_call(MADE, node), node)

    visit_ListComp = visit_Dict = _visit_new  # noqa: N815

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = _iterated(node.iter)
        return node

    def visit_For(self, node: ast.For) -> Any:
        node.iter = _iterated(self.visit(node.iter))
        node.body = self.block(without_continue(node.body))
        node.orelse = self.block(node.orelse)
        return [*self._effects(node.target, node), node]

    def visit_While(self, node: ast.While) -> Any:
        node.test = self.visit(node.test)
        node.body = [_said(STEP, node), *self.block(without_continue(node.body))]
        node.orelse = self.block(node.orelse)
        return node

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        if all(_sets_errors(item.context_expr) for item in node.items):
            return node
        return [_said(EFFECT, node), node, _said(CAUGHT, node)]  # it may have caught an exception

    def visit_Try(self, node: Any) -> Any:
        self.generic_visit(node)
        for handler in node.handlers:
            handler.body.insert(0, _said(CAUGHT, handler.body[0]))
        return [_said(EFFECT, node), node]

    visit_TryStar = visit_Try  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> Any:
        effects = [x for target in node.targets for x in self._effects(target, node)]
        self.generic_visit(node)
        return [*effects, node]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        effects = self._effects(node.target, node) if node.value is not None else []
        self.generic_visit(node)
        return [*effects, node]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        effects = self._effects(node.target, node)
        if isinstance(node.target, ast.Name) and not effects:
            effects = [_said(TOUCH, node, _load(node.target.id))]
        self.generic_visit(node)
        return [*effects, node]

    def visit_Delete(self, node: ast.Delete) -> Any:
        self.generic_visit(node)
        return [_said(EFFECT, node), node]

    def visit_Import(self, node: ast.stmt) -> Any:
        return [_said(EFFECT, node), node]

    visit_ImportFrom = visit_Import  # noqa: N815

    def _effects(self, target: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        """Return what announces an assignment."""
        if isinstance(target, ast.Tuple | ast.List):
            return [x for part in target.elts for x in self._effects(part, node)]
        if isinstance(target, ast.Starred):
            return self._effects(target.value, node)
        if isinstance(target, ast.Subscript) and _is_plain(target.value):
            return [_said(TOUCH, node, copy.deepcopy(target.value))]
        if isinstance(target, ast.Name) and target.id not in self.outer_names:
            return []
        return [_said(EFFECT, node)]


def _arms(node: ast.If) -> list[ast.stmt]:
    return [*node.body, *node.orelse]


def _sets_errors(node: ast.expr) -> bool:
    """Whether an expression is a call of ``np.errstate``, after it was rewritten."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Call):
        return False
    called = node.func.args[0]
    return isinstance(called, ast.Attribute) and called.attr == "errstate"


def _can_be_lambda(*nodes: ast.expr) -> bool:
    """Whether expressions mean the same inside a lambda."""
    for part in (x for node in nodes for x in ast.walk(node)):
        if isinstance(part, (*_YIELDS, ast.NamedExpr)):
            return False
        if isinstance(part, ast.Name) and part.id in _READ_FRAMES:
            return False
    return True


def _chain(
    left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr], flags: list[ast.expr]
) -> ast.expr:
    """Return a chain of comparisons as a call of a function of its first two operands."""
    if len(ops) == 1:
        return ast.Compare(left, list(ops), list(others))
    a, b = "steepest left", "steepest middle"
    first = ast.Compare(_load(a), [ops[0]], [_load(b)])
    rest = _chain(_load(b), ops[1:], others[1:], copy.deepcopy(flags))
    names = ast.arguments([], [ast.arg(a), ast.arg(b)], None, [], [], None, [])
    joined = _call(JOIN, *flags, first, _lambda(rest))
    return ast.Call(ast.Lambda(names, joined), [left, others[0]], [])


def _is_plain(node: ast.AST) -> bool:
    """Whether an expression calls nothing of the user's, most likely."""
    kinds = (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp)
    return isinstance(node, (*kinds, ast.operator, ast.unaryop, ast.expr_context)) and all(
        _is_plain(child) for child in ast.iter_child_nodes(node)
    )


def _iterated(node: ast.expr) -> ast.expr:
    """Return what is iterated over; the result of a call is new."""
    return node if isinstance(node, ast.Call) else _placed(_call(ITERATE, node), node)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_load(name), list(arguments), [])


def _constants(names: Sequence[str]) -> ast.expr:
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _said(name: str, place: ast.AST, *arguments: ast.expr) -> Any:
    return _placed(ast.Expr(_call(name, *arguments)), place)


def _lambda(body: ast.expr) -> Any:
    nothing = ast.arguments([], [], None, [], [], None, [])
    return _placed(ast.Lambda(nothing, body), body)


def _lines(node: ast.expr) -> list[ast.expr]:
    return [ast.Constant(node.lineno), ast.Constant(node.end_lineno or node.lineno)]


def _set(fork: str, which: str, names: Sequence[str]) -> list[ast.stmt]:
    """Return statements that set variables to their values of before, or to the merged ones.

    A variable without a value is given the fork itself, and is deleted.
    """
    new: list[ast.stmt] = []
    for name in names:
        given = ast.Call(ast.Attribute(_load(fork), which, ast.Load()), [ast.Constant(name)], [])
        is_missing = ast.Compare(_load(name), [ast.Is()], [_load(fork)])
        delete = ast.Delete([ast.Name(name, ast.Del())])
        new += [_assign(name, given), ast.If(is_missing, [delete], [])]
    if not new:
        return []
    return [ast.If(ast.Attribute(_load(fork), "is_merging", ast.Load()), new, [])]


def _placed(new: Any, old: ast.AST) -> Any:
    """Give new nodes the line of an old one."""
    for node in ast.walk(new):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
    return new
