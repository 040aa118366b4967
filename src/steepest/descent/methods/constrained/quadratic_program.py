"""Strictly convex quadratic programs, by a dual active-set method (Goldfarb and Idnani 1983).

The problem is elastic. A row may be violated at a price per unit, so that there is always a
solution:

    minimize  0.5 d' H d + g' d + sum(price * violation)   with   lower <= A d <= upper

In the dual, a price is an upper limit of the row's multiplier. A row of infinite price is never
violated. All arrays have fixed sizes, so that the solver is traced like any other NumPy code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.ops.linear_algebra.triangular import solve_triangle
from steepest.trace import cond, while_loop

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
    """

    matrix: Any
    lower: Any
    upper: Any
    price: Any


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
    matrix, lower, upper, price = rows
    number, columns = matrix.shape
    dtype = gradient.dtype
    eps = float(np.finfo(dtype).eps)
    places, numbers = np.arange(columns), np.arange(number)
    lengths = np.sqrt(np.sum(np.square(matrix), axis=1))
    lengths = np.where(lengths > 0, lengths, 1.0)
    is_equation = lower == upper
    least = np.where(is_equation, -price, 0.0)
    most_steps = 20 * (number + columns) + 50

    def limits(side: Any) -> Any:
        return np.where(side > 0, lower, upper)

    def enter(basis: Any, factor: Any, size: Any, normal: Any) -> tuple[Any, Any]:
        """Add a normal to the factors, by one reflection."""
        parts = np.sum(basis * normal[:, None], axis=0)
        tail = np.where(places >= size, parts, 0.0)
        head = np.sum(np.where(places == size, parts, 0.0))
        end = -np.copysign(np.sqrt(np.sum(np.square(tail))), head)
        axis = tail - np.where(places == size, end, 0.0)
        square = np.sum(np.square(axis))
        axis_scaled = axis * (2.0 / np.where(square > 0, square, 1.0))
        basis = basis - np.sum(basis * axis, axis=1)[:, None] * axis_scaled
        column = np.where(places < size, parts, np.where(places == size, end, 0.0))
        factor = np.where(places == size, column[:, None], factor)
        return basis, factor

    def refactored(order: Any, size: Any, side: Any) -> tuple[Any, Any]:
        """Return the factors of a working set."""

        def add(state: Any) -> Any:
            basis, factor, count = state
            row = order[count]
            return *enter(basis, factor, count, side[row] * matrix[row]), count + 1

        start = first_basis, np.eye(columns, dtype=dtype), np.zeros((), np.int64)
        found: Any = while_loop(lambda state: state[2] < size, add, start)
        return found[0], found[1]

    def choose(state: _State) -> _State:
        """Choose the row that enters, or find that there is none."""
        values = np.sum(matrix * state.step, axis=1)
        rounding = 8 * eps * np.sum(np.abs(matrix * state.step), axis=1)
        below, above = lower - values, values - upper
        is_below = below >= above
        violation = np.where(is_below, below, above)
        slack = state.side * (values - limits(state.side))
        is_paid = state.kind == _PAID
        excess = np.where(is_paid, slack, np.where(state.kind == _OUT, violation, -np.inf))
        limit = np.abs(np.where(is_paid, limits(state.side), np.where(is_below, lower, upper)))
        tolerance = rounding + 8 * eps * np.where(np.isfinite(limit), limit, 0.0)
        excess = np.where(excess > tolerance, excess / lengths, -np.inf)
        row = np.argmax(excess)
        is_over = np.max(excess) <= 0
        is_entering = (numbers == row) & ~is_paid & ~is_over
        side = np.where(is_entering, np.where(is_below, 1.0, -1.0), state.side)
        return state._replace(
            entering=np.where(is_over, -1, row),
            side=side,
            heading=np.where(is_paid[row], -1.0, 1.0),
            force=np.where(is_paid[row], state.paid[row], 0.0),
            is_done=is_over,
            is_solved=is_over,
        )

    def advance(state: _State) -> _State:
        """Make one step toward the limit of the entering row."""
        row = np.maximum(state.entering, 0)
        normal = state.heading * state.side[row] * matrix[row]
        gap = np.sum(normal * state.step) - state.heading * (
            state.side[row] * limits(state.side)[row]
        )
        parts = np.sum(state.basis * normal[:, None], axis=0)
        is_in = places < state.size
        tail = np.where(is_in, 0.0, parts)
        direction = np.sum(state.basis * tail, axis=1)
        changes = solve_triangle(state.factor, np.where(is_in, parts, 0.0)[:, None])[:, 0]
        slope = np.sum(np.square(tail))
        is_free = slope > (100 * eps) ** 2 * np.sum(np.square(parts))
        full = np.where(is_free, -gap / np.where(is_free, slope, 1.0), np.inf)
        of_order = np.minimum(state.order, number - 1)
        low, high = least[of_order], price[of_order]
        room = np.where(changes > 0, state.forces - low, high - state.forces)
        counts = is_in & (np.abs(changes) > eps * np.max(np.abs(changes)))
        blocked = np.where(
            counts, np.maximum(room, 0.0) / np.where(counts, np.abs(changes), 1.0), np.inf
        )
        leaving = np.argmin(blocked)
        until = np.min(blocked)
        own = np.where(state.heading > 0, price[row] - state.force, state.force - least[row])
        length = np.minimum(np.minimum(full, until), own)
        is_stuck = ~np.isfinite(length)
        length = np.where(is_stuck, 0.0, np.maximum(length, 0.0))
        step = state.step + np.where(is_free, length, 0.0) * direction
        forces = np.where(is_in, state.forces - length * changes, 0.0)
        force = state.force + state.heading * length
        # What ends the step: the row's own limit, another row's multiplier, or its price.
        reaches = (full <= until) & (full <= own) & ~is_stuck
        leaves = ~reaches & (until <= own) & ~is_stuck
        pays = ~reaches & ~leaves & ~is_stuck
        # It joins the working set.
        place = state.size
        joins = reaches & (place < columns)
        at_place = joins & (places == place)
        here = numbers == row
        kind = np.where(here & joins, _IN, state.kind)
        order = np.where(at_place, row, state.order)
        joined = np.where(at_place, force, forces)
        # Its multiplier has come to an end of its range.
        of_row = np.where(state.heading > 0, _PAID, np.where(is_equation[row], _PAID, _OUT))
        kind = np.where(here & pays, of_row, kind)
        turns = pays & (state.heading < 0) & is_equation[row]
        side = np.where(here & turns, -state.side, state.side)
        paid = np.where(here & joins, 0.0, state.paid)
        paid = np.where(here & pays, np.where(of_row == _PAID, np.abs(force), 0.0), paid)
        # Another row leaves.
        gone = of_order[leaving]
        is_gone = leaves & (numbers == gone)
        at_high = changes[leaving] < 0
        of_gone = np.where(at_high | is_equation[gone], _PAID, _OUT)
        kind = np.where(is_gone, of_gone, kind)
        side = np.where(is_gone & ~at_high & is_equation[gone], -side, side)
        paid = np.where(is_gone, np.where(of_gone == _PAID, price[gone], 0.0), paid)
        after = leaves & (places >= leaving)
        order = np.where(after, np.concatenate([order[1:], order[-1:]]), order)
        joined = np.where(after, np.concatenate([joined[1:], joined[-1:] * 0.0]), joined)
        size = state.size + joins - leaves

        # The side of an active row stays, so that its normal keeps its sign in the factors.
        def with_row(state: Any) -> Any:
            return enter(*state, place, state_normal)

        state_normal = state.side[row] * matrix[row]
        basis, factor = cond(
            leaves,
            lambda pair: refactored(order, size, side),
            lambda pair: cond(joins, with_row, lambda pair: pair, pair),
            (state.basis, state.factor),
        )
        return state._replace(
            step=step,
            basis=basis,
            factor=factor,
            order=order,
            size=size,
            forces=joined,
            kind=kind,
            side=side,
            paid=paid,
            force=force,
            entering=np.where(leaves, state.entering, -1),
            count=state.count + 1,
            is_done=is_stuck | (state.count >= most_steps),
        )

    def iterate(state: _State) -> _State:
        state = choose_if_needed(state)
        return cond(state.is_done, lambda s: s, advance, state)

    def choose_if_needed(state: _State) -> _State:
        return cond(state.entering < 0, choose, lambda s: s, state)

    first_basis = basis
    zero, rows_zero = np.zeros((), dtype), np.zeros(number, dtype)
    whole, false = np.zeros((), np.int64), np.zeros((), np.bool_)
    free = -np.sum(basis * np.sum(basis * gradient[:, None], axis=0), axis=1)
    start = _State(
        free,
        basis,
        np.eye(columns, dtype=dtype),
        np.zeros(columns, np.int64),
        whole,
        np.zeros(columns, dtype),
        rows_zero,
        rows_zero + 1.0,
        rows_zero,
        whole - 1,
        zero + 1.0,
        zero,
        whole,
        false,
        false,
    )
    end: _State = while_loop(lambda state: ~state.is_done, iterate, start)
    is_of = (numbers[:, None] == end.order) & (places < end.size)
    forces = np.sum(np.where(is_of, end.forces, 0.0), axis=1) + end.paid
    return Solution(end.step, end.side * forces, end.is_solved)
