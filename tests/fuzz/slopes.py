"""Differences that say themselves whether they can be trusted."""

import warnings

import numpy as np

STEP = 4e-3
TRUST = 1e-6
JOINT_TRUST = 1e-4
LARGE = 1e4


def trusted_slopes(function, fresh, position):
    """Return the slopes of a function by differences, NaN where they cannot tell.

    A slope is trusted where two extrapolations agree and the one-sided differences approach
    each other as steps shrink, as they do not at a kink or a jump. Two are trusted if the slope
    in a direction between follows from them: at a tie of three numbers the second largest has
    partial derivatives, but no derivative.

    Parameters
    ----------
    function
        Plain function with a number as its result.
    fresh
        Makes its arguments anew.
    position
        Of the argument, an array or a number, by which slopes are taken.
    """

    def at(direction, step):
        given = list(fresh())
        value = given[position]
        moved = np.array(value, np.float64) + step * direction
        given[position] = moved if isinstance(value, np.ndarray) else type(value)(moved)
        return float(function(*given))

    def along(direction):
        try:
            return _slope(lambda step: at(direction, step))
        except Exception:  # a neighbour that is out of the function's domain
            return np.nan

    point = np.asarray(fresh()[position])
    slopes = np.full(point.shape, np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in np.ndindex(slopes.shape):
            if abs(point[index]) < LARGE:  # else a step would be lost in rounding
                unit = np.zeros(slopes.shape)
                unit[index] = 1.0
                slopes[index] = along(unit)
        known = np.argwhere(np.isfinite(slopes))
        if len(known) > 1 and not _agree(along, slopes, known):
            pairs = [known[[i, j]] for i in range(len(known)) for j in range(i)]
            doubtful = [pair for pair in pairs if not _agree(along, slopes, pair)]
            for index in map(tuple, np.concatenate(doubtful or [known])):
                slopes[index] = np.nan
    return slopes


def _agree(along, slopes, indices):
    """Whether the slope in a direction is what slopes by some elements say."""
    direction = np.zeros(slopes.shape)
    for number, index in enumerate(map(tuple, indices)):
        direction[index] = np.cos(number + 1.0)
    expected = np.sum(slopes[direction != 0] * direction[direction != 0])
    scale = max(1.0, np.nanmax(np.abs(slopes)))
    return abs(along(direction) - expected) <= JOINT_TRUST * scale


def _slope(along):
    """Return the slope at 0 of a function of one number, or NaN."""
    base = along(0.0)
    steps = (STEP, STEP / 2, STEP / 4)
    ahead = [(along(step) - base) / step for step in steps]
    behind = [(base - along(-step)) / step for step in steps]
    central = [(one + other) / 2 for one, other in zip(ahead, behind, strict=True)]
    coarse = (4 * central[1] - central[0]) / 3
    fine = (4 * central[2] - central[1]) / 3
    scale = max(abs(fine), abs(base), 1.0)
    if not abs(base) < LARGE or not np.isfinite(fine) or not abs(coarse - fine) <= TRUST * scale:
        return np.nan
    gaps = [abs(one - other) for one, other in zip(ahead, behind, strict=True)]
    if gaps[2] > 0.3 * gaps[0] + 1e-8 * scale:
        return np.nan
    return fine
