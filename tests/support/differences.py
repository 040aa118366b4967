"""Derivatives by differences, extrapolated, with an estimate of their error."""

import numpy as np


def extrapolated(function, at, step, *, halvings=9, levels=4):
    """Return the derivative of a function of a number, and an estimate of its error.

    Central differences at halved steps are extrapolated (Ridders 1982); of all of them the one
    that changes least is taken, for each element.
    """
    steps = step * 0.5 ** np.arange(halvings)
    table = np.array(
        [(function(at + h) - function(at - h)) / ((at + h) - (at - h)) for h in steps]
    )
    best, error = np.full(table[0].shape, np.nan), np.full(table[0].shape, np.inf)
    for level in range(1, levels):
        table = (4**level * table[1:] - table[:-1]) / (4**level - 1)
        for change, value in zip(np.abs(np.diff(table, axis=0)), table[1:], strict=True):
            is_better = change < error
            best, error = np.where(is_better, value, best), np.where(is_better, change, error)
    return best, error
