"""The objective: a loss, or half the sum of squares of residuals."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import require_loss
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.differencing import allowing_differences
from steepest.descent.problem.evaluation import Evaluation, robust
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.problem.transforms import Reparametrization
from steepest.errors import InputError, SettingError
from steepest.graph import Node, trees
from steepest.graph.source import at, function_source
from steepest.trace import TracedArray, as_traced, current, is_tracing, node_of
from steepest.trace.following.follow import wrap_captured
from steepest.trace.recording.dtypes import SUPPORTED, is_foreign_array
from steepest.trace.tracing import call_traced, own_copies, rerolled, result_nodes

MOST_OPERANDS = 64
"""Most elements by which a function inside a loss is differenced; for more, the loss is."""


@dataclass(frozen=True)
class Objective:
    """A function of nested parameters and further arguments, as an objective.

    Attributes
    ----------
    function
        Returns the loss, or residuals.
    of_residuals
        Whether it returns residuals. Half their sum of squares is the loss.
    rho, scale
        Robust loss of one squared residual, in units of `scale`; None for the square itself.
    expand
        Map from the free parameters to all; None if no start value is marked.
    """

    function: Callable[..., Any]
    of_residuals: bool = False
    rho: Callable[[Any], Any] | None = None
    scale: float = 1.0
    expand: Reparametrization | None = None

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", "the function")

    @property
    def subject(self) -> Any:
        """The function, or the functions, in which something may be differenced."""
        return self.function

    def __call__(
        self,
        vector: Any,
        layout: ParameterLayout,
        arguments: Any,
        box: Box | None = None,
        by_jacobian: bool = False,
    ) -> Evaluation:
        """Return the loss at a vector of parameters, while a function is traced.

        `by_jacobian` says that the method needs the Jacobian, which gives the gradient, too.
        """
        tree = self.parameters(vector, layout)
        most = None if self.of_residuals else max(MOST_OPERANDS, vector.size)
        outputs = outputs_of(self.function, tree, arguments, most, self.subject)
        if not self.of_residuals:
            if len(outputs) == 1 and outputs[0].size == 1 and outputs[0].shape:
                # An array of one element is a loss, as in SciPy.
                outputs = [node_of(np.reshape(TracedArray(outputs[0], current()), ()))]
            node = require_loss(self.function, outputs)
            return Evaluation(vector, TracedArray(node, current()), box=box)
        residual = as_vector(self.function, outputs, vector.dtype)
        if self.rho is None:
            loss: Any = 0.5 * np.sum(np.square(residual))
            return Evaluation(vector, loss, residual, residual, None, box, by_jacobian)
        loss, stand_in, weights = robust(residual, self.traced_rho, self.scale)
        return Evaluation(vector, loss, stand_in, residual, weights, box, by_jacobian)

    def traced_rho(self, z: Any) -> Any:
        """Return the robust loss of squared residuals, while a function is traced."""
        assert self.rho is not None
        return call_traced(self.rho, current(), (z,))

    def parameters(self, vector: Any, layout: ParameterLayout) -> Any:
        """Return the parameters, which vary, as the function takes them."""
        current().vary(node_of(vector))
        leaves = layout.pieces(vector)
        if len(set(layout.dtypes)) > 1 and vector.dtype == layout.dtype:
            leaves = [leaf.astype(t) for leaf, t in zip(leaves, layout.dtypes, strict=True)]
        tree = trees.unflatten(layout.structure, leaves)
        return tree if self.expand is None else self.expand(tree)


def outputs_of(
    function: Callable[..., Any],
    tree: Any,
    arguments: Sequence[Any],
    most: int | None,
    subject: Any,
) -> list[Node]:
    """Return what a function of parameters and further arguments returns, while it is traced.

    `most` is the largest number of elements by which something in it is differenced, which is
    known for `subject`.
    """
    check_arguments(function, 1 + len(arguments))
    with allowing_differences(subject, most):
        result = call_traced(function, current(), own_copies((tree, *arguments)))
    return rerolled(result_nodes(function, result)[0])


@dataclass(frozen=True)
class _Wrapper:
    """What stands for a user's function, and goes by its name."""

    function: Callable[..., Any]

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", "the function")

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self.function


@dataclass(frozen=True)
class FirstOf(_Wrapper):
    """The loss of a function that returns its loss and its gradient, or further derivatives.

    Attributes
    ----------
    function
        The function.
    count
        How many values it returns.
    argument
        The argument that says so.
    """

    count: int = 2
    argument: str = "jac"

    def __call__(self, *args: Any) -> Any:
        """Return the loss."""
        if is_tracing():
            result = call_traced(self.function, current(), args)
        else:
            result = self.function(*args)
        if not isinstance(result, tuple | list) or len(result) != self.count:
            slope = "gradient" if self.argument == "jac" else "derivative"
            parts = slope if self.count == 2 else "first and second derivative"
            raise InputError(
                f"with {self.argument}=True, {self.__name__} must return its value and its "
                f"{parts}: it returns something else"
            )
        return result[0]


@dataclass(frozen=True)
class ByName(_Wrapper):
    """A function that takes the last of its further arguments by name.

    Attributes
    ----------
    function
        The user's function.
    names
        The names of the last arguments.
    """

    names: tuple[str, ...]

    def __call__(self, *args: Any) -> Any:
        """Return what the function does."""
        count = len(args) - len(self.names)
        named = dict(zip(self.names, args[count:], strict=True))
        if is_tracing():
            return call_traced(self.function, current(), args[:count], named)
        return self.function(*args[:count], **named)


@dataclass(frozen=True, eq=False)
class Bound(_Wrapper):
    """A function of which some further arguments are given.

    They are data that cannot be inputs of a graph, such as tables and complex arrays. The
    recording sees them as it sees what a function captures.

    Attributes
    ----------
    function
        The user's function.
    given
        The data, by their numbers among the further arguments.
    """

    given: tuple[tuple[int, Any], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return self.function, *[(number, id(data)) for number, data in self.given]

    def __call__(self, x: Any, *args: Any) -> Any:
        """Return what the function does."""
        everything = list(args)
        for number, data in self.given:
            if is_tracing():
                read = functools.partial(_itself, data)
                data = wrap_captured(data, read, f"args[{number}]", current())
            everything.insert(number, data)
        if is_tracing():
            return call_traced(self.function, current(), (x, *everything))
        return self.function(x, *everything)


def _itself(value: Any) -> Any:
    return value


def bound_to_data(
    function: Callable[..., Any], args: Sequence[Any]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a function to which arguments that cannot be inputs are bound, and the others."""
    given = [(i, arg) for i, arg in enumerate(args) if not _can_be_input(arg)]
    if not given:
        return function, tuple(args)
    numbers = {i for i, _ in given}
    others = tuple(arg for i, arg in enumerate(args) if i not in numbers)
    return Bound(function, tuple(given)), others


def _can_be_input(arg: Any) -> bool:
    """Whether the arrays of a further argument can be inputs of a graph."""
    return not is_foreign_array(arg) and all(map(_is_recordable, trees.leaves(arg)))


def _is_recordable(leaf: Any) -> bool:
    """Whether a leaf is no array, or a plain one of a dtype that all engines have."""
    if isinstance(leaf, np.ndarray):
        return type(leaf) in (np.ndarray, np.memmap) and leaf.dtype in SUPPORTED
    return not isinstance(leaf, np.generic) or leaf.dtype in SUPPORTED


def further_arguments(function: Callable[..., Any], args: Any) -> tuple[Any, ...]:
    """Return the further arguments of a loss.

    What is no tuple is one argument, as in SciPy; but a list gives one argument for each item if
    the function cannot be called otherwise.
    """
    if isinstance(args, tuple):
        return args
    if isinstance(args, list) and not _takes(function, 2) and _takes(function, 1 + len(args)):
        return tuple(args)
    return (args,)


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Whether a function can be called with a number of arguments, as far as is known."""
    function = function.function if isinstance(function, FirstOf) else function
    try:
        inspect.signature(function, follow_wrapped=False).bind(*[None] * number)
    except (TypeError, ValueError):
        return False
    return True


def check_arguments(function: Callable[..., Any], number: int) -> None:
    """Raise for a function that cannot be called with a number of arguments, the first being x.

    Raises
    ------
    SettingError
        Naming both ways to write a function of several numbers.
    """
    if isinstance(function, Bound):
        number += len(function.given)
        function = function.function
    if isinstance(function, FirstOf):
        function = function.function
    if isinstance(function, ByName):
        number -= len(function.names)
        function = functools.partial(function.function, **dict.fromkeys(function.names))
    try:  # the signature that is called: a wrapped function may have another
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # without a signature
        return
    try:
        signature.bind(*[None] * number)
    except TypeError:
        pass
    else:
        return
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature.parameters.values()
    names = [p.name for p in parameters if p.kind in positional]
    only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    function = function.func if isinstance(function, functools.partial) else function
    name = getattr(function, "__name__", "the function")
    where = at(function_source(function))
    further = "" if number == 1 else f" and {number - 1} further, args"
    if only:
        raise SettingError(
            f"{name}{where} needs {', '.join(only)} by name: bind it with functools.partial"
        )
    takes = f"{name}{where} takes {len(names)} argument{'' if len(names) == 1 else 's'}"
    if len(names) < number:
        raise SettingError(f"{takes}, and is given {number}: x0{further}")
    listed, short = ", ".join(names), name if name.isidentifier() else "f"
    raise SettingError(
        f"{takes}, {listed}, and is given {number}: x0 as a whole{further}. If all of them are "
        f"parameters, take one array: write def {short}(p): {listed} = p, or give lambda p: "
        f"{short}(*p); pass constants in args=(...)"
    )


def as_vector(
    function: Callable[..., Any], outputs: list[Node], dtype: np.dtype, what: str = "residuals"
) -> TracedArray:
    """Return everything that a function returned as one vector; `what` says what it is."""
    where = at(function_source(function))
    name = getattr(function, "__name__", "the function")
    if not outputs:
        raise InputError(f"{name}{where} returns no {what}: is a return missing?")
    parts: list[Any] = []
    for node in outputs:
        if node.dtype.kind not in "fiub":
            raise InputError(
                f"{name}{where} returns {what} of dtype {node.dtype}, which must be real: "
                "return np.concatenate([r.real, r.imag])"
            )
        part = TracedArray(node, current(), is_scalar=False)
        parts.append(np.reshape(part, (-1,)).astype(dtype))
    residual = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if residual.size == 0:
        nothing = ": there is nothing to fit" if what == "residuals" else ""
        raise InputError(f"{name}{where} returns no {what}{nothing}")
    result: TracedArray = as_traced(residual)
    return result
