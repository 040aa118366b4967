"""SciPy's special functions; SciPy is imported when one of them is computed."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.elementary import elementary
from steepest.ops.row import (
    RECORD,
    Case,
    Derivative,
    Domain,
    Elementwise,
    Kernel,
    Lowering,
    Partials,
    Row,
)

_SMOOTH = Domain(((-2.0, 2.0),))
_UNIT = Domain(((0.3, 0.7),))
_POSITIVE = Domain(((0.5, 4.0),))
_PAIRS = Domain(((0.5, 3.0), (0.5, 3.0)))


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
    derivative: Derivative = Partials(partials)
    call = functools.partial(_emit, name)
    return Row(
        name=name,
        evaluate=scipy_function(name),
        infer=_infer,
        derivative=derivative,
        torch=torch,
        lower=lower or Elementwise(call),
        domain=domain,
        kink=kink,
    )


def _emit(name: str, b: Any, *operands: Any) -> Any:
    return b.special(name, *operands)


def recorded(row: Row) -> Callable[..., Any]:
    """Return an op as a function: recorded for traced arrays, SciPy's for plain ones."""

    def function(*operands: Any) -> Any:
        for operand in operands:
            if hasattr(operand, RECORD):
                return getattr(operand, RECORD)(row, *operands)
        return row.evaluate(*operands)

    return function


def _in_torch(name: str) -> Callable[..., Any]:
    return lambda t, *operands: getattr(t.special, name)(*operands)


def _through_scipy(name: str, *slopes: Callable[..., Any]) -> Callable[..., Any]:
    """Compute with SciPy what torch lacks or computes to fewer digits; slopes in torch."""

    def function(t: Any, *operands: Any) -> Any:
        return _autograd_function(t, name, slopes).apply(*operands)

    return function


@functools.cache
def _autograd_function(t: Any, name: str, slopes: tuple[Callable[..., Any], ...]) -> Any:
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


def _torch_beta(t: Any, a: Any, b: Any) -> Any:
    return t.exp(t.lgamma(a) + t.lgamma(b) - t.lgamma(a + b))


_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ONE_OVER_ROOT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)

EXPIT = _special("expit", lambda y, x: y * (1.0 - y), torch="sigmoid", domain=_SMOOTH)
LOGIT = _special("logit", lambda y, x: 1.0 / (x * (1.0 - x)), torch="logit", domain=_UNIT)
LOG_EXPIT = _special(
    "log_expit",
    lambda y, x: 1.0 - np.exp(y),
    torch=lambda t, x: t.nn.functional.logsigmoid(x),
    domain=_SMOOTH,
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
    domain=Domain(((-0.8, 0.8),)),
)
NDTR = _special(
    "ndtr",
    lambda y, x: _ONE_OVER_ROOT_TWO_PI * np.exp(-0.5 * x * x),
    torch=_in_torch("ndtr"),
    domain=_SMOOTH,
)
LOG_NDTR = _special(
    "log_ndtr",
    lambda y, x: _ONE_OVER_ROOT_TWO_PI * np.exp(-0.5 * x * x - y),
    torch=_in_torch("log_ndtr"),
    domain=_SMOOTH,
)
# Hurwitz's zeta function: the slopes of digamma, to any order.
ZETA = _special(
    "zeta",
    None,
    lambda y, s, x: -s * zeta(s + 1.0, x),
    torch=lambda t, s, x: t.special.zeta(s, x),
    lower=Kernel("host"),
    domain=Domain(((2.0, 4.0), (0.5, 3.0)), (Case(((3,), (3,))), Case(((), (4, 20))))),
    kink="no slope in the exponent: differentiating by it gives 0",
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
XLOGY = _special(
    "xlogy",
    lambda y, x, z: np.log(z),
    lambda y, x, z: np.where(x == 0, 0.0, x / np.where(x == 0, 1.0, z)),
    torch="xlogy",
    domain=_PAIRS,
    kink="slope log(y) in x, also at x = 0; slope 0 in y at x = 0",
)
XLOG1PY = _special(
    "xlog1py",
    lambda y, x, z: np.log1p(z),
    lambda y, x, z: np.where(x == 0, 0.0, x / np.where(x == 0, 1.0, 1.0 + z)),
    torch=_in_torch("xlog1py"),
    domain=_PAIRS,
    kink="slope log1p(y) in x, also at x = 0; slope 0 in y at x = 0",
)
ENTR = _special(
    "entr",
    lambda y, x: -np.log(x) - 1.0,
    torch=_in_torch("entr"),
    domain=_UNIT,
    kink="slope inf at 0",
)


def _by_itself_or_half(function: Callable[..., Any], x: Any) -> Any:
    """Return f(x) / x, whose limit at 0 is 1/2."""
    zero = x == 0
    safe = np.where(zero, 1.0, x)
    return np.where(zero, 0.5, function(safe) / safe)


def _torch_half(t: Any, name: str, x: Any) -> Any:
    safe = t.where(x == 0, 1.0, x)
    return t.where(x == 0, 0.5, getattr(t.special, name)(safe) / safe)


I0 = _special("i0", lambda y, x: i1(x), torch=_in_torch("i0"), domain=_SMOOTH)
I1 = _special(
    "i1",
    lambda y, x: i0(x) - _by_itself_or_half(i1, x),
    torch=_in_torch("i1"),
    domain=_SMOOTH,
)
J0 = _special(
    "j0",
    lambda y, x: -j1(x),
    torch=_through_scipy("j0", lambda t, x: -t.special.bessel_j1(x)),
    domain=_SMOOTH,
)
J1 = _special(
    "j1",
    lambda y, x: j0(x) - _by_itself_or_half(j1, x),
    torch=_through_scipy(
        "j1", lambda t, x: t.special.bessel_j0(x) - _torch_half(t, "bessel_j1", x)
    ),
    domain=_SMOOTH,
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
    I0,
    I1,
    J0,
    J1,
)
