"""Functions of two arrays of every pair of shapes: NumPy's result, or its exception."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from steepest.derivative.function import Function, interpret
from steepest.errors import RefusalError

SHAPES = [(), (1,), (3,), (0,), (1, 3), (3, 1), (0, 3), (3, 3), (2, 3, 3)]

PRODUCTS = {
    "matmul": np.matmul,
    "dot": np.dot,
    "vdot": np.vdot,
    "inner": np.inner,
    "outer": np.outer,
    "kron": np.kron,
    "cross": np.cross,
    "cross of axis 0": lambda a, b: np.cross(a, b, axis=0),
    "tensordot": np.tensordot,
    "tensordot of no axes": lambda a, b: np.tensordot(a, b, 0),
    "tensordot of one axis": lambda a, b: np.tensordot(a, b, 1),
    "tensordot of first axes": lambda a, b: np.tensordot(a, b, ([0], [0])),
    "tensordot of two axes": lambda a, b: np.tensordot(a, b, ([0, 1], [1, 0])),
    "tensordot of more than": lambda a, b: np.tensordot(a, b, ([0, 1], [1])),
    "tensordot of one axis twice": lambda a, b: np.tensordot(a, b, ([0, 0], [1, 1])),
    "vecdot": np.vecdot,
    "vecdot of axis 0": lambda a, b: np.vecdot(a, b, axis=0),
    "matvec": np.matvec,
    "vecmat": np.vecmat,
    "linalg.cross": np.linalg.cross,
    "linalg.outer": np.linalg.outer,
    "linalg.vecdot": np.linalg.vecdot,
    "linalg.trace": lambda a, b: np.linalg.trace(a),
    "linalg.diagonal": lambda a, b: np.linalg.diagonal(a),
    "multi_dot of one": lambda a, b: np.linalg.multi_dot([a]),
    "multi_dot of two": lambda a, b: np.linalg.multi_dot([a, b]),
    "multi_dot of three": lambda a, b: np.linalg.multi_dot([a, b, b]),
    "matrix_power of 0": lambda a, b: np.linalg.matrix_power(a, 0),
    "matrix_power of 1": lambda a, b: np.linalg.matrix_power(a, 1),
    "matrix_power of 2": lambda a, b: np.linalg.matrix_power(a, 2),
    "einsum of vectors": lambda a, b: np.einsum("i,i", a, b),
    "einsum of matrices": lambda a, b: np.einsum("ij,jk->ik", a, b),
    "einsum of many": lambda a, b: np.einsum("...i,...i->...", a, b),
    "einsum of a diagonal": lambda a, b: np.einsum("ii,j->ij", a, b),
}


def observed(function, *arrays):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*(array.copy() for array in arrays))
        except Exception as error:
            return error


def assert_agrees(found, wanted, what):
    if isinstance(found, RefusalError):
        return
    if isinstance(wanted, Exception):
        assert isinstance(found, type(wanted)), (what, wanted, found)
        return
    assert not isinstance(found, Exception), (what, wanted, found)
    many = isinstance(wanted, tuple | list)
    pairs = zip(found, wanted, strict=True) if many else [(found, wanted)]
    for value, expected in pairs:
        assert np.shape(value) == np.shape(expected), what
        assert np.asarray(value).dtype == np.asarray(expected).dtype, what
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12, err_msg=str(what))


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_every_pair_of_shapes(name):
    function, random = PRODUCTS[name], np.random.default_rng(0)
    recorded = Function(lambda x, y: function(x, y), interpret, writes=True)
    for shapes in itertools.product(SHAPES, SHAPES):
        a, b = random.normal(size=shapes[0]), random.uniform(1.0, 2.0, size=shapes[1])
        assert_agrees(observed(recorded, a, b), observed(function, a, b), shapes)
