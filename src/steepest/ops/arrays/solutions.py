"""Solutions of equations: a search finds them, and they are differentiated implicitly.

A solution x of r(x, a) = 0 changes by -(dr/dx)^-1 (dr/da) da, whatever found it. So the search is
one op, which has no slope, and the solution is another, which has the value of the search. The
rules are in ``derivative.implicit``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, Shape, make
from steepest.ops.aliases import Builder, Element, Tensor, Torch
from steepest.ops.arrays.loops import RULES, run_step, run_step_in_torch, step_input
from steepest.ops.derivative_rules import Rule, Zero
from steepest.ops.elementwise.arithmetic import ADD, MULTIPLY, SUBTRACT
from steepest.ops.machine_code import HOST, Indexed
from steepest.ops.row import Case, Domain, Row, recorded

FOUND, NOT_CONVERGED, NO_BRACKET = 1.0, 0.0, -1.0
"""What became of a search; it follows the solution in the result."""

# SciPy's solvers, called with (functions, start, name, options); they return the solution and
# whether it was found.


def _bracketing(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    import scipy.optimize

    x, report = getattr(scipy.optimize, name)(
        f.number, *start.tolist(), full_output=True, disp=False, **options
    )
    return x, report.converged


def _newton(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    from scipy.optimize import newton

    half = start.size // 2
    x0, x1 = (start[:half], start[half:]) if options.pop("secant", False) else (start, None)
    given = {"fprime": f.slope, "fprime2": f.curvature}
    if x0.size > 1:
        found = newton(f.vector, x0, x1=x1, full_output=True, disp=False, **given, **options)
        return found.root, bool(np.all(found.converged))
    given = {key: g and (lambda x, g=g: g(np.reshape(x, 1))[0]) for key, g in given.items()}
    x, report = newton(
        f.number, x0[0], x1=None if x1 is None else x1[0], full_output=True, disp=False,
        **given, **options,
    )  # fmt: skip
    return x, report.converged


def _fsolve(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    from scipy.optimize import fsolve

    x, _, status, _ = fsolve(f.vector, start, fprime=f.matrix, full_output=True, **options)
    return x, status == 1


def _root(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    from scipy.optimize import root

    tol = options.pop("tol", None)
    method = name.partition(":")[2]
    found = root(f.vector, start, jac=f.matrix, method=method, tol=tol, options=options)
    return found.x, bool(found.success)


def _fixed_point(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    from scipy.optimize import fixed_point

    if start.size == 1:
        return fixed_point(f.number, start[0], **options), True
    return fixed_point(f.vector, start, **options), True


def _minimize_scalar(f: Any, start: np.ndarray, name: str, options: dict[str, Any]) -> Any:
    from scipy.optimize import minimize_scalar

    tol, given = options.pop("tol", None), tuple(start.tolist())
    method = name.partition(":")[2]
    where: dict[str, Any] = {"bounds": given} if method == "bounded" else {"bracket": given}
    where = where if given else {}
    found = minimize_scalar(f.number, method=method, tol=tol, options=options, **where)
    return found.x, bool(found.success)


SOLVERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("brentq", "brenth", "bisect", "ridder", "toms748"), _bracketing),
    "newton": _newton,
    "fsolve": _fsolve,
    "root": _root,
    "fixed_point": _fixed_point,
    "minimize_scalar": _minimize_scalar,
}
"""SciPy's solvers; a method follows the name after a colon."""


class _Functions:
    """The functions that a solver calls, on plain values."""

    def __init__(self, function: Graph, slope: Any, curvature: Any, around: Any) -> None:
        def of(graph: Graph | None) -> Any:
            return graph and (lambda x: run_step(graph, [np.asarray(x, float), *around])[0])

        self.vector, self.slope, self.curvature = of(function), of(slope), of(curvature)
        self.matrix = self.slope

    def number(self, x: Any) -> Any:
        return self.vector(np.reshape(np.asarray(x, float), 1))[0]


def _evaluate(
    *operands: Any, function: Graph, slope: Graph | None, curvature: Graph | None, solver: str,
    options: tuple[tuple[str, Any], ...], size: int,
) -> np.ndarray:  # fmt: skip
    *around, start = operands
    functions = _Functions(function, slope, curvature, around)
    result = np.full(size + 1, np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = SOLVERS[solver.partition(":")[0]]
            x, converged = found(functions, np.array(start), solver, dict(options))
        except (ValueError, RuntimeError) as error:
            result[-1] = NO_BRACKET if isinstance(error, ValueError) else NOT_CONVERGED
            return result
    result[:-1] = x
    result[-1] = FOUND if converged else NOT_CONVERGED
    return result


def _search_infer(*operands: Node, function: Graph, size: int, **_: Any) -> tuple[Shape, np.dtype]:
    _demand_inputs(function, len(operands) - 1, size)
    return (size + 1,), np.dtype(np.float64)


def _demand_inputs(function: Graph, around: int, size: int) -> None:
    if len(function.inputs) != 1 + around or function.inputs[0].size != size:
        raise ValueError(f"search: {around} values around do not fit the function")


def _search_in_torch(t: Torch, *operands: Tensor, **attributes: Any) -> Tensor:
    arrays = [x.detach().cpu().numpy() for x in operands]
    return t.as_tensor(_evaluate(*arrays, **attributes), device=operands[0].device)


def _cubic(size: int) -> Graph:
    """Return the residual of tests: x * x * x + x - a."""
    x, a = (step_input(i, (size,), np.dtype(np.float64)) for i in range(2))
    cube = make(MULTIPLY, (make(MULTIPLY, (x, x)), x))
    return Graph((x, a), (make(SUBTRACT, (make(ADD, (cube, x)), a)),))


def _case(size: int, solver: str, start: int, options: tuple[tuple[str, Any], ...]) -> Case:
    attributes = {
        "function": _cubic(size), "slope": None, "curvature": None,
        "solver": solver, "options": options, "size": size,
    }  # fmt: skip
    return Case(((size,), (start,)), attributes)


SEARCH: Row = Row(
    name="search",
    evaluate=_evaluate,
    infer=_search_infer,
    derivative=Zero(),
    torch=_search_in_torch,
    lower=HOST,
    domain=Domain(
        ((1.0, 3.0),),
        (
            _case(2, "fsolve", 2, (("xtol", 1e-12),)),
            _case(1, "newton", 1, (("tol", 1e-15),)),
            _case(3, "root:hybr", 3, (("xtol", 1e-12),)),
        ),
        smooth=False,
    ),
    kink="slope 0: the slope of a solution is that of the op solution",
)


# The solution, whose value is what a search has found.


def _in_torch(t: Torch, *operands: Tensor, function: Graph, kind: str, size: int) -> Tensor:
    """Return what was found; a step of Newton's method gives it its slopes."""
    *around, found = operands
    if not any(x.requires_grad for x in around):
        return found
    x = found[:-1].detach()

    def residual(x: Tensor) -> Tensor:
        value = run_step_in_torch(t, function, [x, *around])[0]
        return value - x if kind == "fixed point" else value

    matrix = t.autograd.functional.jacobian(residual, x).detach()
    moved = x - t.linalg.solve(matrix, residual(x))
    return t.cat([moved + (x - moved).detach(), found[-1:].detach()])


def _infer(*operands: Node, function: Graph, kind: str, size: int) -> tuple[Shape, np.dtype]:
    _demand_inputs(function, len(operands) - 1, size)
    if operands[-1].shape != (size + 1,):
        raise ValueError(f"solution: {operands[-1]} is no result of a search ({kind})")
    return (size + 1,), np.dtype(np.float64)


def _later(name: str) -> Callable[..., Any]:
    def rule(*args: Any, **attributes: Any) -> Any:
        return RULES[name](*args, **attributes)

    return rule


def _element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Any, ...], node: Node
) -> Element:
    return fetch(len(node.operands) - 1, index)


def _found(a: Any) -> Any:
    """Return the result of a search for tests, by Cardano's formula."""
    root = np.sqrt(a * a / 4 + 1 / 27)
    x = np.cbrt(a / 2 + root) + np.cbrt(a / 2 - root)
    return np.concatenate([x, np.ones(1)])


SOLUTION: Row = Row(
    name="solution",
    evaluate=lambda *operands, function, kind, size: operands[-1],
    infer=_infer,
    derivative=Rule(_later("pull solution"), _later("push solution")),
    torch=_in_torch,
    lower=Indexed(_element),
    domain=Domain(
        ((1.0, 3.0),),
        tuple(
            Case(((n,), (n + 1,)), {"function": _cubic(n), "kind": "root", "size": n})
            for n in (1, 3)
        ),
        agree=lambda a, found: (a, _found(a)),
    ),
    kink="by the implicit function theorem",
    explain="the solver has found no solution, or the slope of the function is 0 there",
)
solution: Callable[..., Any] = recorded(SOLUTION)


# Which elements of a nonnegative least-squares solution are not zero.


def _positive(a: Any, b: Any) -> np.ndarray:
    from scipy.optimize import nnls

    result: np.ndarray = nnls(a, b)[0] > 0
    return result


NONNEGATIVE_SUPPORT: Row = Row(
    name="nonnegative_support",
    evaluate=_positive,
    infer=lambda a, b: ((a.shape[1],), np.dtype(np.bool_)),
    derivative=Zero(),
    torch=lambda t, a, b: t.as_tensor(
        _positive(a.detach().cpu().numpy(), b.detach().cpu().numpy()), device=a.device
    ),
    lower=HOST,
    domain=Domain(((-3.0, 3.0),), (Case(((5, 3), (5,))),), smooth=False),
    kink="slope 0 everywhere",
)
nonnegative_support: Callable[..., Any] = recorded(NONNEGATIVE_SUPPORT)

ROWS: tuple[Row, ...] = (SEARCH, SOLUTION, NONNEGATIVE_SUPPORT)
