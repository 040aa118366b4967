"""Elementwise ops in ONNX's operators: one row for each."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from steepest.exchange.onnx.builder import Writer, Written

Row = Callable[..., str]
"""Writes an op: function of ``(writer, written, *names of operands)``, returning a name."""


def direct(kind: str) -> Row:
    """Return the row of an op that ONNX has."""
    return lambda w, written, *names: w.emit(kind, *names)


def _number(w: Writer, written: Written, value: float) -> str:
    return w.number(value, written.node.operands[0].dtype)


def _square(w: Writer, written: Written, x: str) -> str:
    return str(w.emit("Mul", x, x))


def _reciprocal(w: Writer, written: Written, x: str) -> str:
    return str(w.emit("Div", _number(w, written, 1), x))


def _cbrt(w: Writer, written: Written, x: str) -> str:
    root = w.emit("Pow", w.emit("Abs", x), _number(w, written, 1 / 3))
    return str(w.emit("Mul", w.emit("Sign", x), root))


def _hypot(w: Writer, written: Written, x: str, y: str) -> str:
    x, y = w.emit("Abs", x), w.emit("Abs", y)
    larger, smaller = w.emit("Max", x, y), w.emit("Min", x, y)
    zero, one = (_number(w, written, value) for value in (0, 1))
    infinite = w.emit("Or", w.emit("IsInf", x), w.emit("IsInf", y))
    plain = w.emit("Or", w.emit("Equal", larger, zero), infinite)
    ratio = w.emit("Div", smaller, w.emit("Where", plain, one, larger))
    root = w.emit("Sqrt", w.emit("Add", one, w.emit("Mul", ratio, ratio)))
    usual = w.emit("Where", plain, larger, w.emit("Mul", larger, root))
    return str(w.emit("Where", infinite, _number(w, written, math.inf), usual))


def _square_of_hypot(w: Writer, written: Written, x: str, y: str) -> str:
    return str(w.emit("Add", w.emit("Mul", x, x), w.emit("Mul", y, y)))


def _fmod(w: Writer, written: Written, x: str, y: str) -> str:
    return str(w.emit("Mod", x, y, fmod=1))


def _rest(w: Writer, written: Written, x: str, y: str) -> tuple[str, str]:
    """Write C's remainder, and whether its sign is not the divisor's."""
    zero, rest = _number(w, written, 0), _fmod(w, written, x, y)
    differ = w.emit("Xor", w.emit("Less", rest, zero), w.emit("Less", y, zero))
    return rest, w.emit("And", differ, w.emit("Not", w.emit("Equal", rest, zero)))


def _remainder(w: Writer, written: Written, x: str, y: str) -> str:
    if written.node.dtype.kind != "f":
        return str(w.emit("Mod", x, y, fmod=0))
    rest, differs = _rest(w, written, x, y)
    return str(w.emit("Where", differs, w.emit("Add", rest, y), rest))


def _floor_divide(w: Writer, written: Written, x: str, y: str) -> str:
    if written.node.dtype.kind != "f":
        return str(w.emit("Div", w.emit("Sub", x, _remainder(w, written, x, y)), y))
    rest, differs = _rest(w, written, x, y)
    whole = w.emit("Div", w.emit("Sub", x, rest), y)
    lower = w.emit("Sub", whole, _number(w, written, 1))
    rounded = w.emit("Round", w.emit("Where", differs, lower, whole))
    by_zero = w.emit("Equal", y, _number(w, written, 0))
    return str(w.emit("Where", by_zero, w.emit("Div", x, y), rounded))


def _trunc(w: Writer, written: Written, x: str) -> str:
    below = w.emit("Less", x, _number(w, written, 0))
    return str(w.emit("Where", below, w.emit("Ceil", x), w.emit("Floor", x)))


def _exp2(w: Writer, written: Written, x: str) -> str:
    return str(w.emit("Pow", _number(w, written, 2), x))


def _expm1(w: Writer, written: Written, x: str) -> str:
    """Take 2 t / (1 - t) with t = tanh(x / 2) near 0, where exp(x) - 1 loses digits."""
    one = _number(w, written, 1)
    t = w.emit("Tanh", w.emit("Mul", x, _number(w, written, 0.5)))
    near = w.emit("Div", w.emit("Add", t, t), w.emit("Sub", one, t))
    is_near = w.emit("Less", w.emit("Abs", x), one)
    return str(w.emit("Where", is_near, near, w.emit("Sub", w.emit("Exp", x), one)))


def _log1p(w: Writer, written: Written, x: str) -> str:
    """Correct log(1 + x) for the rounding of 1 + x (Kahan)."""
    one = _number(w, written, 1)
    total = w.emit("Add", one, x)
    step = w.emit("Sub", total, one)
    is_large = w.emit("IsInf", total, detect_negative=0)
    plain = w.emit("Or", w.emit("Equal", step, _number(w, written, 0)), is_large)
    ratio = w.emit("Div", x, w.emit("Where", plain, one, step))
    usual = w.emit("Mul", w.emit("Log", w.emit("Where", plain, one, total)), ratio)
    return str(w.emit("Where", plain, x, usual))


def _log_by(base: float) -> Row:
    def row(w: Writer, written: Written, x: str) -> str:
        return str(w.emit("Div", w.emit("Log", x), _number(w, written, math.log(base))))

    return row


def _logaddexp(w: Writer, written: Written, x: str, y: str) -> str:
    same = w.emit("Equal", x, y)  # also where both are infinite
    gap = w.emit("Where", same, _number(w, written, 0), w.emit("Sub", x, y))
    small = _log1p(w, written, w.emit("Exp", w.emit("Neg", w.emit("Abs", gap))))
    return str(w.emit("Add", w.emit("Max", x, y), small))


def _logaddexp2(w: Writer, written: Written, x: str, y: str) -> str:
    factor = _number(w, written, math.log(2))
    parts = (w.emit("Mul", part, factor) for part in (x, y))
    return str(w.emit("Div", _logaddexp(w, written, *parts), factor))


def _arctan2(w: Writer, written: Written, y: str, x: str) -> str:
    """Take the angle with the nearer axis, and turn it into the quadrant."""
    zero, one = (_number(w, written, value) for value in (0, 1))
    ay, ax = w.emit("Abs", y), w.emit("Abs", x)
    larger, smaller = w.emit("Max", ax, ay), w.emit("Min", ax, ay)
    both = w.emit("And", w.emit("IsInf", ax), w.emit("IsInf", ay))
    none = w.emit("Equal", larger, zero)
    ratio = w.emit("Div", smaller, w.emit("Where", none, one, larger))
    angle = w.emit("Atan", w.emit("Where", both, one, ratio))
    steep = w.emit("Sub", _number(w, written, math.pi / 2), angle)
    angle = w.emit("Where", w.emit("Greater", ay, ax), steep, angle)
    behind = w.emit("Or", w.emit("Less", x, zero), _is_minus_zero(w, written, x))
    turned = w.emit("Sub", _number(w, written, math.pi), angle)
    angle = w.emit("Where", behind, turned, angle)
    below = w.emit("Or", w.emit("Less", y, zero), _is_minus_zero(w, written, y))
    return str(w.emit("Where", below, w.emit("Neg", angle), angle))


def _is_minus_zero(w: Writer, written: Written, x: str) -> str:
    zero, one = (_number(w, written, value) for value in (0, 1))
    is_below = w.emit("Less", w.emit("Div", one, x), zero)
    return str(w.emit("And", w.emit("Equal", x, zero), is_below))


def _tanh_slope(w: Writer, written: Written, y: str, x: str) -> str:
    cosh = w.emit("Cosh", x)
    return str(w.emit("Div", _number(w, written, 1), w.emit("Mul", cosh, cosh)))


def _sinc(w: Writer, written: Written, x: str) -> str:
    one, is_zero = _number(w, written, 1), w.emit("Equal", x, _number(w, written, 0))
    angle = w.emit("Mul", _number(w, written, math.pi), w.emit("Where", is_zero, one, x))
    return str(w.emit("Where", is_zero, one, w.emit("Div", w.emit("Sin", angle), angle)))


def _log_expit(w: Writer, written: Written, x: str) -> str:
    zero = _number(w, written, 0)
    return str(w.emit("Neg", _logaddexp(w, written, w.emit("Neg", x), zero)))


def _logit(w: Writer, written: Written, x: str) -> str:
    rest = w.emit("Sub", _number(w, written, 1), x)
    return str(w.emit("Sub", w.emit("Log", x), w.emit("Log", rest)))


def _xlogy(w: Writer, written: Written, x: str, y: str) -> str:
    zero = _number(w, written, 0)
    none = w.emit("And", w.emit("Equal", x, zero), w.emit("Not", w.emit("IsNaN", y)))
    product = w.emit("Mul", x, w.emit("Log", w.emit("Where", none, _number(w, written, 1), y)))
    return str(w.emit("Where", none, zero, product))


def _sign(w: Writer, written: Written, x: str) -> str:
    if written.node.dtype.kind != "f":
        return str(w.emit("Sign", x))
    return str(w.emit("Where", w.emit("IsNaN", x), x, w.emit("Sign", x)))  # ONNX leaves it open


def _extreme(kind: str) -> Row:
    """Return the row of a maximum; NaN passes, which ONNX leaves open."""

    def row(w: Writer, written: Written, x: str, y: str) -> str:
        chosen = w.emit(kind, x, y)
        if written.node.dtype.kind != "f":
            return str(chosen)
        chosen = w.emit("Where", w.emit("IsNaN", y), y, chosen)
        return str(w.emit("Where", w.emit("IsNaN", x), x, chosen))

    return row


def _not_equal(w: Writer, written: Written, x: str, y: str) -> str:
    return str(w.emit("Not", w.emit("Equal", x, y)))


def _isfinite(w: Writer, written: Written, x: str) -> str:
    if written.node.operands[0].dtype.kind != "f":
        return w.filled(True, np.bool_, written.shape)
    return str(w.emit("Not", w.emit("Or", w.emit("IsNaN", x), w.emit("IsInf", x))))


def _of_floats(kind: str) -> Row:
    def row(w: Writer, written: Written, x: str) -> str:
        if written.node.operands[0].dtype.kind != "f":
            return w.filled(False, np.bool_, written.shape)
        return str(w.emit(kind, x))

    return row


def _logical(kind: str) -> Row:
    """Return the row of an op of truth values, which numbers are converted to."""

    def row(w: Writer, written: Written, *names: str) -> str:
        pairs = zip(names, written.node.operands, strict=True)
        truths = (x if node.dtype == np.bool_ else w.cast(x, np.bool_) for x, node in pairs)
        return str(w.emit(kind, *truths))

    return row


def _bitwise(of_bits: str, of_truths: str) -> Row:
    def row(w: Writer, written: Written, *names: str) -> str:
        return str(w.emit(of_truths if written.node.dtype == np.bool_ else of_bits, *names))

    return row


def _rounding(kind: str) -> Row:
    """Return the row of a rounding; whole numbers stay as they are."""

    def row(w: Writer, written: Written, x: str) -> str:
        if written.node.dtype.kind != "f":
            return x
        return _trunc(w, written, x) if kind == "Trunc" else str(w.emit(kind, x))

    return row


def _copy(w: Writer, written: Written, x: str, *_: str) -> str:
    return str(w.emit("Identity", x))


def _compared(kind: str) -> Row:
    """Return the row of a comparison; truth values are compared as whole numbers."""

    def row(w: Writer, written: Written, *names: str) -> str:
        pairs = zip(names, written.node.operands, strict=True)
        numbers = (w.cast(x, np.int8) if node.dtype == np.bool_ else x for x, node in pairs)
        return str(w.emit(kind, *numbers))

    return row


ELEMENTWISE: dict[str, Row] = {
    "add": direct("Add"),
    "subtract": direct("Sub"),
    "multiply": direct("Mul"),
    "divide": direct("Div"),
    "over_gap": direct("Div"),
    "negative": direct("Neg"),
    "square": _square,
    "reciprocal": _reciprocal,
    "sqrt": direct("Sqrt"),
    "root": direct("Sqrt"),
    "square_of_root": _copy,
    "cbrt": _cbrt,
    "power": direct("Pow"),
    "hypot": _hypot,
    "square_of_hypot": _square_of_hypot,
    "remainder": _remainder,
    "fmod": _fmod,
    "floor_divide": _floor_divide,
    "floor": _rounding("Floor"),
    "ceil": _rounding("Ceil"),
    "trunc": _rounding("Trunc"),
    "rint": _rounding("Round"),
    "stop_gradient": _copy,
    "where": direct("Where"),
    "absolute": direct("Abs"),
    "sign": _sign,
    "slope_of_absolute": _sign,
    "maximum": _extreme("Max"),
    "minimum": _extreme("Min"),
    "tie": direct("Equal"),
    "larger": direct("Greater"),
    "exp": direct("Exp"),
    "exp2": _exp2,
    "expm1": _expm1,
    "log": direct("Log"),
    "log2": _log_by(2),
    "log10": _log_by(10),
    "log1p": _log1p,
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "bitwise_and": _bitwise("BitwiseAnd", "And"),
    "bitwise_or": _bitwise("BitwiseOr", "Or"),
    "bitwise_xor": _bitwise("BitwiseXor", "Xor"),
    "invert": _bitwise("BitwiseNot", "Not"),
    "sin": direct("Sin"),
    "cos": direct("Cos"),
    "tan": direct("Tan"),
    "arcsin": direct("Asin"),
    "arccos": direct("Acos"),
    "arctan": direct("Atan"),
    "arctan2": _arctan2,
    "sinh": direct("Sinh"),
    "cosh": direct("Cosh"),
    "tanh": direct("Tanh"),
    "tanh_slope": _tanh_slope,
    "arcsinh": direct("Asinh"),
    "arccosh": direct("Acosh"),
    "arctanh": direct("Atanh"),
    "sinc": _sinc,
    "less": _compared("Less"),
    "less_equal": _compared("LessOrEqual"),
    "greater": _compared("Greater"),
    "greater_equal": _compared("GreaterOrEqual"),
    "equal": direct("Equal"),
    "not_equal": _not_equal,
    "logical_and": _logical("And"),
    "logical_or": _logical("Or"),
    "logical_xor": _logical("Xor"),
    "logical_not": _logical("Not"),
    "isfinite": _isfinite,
    "isnan": _of_floats("IsNaN"),
    "isinf": _of_floats("IsInf"),
    "astype": lambda w, written, x: w.cast(x, written.node.dtype),
    "expit": direct("Sigmoid"),
    "logit": _logit,
    "log_expit": _log_expit,
    "erf": direct("Erf"),
    "xlogy": _xlogy,
}
"""Rows of elementwise ops."""
