"""Functions of symmetric matrices, V f(diag(w)) V', with derivatives of every order.

The k-th derivative along symmetric E_1 ... E_k is a sum over products of divided differences
of f with the entries of V' E_i V (Daleckii and Krein 1965). As a form in the directions and a
cotangent it is symmetric, so that one op, which takes the matrix and any number of directions,
is its own pullback and pushforward. Divided differences exist where eigenvalues are equal.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Graph, Node, Shape
from steepest.graph.source import at, user_source
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule
from steepest.ops.linear_algebra.matrices import ENTRIES, square
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded

Of = str | Graph | Callable[[Any], Any]
"""A function that is known by name, a graph of it and its derivatives, or a plain one."""

_TERMS = 10
"""Terms of Taylor's series after the first that a divided difference is summed to."""

_FEWEST_TERMS = 4
"""Terms that must be known of a function that is given as a graph."""

_ASYMMETRY = 0.01
"""Matrices that differ from their transpose by more than this share are not symmetric."""


# Coefficients of Taylor's series: f's j-th derivative over j!, for every j below a count.


def _of_exp(x: np.ndarray, count: int) -> list[np.ndarray]:
    value = np.exp(x)
    return [value / math.factorial(j) for j in range(count)]


def _of_sqrt(x: np.ndarray, count: int) -> list[np.ndarray]:
    terms = [np.sqrt(x)]
    for j in range(1, count):
        terms.append(terms[-1] * ((1.5 - j) / j) / x)
    return terms


def _of_log(x: np.ndarray, count: int) -> list[np.ndarray]:
    return [np.log(x), *(-((-1.0 / x) ** j) / j for j in range(1, count))]


_COEFFICIENTS: dict[str, Callable[[np.ndarray, int], list[np.ndarray]]] = {
    "exp": _of_exp,
    "sqrt": _of_sqrt,
    "log": _of_log,
}


def _of_graph(graph: Graph, x: np.ndarray, count: int) -> list[np.ndarray]:
    """Compute a graph of one number, whose outputs are derivatives, for an array of them."""
    known: dict[Node, Any] = {graph.inputs[0]: x}
    for node in graph.nodes:
        if node not in known:
            values = [known[operand] for operand in node.operands]
            same = node.op.name in ("broadcast_to", "reshape")
            known[node] = values[0] if same else node.op.evaluate(*values, **node.attributes)
    rows = [np.broadcast_to(known[node], x.shape) for node in graph.outputs[:count]]
    return [row / math.factorial(j) for j, row in enumerate(rows)]


def _coefficients(of: Of, x: np.ndarray, count: int) -> list[np.ndarray]:
    if isinstance(of, str):
        return _COEFFICIENTS[of](x, count)
    return _of_graph(of, x, count) if isinstance(of, Graph) else [of(x)]


# Divided differences.


def _by_series(of: Of, points: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a divided difference by Taylor's series around the points' mean, and its error.

    It is the sum of the coefficients times complete homogeneous polynomials of the distances.
    """
    order = len(points) - 1
    middle: np.ndarray = np.mean(points, axis=0)
    distances = [point - middle for point in points]
    terms = _coefficients(of, middle, order + 1 + _TERMS)[order:]
    polynomials = [np.ones_like(middle)] + [np.zeros_like(middle) for _ in terms[1:]]
    for distance in distances:
        for degree in range(1, len(terms)):
            polynomials[degree] = polynomials[degree] + distance * polynomials[degree - 1]
    is_one = points[-1] == points[0]
    total = terms[0].copy()
    for term, polynomial in zip(terms[1:], polynomials[1:], strict=True):
        total = total + np.where(is_one, 0.0, term * polynomial)
    widest = np.max(np.abs(distances), axis=0)
    left = np.abs(terms[-1]) * widest ** (len(terms) - 1) * math.comb(len(terms) + order, order)
    error = np.where(is_one, 0.0, left) + _EPS * np.abs(total)
    return total, error


_EPS = float(np.finfo(np.float64).eps)


def _difference(of: Of, points: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the divided difference of a function at rising points, and an error estimate.

    Near points cancel in quotients and far ones do not converge in Taylor's series: for each
    the estimates choose.
    """
    if len(points) == 1:
        (value,) = _coefficients(of, points[0], 1)
        return value, _EPS * np.abs(value)
    near, near_error = _by_series(of, points)
    right, right_error = _difference(of, points[1:])
    left, left_error = _difference(of, points[:-1])
    gap = points[-1] - points[0]
    far = (right - left) / gap
    far_error = (right_error + left_error) / np.abs(gap) + _EPS * np.abs(far)
    is_far = (far_error < near_error) | ((gap != 0) & np.isnan(near_error))
    return np.where(is_far, far, near), np.where(is_far, far_error, near_error)


def divided_differences(of: Of, values: np.ndarray, order: int) -> np.ndarray:
    """Return f[v_i, v_j, ...] for all choices of ``order + 1`` values out of a vector."""
    number = len(values)
    if order == 0:
        return _difference(of, [values])[0]
    chosen = list(itertools.combinations_with_replacement(range(number), order + 1))
    points = values[np.array(chosen)]  # rising, as LAPACK's eigenvalues are
    with np.errstate(all="ignore"):  # each is computed in two ways, of which one may not do
        found, _ = _difference(of, list(points.T))
    table = np.empty((number,) * (order + 1))
    for permutation in itertools.permutations(range(order + 1)):
        table[tuple(np.array(chosen).T[list(permutation)])] = found
    return table


# The op.


def _of_one_matrix(a: np.ndarray, directions: Sequence[np.ndarray], of: Of) -> np.ndarray:
    skew = np.max(np.abs(a - a.T), initial=0.0)
    if not skew <= _ASYMMETRY * np.max(np.abs(a), initial=0.0):
        return np.full_like(a, np.nan)
    w, v = np.linalg.eigh((a + a.T) * 0.5)
    w, v = w.astype(np.float64), v.astype(np.float64)
    if not directions:
        value: np.ndarray = (v * divided_differences(of, w, 0)) @ v.T
        return value
    order = len(directions)
    table = divided_differences(of, w, order)
    inner = [v.T @ ((e + e.T) * 0.5) @ v for e in directions]
    letters = "abcdefghijkl"[: order + 1]
    pairs = ",".join(letters[i : i + 2] for i in range(order))
    subscripts = f"{letters},{pairs}->{letters[0]}{letters[-1]}"
    total = np.zeros(a.shape)
    for chosen in itertools.permutations(inner):
        total = total + np.einsum(subscripts, table, *chosen, optimize=order > 1)
    derivative: np.ndarray = v @ total @ v.T
    return derivative


def _matrix_function(a: Any, *directions: Any, of: Of) -> np.ndarray:
    result = np.empty(np.broadcast_shapes(*(x.shape for x in (a, *directions))), a.dtype)
    whole = [np.broadcast_to(x, result.shape) for x in (a, *directions)]
    with np.errstate(all="ignore"):
        for place in np.ndindex(*result.shape[:-2]):
            result[place] = _of_one_matrix(whole[0][place], [x[place] for x in whole[1:]], of)
    return result


def _infer(a: Node, *directions: Node, of: Of) -> tuple[Shape, np.dtype]:
    square(a)
    if isinstance(of, Graph) and len(directions) + _FEWEST_TERMS >= len(of.outputs):
        raise UnsupportedError(
            f"derivatives of st.matrix_function beyond order {len(directions) - 1}"
            f"{at(user_source())} are not known: st.expm, st.sqrtm and st.logm have them all"
        )
    return np.broadcast_shapes(a.shape, *(x.shape for x in directions)), a.dtype


def _pullback(
    cotangent: Array, y: Array, a: Array, *directions: Array, of: Of
) -> tuple[Array, ...]:
    to_matrix = matrix_function(a, *directions, cotangent, of=of)
    others = [
        matrix_function(a, *directions[:i], cotangent, *directions[i + 1 :], of=of)
        for i in range(len(directions))
    ]
    return (to_matrix, *others)


def _pushforward(
    tangents: Sequence[Array], y: Array, a: Array, *directions: Array, of: Of
) -> Array:
    along, *changes = tangents
    total = matrix_function(a, *directions, along, of=of)
    for i, change in enumerate(changes):
        total = total + matrix_function(a, *directions[:i], change, *directions[i + 1 :], of=of)
    return total


def _in_torch(t: Torch, *operands: Tensor, of: Of) -> Tensor:
    return _autograd_function(t, of).apply(*operands)


@functools.cache
def _autograd_function(t: Torch, of: Of) -> Any:
    def forward(context: Any, *operands: Any) -> Any:
        context.save_for_backward(*operands)
        value = _matrix_function(*(x.detach().cpu().numpy() for x in operands), of=of)
        return t.as_tensor(value, device=operands[0].device)

    def backward(context: Any, cotangent: Any) -> Any:
        a, *directions = context.saved_tensors
        apply = _autograd_function(t, of).apply
        others = [
            apply(a, *directions[:i], cotangent, *directions[i + 1 :])
            for i in range(len(directions))
        ]
        return apply(a, *directions, cotangent), *others

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("matrix_function", (t.autograd.Function,), members)


MATRIX_FUNCTION = Row(
    name="matrix_function",
    evaluate=_matrix_function,
    infer=_infer,
    derivative=Rule(_pullback, _pushforward),
    torch=_in_torch,
    lower=HOST,
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3),), {"of": "exp"}, diagonal=1.0),
            Case(((2, 3, 3),), {"of": "sqrt"}, diagonal=9.0),
            Case(((3, 3), (3, 3)), {"of": "log"}, diagonal=9.0),
            Case(((2, 2), (2, 2), (2, 2)), {"of": "exp"}, diagonal=1.0),
        ),
    ),
    kink="also of equal eigenvalues; NaN for a matrix that is not symmetric",
    explain="the matrix is not symmetric, or an eigenvalue lies where the function has no value",
)
matrix_function = recorded(MATRIX_FUNCTION)


ROWS: tuple[Row, ...] = (MATRIX_FUNCTION,)
