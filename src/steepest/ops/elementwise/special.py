"""SciPy's special functions; SciPy is imported when one of them is computed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Partials
from steepest.ops.elementwise.elementary import elementary
from steepest.ops.machine_code import HOST, Elementwise, Lowering
from steepest.ops.row import Case, Domain, Row, recorded

_SMOOTH = Domain(((-2.0, 2.0),), special=((0.0,), (-6.0,), (6.0,)))
_SIGMOID = Domain(((-2.0, 2.0),), special=((0.0,), (-40.0,), (40.0,), (-300.0,), (300.0,)))
_UNIT = Domain(((0.3, 0.7),), special=((0.5,), (1e-12,), (1.0 - 2.0**-40,)))
_POSITIVE = Domain(((0.5, 4.0),), special=((1.0,), (2.0,), (1e-9,), (30.0,)))
_PAIRS = Domain(((0.5, 3.0), (0.5, 3.0)), special=((1.0, 1.0), (0.01, 2.0)))


def scipy_function(name: str) -> Callable[..., Any]:
    """Return SciPy's special function of a name, looked up when it is called."""

    def evaluate(*operands: Any) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)(*operands)

    evaluate.__name__ = name
    return evaluate


def _infer(*operands: Node) -> tuple[Shape, np.dtype]:
    if any(x.dtype != operands[0].dtype or x.dtype.kind != "f" for x in operands):
        raise TypeError(f"special functions take floats of one dtype, got {operands}")
    return np.broadcast_shapes(*(x.shape for x in operands)), operands[0].dtype


def _special(
    name: str,
    *partials: Callable[..., Any] | None,
    torch: str | Callable[..., Any],
    domain: Domain,
    lower: Lowering | None = None,
    kink: str = "",
) -> Row:
    return Row(
        name=name,
        evaluate=scipy_function(name),
        infer=_infer,
        derivative=Partials(partials),
        torch=torch,
        lower=lower or Elementwise(lambda b, *operands: b.special(name, *operands)),
        domain=domain,
        kink=kink,
    )


def _in_torch(name: str) -> Callable[..., Any]:
    return lambda t, *operands: getattr(t.special, name)(*operands)


def _scipy_in_torch(
    name: str, slopes: Callable[[], tuple[Callable[..., Any], ...]]
) -> Callable[..., Any]:
    """Compute with SciPy, with slopes in torch that may use the function itself."""
    return lambda t, *operands: _autograd_function(t, name, slopes()).apply(*operands)


def _no_slope_in_torch(t: Torch, *operands: Tensor) -> Tensor:
    return t.zeros_like(operands[0])


def _through_scipy(name: str, *slopes: Callable[..., Any]) -> Callable[..., Any]:
    """Compute with SciPy a function that torch lacks or computes to fewer digits."""
    return _scipy_in_torch(name, lambda: slopes)


@functools.cache
def _autograd_function(t: Torch, name: str, slopes: tuple[Callable[..., Any], ...]) -> Any:
    def forward(context: Any, *operands: Any) -> Any:
        context.save_for_backward(*operands)
        value = scipy_function(name)(*(x.detach().cpu().numpy() for x in operands))
        return t.as_tensor(value, dtype=operands[0].dtype, device=operands[0].device)

    def backward(context: Any, cotangent: Any) -> Any:
        operands = context.saved_tensors
        return tuple(
            (cotangent * slope(t, *operands)).sum_to_size(x.shape)
            for slope, x in zip(slopes, operands, strict=True)
        )

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (t.autograd.Function,), members)


def _torch_beta(t: Torch, a: Tensor, b: Tensor) -> Tensor:
    return t.exp(t.lgamma(a) + t.lgamma(b) - t.lgamma(a + b))


_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ONE_OVER_ROOT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)


def _emit_expit(b: Builder, x: Element) -> Element:
    # By exp(-abs(x)), which serves x and -x: the slope needs both.
    power = elementary("exp")(b, -b.fabs(x))
    right = b.constant(1.0, x) / (power + 1.0)
    return b.select(x < 0, power * right, right)


EXPIT = _special(
    "expit",
    lambda y, x: y * expit(-x),  # not 1 - y, which cancels
    torch="sigmoid",
    domain=_SIGMOID,
    lower=Elementwise(_emit_expit),
)
expit: Callable[..., Any] = recorded(EXPIT)
LOGIT = _special("logit", lambda y, x: 1.0 / (x * (1.0 - x)), torch="logit", domain=_UNIT)
LOG_EXPIT = _special(
    "log_expit",
    lambda y, x: expit(-x),
    torch=lambda t, x: t.nn.functional.logsigmoid(x),
    domain=_SIGMOID,
)
ERF = _special(
    "erf",
    lambda y, x: _TWO_OVER_ROOT_PI * np.exp(-x * x),
    torch="erf",
    domain=_SMOOTH,
    lower=Elementwise(elementary("erf")),
)
ERFC = _special(
    "erfc", lambda y, x: -_TWO_OVER_ROOT_PI * np.exp(-x * x), torch="erfc", domain=_SMOOTH
)
ERFINV = _special(
    "erfinv",
    lambda y, x: np.exp(y * y) / _TWO_OVER_ROOT_PI,
    torch="erfinv",
    domain=Domain(((-0.8, 0.8),), special=((0.0,), (0.999,), (-0.999,))),
)
NDTR = _special(
    "ndtr",
    lambda y, x: _ONE_OVER_ROOT_TWO_PI * np.exp(-0.5 * x * x),
    torch=_in_torch("ndtr"),
    domain=_SMOOTH,
)


def _hazard_coefficients(count: int) -> tuple[int, ...]:
    """Return those of 1 / (1 - u + 3 u**2 - 15 u**3 ...) after the first, in rising powers."""
    series, inverse = [1], [1]
    for k in range(1, count):
        series.append(-series[-1] * (2 * k - 1))
        inverse.append(-sum(series[i] * inverse[k - i] for i in range(1, k + 1)))
    return tuple(inverse[1:])


_HAZARD = _hazard_coefficients(24)
_FAR_LEFT = -12.0


def _slope_of_log_ndtr(y: Array, x: Array) -> Array:
    # In the left tail y and x**2 / 2 cancel: there by the asymptotic series in 1 / x**2
    # (Abramowitz and Stegun 26.2.12).
    is_far = x < _FAR_LEFT
    left = 1.0 / np.where(is_far, x, _FAR_LEFT)
    square = left * left
    total: Any = float(_HAZARD[-1])
    for coefficient in _HAZARD[-2::-1]:
        total = total * square + float(coefficient)
    right = np.where(is_far, 0.0, x)
    near = np.exp(-0.5 * right * right - np.where(is_far, 0.0, y))
    return np.where(is_far, -x - left * total, _ONE_OVER_ROOT_TWO_PI * near)


LOG_NDTR = _special(
    "log_ndtr",
    _slope_of_log_ndtr,
    torch=_in_torch("log_ndtr"),
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (-12.5,), (-40.0,), (-1e6,), (8.0,))),
)
# Hurwitz's zeta function: the slopes of digamma, to any order.
ZETA = _special(
    "zeta",
    None,
    lambda y, s, x: -s * zeta(s + 1.0, x),
    torch=lambda t, s, x: t.special.zeta(s, x),
    lower=HOST,
    domain=Domain(
        ((2.0, 4.0), (0.5, 3.0)),
        (Case(((3,), (3,))), Case(((), (4, 20)))),
        special=((2.0, 1.0), (3.0, 1e-6), (2.0, 50.0)),
    ),
    kink="its derivative by the exponent is not known: asking for it is refused",
)
zeta: Callable[..., Any] = recorded(ZETA)
DIGAMMA = _special(
    "psi",
    lambda y, x: zeta(np.full_like(x, 2.0), x),
    torch=_through_scipy("psi", lambda t, x: t.special.zeta(t.full_like(x, 2.0), x)),
    domain=_POSITIVE,
)
psi = recorded(DIGAMMA)
GAMMALN = _special(
    "gammaln",
    lambda y, x: psi(x),
    torch=_through_scipy("gammaln", lambda t, x: t.digamma(x)),
    domain=_POSITIVE,
)
GAMMA = _special(
    "gamma",
    lambda y, x: y * psi(x),
    torch=_through_scipy("gamma", lambda t, x: t.exp(t.lgamma(x)) * t.digamma(x)),
    domain=_POSITIVE,
)
BETALN = _special(
    "betaln",
    lambda y, a, b: psi(a) - psi(a + b),
    lambda y, a, b: psi(b) - psi(a + b),
    torch=_through_scipy(
        "betaln",
        lambda t, a, b: t.digamma(a) - t.digamma(a + b),
        lambda t, a, b: t.digamma(b) - t.digamma(a + b),
    ),
    domain=_PAIRS,
)
BETA = _special(
    "beta",
    lambda y, a, b: y * (psi(a) - psi(a + b)),
    lambda y, a, b: y * (psi(b) - psi(a + b)),
    torch=_through_scipy(
        "beta",
        lambda t, a, b: _torch_beta(t, a, b) * (t.digamma(a) - t.digamma(a + b)),
        lambda t, a, b: _torch_beta(t, a, b) * (t.digamma(b) - t.digamma(a + b)),
    ),
    domain=_PAIRS,
)


def _ratio(x: Array, divisor: Array) -> Array:
    # 0 / 0 is 0 here: 0 * log(divisor) counts as 0, whatever the divisor is.
    nothing = (x == 0) & (divisor == 0)
    return np.where(nothing, 0.0, x / np.where(nothing, 1.0, divisor))


XLOGY = _special(
    "xlogy",
    lambda y, x, z: np.log(z),
    lambda y, x, z: _ratio(x, z),
    torch="xlogy",
    domain=Domain(((0.5, 3.0), (0.5, 3.0)), special=((0.0, 2.0), (0.0, 1.0), (1.0, 1.0))),
    kink="slope log(y) in x, also at x = 0; slope 0 in y at (0, 0)",
)
XLOG1PY = _special(
    "xlog1py",
    lambda y, x, z: np.log1p(z),
    lambda y, x, z: _ratio(x, 1.0 + z),
    torch=_in_torch("xlog1py"),
    domain=Domain(((0.5, 3.0), (0.5, 3.0)), special=((0.0, 2.0), (0.0, 0.0), (1.0, 0.0))),
    kink="slope log1p(y) in x, also at x = 0; slope 0 in y at (0, -1)",
)
ENTR = _special(
    "entr",
    lambda y, x: -np.log(x) - 1.0,
    torch=_in_torch("entr"),
    domain=Domain(((0.3, 0.7),), special=((1.0,), (1e-9,))),
    kink="slope inf at 0",
)


def _torch_log_of_ratio(t: Torch, x: Tensor, z: Tensor) -> Tensor:
    ratio = x / z
    in_range = (ratio > 1e-290) & (ratio < 1e290)
    apart = t.log(x) - t.log(z)
    return x * t.where(in_range, t.log(t.where(in_range, ratio, 1.0)), apart)


REL_ENTR = _special(
    "rel_entr",
    lambda y, x, z: np.log(x) - np.log(z) + 1.0,
    lambda y, x, z: -x / z,
    torch=lambda t, x, z: t.where(
        (x < 0) | (z < 0) | ((z == 0) & (x > 0)),
        float("inf"),
        t.where((x == 0) & (z >= 0), 0.0, _torch_log_of_ratio(t, x, z)),
    ),
    domain=Domain(((0.5, 3.0), (0.5, 3.0)), special=((1.0, 1.0), (1e-9, 1.0))),
    kink="slope -inf in x at x = 0",
)
# The slopes of exprel and sinc cancel around 0 in every closed form. Both are hypergeometric
# functions, whose slopes do not cancel, to any order.
_hyp1f1_in_torch = _scipy_in_torch("hyp1f1", lambda: _SLOPES_OF_HYP1F1)
_hyp0f1_in_torch = _scipy_in_torch("hyp0f1", lambda: _SLOPES_OF_HYP0F1)
HYP1F1 = _special(
    "hyp1f1",
    None,
    None,
    lambda y, a, b, x: a / b * hyp1f1(a + 1.0, b + 1.0, x),
    torch=_hyp1f1_in_torch,
    domain=Domain(
        ((0.5, 2.0), (2.0, 4.0), (-2.0, 2.0)),
        special=((1.0, 2.0, 0.0), (1.0, 2.0, -40.0), (2.0, 3.0, 40.0)),
    ),
    kink="its derivatives by the first two arguments are not known: asking for them is refused",
)
hyp1f1: Callable[..., Any] = recorded(HYP1F1)
HYP0F1 = _special(
    "hyp0f1",
    None,
    lambda y, b, x: hyp0f1(b + 1.0, x) / b,
    torch=_hyp0f1_in_torch,
    domain=Domain(
        ((0.5, 3.0), (-2.0, 2.0)),
        (Case(((3,), (3,))), Case(((), (4, 20)))),
        special=((1.5, 0.0), (2.5, -50.0), (1.0, 20.0)),
    ),
    kink="its derivative by the first argument is not known: asking for it is refused",
)
hyp0f1: Callable[..., Any] = recorded(HYP0F1)
_SLOPES_OF_HYP1F1: Any = (
    _no_slope_in_torch,
    _no_slope_in_torch,
    lambda t, a, b, x: a / b * _hyp1f1_in_torch(t, a + 1.0, b + 1.0, x),
)
_SLOPES_OF_HYP0F1: Any = (
    _no_slope_in_torch,
    lambda t, b, x: _hyp0f1_in_torch(t, b + 1.0, x) / b,
)


_FAR = 720.0
"""Beyond this exprel and its slopes are infinite; far beyond, SciPy's hyp1f1 does not return."""


def _slope_of_exprel(t: Torch, x: Tensor) -> Tensor:
    two, near = t.full_like(x, 2.0), t.where(x > _FAR, 0.0, x)
    slope = 0.5 * _hyp1f1_in_torch(t, two, two + 1.0, near)
    return t.where(x > _FAR, float("inf"), slope)


def _exprel_partial(y: Any, x: Any) -> Any:
    near = np.where(x > _FAR, 0.0, x)
    return np.where(x > _FAR, y, 0.5 * hyp1f1(np.full_like(x, 2.0), np.full_like(x, 3.0), near))


EXPREL = _special(
    "exprel",
    _exprel_partial,
    torch=_through_scipy("exprel", _slope_of_exprel),
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (1e-4,), (-1e-5,), (-40.0,), (40.0,))),
)


def _emit_sinc(b: Builder, x: Element) -> Element:
    angle = x * math.pi
    one = b.constant(1.0, x)
    is_zero = x == 0
    return b.select(is_zero, one, elementary("sin")(b, angle) / b.select(is_zero, one, angle))


def _partial_of_sinc(y: Array, x: Array) -> Array:
    angle = math.pi * x
    return (-math.pi / 3) * angle * hyp0f1(np.full_like(x, 2.5), angle * angle * -0.25)


SINC = dataclasses.replace(
    _special(
        "exprel",
        _partial_of_sinc,
        torch="sinc",
        domain=Domain(((-2.0, 2.0),), special=((0.0,), (0.01,), (1.0,), (-5.5,))),
        lower=Elementwise(_emit_sinc),
    ),
    name="sinc",
    evaluate=np.sinc,
)


@functools.cache
def _slopes_of_bessel(name: str, sign: float) -> Any:
    call = _scipy_in_torch(name, lambda: _slopes_of_bessel(name, sign))
    return (
        _no_slope_in_torch,
        lambda t, v, x: 0.5 * (call(t, v - 1.0, x) + sign * call(t, v + 1.0, x)),
    )


# Bessel functions of any order: their slopes are those of the neighboring orders.
_ORDERS = Domain(
    ((0.5, 2.5), (0.5, 4.0)),
    special=((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (0.0, 30.0), (1.0, -2.0)),
)
JV = _special(
    "jv",
    None,
    lambda y, v, x: 0.5 * (jv(v - 1.0, x) - jv(v + 1.0, x)),
    torch=_scipy_in_torch("jv", lambda: _slopes_of_bessel("jv", -1.0)),
    domain=_ORDERS,
    kink="its derivative by the order is not known: asking for it is refused",
)
jv: Callable[..., Any] = recorded(JV)
IV = _special(
    "iv",
    None,
    lambda y, v, x: 0.5 * (iv(v - 1.0, x) + iv(v + 1.0, x)),
    torch=_scipy_in_torch("iv", lambda: _slopes_of_bessel("iv", 1.0)),
    domain=_ORDERS,
    kink="its derivative by the order is not known: asking for it is refused",
)
iv: Callable[..., Any] = recorded(IV)


def _torch_half(t: Torch, name: str, x: Tensor) -> Tensor:
    """Return f(x) / x, whose limit at 0 is 1/2."""
    safe = t.where(x == 0, 1.0, x)
    return t.where(x == 0, 0.5, getattr(t.special, name)(safe) / safe)


_WAVES = Domain(((-2.0, 2.0),), special=((0.0,), (2.0,), (-30.0,)))
I0 = _special("i0", lambda y, x: i1(x), torch=_in_torch("i0"), domain=_WAVES)
I1 = _special(
    "i1",
    lambda y, x: 0.5 * (i0(x) + iv(np.full_like(x, 2.0), x)),
    torch=_in_torch("i1"),
    domain=_WAVES,
)
J0 = _special(
    "j0",
    lambda y, x: -j1(x),
    torch=_through_scipy("j0", lambda t, x: -t.special.bessel_j1(x)),
    domain=_WAVES,
)
J1 = _special(
    "j1",
    lambda y, x: 0.5 * (j0(x) - jv(np.full_like(x, 2.0), x)),
    torch=_through_scipy(
        "j1", lambda t, x: t.special.bessel_j0(x) - _torch_half(t, "bessel_j1", x)
    ),
    domain=_WAVES,
)
i0: Callable[..., Any] = recorded(I0)
i1: Callable[..., Any] = recorded(I1)
j0: Callable[..., Any] = recorded(J0)
j1: Callable[..., Any] = recorded(J1)

ROWS: tuple[Row, ...] = (
    EXPIT,
    LOGIT,
    LOG_EXPIT,
    ERF,
    ERFC,
    ERFINV,
    NDTR,
    LOG_NDTR,
    ZETA,
    DIGAMMA,
    GAMMALN,
    GAMMA,
    BETALN,
    BETA,
    XLOGY,
    XLOG1PY,
    ENTR,
    REL_ENTR,
    HYP1F1,
    HYP0F1,
    EXPREL,
    JV,
    IV,
    I0,
    I1,
    J0,
    J1,
)
