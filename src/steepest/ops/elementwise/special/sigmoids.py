"""The logistic function, and the logarithm of its values."""

from __future__ import annotations

from steepest.ops.aliases import Builder, Element
from steepest.ops.elementwise.elementary import elementary
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import Domain

_SIGMOID = Domain(((-2.0, 2.0),), special=((0.0,), (-40.0,), (40.0,), (-300.0,), (300.0,)))
_UNIT = Domain(((0.3, 0.7),), special=((0.5,), (1e-12,), (1.0 - 2.0**-40,)))


def _emit_expit(b: Builder, x: Element) -> Element:
    # By exp(-abs(x)), which serves x and -x: the slope needs both.
    power = elementary("exp")(b, -b.fabs(x))
    right = b.constant(1.0, x) / (power + 1.0)
    return b.select(x < 0, power * right, right)


expit: Special = special(
    "expit",
    lambda y, x: y * expit(-x),  # not 1 - y, which cancels
    torch="sigmoid",
    domain=_SIGMOID,
    lower=Elementwise(_emit_expit),
)
logit = special("logit", lambda y, x: 1.0 / (x * (1.0 - x)), torch="logit", domain=_UNIT)
log_expit = special(
    "log_expit",
    lambda y, x: expit(-x),
    torch=lambda t, x: t.nn.functional.logsigmoid(x),
    domain=_SIGMOID,
)

ROWS = rows_of(vars())
