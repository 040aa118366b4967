"""Strictly convex quadratic programs, by a dual active-set method (Goldfarb and Idnani 1983).

The problem is elastic. A row may be violated at a price per unit, so that there is always a
solution:

    minimize  0.5 d' H d + g' d + sum(price * violation)   with   lower <= A d <= upper

In the dual, a price is an upper limit of the row's multiplier. A row of infinite price is never
violated. All arrays have fixed sizes, so that the solver is traced like any other NumPy code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.ops.linear_algebra.triangular import solve_triangle
from steepest.trace import while_loop

_DEPENDENT = 1e-11
"""Part of a normal outside of the span of others, relative to it, that counts as rounding."""

_OUT, _IN, _PAID = 0.0, 1.0, 2.0
"""What a row is: neither limit matters, it is on a limit, or it is violated at its price."""


class Rows(NamedTuple):
    """The constraints of a quadratic program, ``lower <= matrix @ d <= upper``.

    Attributes
    ----------
    matrix
        Rows, shape (m, n).
    lower, upper
        Limits, shape (m,); infinite where there is none, equal for an equation.
    price
        Price of a violation per unit, shape (m,); infinite where none is allowed.
    tolerance
        Violation that counts as rounding.
    """

    matrix: Any
    lower: Any
    upper: Any
    price: Any
    tolerance: Any = 0.0


class Solution(NamedTuple):
    """The solution of a quadratic program.

    Attributes
    ----------
    step
        The minimizer d, shape (n,).
    multipliers
        Derivatives of the minimum by the limits, shape (m,): positive at a lower limit, negative
        at an upper one.
    is_solved
        Whether it is a solution: not if rows that must not be violated contradict one another.
    """

    step: Any
    multipliers: Any
    is_solved: Any


class _State(NamedTuple):
    """The working set, its factors, and the iterate.

    Attributes
    ----------
    step
        The minimizer subject to the rows in the working set.
    basis, factor
        J and R: J J' is the inverse of H, and J' N is R above zeros, where the columns of N are
        the normals of the rows in the working set. Both (n, n); R has a unit diagonal beyond.
    order, size
        Numbers of the rows in the working set, and how many there are.
    forces
        Multipliers of the rows in the working set, shape (n,).
    kind, side, paid
        For each row what it is, at which limit (1 lower, -1 upper), and its multiplier unless it
        is in the working set.
    entering, heading
        The row that enters the working set, -1 if none is chosen; and whether its multiplier
        grows (1) or falls (-1).
    force
        Its multiplier.
    count, is_done, is_solved
        Number of steps made, whether to stop, and whether the iterate is the solution.
    """

    step: Any
    basis: Any
    factor: Any
    order: Any
    size: Any
    forces: Any
    kind: Any
    side: Any
    paid: Any
    entering: Any
    heading: Any
    force: Any
    count: Any
    is_done: Any
    is_solved: Any


class _Pivot(NamedTuple):
    """A step toward the limit of the entering row.

    Attributes
    ----------
    row
        The row.
    direction, changes
        Change of the iterate and of the working set's multipliers per unit of the multiplier.
    is_free
        Whether the normal is independent of those in the working set.
    length
        Change of the multiplier.
    reaches, leaves, pays
        What ends the step: the row comes to its limit, or another row's multiplier or its own
        comes to the end of its range.
    leaving
        Place of the row that leaves the working set.
    """

    row: Any
    direction: Any
    changes: Any
    is_free: Any
    length: Any
    reaches: Any
    leaves: Any
    pays: Any
    leaving: Any


@dataclass(frozen=True)
class _Program:
    """A quadratic program, and the parts of its solution.

    Attributes
    ----------
    basis
        A matrix J such that J J' is the inverse of the Hessian, shape (n, n).
    gradient
        The linear term, shape (n,).
    rows
        The constraints.
    """

    basis: Any
    gradient: Any
    rows: Rows

    @property
    def places(self) -> Any:
        """Places in the working set."""
        return np.arange(self.rows.matrix.shape[1])

    @property
    def numbers(self) -> Any:
        """Numbers of the rows."""
        return np.arange(self.rows.matrix.shape[0])

    @property
    def eps(self) -> float:
        """The spacing of floating-point numbers at 1."""
        return float(np.finfo(self.gradient.dtype).eps)

    @property
    def is_equation(self) -> Any:
        """Which rows are equations."""
        return self.rows.lower == self.rows.upper

    @property
    def least(self) -> Any:
        """The least multiplier of each row."""
        return np.where(self.is_equation, -self.rows.price, 0.0)

    def limits(self, side: Any) -> Any:
        """Return the limit of each row at a side."""
        return np.where(side > 0, self.rows.lower, self.rows.upper)

    def start(self) -> _State:
        """Return the minimum without constraints."""
        columns, dtype = self.gradient.size, self.gradient.dtype
        whole, false = np.zeros((), np.int64), np.zeros((), np.bool_)
        none = np.zeros_like(self.rows.lower)
        parts = np.sum(self.basis * self.gradient[:, None], axis=0)
        return _State(
            step=-np.sum(self.basis * parts, axis=1),
            basis=self.basis,
            factor=np.eye(columns, dtype=dtype),
            order=np.zeros(columns, np.int64),
            size=whole,
            forces=np.zeros_like(self.gradient),
            kind=none,
            side=none + 1.0,
            paid=none,
            entering=whole - 1,
            heading=np.ones((), dtype),
            force=np.zeros((), dtype),
            count=whole,
            is_done=false,
            is_solved=false,
        )

    def enter(self, basis: Any, factor: Any, size: Any, normal: Any) -> tuple[Any, Any]:
        """Add a normal to the factors, by one reflection."""
        places = self.places
        parts = np.sum(basis * normal[:, None], axis=0)
        tail = np.where(places >= size, parts, 0.0)
        head = np.sum(np.where(places == size, parts, 0.0))
        end = -np.copysign(np.sqrt(np.sum(np.square(tail))), head)
        axis = tail - np.where(places == size, end, 0.0)
        square = np.sum(np.square(axis))
        axis_scaled = axis * (2.0 / np.where(square > 0, square, 1.0))
        basis = basis - np.sum(basis * axis, axis=1)[:, None] * axis_scaled
        column = np.where(places < size, parts, np.where(places == size, end, 0.0))
        return basis, np.where(places == size, column[:, None], factor)

    def factored(self, basis: Any, factor: Any, count: Any, state: _State) -> tuple[Any, Any]:
        """Return the factors of a working set, given those of its first rows."""

        def add(known: Any) -> Any:
            basis, factor, count = known
            row = state.order[count]
            normal = state.side[row] * self.rows.matrix[row]
            return *self.enter(basis, factor, count, normal), count + 1

        found: Any = while_loop(lambda known: known[2] < state.size, add, (basis, factor, count))
        return found[0], found[1]

    def choose(self, state: _State) -> _State:
        """Choose the row that enters if none does, or find that there is none."""
        matrix, lower, upper, _, tolerance = self.rows
        products = matrix * state.step
        values = np.sum(products, axis=1)
        below, above = lower - values, values - upper
        is_below, is_paid = below >= above, state.kind == _PAID
        own_limits = self.limits(state.side)
        slack = state.side * (values - own_limits)
        violation = np.where(is_below, below, above)
        excess = np.where(is_paid, slack, np.where(state.kind == _OUT, violation, -np.inf))
        limit = np.abs(np.where(is_paid, own_limits, np.where(is_below, lower, upper)))
        rounding = 8 * self.eps * (np.sum(np.abs(products), axis=1) + limit) + tolerance
        lengths = np.sqrt(np.sum(np.square(matrix), axis=1))
        lengths = np.where(lengths > 0, lengths, 1.0)
        excess = np.where(excess > rounding, excess / lengths, -np.inf)
        row, is_due = np.argmax(excess), state.entering < 0
        is_over = is_due & (np.max(excess) <= 0)
        turns = (self.numbers == row) & ~is_paid & is_due & ~is_over
        return state._replace(
            entering=np.where(is_due, row, state.entering),
            side=np.where(turns, np.where(is_below, 1.0, -1.0), state.side),
            heading=np.where(is_due, np.where(is_paid[row], -1.0, 1.0), state.heading),
            force=np.where(is_due, np.where(is_paid[row], state.paid[row], 0.0), state.force),
            is_done=is_over,
            is_solved=is_over,
        )

    def pivot(self, state: _State) -> _Pivot:
        """Return the step toward the limit of the entering row."""
        row, matrix, price = state.entering, self.rows.matrix, self.rows.price
        turn = state.heading * state.side[row]
        normal, limit = turn * matrix[row], turn * self.limits(state.side)[row]
        gap = np.sum(normal * state.step) - limit
        parts = np.sum(state.basis * normal[:, None], axis=0)
        is_in = self.places < state.size
        tail = np.where(is_in, 0.0, parts)
        changes = solve_triangle(state.factor, np.where(is_in, parts, 0.0)[:, None])[:, 0]
        slope = np.sum(np.square(tail))
        is_free = slope > _DEPENDENT**2 * np.sum(np.square(parts))
        full = np.where(is_free, -gap / np.where(is_free, slope, 1.0), np.inf)
        least, force = self.least, state.force
        low, high = least[state.order], price[state.order]
        room = np.maximum(np.where(changes > 0, state.forces - low, high - state.forces), 0.0)
        counts = is_in & (np.abs(changes) > self.eps * np.max(np.abs(changes)))
        blocked = np.where(counts, room / np.where(counts, np.abs(changes), 1.0), np.inf)
        until = np.min(blocked)
        own = np.where(state.heading > 0, price[row] - force, force - least[row])
        length = np.maximum(np.minimum(np.minimum(full, until), own), 0.0)
        is_stuck = ~np.isfinite(length) | state.is_solved
        reaches = (full <= until) & (full <= own) & ~is_stuck
        leaves = ~reaches & (until <= own) & ~is_stuck
        return _Pivot(
            row=row,
            direction=np.sum(state.basis * tail, axis=1),
            changes=changes,
            is_free=is_free,
            length=np.where(is_stuck, 0.0, length),
            reaches=reaches,
            leaves=leaves,
            pays=~reaches & ~leaves & ~is_stuck,
            leaving=np.argmin(blocked),
        )

    def advance(self, state: _State) -> _State:
        """Make one step, and change the working set."""
        pivot = self.pivot(state)
        force = state.force + state.heading * pivot.length
        changed = state.forces - pivot.length * pivot.changes
        state = state._replace(
            step=state.step + np.where(pivot.is_free, pivot.length, 0.0) * pivot.direction,
            forces=np.where(self.places < state.size, changed, 0.0),
            force=force,
            entering=np.where(pivot.leaves, state.entering, -1),
            count=state.count + 1,
            is_done=~(pivot.reaches | pivot.leaves | pivot.pays) | state.is_solved,
        )
        return self.with_factors(self.without(self.with_row(state, pivot), pivot), state, pivot)

    def with_row(self, state: _State, pivot: _Pivot) -> _State:
        """Let the entering row join the working set, or be violated, or stay outside."""
        here, row, price = self.numbers == pivot.row, pivot.row, self.rows.price
        is_equation = self.is_equation[row]
        joins, ends = here & pivot.reaches, here & pivot.pays
        after = np.where((state.heading > 0) | is_equation, _PAID, _OUT)
        turns = ends & (state.heading < 0) & is_equation
        at_place = pivot.reaches & (self.places == state.size)
        paid = np.where(ends & (after == _PAID), price, np.where(joins | ends, 0.0, state.paid))
        return state._replace(
            kind=np.where(joins, _IN, np.where(ends, after, state.kind)),
            side=np.where(turns, -state.side, state.side),
            paid=paid,
            order=np.where(at_place, row, state.order),
            forces=np.where(at_place, state.force, state.forces),
            size=state.size + np.where(pivot.reaches, 1, 0),
        )

    def without(self, state: _State, pivot: _Pivot) -> _State:
        """Let the row whose multiplier has come to the end of its range leave the working set."""
        gone = state.order[pivot.leaving]
        here, is_equation = pivot.leaves & (self.numbers == gone), self.is_equation[gone]
        is_paid = (pivot.changes[pivot.leaving] < 0) | is_equation
        turns = here & is_equation & (pivot.changes[pivot.leaving] >= 0)
        later = pivot.leaves & (self.places >= pivot.leaving)
        order, forces = (
            np.where(later, np.concatenate([part[1:], np.zeros_like(part[:1])]), part)
            for part in (state.order, state.forces)
        )
        paid = np.where(is_paid, self.rows.price, 0.0)
        return state._replace(
            kind=np.where(here, np.where(is_paid, _PAID, _OUT), state.kind),
            side=np.where(turns, -state.side, state.side),
            paid=np.where(here, paid, state.paid),
            order=order,
            forces=forces,
            size=state.size - np.where(pivot.leaves, 1, 0),
        )

    def with_factors(self, state: _State, before: _State, pivot: _Pivot) -> _State:
        """Return a state with the factors of its working set; made anew if a row has left it."""
        unit = np.eye(self.gradient.size, dtype=self.gradient.dtype)
        basis, factor = self.factored(
            np.where(pivot.leaves, self.basis, before.basis),
            np.where(pivot.leaves, unit, before.factor),
            np.where(pivot.leaves, 0, before.size),
            state,
        )
        return state._replace(basis=basis, factor=factor)

    def iterate(self, state: _State) -> _State:
        """Choose a row if none enters, and make a step."""
        return self.advance(self.choose(state))

    def refined(self, end: _State) -> Any:
        """Return the step, moved onto the limits of the working set, without rounding errors."""
        is_in = self.places < end.size
        normals = end.side[end.order][:, None] * self.rows.matrix[end.order]
        goals = (end.side * self.limits(end.side))[end.order]
        left = np.where(is_in, goals - np.sum(normals * end.step, axis=1), 0.0)
        turned = end.factor.T[::-1, ::-1]  # upper again
        parts = solve_triangle(turned, left[::-1][:, None])[::-1, 0]
        return end.step + np.sum(end.basis * np.where(is_in, parts, 0.0), axis=1)


def solve_qp(basis: Any, gradient: Any, rows: Rows) -> Solution:
    """Return the solution of a quadratic program.

    Parameters
    ----------
    basis
        A matrix J such that J J' is the inverse of the Hessian, shape (n, n).
    gradient
        The linear term g, shape (n,).
    rows
        The constraints.
    """
    program = _Program(basis, gradient, rows)
    most = 20 * sum(rows.matrix.shape) + 50
    end: _State = while_loop(
        lambda state: ~state.is_done & (state.count < most), program.iterate, program.start()
    )
    is_of = (program.numbers[:, None] == end.order) & (program.places < end.size)
    forces = np.sum(np.where(is_of, end.forces, 0.0), axis=1) + end.paid
    return Solution(program.refined(end), end.side * forces, end.is_solved)
