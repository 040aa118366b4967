"""Results are numbers or arrays, laid out in memory, as NumPy's are."""

import numpy as np
import pytest
from agreement import assert_agrees, recorded

from steepest import compile as compile_

MATRIX = np.array([[0.4, 1.7], [-0.3, 0.9]])
WITHOUT_AXES = (
    "np.reshape(x, ())", "np.squeeze(x)", "np.transpose(x)", "np.moveaxis(x, (), ())",
    "np.permute_dims(x)", "np.copy(x)", "np.real(x)", "np.imag(x)", "np.conj(x)", "np.flip(x)",
    "np.clip(x, 0, 1)", "np.round(x, 1)", "np.sum(x)", "np.max(x)", "np.mean(x)", "np.median(x)",
    "np.broadcast_to(x, ())", "np.array(x)", "np.asarray(x)", "np.full((), x)", "np.zeros_like(x)",
    "np.where(True, x, x)", "np.choose(0, [x])", "np.select([True], [x])", "np.nan_to_num(x)",
    "np.i0(x)", "np.sinc(x)", "np.isclose(x, x)", "np.piecewise(x, [x > 0], [1.0])",
    "np.pad(x, 1)", "np.dot(x, x)", "np.kron(x, x)", "np.tensordot(x, x, 0)",
    "np.einsum(',->', x, x)",
    "np.fft.fftn(x)", "np.fft.ifftn(x)", "np.polyint(x, 0)", "np.polyval([1.0], x)",
    "np.percentile(x, 50)", "np.take(x, 0)", "np.positive(x)", "np.fmax(x, 0)", "np.isreal(x)",
    "np.isin(x, [0.5])",
    "np.isposinf(x)", "np.float64(x)", "np.float32(x)", "np.resize(x, ())", "np.tile(x, ())",
    "np.array(x)[()]", "np.array(x)[...]", "np.array([x])[0]", "np.array([x])[0, ...]",
    "np.array(x).T", "np.array(x).reshape(())", "np.array(x).astype(int)", "np.array(x).round()",
    "x + 0", "-np.array(x)", "np.frexp(x)[0]", "np.linalg.norm(x)", "np.searchsorted([0.0], x)",
)  # fmt: skip


@pytest.mark.parametrize("text", WITHOUT_AXES)
def test_what_has_no_axes_is_a_number_or_an_array_as_in_numpy(text):
    f = eval(f"lambda x: {text}")

    def kinds(x):
        result = f(x)
        return [isinstance(result, kind) for kind in (np.ndarray, np.generic, float)]

    def written(x):
        result = f(x)
        result[...] = 7
        return result, x

    for x in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)):
        assert_agrees(kinds, x)
        assert_agrees(written, x)


LAID_OUT = (
    "np.add.outer(x.T, x)", "np.add.outer(x, x.T)", "np.add.outer(x.T, 1.0)", "np.kron(x.T, x.T)",
    "np.reshape(x.T, (2, 2, 1)) + 1", "np.expand_dims(x.T, 0) * 1", "x.T[None] * 1",
    "np.squeeze(x.T[None]) * 1", "x.T.reshape(2, 1, 2) * 1", "x.T.reshape(4) * 1", "x.T * x",
    "np.tile(x.T, (1, 1))", "np.tile(x.T, (2, 1))", "np.stack([x.T, x.T])", "np.roll(x.T, 1, 0)",
    "np.maximum.accumulate(x.T, 0)", "np.minimum.accumulate(x, 1)", "np.cumsum(x.T, 0)",
    "np.add.reduce(np.stack([x.T, x.T]))", "np.sort(x.T, 0)", "x.T[[0, 1]]", "x.T[:, [0, 1]]",
    "np.pad(x.T, 1)", "np.where(x.T > 1, x.T, 0)", "np.clip(x.T, 1, 2)", "np.array(x.T) * 1",
    "np.concatenate([x.T, x.T])", "np.broadcast_to(x.T, (3, 2, 2)).copy()", "np.repeat(x.T, 2, 0)",
    "np.rot90(x) * 1", "np.flip(x.T) * 1", "np.take(x.T, [0, 1], 0)", "np.vander(x[0], 2)",
)  # fmt: skip


@pytest.mark.parametrize("text", LAID_OUT)
def test_results_lie_in_memory_as_numpys(text):
    f = eval(f"lambda x: {text}")
    matrix = np.array([[1.0, 2.0], [0.5, 3.0]])
    for order in "AK":
        assert_agrees(lambda x, order=order: np.ravel(f(x), order=order), matrix)
        assert_agrees(lambda x, order=order: np.ravel(f(x), order=order), matrix.T)


def test_numbers_and_arrays_without_axes_are_told_apart_in_inner_functions():
    inner = compile_(lambda x: 1.0 * isinstance(x, np.ndarray))
    assert recorded(lambda x: [inner(x[0]), inner(np.asarray(x[0]))])(MATRIX[0]) == [0.0, 1.0]
