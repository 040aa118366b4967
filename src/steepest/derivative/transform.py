"""Derivatives of functions: functions in, functions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative.forward import push_forward
from steepest.derivative.function import Executor, Function, interpret
from steepest.derivative.reverse import pull_back
from steepest.errors import InputError
from steepest.graph import Node, substitute, trees
from steepest.graph.source import at, function_source
from steepest.ops import constant_node, constant_value
from steepest.trace import TracedArray, as_traced, current, node_of, open_session
from steepest.trace.arrays.aliasing import note_traced
from steepest.trace.tracing import (
    add_argument,
    argument_names,
    call_traced,
    is_array_like,
    own_copies,
    rerolled,
    result_nodes,
)

Wrt = int | Sequence[int]


def as_variable(value: Any) -> Any:
    """Return a leaf that can be differentiated by: integers become float64."""
    if isinstance(value, TracedArray):
        return value if value.dtype.kind == "f" else value.astype(np.float64)
    array = np.asarray(value)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)[()]
    return value


def check_wrt(wrt: Wrt, count: int) -> tuple[int, ...]:
    """Return the positions of the arguments to differentiate by."""
    positions = (wrt,) if isinstance(wrt, int) else tuple(wrt)
    for position in positions:
        if not -count <= position < count:
            raise InputError(
                f"wrt={position} names no argument: the function was called with {count}"
            )
    return tuple(position % count for position in positions)


class Linearization:
    """A function recorded on variables of its own, ready to be differentiated.

    Attributes
    ----------
    variables
        Fresh inputs standing for the leaves of the chosen arguments.
    outputs
        Output nodes, as functions of the variables.
    variable_structure, output_structure
        Structures of the chosen arguments and of the result.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        positions: Sequence[int],
        primals: Sequence[TracedArray],
        structure: Any,
    ) -> None:
        self.session = current()
        self.variable_structure = structure
        note_traced(self.session, arguments, argument_names(function, len(arguments)))
        stand_ins = [add_argument(self.session, p, f"x{i}") for i, p in enumerate(primals)]
        self.variables = [stand_in.node for stand_in in stand_ins]
        full = list(own_copies(list(arguments)))
        for i, tree in zip(positions, trees.unflatten(structure, stand_ins), strict=True):
            full[i] = tree
        result = call_traced(function, self.session, full)
        nodes, self.output_structure = result_nodes(function, result)
        self.outputs = rerolled(nodes)


def differentiate(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    wrt: Wrt,
    rule: Callable[[Linearization], list[Any]],
) -> tuple[list[TracedArray], Linearization]:
    """Apply a rule to a linearization, and substitute the primals for its variables.

    The variables are inputs of a session of their own. So a variable of an outer derivative
    is never mistaken for one of an inner derivative.
    """
    positions = check_wrt(wrt, len(arguments))
    leaves, structure = trees.flatten(tuple(arguments[i] for i in positions))
    primals = [as_traced(as_variable(leaf)) for leaf in leaves]
    with open_session():
        linear = Linearization(function, arguments, positions, primals, structure)
        results = [node_of(result) for result in rule(linear)]
        guards = linear.session.guards
    replacements: dict[Node, Node] = {
        variable: node_of(primal)
        for variable, primal in zip(linear.variables, primals, strict=True)
    }
    session = current()
    conditions = [guard.condition for guard in guards]
    nodes = substitute([*results, *conditions], replacements, session.sources)
    count = len(results)
    for guard, condition in zip(guards, nodes[count:], strict=True):
        session.add_guard(condition, guard.value, guard.source)
        if guard.condition in linear.session.demanded:
            session.demanded[condition] = True
    return [TracedArray(node, session) for node in nodes[:count]], linear


def require_loss(function: Callable[..., Any], outputs: Sequence[Node]) -> Node:
    """Return the only output of a loss, which must be one real number.

    Raises
    ------
    InputError
        If it is not. The message says what the function returned and what to write.
    """
    where = at(function_source(getattr(function, "function", function)))
    name = getattr(function, "__name__", "the function")
    if not outputs:
        raise InputError(
            f"{name}{where} must return one number as its loss, got None: is a return missing?"
        )
    if len(outputs) != 1:
        raise InputError(
            f"{name}{where} must return one number as its loss, got {len(outputs)} values: "
            "return the loss alone"
        )
    (output,) = outputs
    if output.shape != ():
        raise InputError(
            f"{name}{where} must return one number as its loss, got an array of shape "
            f"{output.shape}: reduce it with np.sum or np.mean"
        )
    if output.dtype.kind == "f":
        return output
    constant = constant_value(output)
    if constant is None or constant.dtype.kind not in "biu":
        raise InputError(
            f"{name}{where} must return a real number as its loss, got {output.dtype}: "
            "compute with floats"
        )
    return constant_node(constant.astype(np.float64))  # a branch that returns 0, say


def filled(cotangents: Sequence[TracedArray | None], nodes: Sequence[Node]) -> list[TracedArray]:
    """Return the cotangents, with zeros in place of None."""
    return [
        as_traced(np.broadcast_to(as_traced(np.zeros((), node.dtype)), node.shape))
        if cotangent is None
        else cotangent
        for cotangent, node in zip(cotangents, nodes, strict=True)
    ]


def loss_and_gradient(
    function: Callable[..., Any], arguments: Sequence[Any], wrt: Wrt
) -> tuple[TracedArray, Any]:
    """Record a loss and its gradient, which has the structure of the arguments."""

    def rule(linear: Linearization) -> list[Any]:
        loss = require_loss(function, linear.outputs)
        one = as_traced(np.ones((), loss.dtype))
        cotangents = pull_back([loss], [one], linear.variables)
        return [TracedArray(loss, linear.session), *filled(cotangents, linear.variables)]

    (loss, *gradients), linear = differentiate(function, arguments, wrt, rule)
    nested = trees.unflatten(linear.variable_structure, gradients)
    return loss, nested[0] if isinstance(wrt, int) else nested


def derived(function: Callable[..., Any], kind: str, derivation: Callable[..., Any]) -> Function:
    """Return a derived function with the engine and the argument names of the original."""
    original = getattr(function, "__wrapped__", function)
    name = f"{kind}({getattr(function, '__name__', 'function')})"
    return Function(derivation, executor_of(function), name, wrapped=original)


def executor_of(function: Callable[..., Any]) -> Executor:
    """Return what compiles a function's graphs: its own engine, or the interpreter."""
    executor: Executor = getattr(function, "executor", interpret)
    return executor


def value_and_gradient(function: Callable[..., Any], wrt: Wrt = 0) -> Function:
    """Return a function that computes a loss and its gradient together.

    Parameters
    ----------
    function : callable
        A loss written in NumPy: it returns one real number.
    wrt : int or sequence of int, optional
        Position of the argument to differentiate by, or several.

    Returns
    -------
    Function
        Of the same arguments; returns the loss and the gradient, which has the structure
        of the argument (a tuple of them for several).

    Raises
    ------
    InputError
        When called, if the function does not return one real number.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> loss, gradient = st.value_and_gradient(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(loss), gradient
    (5.0, array([2., 4.]))
    """
    return derived(
        function,
        "value_and_gradient",
        lambda *arguments: loss_and_gradient(function, arguments, wrt),
    )


def gradient(function: Callable[..., Any], wrt: Wrt = 0) -> Function:
    """Return the gradient of a loss as a function.

    Parameters
    ----------
    function : callable
        A loss written in NumPy: it returns one real number.
    wrt : int or sequence of int, optional
        Position of the argument to differentiate by, or several.

    Returns
    -------
    Function
        Of the same arguments; returns what has the structure of the argument (a tuple of
        them for several).

    Raises
    ------
    InputError
        When called, if the function does not return one real number.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.gradient(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return derived(
        function, "gradient", lambda *arguments: loss_and_gradient(function, arguments, wrt)[1]
    )


def record_pullback(
    function: Callable[..., Any], primals: Sequence[Any], cotangent: Any
) -> tuple[Any, ...]:
    """Record the cotangents of all arguments for a cotangent of the result."""

    def rule(linear: Linearization) -> list[Any]:
        leaves = trees.leaves(cotangent)
        given = [_match(leaf, node) for leaf, node in zip(leaves, linear.outputs, strict=True)]
        return filled(pull_back(linear.outputs, given, linear.variables), linear.variables)

    have_arrays = [any(map(is_array_like, trees.leaves(primal))) for primal in primals]
    results, linear = differentiate(function, primals, np.flatnonzero(have_arrays).tolist(), rule)
    cotangents = iter(trees.unflatten(linear.variable_structure, results))
    return tuple([next(cotangents) if has_arrays else None for has_arrays in have_arrays])


def _match(leaf: Any, node: Node) -> TracedArray:
    array: TracedArray = as_traced(leaf).astype(node.dtype)
    if array.shape != node.shape:
        raise InputError(f"a (co)tangent must have shape {node.shape}, got {array.shape}")
    return array


def pullback(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a function's value and its pullback (vector-Jacobian product).

    Parameters
    ----------
    function : callable
        Function written in NumPy.
    *primals
        Its arguments.

    Returns
    -------
    value
        What the function returns.
    pull
        Function of a cotangent, which has the structure and shapes of the value; returns a
        tuple with a cotangent for each argument, None for one without arrays and floats.

    Raises
    ------
    InputError
        From `pull`, if the cotangent does not have the structure and shapes of the value.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> value, pull = st.pullback(np.sin, 0.0)
    >>> float(pull(2.0)[0])
    2.0
    """
    executor = executor_of(function)
    derived = Function(
        lambda points, cotangent: record_pullback(function, points, cotangent), executor
    )
    value = Function(function, executor)(*primals)
    return value, lambda cotangent: derived(primals, cotangent)


def record_pushforward(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Record a function's value and its tangent."""

    def rule(linear: Linearization) -> list[Any]:
        leaves = trees.leaves(tangents)
        given = {
            node: _match(leaf, node) for leaf, node in zip(leaves, linear.variables, strict=True)
        }
        pushed = push_forward(linear.outputs, given)
        values = [TracedArray(node, linear.session) for node in linear.outputs]
        return [*values, *filled(pushed, linear.outputs)]

    results, linear = differentiate(function, primals, range(len(primals)), rule)
    count = len(linear.outputs)
    unflatten = trees.unflatten
    return (
        unflatten(linear.output_structure, results[:count]),
        unflatten(linear.output_structure, results[count:]),
    )


def pushforward(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Return a function's value and its tangent (Jacobian-vector product).

    Parameters
    ----------
    function : callable
        Function written in NumPy.
    primals : tuple
        Its arguments.
    tangents : tuple
        Directions, of the structure and shapes of `primals`.

    Returns
    -------
    value, tangent
        Both of the structure that the function returns.

    Raises
    ------
    InputError
        If a tangent does not have the shape of its argument.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> value, tangent = st.pushforward(np.sin, (0.0,), (2.0,))
    >>> float(tangent)
    2.0
    """
    derived = Function(
        lambda points, directions: record_pushforward(function, points, directions),
        executor_of(function),
    )
    value, tangent = derived(tuple(primals), tuple(tangents))
    return value, tangent


def hvp(function: Callable[..., Any], x: Any, v: Any) -> Any:
    """Return the product of a loss's Hessian with a vector, without the Hessian.

    Parameters
    ----------
    function : callable
        A loss of one argument.
    x : array_like or nested parameters
        The point.
    v : array_like or nested parameters
        The vector, of the structure and shapes of `x`.

    Returns
    -------
    tree
        Of the structure of `x`, computed forward over reverse [1]_.

    Raises
    ------
    InputError
        If the function does not return one real number, or `v` does not have the shapes of `x`.

    References
    ----------
    .. [1] B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6
       (1994), 147-160.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return pushforward(gradient(function), (x,), (v,))[1]
