"""Constraints attached to a problem: to its objective, its arguments, its method and result."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.constraints.forms import Unplaced, as_list, is_one, unplaced
from steepest.descent.constraints.placing import Given, placed, placed_rows
from steepest.descent.constraints.result import with_constraints
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.constrained.sqp import SQP
from steepest.descent.methods.registry import method_for_constraints
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.constrained import ConstrainedObjective, limits_of
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


def finite_box(box: Box | None) -> Box | None:
    """Return bounds with the largest number in place of infinity, in double precision."""
    return None if box is None else Box(*[finite(end.astype(np.float64)) for end in box])


def own_dtypes(layout: ParameterLayout) -> dict[str, Any]:
    """Return a setting of a saved run: the dtypes of its parameters, which is in double."""
    return {"own_dtypes": [dtype.name for dtype in layout.dtypes]}


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
    method: Any
    box: Box | None
    finish: Callable[[Result, Problem], Result]

    def with_default_method(self, size: int) -> tuple[Attached, str]:
        """Return this with the method for `size` parameters and its constraints, and why."""
        count = limits_of(self.objective, self.args)[0].size
        method, reason = method_for_constraints(size, count)
        return self._replace(method=method.with_rows(count)), reason

    def problem(self, without: Problem) -> Problem:
        """Return the problem with its constraints, in double precision."""
        return without._replace(
            objective=self.objective,
            layout=without.layout.in_double(),
            args=self.args,
            method=self.method,
            dtype=np.dtype(np.float64),
            box=self.box,
        )


def attach(
    constraints: Any,
    objective: Objective,
    args: tuple[Any, ...],
    method: Any,
    layout: ParameterLayout,
    vector: np.ndarray,
    box: Box | None,
    is_start: bool = True,
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
    is_start
        Whether `vector` is the start, where values must be finite.

    Raises
    ------
    InputError, SettingError
        If constraints do not have a form that is known, or do not fit the parameters.
    """
    parameters = layout.unpack(vector)
    if objective.expand is not None:
        parameters = objective.expand(parameters)
    forms = forms_of(constraints, layout)
    given = [placed(form, parameters, is_start) for form in forms]
    note = (_EXACT,) if any(form.has_slopes for form in forms) else ()
    finish = functools.partial(_finish, tuple(given), is_one(constraints), note, layout)
    if not given:
        return Attached(objective, args, method, finite_box(box), finish)
    bound = [bound_to_data(one.function, one.args) for one in given]
    ends = [[one.lower for one in given], [one.upper for one in given]]
    limits = [finite(np.concatenate(end)) for end in ends]
    groups = [args, *[more for _, more in bound], tuple(limits)]
    whole = constrained_objective(
        objective, [function for function, _ in bound], _counted([len(g) for g in groups])
    )
    everything = tuple([arg for group in groups for arg in group])
    return Attached(whole, everything, method.with_rows(limits[0].size), finite_box(box), finish)


def forms_of(constraints: Any, layout: ParameterLayout) -> list[Unplaced]:
    """Return the constraints that were given, by what all forms have.

    Raises
    ------
    InputError, SettingError
        If one has no form that is known, or one that the parameters do not have.
    """
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
    return forms


def constrained_objective(
    objective: Objective, functions: Sequence[Callable[..., Any]], places: Sequence[Any]
) -> ConstrainedObjective:
    """Return an objective with constraints; `places` says whose each further argument is."""
    fields = {f.name: getattr(objective, f.name) for f in dataclasses.fields(Objective)}
    return ConstrainedObjective(
        **fields, constraints=tuple(functions), places=tuple(map(tuple, places))
    )


def _counted(counts: Sequence[int]) -> list[range]:
    """Return ranges of numbers that follow one another."""
    ends = np.cumsum(counts).tolist()
    return [range(end - count, end) for count, end in zip(counts, ends, strict=True)]


def _finish(
    given: Any,
    is_single: bool,
    notes: tuple[str, ...],
    layout: ParameterLayout,
    run: Result,
    problem: Problem,
) -> Result:
    """Return the result of a run, with parameters of the dtypes of `layout`."""
    result = with_constraints(run, problem, given, is_single)
    if layout.dtypes != problem.layout.dtypes:
        x = problem._replace(layout=layout).parameters(run.vector)
        result = dataclasses.replace(result, x=x)
    return dataclasses.replace(result, notes=(*notes, *result.notes)) if notes else result


class AttachedMany(NamedTuple):
    """What many problems with constraints consist of.

    Attributes
    ----------
    objective, own, method, box
        The loss with its constraints, all arguments with a row for each problem, the method for
        as many constraints, and the bounds.
    given, limits
        The constraints, and their limits, each of shape (N, m).
    is_single
        Whether one constraint was given, not a list of them.
    """

    objective: Objective
    own: tuple[Any, ...]
    method: SQP
    box: Box | None
    given: tuple[Given, ...]
    limits: tuple[np.ndarray, np.ndarray]
    is_single: bool


def attach_many(
    constraints: Any,
    objective: Objective,
    own: tuple[Any, ...],
    shared: tuple[Any, ...],
    method: SQP,
    layout: ParameterLayout,
    vectors: np.ndarray,
    box: Box | None,
) -> AttachedMany:
    """Return many problems with their constraints, as :func:`attach` does for one.

    Further arguments of the constraints have a row for each problem, and so may limits.
    """
    forms = forms_of(constraints, layout)
    found = [placed_rows(form, layout.unpack(vectors[0]), len(vectors)) for form in forms]
    given = tuple([one for one, _, _ in found])
    limits = [finite(np.concatenate([one[side] for one in found], axis=1)) for side in (1, 2)]
    groups = [own, *[one.args for one in given], tuple(limits)]
    places: list[Any] = _counted([len(group) for group in groups])
    count = sum(map(len, groups))
    places[0] = (*places[0], *range(count, count + len(shared)))
    return AttachedMany(
        constrained_objective(objective, [one.function for one in given], places),
        tuple([arg for group in groups for arg in group]),
        method.with_rows(limits[0].shape[1]),
        finite_box(box),
        given,
        (limits[0], limits[1]),
        is_one(constraints),
    )
