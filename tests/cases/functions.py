# ruff: noqa: E501, B008
"""At least one call of every function that can be recorded, by the function's name."""

import cmath
import math
import warnings

import numpy as np
import scipy.special as sp
import scipy.stats
from scipy import integrate

from steepest.ops import TABLE, Partials
from steepest.ops.derivative_rules import UnknownPartial, no_slope
from steepest.ops.elementwise import special
from tests.cases import scipy_compositions

X = np.array([0.42, 0.17, 0.83, 0.61, 0.29, 0.56])
"""Where cases are computed: six numbers apart from each other and from 0, 1/2 and 1."""

WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5, 0.7, 1.1])
NAMES = {
    np: "np",
    np.linalg: "np.linalg",
    sp: "scipy.special",
    integrate: "scipy.integrate",
    math: "math",
}


def special_names():
    """Return the names of SciPy's functions of real numbers that are rows of the op table."""
    names = {name.partition("[")[0] for name in (row.name for row in special.ROWS)}
    return sorted(n for n in names if "." not in n and not n.startswith(("spherical_", "sinc")))


def special_case(name):
    """Return a call of a special function, the last smooth operand of which moves in its domain."""
    row = TABLE.get(name) or TABLE[f"{name}[0]"]
    domain = row.domain
    count = (
        len(row.derivative.of) if isinstance(row.derivative, Partials) else len(domain.intervals)
    )
    slopes = row.derivative.of if isinstance(row.derivative, Partials) else (None,) * count
    smooth = [i for i, slope in enumerate(slopes) if slope is not no_slope]
    fixed = [0.6 * low + 0.4 * high for low, high in map(domain.interval, range(count))]
    if domain.agree:
        fixed = [np.asarray(x)[()] for x in domain.agree(*map(np.asarray, fixed))]
    *_, moving = [i for i in smooth if not isinstance(slopes[i], UnknownPartial)]
    low, high = domain.interval(moving)

    def case(x):
        operands = list(fixed)
        operands[moving] = low + (high - low) * x
        return getattr(sp, name)(*operands)

    return case


def parts(z):
    """Return the two parts of complex numbers."""
    return np.stack([np.real(z), np.imag(z)])


def square(x):
    return np.array([[x[0] + 3, x[1], x[2]], [x[1] * 2, x[3] + 4, 0.3], [x[4], 0.1, x[5] + 5]])


def symmetric(x):
    a = square(x)
    return a + a.T


def table(x):
    return x.reshape(2, 3)


def written(make, change):
    """Return a function that makes an array and changes it in place."""

    def function(x):
        y = make(x)
        change(y, x)
        return y

    return function


def quietly(function, *arguments):
    """Return what a function computes, without the warnings that NumPy gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments)


def of_all(*names):
    """Return a case for each of NumPy's functions of one array that are called alike."""
    return {name: [getattr(np, name)] for name in names}


CASES = {
    **of_all(
        "absolute", "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "conjugate",
        "copy", "cos", "cosh", "deg2rad", "degrees", "exp", "exp2", "expm1", "fabs", "fix", "floor",
        "i0", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "isrealobj",
        "iscomplexobj", "isscalar", "log", "log10", "log1p", "log2", "logical_not", "negative",
        "positive", "rad2deg", "radians", "real", "reciprocal", "rint", "sign", "signbit", "sin",
        "sinc", "sinh", "spacing", "sqrt", "square", "tan", "tanh", "trunc", "shape", "ndim", "size",
    ),
    **of_all(
        "all", "amax", "amin", "any", "argmax", "argmin", "argwhere", "atleast_1d", "atleast_2d",
        "atleast_3d", "average", "count_nonzero", "cov", "diff", "diagflat", "ediff1d", "flatnonzero",
        "flip", "max", "mean", "median", "min", "nonzero", "prod", "ptp", "ravel", "sort", "argsort",
        "squeeze", "std", "sum", "trapezoid", "trim_zeros", "unstack", "vander", "var", "cumprod",
        "cumsum", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd",
        "nansum", "nanvar", "nanmedian", "nanargmax", "nanargmin", "ones_like", "zeros_like",
        "asarray", "asanyarray", "array", "ascontiguousarray", "asarray_chkfinite", "transpose",
    ),
    "arccosh": [lambda x: np.arccosh(x + 1.0)],
    "add": [lambda x: np.add(x, x[::-1]), lambda x: np.add.reduce(x), lambda x: np.add.outer(x, x)],
    "subtract": [lambda x: x - x[0], lambda x: np.subtract.outer(x, x)],
    "multiply": [lambda x: x * x[::-1], lambda x: np.multiply.accumulate(x)],
    "divide": [lambda x: x / x[0]],
    "power": [lambda x: x ** x[::-1], lambda x: 2**x, lambda x: x**3],
    "float_power": [lambda x: np.float_power(x, 2)],
    "remainder": [lambda x: x % 0.4, lambda x: np.remainder(-x, 0.4)],
    "fmod": [lambda x: np.fmod(-x, 0.4)],
    "floor_divide": [lambda x: x // 0.4],
    "divmod": [lambda x: np.divmod(x, 0.4), lambda x: divmod(x[0], 0.3)],
    "maximum": [lambda x: np.maximum(x, 0.5), lambda x: np.maximum.accumulate(x)],
    "minimum": [lambda x: np.minimum(x, x[::-1] + 0.1), lambda x: np.minimum.reduce(x)],
    "fmax": [lambda x: np.fmax(x, 0.5), lambda x: np.fmax(x, np.nan)],
    "fmin": [lambda x: np.fmin(np.nan, x)],
    "hypot": [lambda x: np.hypot(x, x[::-1])],
    "arctan2": [lambda x: np.arctan2(x, x[0] + 1)],
    "copysign": [lambda x: np.copysign(x, x - 0.5)],
    "heaviside": [lambda x: np.heaviside(x - 0.5, 0.5)],
    "nextafter": [lambda x: np.nextafter(x, 1.0)],
    "ldexp": [lambda x: np.ldexp(x, np.arange(6))],
    "frexp": [lambda x: np.frexp(4 * x)],
    "modf": [lambda x: np.modf(3 * x - 1)],
    "logaddexp": [lambda x: np.logaddexp(x, 0.3)],
    "logaddexp2": [lambda x: np.logaddexp2(x, x[::-1])],
    "less": [lambda x: np.less(x, 0.5)],
    "less_equal": [lambda x: x <= x[0]],
    "greater": [lambda x: np.greater(x, 0.5)],
    "greater_equal": [lambda x: x >= x[0]],
    "equal": [lambda x: x == x[0]],
    "not_equal": [lambda x: x != x[0]],
    "logical_and": [lambda x: np.logical_and(x > 0.3, x < 0.7)],
    "logical_or": [lambda x: np.logical_or(x < 0.3, x > 0.7)],
    "logical_xor": [lambda x: np.logical_xor(x < 0.6, x > 0.3)],
    "bitwise_and": [lambda x: (10 * x).astype(int) & 6, lambda x: (x > 0.3) & (x < 0.7)],
    "bitwise_or": [lambda x: (10 * x).astype(int) | 6],
    "bitwise_xor": [lambda x: (10 * x).astype(int) ^ 6],
    "invert": [lambda x: ~(10 * x).astype(int), lambda x: ~(x > 0.5)],
    "left_shift": [lambda x: (10 * x).astype(int) << 2],
    "right_shift": [lambda x: (97 * x).astype(int) >> 2],
    "clip": [lambda x: np.clip(x, 0.2, 0.6), lambda x: x.clip(max=0.5)],
    "where": [lambda x: np.where(x > 0.5, x, -x), lambda x: np.where(x > 0.5)],
    "around": [lambda x: np.around(10 * x, 1)],
    "round": [lambda x: np.round(x, 1), lambda x: (10 * x).round()],
    "nan_to_num": [lambda x: np.nan_to_num(np.where(x > 0.5, np.nan, x), nan=0.25)],
    "isclose": [lambda x: np.isclose(x, 0.42)],
    "allclose": [lambda x: np.allclose(x, 0.42)],
    "array_equal": [lambda x: np.array_equal(x, x * 1.0)],
    "array_equiv": [lambda x: np.array_equiv(x, x[0])],
    "result_type": [lambda x: np.zeros(2, np.result_type(x, np.float32))],
    "unwrap": [lambda x: np.unwrap(np.cumsum(6 * x))],
    "astype": [lambda x: np.astype(x, np.float64), lambda x: (10 * x).astype(np.int32)],
    # Shapes.
    "reshape": [lambda x: x.reshape(2, -1), lambda x: np.reshape(x, (3, 2), order="F")],
    "matrix_transpose": [lambda x: np.matrix_transpose(table(x)), lambda x: table(x).mT],
    "swapaxes": [lambda x: np.swapaxes(table(x), 0, 1)],
    "moveaxis": [lambda x: np.moveaxis(x.reshape(1, 2, 3), 0, -1)],
    "rollaxis": [lambda x: np.rollaxis(x.reshape(1, 2, 3), 2)],
    "expand_dims": [lambda x: np.expand_dims(x, (0, 2))],
    "broadcast_to": [lambda x: np.broadcast_to(x, (2, 6))],
    "broadcast_arrays": [lambda x: np.broadcast_arrays(x[:3], x[3:, None])],
    "fliplr": [lambda x: np.fliplr(table(x))],
    "flipud": [lambda x: np.flipud(table(x))],
    "lib.stride_tricks.sliding_window_view": [
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3),
        lambda x: np.lib.stride_tricks.sliding_window_view(table(x), (2, 1), axis=(1, 0)),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(0, 0)),
    ],
    "rot90": [lambda x: np.rot90(table(x)), lambda x: np.rot90(table(x), -1)],
    "diagonal": [lambda x: np.diagonal(square(x), 1), lambda x: table(x).diagonal(-1)],
    "concatenate": [lambda x: np.concatenate([x, x[:2]]), lambda x: np.concatenate([table(x)] * 2, 1)],
    "stack": [lambda x: np.stack([x, 2 * x], 1), lambda x: np.stack([x[0], x[1]])],
    "hstack": [lambda x: np.hstack([x, x[:1]])],
    "vstack": [lambda x: np.vstack([x, x])],
    "dstack": [lambda x: np.dstack([x, x])],
    "column_stack": [lambda x: np.column_stack([x, x**2])],
    "block": [lambda x: np.block([[table(x), table(x)], [np.zeros((1, 6))]])],
    "append": [lambda x: np.append(x, [1.0, x[0]])],
    "insert": [lambda x: np.insert(x, 2, x[5] * 2), lambda x: np.insert(x, [1, 3], [x[0], 9.0])],
    "delete": [lambda x: np.delete(x, [0, 3])],
    "split": [lambda x: np.split(x, 3)],
    "array_split": [lambda x: np.array_split(x, 4)],
    "hsplit": [lambda x: np.hsplit(x, [2, 5])],
    "vsplit": [lambda x: np.vsplit(table(x), 2)],
    "dsplit": [lambda x: np.dsplit(x.reshape(1, 2, 3), [1])],
    "tile": [lambda x: np.tile(table(x), (2, 1, 2))],
    "repeat": [lambda x: np.repeat(x, 2), lambda x: np.repeat(table(x), [1, 3], axis=0)],
    "resize": [lambda x: np.resize(x, (2, 5))],
    "ix_": [lambda x: square(x)[np.ix_([0, 2], [1, 2])]],
    "row_stack": [lambda x: quietly(np.row_stack, [x, 2 * x])],
    "roll": [lambda x: np.roll(x, 2), lambda x: np.roll(table(x), (1, -1), axis=(0, 1))],
    "pad": [
        lambda x: np.pad(x, 2),
        lambda x: np.pad(table(x), ((1, 0), (2, 1)), constant_values=0.5),
        lambda x: np.pad(x, 2, mode="edge"),
        lambda x: np.pad(x, 2, mode="reflect"),
        lambda x: np.pad(x, (1, 2), mode="wrap"),
        lambda x: np.pad(x, 3, mode="symmetric"),
    ],
    "diag": [lambda x: np.diag(x), lambda x: np.diag(x, -1), lambda x: np.diag(square(x))],
    "tril": [lambda x: np.tril(square(x))],
    "triu": [lambda x: np.triu(square(x), 1)],
    "meshgrid": [lambda x: np.meshgrid(x[:2], x[2:]), lambda x: np.meshgrid(x, x, indexing="ij")],
    # Creating arrays.
    "zeros": [written(lambda x: np.zeros(3), lambda y, x: y.__setitem__(0, x[0]))],
    "empty": [written(lambda x: np.empty(6), lambda y, x: y.__setitem__(slice(None), x))],
    "ones": [written(lambda x: np.ones((2, 3)), lambda y, x: y.__setitem__(1, x[:3]))],
    "full": [lambda x: np.full((2, 2), x[0])],
    "full_like": [lambda x: np.full_like(x, x[0])],
    "empty_like": [written(lambda x: np.empty_like(x), lambda y, x: y.fill(x[1]))],
    "linspace": [lambda x: np.linspace(x[0], x[1] + 1, 7), lambda x: np.linspace(0, x[0], 4, False)],
    "logspace": [lambda x: np.logspace(x[0], 1.0, 5)],
    "geomspace": [lambda x: np.geomspace(x[0], 2.0, 5)],
    "arange": [lambda x: np.arange(x[0], x[0] + 2.1, 0.5)],
    # Reductions.
    "quantile": [
        lambda x: np.quantile(x, 0.3),
        lambda x: np.quantile(table(x), [0.2, 0.7], axis=1),
        lambda x: np.quantile(x, 0.3, method="lower") + np.quantile(x, 0.3, method="midpoint"),
    ],
    "percentile": [lambda x: np.percentile(x, [10, 45])],
    "nanquantile": [lambda x: np.nanquantile(np.where(x > 0.8, np.nan, x), 0.4)],
    "nanpercentile": [lambda x: np.nanpercentile(x, 40)],
    "cumulative_sum": [lambda x: np.cumulative_sum(x, include_initial=True)],
    "corrcoef": [lambda x: np.corrcoef(x[:3], x[3:])],
    "partition": [lambda x: np.sort(np.partition(x, 2)[:2])],
    "argpartition": [lambda x: np.sort(x[np.argpartition(x, 2)[:2]])],
    # Indexing and selecting.
    "take": [lambda x: np.take(x, [0, -1]), lambda x: x.take([7, -8], mode="wrap")],
    "take_along_axis": [lambda x: np.take_along_axis(table(x), np.argsort(table(x), 1), 1)],
    "put_along_axis": [
        written(table, lambda y, x: np.put_along_axis(y, np.array([[0], [2]]), x[:1] * 3, 1))
    ],
    "choose": [lambda x: np.choose([0, 1, 0, 1, 1, 0], [x, x**2])],
    "select": [lambda x: np.select([x < 0.3, x < 0.6], [x, x**2], 0.5)],
    "piecewise": [lambda x: np.piecewise(x, [x < 0.5, x >= 0.5], [lambda v: v**2, np.sqrt])],
    "extract": [lambda x: np.extract(x > 0.4, x)],
    "compress": [lambda x: np.compress([True, False, True], x)],
    "put": [written(np.copy, lambda y, x: np.put(y, [0, 5], [x[1] * 2, 1.0]))],
    "place": [written(np.copy, lambda y, x: np.place(y, x > 0.5, x[:2] * 2))],
    "putmask": [written(np.copy, lambda y, x: np.putmask(y, x > 0.5, x**2))],
    "copyto": [written(np.zeros_like, lambda y, x: np.copyto(y, x, where=x > 0.5))],
    "fill_diagonal": [written(square, lambda y, x: np.fill_diagonal(y, x[:3]))],
    "unravel_index": [lambda x: np.unravel_index(np.argmax(x), (2, 3))],
    "searchsorted": [lambda x: np.searchsorted(np.sort(x), [0.3, 0.6]), lambda x: np.sort(x).searchsorted(x, "right")],
    "digitize": [lambda x: np.digitize(x, [0.2, 0.5, 0.7])],
    "bincount": [lambda x: np.bincount([0, 1, 1, 3, 3, 0], weights=x)],
    "ndenumerate": [lambda x: sum(v * (i + j) for (i, j), v in np.ndenumerate(table(x)))],
    "vectorize": [
        lambda x: np.vectorize(lambda v, w: v * w if v > 0.5 else w)(x, 2.0),
        lambda x: np.vectorize(lambda v: (v, math.sin(v)))(table(x)),
    ],
    "apply_along_axis": [
        lambda x: np.apply_along_axis(np.sum, 0, table(x)),
        lambda x: np.apply_along_axis(lambda row: row[::-1] * row[0], 1, table(x)),
        lambda x: np.apply_along_axis(lambda column: np.outer(column, column), 0, table(x)),
    ],
    "unique": [
        lambda x: np.unique(np.concatenate([x, x[:2]])),
        lambda x: np.unique((3 * x).astype(int), True, True, True),
    ],
    "isin": [lambda x: np.isin(x, x[:2]), lambda x: np.isin((9 * x).astype(int), [1, 3], invert=True)],
    # Neighbors.
    "gradient": [
        lambda x: np.gradient(x),
        lambda x: np.gradient(x, np.cumsum(x), edge_order=2),
        lambda x: np.gradient(square(x), 0.5, axis=1, edge_order=2),
        lambda x: np.gradient(square(x))[0],
    ],
    "convolve": [
        lambda x: np.convolve(x, x[:3]),
        lambda x: np.convolve(x, [1, 2, 3], "same"),
        lambda x: np.convolve(x[:2], x, "valid"),
    ],
    "correlate": [
        lambda x: np.correlate(x, x[:3]),
        lambda x: np.correlate(x, [1, 2, 3], "full"),
        lambda x: np.correlate(x[:2], x, "same"),
    ],
    "interp": [
        lambda x: np.interp(x, [0.1, 0.4, 0.9], x[:3]),
        lambda x: np.interp([0.05, 0.5, 2.0], np.cumsum(x), x, left=x[0] * 2),
        lambda x: np.interp(3 * x, [0.1, 0.5, 0.7], [1.0, 2.0, 0.5], period=1.0),
    ],
    "polyval": [lambda x: np.polyval(x[:3], x[3:])],
    "polyfit": [lambda x: np.polyfit(np.arange(6.0), x, 2), lambda x: np.polyfit(x, x**2 + WEIGHTS, 1, w=WEIGHTS)],
    "polyder": [lambda x: np.polyder(x)],
    "polyint": [lambda x: np.polyint(x)],
    "polyadd": [lambda x: np.polyadd(x, x[:2])],
    "polysub": [lambda x: np.polysub(x[:2], x)],
    "polymul": [lambda x: np.polymul(x[:3], x[2:])],
    # Products.
    "matmul": [lambda x: table(x) @ square(x), lambda x: x @ x],
    "dot": [lambda x: np.dot(table(x), x[:3]), lambda x: x.dot(x)],
    "vdot": [lambda x: np.vdot(x, x[::-1])],
    "vecdot": [lambda x: np.vecdot(table(x), x[:3])],
    "matvec": [lambda x: np.matvec(square(x), x[:3])],
    "vecmat": [lambda x: np.vecmat(x[:3], square(x))],
    "inner": [lambda x: np.inner(table(x), table(x))],
    "outer": [lambda x: np.outer(x, x[:2])],
    "tensordot": [lambda x: np.tensordot(table(x), square(x), 1)],
    "einsum": [
        lambda x: np.einsum("...i,oij,...j->...o", table(x), np.ones((2, 3, 3)), table(x)),
        lambda x: np.einsum("ij,jk->ik", table(x), square(x)),
        lambda x: np.einsum("ii", square(x)),
        lambda x: np.einsum("ij,kj,k->i", square(x), table(x), x[:2], optimize=True),
        lambda x: np.einsum("...i,...i->...", table(x), table(x)),
        lambda x: np.einsum("bij,bjk->bik", square(x)[None], square(x)[None]),
        lambda x: np.einsum("i,j->ij", x, x),
        lambda x: np.einsum("ij->", table(x)),
    ],
    "kron": [lambda x: np.kron(table(x), x[:2])],
    "cross": [lambda x: np.cross(x[:3], x[3:])],
    "trace": [lambda x: np.trace(square(x)), lambda x: square(x).trace(1)],
    "linalg.norm": [
        lambda x: np.linalg.norm(x),
        lambda x: np.linalg.norm(table(x), axis=1),
        lambda x: np.linalg.norm(x, 3) + np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf),
        lambda x: np.linalg.norm(square(x), "nuc") + np.linalg.norm(square(x), 2),
        lambda x: np.linalg.norm(square(x), 1) + np.linalg.norm(square(x), -np.inf),
    ],
    "linalg.vector_norm": [lambda x: np.linalg.vector_norm(table(x), axis=0)],
    "linalg.matrix_norm": [lambda x: np.linalg.matrix_norm(square(x))],
    "linalg.solve": [lambda x: np.linalg.solve(square(x), x[:3])],
    "linalg.inv": [lambda x: np.linalg.inv(square(x))],
    "linalg.det": [lambda x: np.linalg.det(square(x))],
    "linalg.slogdet": [lambda x: tuple(np.linalg.slogdet(-square(x)))],
    "linalg.cholesky": [lambda x: np.linalg.cholesky(symmetric(x)), lambda x: np.linalg.cholesky(symmetric(x), upper=True)],
    "linalg.eigh": [lambda x: np.linalg.eigh(symmetric(x))[1] ** 2],
    "linalg.eigvalsh": [lambda x: np.linalg.eigvalsh(symmetric(x)), lambda x: np.linalg.eigvalsh(symmetric(x), "U")],
    "linalg.svd": [lambda x: np.linalg.svd(square(x))[0] ** 2, lambda x: np.linalg.svd(table(x), compute_uv=False)],
    "linalg.svdvals": [lambda x: np.linalg.svdvals(table(x))],
    "linalg.qr": [lambda x: tuple(np.linalg.qr(square(x))), lambda x: np.linalg.qr(table(x).T, "r")],
    "linalg.pinv": [lambda x: np.linalg.pinv(table(x))],
    "linalg.lstsq": [lambda x: np.linalg.lstsq(table(x).T, x[:3])[0], lambda x: np.linalg.lstsq(table(x).T, x[:3])[1]],
    "linalg.cond": [lambda x: np.linalg.cond(square(x)), lambda x: np.linalg.cond(square(x), 1)],
    "linalg.matrix_rank": [lambda x: np.linalg.matrix_rank(square(x))],
    "linalg.matrix_power": [lambda x: np.linalg.matrix_power(square(x), 5), lambda x: np.linalg.matrix_power(square(x), -2)],
    "linalg.multi_dot": [lambda x: np.linalg.multi_dot([table(x), square(x), table(x).T])],
    "linalg.matmul": [lambda x: np.linalg.matmul(table(x), square(x))],
    "linalg.outer": [lambda x: np.linalg.outer(x, x)],
    "linalg.cross": [lambda x: np.linalg.cross(x[:3], x[3:])],
    "linalg.tensordot": [lambda x: np.linalg.tensordot(table(x), square(x), axes=1)],
    "linalg.trace": [lambda x: np.linalg.trace(square(x))],
    "linalg.diagonal": [lambda x: np.linalg.diagonal(square(x))],
    "linalg.matrix_transpose": [lambda x: np.linalg.matrix_transpose(table(x))],
    "linalg.vecdot": [lambda x: np.linalg.vecdot(table(x), table(x))],
    "angle": [lambda x: np.angle(x + 1j * x[::-1])],
    "real_if_close": [lambda x: np.real_if_close(x), lambda x: np.real_if_close(np.exp(x + 0j)), lambda x: np.real_if_close(x + 1j * x).imag, lambda x: np.real_if_close(x + 1e-9j * x, 1e-7)],
    "common_type": [lambda x: x.astype(np.common_type(x, np.ones(1, np.float32)))],
    "imag": [lambda x: np.imag(x), lambda x: np.imag(x * 1j)],
    "fft.fft": [lambda x: np.abs(np.fft.fft(x))],
    "fft.ifft": [lambda x: np.fft.ifft(x + 1j).imag],
    "fft.rfft": [lambda x: np.fft.rfft(x).real],
    "fft.irfft": [lambda x: np.fft.irfft(x[:3] + 1j * x[3:])],
    "fft.fft2": [lambda x: np.abs(np.fft.fft2(table(x)))],
    "fft.ifft2": [lambda x: np.abs(np.fft.ifft2(table(x)))],
    "fft.rfft2": [lambda x: np.abs(np.fft.rfft2(table(x)))],
    "fft.irfft2": [lambda x: np.fft.irfft2(table(x) + 0j)],
    "fft.fftn": [lambda x: np.abs(np.fft.fftn(table(x)))],
    "fft.ifftn": [lambda x: np.abs(np.fft.ifftn(table(x)))],
    "fft.rfftn": [lambda x: np.abs(np.fft.rfftn(table(x)))],
    "fft.irfftn": [lambda x: np.fft.irfftn(table(x) + 0j)],
    "fft.fftshift": [lambda x: np.fft.fftshift(table(x))],
    "fft.ifftshift": [lambda x: np.fft.ifftshift(x)],
    # SciPy's.
    **{f"scipy.special.{name}": [special_case(name)] for name in special_names()},
    **{f"scipy.special.{name}": [getattr(sp, name)] for name in (
        "digamma", "exp2", "exp10", "expm1", "log1p", "cbrt", "psi", "factorial", "softplus",
    )},
    **{f"scipy.special.{name}": [lambda x, f=getattr(sp, name): f(1.5, x), lambda x, f=getattr(sp, name): f(0.5, x, 2)]
       for name in ("jvp", "yvp", "ivp", "kvp")},
    **{f"scipy.special.{name}": [lambda x, f=getattr(sp, name): parts(f(1.5, x, 1))] for name in ("h1vp", "h2vp")},
    **{f"scipy.special.{name}": [lambda x, f=getattr(sp, name): f(2, x), lambda x, f=getattr(sp, name): f(np.arange(6), x, True)]
       for name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn")},
    **{f"scipy.special.{name}": [lambda x, f=getattr(sp, name): parts(f(1.5, x))] for name in ("hankel1", "hankel2", "hankel1e", "hankel2e")},
    **{f"scipy.special.{name}": [lambda x, f=getattr(sp, name): f(2, x)] for name in ("kn", "yn")},
    "scipy.special.wofz": [lambda x: parts(sp.wofz(x + 0.3j)), lambda x: sp.wofz(x).imag],
    "scipy.special.lambertw": [lambda x: sp.lambertw(x).real, lambda x: parts(sp.lambertw(-x, [0, 1, 2, -2, -1, 0])), lambda x: parts(sp.lambertw(x + 1j))],
    "scipy.special.comb": [lambda x: sp.comb(x + 3, 2), lambda x: sp.comb(4, x), lambda x: sp.comb(x + 3, 2, repetition=True)],
    "scipy.special.perm": [lambda x: sp.perm(x + 3, 2)],
    "scipy.special.multigammaln": [lambda x: sp.multigammaln(x + 2, 3)],
    "scipy.special.diric": [lambda x: sp.diric(x, 5), lambda x: sp.diric(x - x[0], [3, 4, 1, 2, 6, 9])],
    "scipy.special.zeta": [lambda x: sp.zeta(2.0, x), lambda x: sp.zeta(x + 1.5), lambda x: sp.zeta(x + 1.5, 0.7)],
    "scipy.special.polygamma": [lambda x: sp.polygamma(2, x)],
    "scipy.special.legendre_p": [lambda x: sp.legendre_p(3, x)],
    "scipy.special.assoc_legendre_p": [lambda x: sp.assoc_legendre_p(3, 2, x)],
    "scipy.special.sph_legendre_p": [lambda x: sp.sph_legendre_p(3, -1, x)],
    "scipy.special.sph_harm_y": [lambda x: parts(sp.sph_harm_y(3, 2, x, x[0]))],
    "scipy.special.huber": [lambda x: sp.huber(0.5, x)],
    "scipy.integrate.solve_ivp": [
        lambda x: integrate.solve_ivp(lambda t, y: x[:2] * y - t, (0, 1), x[2:4], t_eval=[0.4, 1.0]).y,
        lambda x: integrate.solve_ivp(lambda t, y, a: -a * y, (0, 1), [1.0], args=(x[0],), rtol=1e-7, dense_output=True, method="DOP853").sol(x[:3]),
    ],
    "scipy.integrate.odeint": [lambda x: integrate.odeint(lambda y, t: -x[0] * y, x[1:3], [0.0, 0.02, 0.1], rtol=1e-13, atol=1e-13)],
    "scipy.integrate.quad": [
        lambda x: integrate.quad(lambda y: np.exp(-x[0] * y), x[1], 2.0)[0],
        lambda x: integrate.quad(lambda y, a: np.exp(-a * y * y), -np.inf, np.inf, args=(x[0],))[0],
    ],
    "scipy.integrate.dblquad": [lambda x: integrate.dblquad(lambda z, y: np.cos(x[0] * y) * z, 0.0, 1.0, x[1], lambda y: y + 1.0)[0]],
    "scipy.integrate.quad_vec": [lambda x: integrate.quad_vec(lambda y: np.sin(x * y), 0.0, x[0])[0]],
    "scipy.special.logsumexp": [
        lambda x: sp.logsumexp(x),
        lambda x: sp.logsumexp(table(x), axis=1, b=WEIGHTS.reshape(2, 3), keepdims=True),
    ],
    "scipy.special.softmax": [lambda x: sp.softmax(table(x), axis=0)],
    "scipy.special.log_softmax": [lambda x: sp.log_softmax(x)],
    **scipy_compositions.CASES,
    **{f"scipy.stats.{name}": [getattr(scipy.stats, name), lambda x, f=getattr(scipy.stats, name): f(table(x), axis=1)] for name in (
        "gmean", "hmean", "skew", "kurtosis", "sem", "gstd", "variation", "zscore", "gzscore", "entropy",
    )},
    "scipy.stats.pmean": [lambda x: scipy.stats.pmean(x, 1.5)],
    "scipy.stats.moment": [lambda x: scipy.stats.moment(x, 3)],
    "scipy.stats.zmap": [lambda x: scipy.stats.zmap(x, WEIGHTS)],
    "scipy.stats.pearsonr": [lambda x: scipy.stats.pearsonr(x, WEIGHTS).statistic],
    "scipy.stats.gaussian_kde": [lambda x: scipy.stats.gaussian_kde(x)(WEIGHTS)],
    # Python's.
    **{f"math.{name}": [lambda x, f=getattr(math, name): f(x[0])] for name in (
        "acos", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "cos", "cosh", "degrees", "erf",
        "erfc", "exp", "exp2", "expm1", "fabs", "floor", "gamma", "isfinite", "isinf", "isnan",
        "lgamma", "log", "log10", "log1p", "log2", "modf", "radians", "sin", "sinh", "sqrt", "tan",
        "tanh", "trunc",
    )},
    "cmath.exp": [lambda x: cmath.exp(1j * x[0]).real],
    "cmath.log": [lambda x: cmath.log(1j + x[0]).real],
    "cmath.log10": [lambda x: cmath.log10(1j + x[0]).imag],
    "cmath.sqrt": [lambda x: cmath.sqrt(1j + x[0]).imag],
    "cmath.sin": [lambda x: cmath.sin(1j + x[0]).imag],
    "cmath.cos": [lambda x: cmath.cos(1j + x[0]).imag],
    "cmath.tan": [lambda x: cmath.tan(1j + x[0]).imag],
    "cmath.sinh": [lambda x: cmath.sinh(1j + x[0]).imag],
    "cmath.cosh": [lambda x: cmath.cosh(1j + x[0]).imag],
    "cmath.tanh": [lambda x: cmath.tanh(1j + x[0]).imag],
    "cmath.phase": [lambda x: cmath.phase(1j + x[0])],
    "cmath.polar": [lambda x: cmath.polar(1j + x[0])],
    "cmath.rect": [lambda x: cmath.rect(x[0], x[1]).imag],
    "math.acosh": [lambda x: math.acosh(x[0] + 1)],
    "math.atan2": [lambda x: math.atan2(x[0], x[1])],
    "math.copysign": [lambda x: math.copysign(x[0], -x[1])],
    "math.fmod": [lambda x: math.fmod(x[0], 0.3)],
    "math.pow": [lambda x: math.pow(x[0], x[1])],
    "math.hypot": [lambda x: math.hypot(x[0], x[1], x[2])],
    "math.dist": [lambda x: math.dist(x[:3], x[3:])],
    "math.fsum": [lambda x: math.fsum([x[0], x[1]])],
    "math.prod": [lambda x: math.prod(list(x))],
    "math.isclose": [lambda x: math.isclose(x[0], 0.42)],
    "math.remainder": [lambda x: math.remainder(x[0], 0.3)],
    "math.frexp": [lambda x: math.frexp(9 * x[0])],
    "math.ldexp": [lambda x: math.ldexp(x[0], 3)],
    "math.nextafter": [lambda x: math.nextafter(x[0], 1.0)],
    "math.ulp": [lambda x: math.ulp(x[0])],
    "max": [lambda x: max(x), lambda x: max(x[0], 0.2, x[1])],
    "min": [lambda x: min(x[0], x[1])],
}  # fmt: skip
