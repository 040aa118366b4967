"""Intervals where tests draw operands, by name."""

from __future__ import annotations

from steepest.ops.row import Domain

REALS = Domain(((-3.0, 3.0),), analytic=True, special=((0.0,), (1.0,)))
REAL_PAIRS = Domain(
    ((-3.0, 3.0), (-3.0, 3.0)), analytic=True, special=((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))
)
POSITIVE = Domain(((0.2, 4.0),), analytic=True, special=((1.0,), (1e-6,)))
NONZERO_SECOND = Domain(
    ((-3.0, 3.0), (0.3, 3.0)), analytic=True, special=((0.0, 1.0), (1.0, 1.0), (0.0, 1e-6))
)
UNIT = Domain(((-0.8, 0.8),), analytic=True, special=((0.0,),))
STEPS = Domain(((-3.0, 3.0),), smooth=False)
STEP_PAIRS = Domain(((-3.0, 3.0), (-3.0, 3.0)), smooth=False)
WHOLE_NUMBERS = Domain(("int",), smooth=False)
TRUTHS = Domain(("bool",), smooth=False)
