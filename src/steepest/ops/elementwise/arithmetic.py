"""Arithmetic, powers, rounding, and the choice between values."""

from __future__ import annotations

import dataclasses

import numpy as np

from steepest.graph import Node, Shape, make
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Linear, Partials, Zero
from steepest.ops.domains import NONZERO_SECOND, POSITIVE, REAL_PAIRS, REALS, STEPS
from steepest.ops.elementwise.conversion import astype_in_torch
from steepest.ops.leaves import constant_node, constant_value
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import RECORD, Domain, Row, elementwise
from steepest.ops.support import both, chosen, either, of_first


def _known(x: Array) -> np.ndarray | None:
    """Return the value of a recorded constant, None for all else."""
    node = getattr(x, "node", None)
    return None if node is None else constant_value(node)


def _power_by_base(y: Array, x: Array, p: Array) -> Array:
    # p * x**(p - 1), where 0 * 0**-1 is 0: x**0 has slope 0 at every x.
    exponent = _known(p)
    is_known = exponent is not None and np.isfinite(exponent).all()
    if exponent is not None and is_known and exponent.all():
        return p * np.power(x, p - 1)
    nothing = (p == 0) & (x == 0)
    if not is_known:
        nothing = nothing | (np.isinf(p) & (y == 0))
    return np.where(nothing, 0, p * np.power(x, np.where(nothing, 1, p - 1)))


def _power_by_exponent(y: Array, x: Array, p: Array) -> Array:
    # y * log(x), whose limit at x = 0 is 0 for p > 0. Its slope in x there is 0 for p > 1; for
    # p up to 1 it is -inf, as that of -sqrt(x), which stands for the limit.
    base = _known(x)
    if base is not None and base.all():
        return y * np.log(x)
    is_zero = x == 0
    is_steep = is_zero & (p > 0) & (p <= 1)
    limit = np.where(is_steep, -np.sqrt(np.where(is_steep, x, 1)), 0)
    return np.where(is_zero, limit, y * np.log(np.where(is_zero, 1, x)))


def _emit_remainder(b: Builder, x: Element, y: Element) -> Element:
    if x.is_integer:
        return b.integer_divmod(x, y)[1]
    mod = b.fmod(x, y)
    wrapped = b.select((y < 0) != (mod < 0), mod + y, mod)
    return b.select(mod == 0, b.copysign(mod, y), wrapped)


def fmod_in_torch(t: Torch, x: Tensor, y: Tensor) -> Tensor:
    """Compute the remainder that has the dividend's sign, in torch."""
    if not x.dtype.is_floating_point:
        return t.where(y == 0, 0, t.fmod(x, t.where(y == 0, 1, y)))
    # torch.fmod is NaN for infinite divisors and for quotients beyond 1e300. Taking the remainder
    # by multiples of the divisor first is exact.
    mod = t.where(t.isfinite(x), x, float("nan"))
    for first, second in (
        ((2.0**1000, 2.0**1000), (2.0**1000, 1.0), (1.0, 1.0))
        if x.dtype == t.float64
        else ((1.0, 1.0),)
    ):
        divisor = y * first * second
        mod = t.where(t.abs(divisor) == float("inf"), mod, t.fmod(mod, divisor))
    return mod


def _torch_remainder(t: Torch, x: Tensor, y: Tensor) -> Tensor:
    if not x.dtype.is_floating_point:
        return t.where(y == 0, 0, t.remainder(x, t.where(y == 0, 1, y)))
    mod = fmod_in_torch(t, x, y)
    return t.where((mod != 0) & ((y < 0) != (mod < 0)), mod + y, mod)


def _floor_divide_in_torch(t: Torch, x: Tensor, y: Tensor) -> Tensor:
    x, y = x.detach(), y.detach()  # torch has no slope for it
    if x.dtype.is_floating_point:
        return t.floor_divide(x, y)
    # Divide by 1 in place of 0, and in place of -1, by which the lowest number overflows.
    negates = (y < 0) & (y == -1)
    quotient = t.floor_divide(x, t.where((y == 0) | negates, 1, y))
    return t.where(y == 0, 0, t.where(negates, -x, quotient))


def _emit_floor_divide(b: Builder, x: Element, y: Element) -> Element:
    if x.is_integer:
        return b.integer_divmod(x, y)[0]
    mod = b.fmod(x, y)
    quotient = (x - mod) / y
    quotient = b.select((mod != 0) & ((y < 0) != (mod < 0)), quotient - 1, quotient)
    floor = b.floor(quotient)
    floor = b.select(quotient - floor > 0.5, floor + 1, floor)
    ratio = x / y
    floor = b.select(quotient == 0, b.copysign(b.constant(0, x), ratio), floor)
    return b.select(y == 0, ratio, floor)


# Squares of roots. The square of sqrt(x) is x, and has a derivative also at 0, where the root has
# none. An op of its own has the value that NumPy computes, and this derivative.

_MOVES = frozenset({"reshape", "transpose", "getitem", "broadcast_to", "take_at"})
_DEPTH = 6
"""Number of operations between a square and its root that are searched."""


def _square_of(x: Node, depth: int = _DEPTH) -> Node | None:
    """Return the square of a node that is computed from roots of real numbers, or None.

    The roots may have been indexed, reshaped, multiplied or divided.
    """
    if x.dtype.kind != "f" or not depth:
        return None
    name, operands = x.op.name, x.operands
    if name in ("sqrt", "root"):
        return make(SQUARE_OF_ROOT, operands)
    if name in ("hypot", "where"):
        squares = [_square_of(operand, depth - 1) for operand in operands]
        if not any(squares):
            return make(SQUARE_OF_HYPOT, operands) if name == "hypot" else None
        all_squares = [
            operand if operand.dtype.kind == "b" else found or make(SQUARE, (operand,))
            for operand, found in zip(operands, squares, strict=True)
        ]
        return make(ADD if name == "hypot" else WHERE, all_squares)
    if name == "absolute":
        return make(SQUARE, operands)
    if name == "negative":
        return _square_of(operands[0], depth - 1)
    if name in _MOVES:
        inner = _square_of(operands[0], depth - 1)
        return None if inner is None else make(x.op, (inner, *operands[1:]), **x.attributes)
    if name not in ("multiply", "divide"):
        return None
    first, second = (_square_of(operand, depth - 1) for operand in operands)
    if first is not None and second is not None:
        return make(x.op, (first, second))
    if first is not None:  # one by one: the square of the other may under- or overflow
        return make(x.op, (make(x.op, (first, operands[1])), operands[1]))
    if second is not None and name == "multiply":
        return make(x.op, (make(x.op, (second, operands[0])), operands[0]))
    return None


def _shorten_product(a: Node, b: Node) -> Node | None:
    return _square_of(a) if a is b else None


def _shorten_power(x: Node, p: Node) -> Node | None:
    """Return an even power as a power of the square."""
    exponent = constant_value(p)
    if exponent is None or exponent.size != 1 or x.dtype.kind != "f":
        return None
    (value,) = exponent.reshape(-1).tolist()
    if value < 2 or value % 2 or not np.isfinite(value):
        return None
    square = _square_of(x)
    if square is None or square.shape != np.broadcast_shapes(x.shape, p.shape):
        return None
    half = constant_node(np.full(p.shape, value / 2), p.dtype)
    return square if value == 2 else make(POWER, (square, half))


ADD = elementwise(
    "add",
    lambda y, a, b: 1.0,
    lambda y, a, b: 1.0,
    domain=REAL_PAIRS,
    support=either,
    is_cheap=True,
)
SUBTRACT = elementwise(
    "subtract",
    lambda y, a, b: 1.0,
    lambda y, a, b: -1.0,
    domain=REAL_PAIRS,
    support=either,
    is_cheap=True,
)
MULTIPLY = elementwise(
    "multiply",
    lambda y, a, b: b,
    lambda y, a, b: a,
    domain=REAL_PAIRS,
    shorten=_shorten_product,
    support=both,
    is_cheap=True,
)
DIVIDE = elementwise(
    "divide",
    lambda y, a, b: 1.0 / b,
    lambda y, a, b: -y / b,
    domain=NONZERO_SECOND,
    support=of_first,
    is_cheap=True,
)
NEGATIVE = elementwise(
    "negative", lambda y, x: -1.0, domain=REALS, support=of_first, is_cheap=True
)
SQUARE = elementwise(
    "square",
    lambda y, x: 2.0 * x,
    emit=lambda b, x: x * x,
    domain=REALS,
    shorten=_square_of,
    is_cheap=True,
)
RECIPROCAL = elementwise(
    "reciprocal",
    lambda y, x: -y * y,
    emit=lambda b, x: 1 / x,
    torch=lambda t, x: (
        t.reciprocal(x) if x.is_floating_point() else astype_in_torch(t, 1 / x.double(), x.dtype)
    ),
    domain=POSITIVE,
    is_cheap=True,
)
SQRT = elementwise("sqrt", lambda y, x: 0.5 / y, domain=POSITIVE)


def _slope_of_root(y: Array, x: Array) -> Array:
    inverse = 1.0 / y  # 1 / inf at 0: the slope is 0 there, and has no derivative
    return np.where(y == 0, 1.0 / inverse, 0.5 * inverse)


ROOT = dataclasses.replace(
    SQRT,
    name="root",
    derivative=Partials((_slope_of_root,)),
    lower=Elementwise("sqrt"),
    kink="slope 0 at 0: it is the root of a sum of squares; the second derivative there is NaN",
)
SQUARE_OF_ROOT = dataclasses.replace(
    SQRT,
    name="square_of_root",
    evaluate=lambda x: np.square(np.sqrt(x)),
    derivative=Partials((lambda y, x: np.where(x < 0, np.nan, 1.0),)),
    torch=lambda t, x: t.where(x < 0, float("nan"), x),
    lower=Elementwise(lambda b, x: b.sqrt(x) * b.sqrt(x)),
    domain=dataclasses.replace(POSITIVE, analytic=False, special=((0.0,),)),
)
CBRT = elementwise(
    "cbrt",
    lambda y, x: 1.0 / (3.0 * y * y),
    emit=lambda b, x: b.libm("cbrt", x),
    torch=lambda t, x: t.sign(x) * t.abs(x) ** (1 / 3),
    domain=Domain(((0.2, 4.0),), special=((1.0,), (1e-9,), (-8.0,))),
)
POWER = elementwise(
    "power",
    _power_by_base,
    _power_by_exponent,
    torch="pow",
    domain=Domain(
        ((0.2, 3.0), (-2.5, 2.5)),
        analytic=True,
        special=((1.0, 1.0), (1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (2.0, 2.0), (1e-6, 3.0)),
    ),
    kink="x**0 has slope 0 in x everywhere, 0 included; 0**p has slope 0 in p",
    shorten=_shorten_power,
)
HYPOT = elementwise(
    "hypot",
    lambda y, a, b: np.where(y == 0, np.sqrt(y), a / np.where(y == 0, 1, y)),
    lambda y, a, b: np.where(y == 0, np.sqrt(y), b / np.where(y == 0, 1, y)),
    emit=lambda b, x, y: b.libm("hypot", x, y),
    domain=Domain(((0.3, 3.0), (0.3, 3.0)), special=((0.0, 1.0), (1.0, 0.0), (-2.0, 1.0))),
    kink="slope 0 at (0, 0); the second derivative there is NaN",
)
SQUARE_OF_HYPOT = dataclasses.replace(
    HYPOT,
    name="square_of_hypot",
    evaluate=lambda a, b: np.square(np.hypot(a, b)),
    derivative=Partials((lambda y, a, b: 2.0 * a, lambda y, a, b: 2.0 * b)),
    torch=lambda t, a, b: t.square(a) + t.square(b),
    lower=Elementwise(lambda b, x, y: b.libm("hypot", x, y) * b.libm("hypot", x, y)),
    domain=Domain(((0.3, 3.0), (0.3, 3.0)), special=((0.0, 0.0), (1e-9, 0.0))),
    kink="",
)
REMAINDER = elementwise(
    "remainder",
    lambda y, a, b: 1.0,
    lambda y, a, b: -np.floor(a / b),
    emit=_emit_remainder,
    torch=_torch_remainder,
    domain=Domain(((2.1, 2.4), (0.9, 1.0)), special=((2.25, 1.0),)),
    kink="slope 1 in the dividend, also where it jumps",
)
FLOOR_DIVIDE = elementwise(
    "floor_divide",
    emit=_emit_floor_divide,
    torch=_floor_divide_in_torch,
    domain=dataclasses.replace(NONZERO_SECOND, smooth=False, analytic=False),
    kink="slope 0 everywhere",
)
FLOOR = elementwise("floor", domain=STEPS, kink="slope 0 everywhere")
CEIL = elementwise("ceil", domain=STEPS, kink="slope 0 everywhere")
TRUNC = elementwise("trunc", domain=STEPS, kink="slope 0 everywhere")
RINT = elementwise("rint", torch="round", domain=STEPS, kink="slope 0 everywhere")


def stop_gradient(x: Array) -> Array:
    """Return `x` as a constant: its derivative is zero, whatever it depends on.

    Parameters
    ----------
    x : array_like
        Array of any shape.

    Returns
    -------
    array
        The same values.

    Examples
    --------
    >>> import steepest as st
    >>> float(st.gradient(lambda x: x * st.stop_gradient(x))(3.0))
    3.0
    """
    return getattr(x, RECORD)(STOP_GRADIENT, x) if hasattr(x, RECORD) else x


STOP_GRADIENT = Row(
    name="stop_gradient",
    evaluate=np.asarray,
    infer=lambda x: (x.shape, x.dtype),
    derivative=Zero(),
    torch=lambda t, x: x.detach(),
    lower=Elementwise(lambda b, x: x, is_cheap=True),
    domain=STEPS,
    kink="slope 0, by definition",
)


def _where_infer(condition: Node, a: Node, b: Node) -> tuple[Shape, np.dtype]:
    if a.dtype != b.dtype or condition.dtype != np.bool_:
        raise TypeError(f"where takes (bool, T, T), got {condition}, {a}, {b}")
    return np.broadcast_shapes(condition.shape, a.shape, b.shape), a.dtype


# Selects cotangents: a product with a mask would turn inf into NaN.
WHERE = dataclasses.replace(
    elementwise(
        "minimum",
        derivative=Linear(
            {
                1: lambda cotangent, c, a, b: np.where(c, cotangent, 0),
                2: lambda cotangent, c, a, b: np.where(c, 0, cotangent),
            },
            joint=True,
        ),
        emit="select",
        torch="where",
        domain=Domain(
            ("bool", (-3.0, 3.0), (-3.0, 3.0)),
            analytic=True,
            special=((0.0, 1.0, 2.0), (1.0, 0.0, 0.0)),
        ),
        kink="only the chosen side receives a cotangent",
        support=chosen,
        is_cheap=True,
    ),
    name="where",
    evaluate=np.where,
    infer=_where_infer,
)

ROWS: tuple[Row, ...] = (
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    NEGATIVE,
    SQUARE,
    RECIPROCAL,
    SQRT,
    ROOT,
    SQUARE_OF_ROOT,
    CBRT,
    POWER,
    HYPOT,
    SQUARE_OF_HYPOT,
    REMAINDER,
    FLOOR_DIVIDE,
    FLOOR,
    CEIL,
    TRUNC,
    RINT,
    STOP_GRADIENT,
    WHERE,
)
