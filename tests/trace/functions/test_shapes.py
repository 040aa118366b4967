"""Functions of two arrays, for every pair of shapes: NumPy's result, or its exception."""

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

SEVERAL = {
    "convolve": np.convolve,
    "correlate": np.correlate,
    "polyadd": np.polyadd,
    "polysub": np.polysub,
    "polyval": np.polyval,
    "interp": lambda a, b: np.interp(a, b, b),
    "trapezoid": np.trapezoid,
    "trapezoid of axis 0": lambda a, b: np.trapezoid(a, b, axis=0),
    "average": lambda a, b: np.average(a, weights=b),
    "average of axis 0": lambda a, b: np.average(a, 0, b),
    "cov": np.cov,
    "gradient": np.gradient,
    "append": np.append,
    "stack": lambda a, b: np.stack([a, b]),
    "concatenate": lambda a, b: np.concatenate([a, b], -1),
    "column_stack": lambda a, b: np.column_stack([a, b]),
    "searchsorted": lambda a, b: np.searchsorted(np.sort(a), b),
    "compress": lambda a, b: np.compress(a > 0, b),
    "take_along_axis": lambda a, b: np.take_along_axis(a, (0 * b).astype(int), 0),
    "take_along_axis of axis -1": lambda a, b: np.take_along_axis(a, (0 * b).astype(int), -1),
    "choose": lambda a, b: np.choose((a > 0).astype(int), [a, b]),
    "choose by floats": lambda a, b: np.choose(a, [a, b]),
    "bincount": lambda a, b: np.bincount(abs(a).astype(int), b),
    "bincount of floats": np.bincount,
    "tril": lambda a, b: np.tril(a),
    "argwhere": lambda a, b: np.argwhere(a),
    "maximum.accumulate": lambda a, b: np.maximum.accumulate(a),
    "add.accumulate": lambda a, b: np.add.accumulate(a),
    "add.reduceat": lambda a, b: np.add.reduceat(a, [0]),
    "add.reduceat by floats": np.add.reduceat,
    "add.outer": np.add.outer,
    "vander": lambda a, b: np.vander(a.astype(np.float32), 2),
    "ediff1d of truth values": lambda a, b: np.ediff1d(a > 0),
    "ravel": lambda a, b: (a[::-1].ravel(None), a[::-1].ravel("K")) if a.ndim else (),
    "an array in a product of ranges": lambda a, b: np.multiply(a, range(3)) + a * range(3),
    "apply_along_axis": lambda a, b: np.apply_along_axis(np.sum, 0, a),
    "diag": lambda a, b: np.diag(a),
    "hsplit": lambda a, b: np.hsplit(a, 1),
    "vsplit": lambda a, b: np.vsplit(a, 1),
    "dsplit": lambda a, b: np.dsplit(a, 1),
    "nanmedian": lambda a, b: np.nanmedian(a, 0),
    "transpose to two axes": lambda a, b: np.transpose(a, (1, 0)),
    "permute_dims of an axis": lambda a, b: np.permute_dims(a, 0),
    "nanmin": lambda a, b: np.nanmin(a, initial=3),
    "a power of three numbers": lambda a, b: a.__rpow__(b, 3) is NotImplemented,
    "r_": lambda a, b: np.r_[a, b],
    "c_": lambda a, b: np.c_[a, b],
}


def observed(function, *arrays):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*(array.copy() for array in arrays))
        except Exception as error:
            return error


def assert_agrees(found, wanted, what):
    if isinstance(found, RefusalError) or "has no value" in str(found):
        return  # means of nothing are refused on purpose
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


FUNCTIONS = PRODUCTS | SEVERAL


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_pair_of_shapes(name):
    function, random = FUNCTIONS[name], np.random.default_rng(0)
    recorded = Function(lambda x, y: function(x, y), interpret, writes=True)
    for shapes in itertools.product(SHAPES, SHAPES):
        a, b = random.normal(size=shapes[0]), random.uniform(1.0, 2.0, size=shapes[1])
        assert_agrees(observed(recorded, a, b), observed(function, a, b), shapes)
