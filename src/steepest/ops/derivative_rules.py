"""How an op is differentiated: partial derivatives, a transpose, or a rule of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source


@dataclass(frozen=True)
class Partials:
    """Derivative of an elementwise op: one partial derivative for each operand.

    A partial is NumPy code of ``(output, *operands)``: :func:`no_slope` where it is zero
    everywhere, None where it is not known. Differentiating by such an operand raises an error.
    """

    of: tuple[Callable[..., Any] | None, ...]


def no_slope(*_: Any) -> float:
    """Partial derivative that is zero everywhere."""
    return 0.0


@dataclass(frozen=True)
class UnknownPartial:
    """A partial derivative that is not known: calling it raises an error.

    Attributes
    ----------
    name
        The op.
    operand
        Position of the operand.
    """

    name: str
    operand: int

    def __call__(self, output: Any, *_: Any) -> Any:
        """Raise, naming the user's line."""
        session = getattr(output, "session", None)
        source = session.sources.get(output.node) if session else None
        source = source or user_source()
        function = f" in {source.function}" if source is not None else ""
        raise UnsupportedError(
            f"the derivative of {self.name} by its argument {self.operand + 1}, called"
            f"{function}{at(source)}, is not known: pass that argument as data, wrap it in "
            "st.stop_gradient, or give a rule with st.custom_derivative"
        )


@dataclass(frozen=True)
class Linear:
    """Derivative of an op that is linear in some of its operands.

    Forward mode is the op itself; reverse mode is the transpose.

    Attributes
    ----------
    transposes
        For each linear operand, by its position, NumPy code of
        ``(cotangent, *operands, **attributes)``. The caller sums a result that is larger than
        the operand over the broadcast axes.
    joint
        Whether the op is linear in all of these operands together (concatenate), rather than
        in each of them separately (matmul).
    """

    transposes: Mapping[int, Callable[..., Any]]
    joint: bool = False


@dataclass(frozen=True)
class JointLinear:
    """Derivative of an op that takes any number of operands and is jointly linear in all."""

    transpose: Callable[..., Any]


@dataclass(frozen=True)
class Rule:
    """Derivative of any other op.

    Attributes
    ----------
    pullback
        NumPy code of ``(cotangent, output, *operands, **attributes)``, returning a cotangent
        for every operand.
    pushforward
        NumPy code of ``(tangents, output, *operands, **attributes)``, returning the
        output's tangent. An operand that does not vary has a tangent of zeros.
    """

    pullback: Callable[..., tuple[Any, ...]]
    pushforward: Callable[..., Any]


@dataclass(frozen=True)
class Zero:
    """The derivative is zero wherever it exists, or the output is not a real number."""


Derivative = Partials | Linear | JointLinear | Rule | Zero
