"""Operands for every row of the op table, drawn from the row's own domain."""

import itertools
from dataclasses import dataclass

import numpy as np

from steepest.engines import Interpreter, Native, Torch
from steepest.graph import Graph, make
from steepest.ops import TABLE, Case, Elementwise, Linear, Partials, Row, Zero, input_node
from steepest.ops.derivative_rules import UnknownPartial, no_slope

ENGINES = {"numpy": Interpreter(), "native": Native(), "torch": Torch()}

_ELEMENTWISE_SHAPES = (
    ((), (), ()),
    ((3,), (3,), (3,)),
    ((4, 3), (3,), (4, 1)),
    ((33,), (), (33,)),
    ((5, 21), (5, 1), (21,)),
    ((0,), (0,), ()),
)


@dataclass(frozen=True)
class OpCase:
    row: Row
    case: Case

    def __str__(self):
        shapes = "-".join("x".join(map(str, shape)) or "0d" for shape in self.case.shapes)
        values = self.case.attributes.values()
        attributes = "".join(f"-{value}" for value in values if not isinstance(value, Graph))
        return f"{self.row.name}-{shapes}{attributes}".replace(" ", "")

    def operands(self, random, dtype=np.float64):
        if any(isinstance(value, Graph) for value in self.case.attributes.values()):
            dtype = np.float64  # of the step of a loop, which is written for it
        shapes = enumerate(self.case.shapes)
        return self.agreeing([self._operand(random, i, shape, dtype) for i, shape in shapes])

    def agreeing(self, operands):
        agree = self.row.domain.agree
        return operands if agree is None else list(agree(*operands))

    def _operand(self, random, i, shape, dtype):
        if i in self.case.integers:
            high = self.case.integers[i]
            return random.integers(-high, high, shape)
        interval = self.row.domain.interval(i)
        if interval == "bool":
            return random.random(shape) < 0.5
        if interval == "int":
            return random.integers(-99, 99, shape)
        drawn = random.uniform(*interval, shape)
        if i == 0 and (self.case.diagonal or self.case.rising):
            drawn = self._matrix(drawn)
        return drawn.astype(dtype)

    def _matrix(self, drawn):
        rows, columns = drawn.shape[-2:]
        if rows == columns:
            drawn = (drawn + np.swapaxes(drawn, -1, -2)) / 2
        steps = self.case.rising * np.arange(1, rows + 1) + self.case.diagonal
        return drawn / 2 + (np.eye(rows, columns) * steps[:, None])


def arity(row):
    ufunc = getattr(np, row.name, None)
    if isinstance(ufunc, np.ufunc):
        return ufunc.nin
    if isinstance(row.derivative, Partials):
        return len(row.derivative.of)
    return len(row.domain.intervals)


def cases_of(row):
    if row.domain.cases:
        return [OpCase(row, case) for case in row.domain.cases]
    shapes = dict.fromkeys(shapes[: arity(row)] for shapes in _ELEMENTWISE_SHAPES)
    return [OpCase(row, Case(chosen)) for chosen in shapes]


ALL_CASES = [case for row in TABLE.values() for case in cases_of(row)]
FILLED_CASES = [case for case in ALL_CASES if all(0 not in s for s in case.case.shapes)]


def graph_of(case, operands):
    inputs = [input_node(i, x.shape, x.dtype) for i, x in enumerate(operands)]
    return Graph(tuple(inputs), (make(case.row, inputs, **case.case.attributes),))


def is_elementwise(row):
    return isinstance(row.lower, Elementwise)


def has_slope(partial):
    return partial is not no_slope and not isinstance(partial, UnknownPartial)


def differentiable_operands(case):
    """Return the positions of operands that the row gives a derivative for."""
    derivative = case.row.derivative
    if isinstance(derivative, Zero):
        return []
    if isinstance(derivative, Partials):
        return [i for i, partial in enumerate(derivative.of) if has_slope(partial)]
    if isinstance(derivative, Linear):
        return list(derivative.transposes)
    positions = range(len(case.case.shapes))
    return [i for i in positions if case.row.domain.interval(i) not in ("bool", "int")]


DERIVATIVES = [
    (case, operand) for case in FILLED_CASES for operand in differentiable_operands(case)
]

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, -1e-310, 0.5, -2.5, 7.0]
)


SPECIAL_INTEGERS = np.array([0, 1, -1, 7, -8, 2**40, -(2**62), 2**63 - 1, -(2**63)])


def special_operands(row):
    """Return all combinations of special values for an elementwise row."""
    special = {"bool": np.array([True, False]), "int": SPECIAL_INTEGERS}
    columns = [special.get(row.domain.interval(i), SPECIAL) for i in range(arity(row))]
    return [np.array(column) for column in zip(*itertools.product(*columns), strict=True)]
