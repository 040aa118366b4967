"""Constraints attached to a problem: to its objective, its arguments, its method and result."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.constraints.forms import as_list, is_one, placed, unplaced
from steepest.descent.constraints.result import with_constraints
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import SQP
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.constrained import ConstrainedObjective
from steepest.descent.problem.objective import Objective, bound_to_data
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.results.result import Result
from steepest.errors import InputError

_EXACT = "jac of the constraints was not called: steepest computes it exactly, from the code."


def finite(ends: np.ndarray) -> np.ndarray:
    """Return limits with the largest number in place of infinity.

    Repeated descents are one call only if all their data are finite.
    """
    largest = np.finfo(ends.dtype).max
    clipped: np.ndarray = np.clip(ends, -largest, largest)
    return clipped


class Attached(NamedTuple):
    """What a problem with constraints consists of.

    Attributes
    ----------
    objective, args, method, box
        The loss with its constraints, all further arguments, the method for as many constraints,
        and the bounds.
    finish
        Returns the result of a run and a problem, with what it says of the constraints.
    """

    objective: Objective
    args: tuple[Any, ...]
    method: SQP
    box: Box | None
    finish: Callable[[Result, Problem], Result]


def attach(
    constraints: Any,
    objective: Objective,
    args: tuple[Any, ...],
    method: SQP,
    layout: ParameterLayout,
    vector: np.ndarray,
    box: Box | None,
) -> Attached:
    """Return a problem with its constraints.

    Parameters
    ----------
    constraints
        What the caller gave.
    objective, args, method
        The loss, its further arguments, and the method.
    layout, vector, box
        The layout of the parameters, the start as a vector, and bounds.

    Raises
    ------
    InputError, SettingError
        If constraints do not have a form that is known, or do not fit the parameters.
    """
    parameters = layout.unpack(vector)
    if objective.expand is not None:
        parameters = objective.expand(parameters)
    is_single = is_one(constraints)
    forms = [
        unplaced(one, "the constraint" if is_single else f"constraints[{number}]")
        for number, one in enumerate(as_list(constraints))
    ]
    for form in forms:
        if form.is_of_vector and not layout.is_array:
            raise InputError(
                f"{form.name} is of one of SciPy's forms, whose functions take one array, and x0 "
                "is nested: give st.Constraint(function, lower=, upper=)"
            )
    given = [placed(form, parameters) for form in forms]
    bound = [bound_to_data(one.function, one.args) for one in given]
    within = None if box is None else Box(*[finite(end.astype(np.float64)) for end in box])
    note = (_EXACT,) if any(form.has_slopes for form in forms) else ()
    finish = functools.partial(_finish, tuple(given), is_single, note)
    if not given:
        return Attached(objective, args, method, within, finish)
    whole = ConstrainedObjective(
        objective.function,
        expand=objective.expand,
        constraints=tuple([function for function, _ in bound]),
        counts=(len(args), *[len(more) for _, more in bound]),
    )
    ends = [[one.lower for one in given], [one.upper for one in given]]
    limits = [finite(np.concatenate(end)) for end in ends]
    everything = (*args, *[arg for _, more in bound for arg in more], *limits)
    return Attached(whole, everything, method.with_rows(limits[0].size), within, finish)


def _finish(
    given: Any, is_single: bool, notes: tuple[str, ...], run: Result, problem: Problem
) -> Result:
    result = with_constraints(run, problem, given, is_single)
    return dataclasses.replace(result, notes=(*notes, *result.notes)) if notes else result
