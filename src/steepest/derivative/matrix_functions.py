"""Functions of symmetric matrices, for plain arrays and for traced ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.derivative.transform import gradient
from steepest.errors import InputError, UnsupportedError
from steepest.graph import Graph
from steepest.graph.source import at, user_source
from steepest.ops import INPUT, Elementwise
from steepest.ops.linear_algebra.matrix_functions import matrix_function as apply
from steepest.ops.row import RECORD
from steepest.trace import trace_function

_DERIVATIVES = 7
"""Derivatives of a user's function that are recorded, for divided differences."""


def expm(a: Any) -> Any:
    """Return the exponential of symmetric matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Array of shape (..., n, n). Its symmetric part ``(a + a.T) / 2`` is read; where it is
        far from symmetric, the result is NaN.

    Returns
    -------
    array
        Of the shape of `a`. Its derivatives of every order exist, also where eigenvalues are
        equal (Daleckii and Krein 1965).

    Raises
    ------
    InputError
        If the matrices are not square.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.gradient(lambda a: np.trace(st.expm(a)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return apply(_square("expm", a), of="exp")


def sqrtm(a: Any) -> Any:
    """Return the square root of symmetric matrices whose eigenvalues are positive.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Array of shape (..., n, n). Its symmetric part ``(a + a.T) / 2`` is read; where it is
        far from symmetric, or an eigenvalue is negative, the result is NaN.

    Returns
    -------
    array
        Of the shape of `a`. Its derivatives of every order exist, also where eigenvalues are
        equal (Daleckii and Krein 1965).

    Raises
    ------
    InputError
        If the matrices are not square.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.gradient(lambda a: st.sqrtm(a)[0, 1])(np.eye(2))
    array([[0.  , 0.25],
           [0.25, 0.  ]])
    """
    return apply(_square("sqrtm", a), of="sqrt")


def logm(a: Any) -> Any:
    """Return the logarithm of symmetric matrices whose eigenvalues are positive.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Array of shape (..., n, n). Its symmetric part ``(a + a.T) / 2`` is read; where it is
        far from symmetric, or an eigenvalue is negative, the result is NaN.

    Returns
    -------
    array
        Of the shape of `a`. Its derivatives of every order exist, also where eigenvalues are
        equal (Daleckii and Krein 1965).

    Raises
    ------
    InputError
        If the matrices are not square.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.gradient(lambda a: np.trace(st.logm(a)))(2 * np.eye(2))
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    return apply(_square("logm", a), of="log")


def matrix_function(function: Callable[[Any], Any], a: Any) -> Any:
    """Return a function of symmetric matrices: of their eigenvalues, in their own basis.

    Parameters
    ----------
    function : callable
        Function of one number, of elementwise NumPy functions, smooth around the eigenvalues.
        It may depend on nothing that is differentiated.
    a : array_like, shape (..., n, n)
        Array of shape (..., n, n). Its symmetric part ``(a + a.T) / 2`` is read; where it is
        far from symmetric, the result is NaN.

    Returns
    -------
    array
        ``v @ diag(function(w)) @ v.T``, of the shape of `a`. Its derivatives to third order
        exist, also where eigenvalues are equal (Daleckii and Krein 1965).

    Raises
    ------
    InputError
        If the matrices are not square.
    UnsupportedError
        If the function is recorded and is not elementwise, branches on its argument, or
        depends on arrays or traced values besides it.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.gradient(lambda a: st.matrix_function(lambda w: w**-0.5, a)[0, 1])(np.eye(2))
    array([[ 0.  , -0.25],
           [-0.25,  0.  ]])
    """
    a = _square("matrix_function", a)
    return apply(a, of=_with_derivatives(function) if hasattr(a, RECORD) else function)


def _square(name: str, a: Any) -> Any:
    a = a if hasattr(a, RECORD) else np.asarray(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise InputError(
            f"st.{name}{at(user_source())}: the last two axes must be square, got shape {a.shape}"
        )
    return a if a.dtype.kind == "f" else a.astype(np.float64)


def _with_derivatives(function: Callable[[Any], Any]) -> Graph:
    """Return a function of a number and its derivatives as the outputs of one graph."""
    functions = [function]
    for _ in range(_DERIVATIVES):
        functions.append(gradient(functions[-1]))
    trace = trace_function(lambda x: [of(x) for of in functions], (np.ones(()),), function)
    graph = trace.graph
    _check(graph)
    return Graph(graph.inputs, graph.outputs)


def _check(graph: Graph) -> None:
    where = f"the function given to st.matrix_function{at(user_source())}"
    if graph.guards:
        raise UnsupportedError(f"{where} branches on its argument: use np.where there")
    for node in graph.nodes:
        if node.op is INPUT and node is not graph.inputs[0]:
            raise UnsupportedError(
                f"{where} depends on more than its argument: a function with parameters that are "
                "differentiated has no rule; multiply or shift the matrix instead"
            )
        spreads = node.op.name in ("broadcast_to", "reshape")
        if node.shape != () or not (isinstance(node.op.lower, Elementwise) or spreads):
            raise UnsupportedError(
                f"{where} is not elementwise: it calls {node.op.name}; write it as a function of "
                "one number"
            )
