"""Results are numbers or arrays, and lie in memory, as NumPy's do."""

import itertools

import numpy as np
import pytest

from steepest import compile as compile_
from steepest.errors import RefusalError
from tests.support.agreement import assert_agrees, recorded

MATRIX = np.array([[0.4, 1.7], [-0.3, 0.9]])
WITHOUT_AXES = (
    "np.reshape(x, ())", "np.moveaxis(x, (), ())", "np.broadcast_to(x, ())", "np.full((), x)",
    "np.resize(x, ())", "np.tile(x, ())", "np.where(True, x, x)", "np.choose(0, [x])",
    "np.select([True], [x])", "np.piecewise(x, [x > 0], [1.0])", "np.tensordot(x, x, 0)",
    "np.einsum(',->', x, x)", "np.polyint(x, 0)", "np.percentile(x, 50)", "np.take(x, 0)",
    "np.isin(x, [0.5])", "np.searchsorted([0.0], x)", "np.float64(x)", "np.float32(x)",
    "np.array(x)[()]", "np.array(x)[...]", "np.array([x])[0]", "np.array([x])[0, ...]",
    "np.array(x).T", "np.array(x).reshape(())", "np.array(x).astype(int)", "np.array(x).round()",
    "x + 0", "-np.array(x)",
)  # fmt: skip
"""What functions with their usual arguments do not reach: `test_arguments` tries those."""


@pytest.mark.parametrize("text", WITHOUT_AXES)
def test_what_has_no_axes_is_a_number_or_an_array_as_in_numpy(text):
    f = eval(f"lambda x: {text}")

    def kinds(x):
        result = f(x)
        return [isinstance(result, kind) for kind in (np.generic, float)]

    def written(x):
        result = f(x)
        result[...] = 7
        return result, x

    for x in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)):
        assert_agrees(f, x)
        assert_agrees(kinds, x)
        assert_agrees(written, x)


LAID_OUT = (
    "np.add.outer(x.T, x)", "np.add.outer(x, x.T)", "np.add.outer(x.T, 1.0)", "np.kron(x.T, x.T)",
    "np.reshape(x.T, (2, 2, 1)) + 1", "np.expand_dims(x.T, 0) * 1", "x.T[None] * 1",
    "np.squeeze(x.T[None]) * 1", "x.T.reshape(2, 1, 2) * 1", "x.T.reshape(4) * 1", "x.T * x",
    "np.tile(x.T, (1, 1))", "np.tile(x.T, (2, 1))", "np.stack([x.T, x.T])", "np.roll(x.T, 1, 0)",
    "np.maximum.accumulate(x.T, 0)", "np.minimum.accumulate(x, 1)",
    "np.add.reduce(np.stack([x.T, x.T]))",
    "np.pad(x.T, 1)", "np.where(x.T > 1, x.T, 0)", "np.clip(x.T, 1, 2)", "np.array(x.T) * 1",
    "np.concatenate([x.T, x.T])", "np.broadcast_to(x.T, (3, 2, 2)).copy()",
    "np.rot90(x) * 1", "np.flip(x.T) * 1", "np.vander(x[0], 2)",
)  # fmt: skip


@pytest.mark.parametrize("text", LAID_OUT)
def test_results_lie_in_memory_as_numpys(text):
    matrix = np.array([[1.0, 2.0], [0.5, 3.0]])
    without = text.replace(".T", "").replace("np.rot90(x)", "x")  # which lies in C order
    for expression, order in itertools.product((text, without), "AK"):
        f = eval(f"lambda x: {expression}")
        assert_agrees(lambda x, f=f, order=order: np.ravel(f(x), order=order), matrix)
        assert_agrees(lambda x, f=f, order=order: np.ravel(f(x), order=order), matrix.T)


ORDER_UNKNOWN = (
    "np.cumsum(x, 0)", "np.sort(x, 0)", "x[[0, 1]]", "x[:, [0, 1]]", "np.repeat(x, 2, 0)",
    "np.take(x, [0, 1], 0)",
)  # fmt: skip


@pytest.mark.parametrize("text", ORDER_UNKNOWN)
def test_an_order_in_memory_that_is_not_known_is_refused(text):
    f = eval(f"lambda x: np.ravel({text}, order='K')")
    with pytest.raises(RefusalError, match="order in memory is not known"):
        recorded(f)(MATRIX)


def test_numbers_and_arrays_without_axes_are_told_apart_in_inner_functions():
    inner = compile_(lambda x: 1.0 * isinstance(x, np.ndarray))
    assert recorded(lambda x: [inner(x[0]), inner(np.asarray(x[0]))])(MATRIX[0]) == [0.0, 1.0]


def test_an_axis_may_be_given_as_a_tuple():
    f = lambda x: np.average(x, axis=(1,), weights=[3.0, 1.0])
    np.testing.assert_array_equal(compile_(f)(MATRIX), f(MATRIX))


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize(
    "place", [1, [1], [0, 2], [2, -3], [-1, 0], slice(0, 2), slice(1, 2), []], ids=str
)
def test_numpys_rules_say_how_many_slices_are_inserted(place, axis):
    x = np.arange(12.0).reshape(3, 4)
    for shape in ((), (3,), (4,), (1, 4), (3, 1), (2, 4), (3, 2)):
        f = lambda x, v: np.insert(x, place, v, axis)
        values = 20.0 + np.arange(np.prod(shape)).reshape(shape)
        try:
            wanted = f(x, values)
        except ValueError:
            with pytest.raises(ValueError, match=r"broadcast|concatenate"):
                compile_(f)(x, values)
        else:
            np.testing.assert_array_equal(compile_(f)(x, values), wanted)


def test_a_vector_has_no_norm_of_matrices():
    with pytest.raises(ValueError, match="norm order 'fro' for vectors"):
        compile_(lambda x: np.linalg.norm(x, "fro"))(np.ones(3))
