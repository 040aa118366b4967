"""Multipliers against differences of the least loss."""

import numpy as np

import steepest as st

_STEP = 1e-5


def multiplier_error(problem, run):
    """Return the largest error of a solved problem's multipliers, relative to the largest or 1.

    Each limit is moved to both sides, and the problem solved again from its solution.
    """
    kinds = {"equations": problem.equations, "inequalities": problem.inequalities}
    given = [name for name, function in kinds.items() if function is not None]
    found = [np.ravel(part) for part in run.multipliers]
    largest = max([1.0, *[np.max(np.abs(part), initial=0.0) for part in found]])
    errors = [0.0]
    for name, multipliers in zip(given, found, strict=True):
        for row, multiplier in enumerate(multipliers):
            unit = np.zeros_like(multipliers)
            unit[row] = _STEP
            above, below = (_least(problem, name, side * unit, run.x) for side in (1, -1))
            slope = (above - below) / (2 * _STEP)
            errors.append(abs(slope - multiplier) / largest)
    return max(errors)


def _least(problem, name, shift, start):
    function = getattr(problem, name)
    shape = np.shape(function(start))
    moved = lambda x: function(x) - np.reshape(shift, shape)
    again = problem._replace(**{name: moved}, start=np.array(start))
    return st.minimize(
        again.loss,
        again.start,
        method="sqp",
        bounds=again.bounds,
        constraints=again.constraints(),
        stop=st.GradientNormBelow(1e-9) | st.MaxIterations(200),
    ).loss
