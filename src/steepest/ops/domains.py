"""Intervals where tests draw operands, by name."""

from __future__ import annotations

from steepest.ops.row import Domain

REALS = Domain(((-3.0, 3.0),), analytic=True)
REAL_PAIRS = Domain(((-3.0, 3.0), (-3.0, 3.0)), analytic=True)
POSITIVE = Domain(((0.2, 4.0),), analytic=True)
NONZERO_SECOND = Domain(((-3.0, 3.0), (0.3, 3.0)), analytic=True)
UNIT = Domain(((-0.8, 0.8),), analytic=True)
STEPS = Domain(((-3.0, 3.0),), smooth=False)
STEP_PAIRS = Domain(((-3.0, 3.0), (-3.0, 3.0)), smooth=False)
WHOLE_NUMBERS = Domain(("int",), smooth=False)
TRUTHS = Domain(("bool",), smooth=False)
