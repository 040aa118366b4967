"""Which results share memory with which arguments, and writes to them, as in NumPy."""

import inspect

import numpy as np
import optree
import pytest

from steepest.errors import RefusalError
from tests.cases.calls import CALLS, REDUCERS
from tests.support.agreement import assert_agrees, assert_call_agrees, recorded


def arrays_of(value):
    return [leaf for leaf in optree.tree_leaves(value) if isinstance(leaf, np.ndarray)]


def as_it_is(array):
    return array, array


def in_fortran_order(array):
    base = array.T.copy()
    return base, base.T


def strided(array):
    base = np.repeat(array, 2, axis=-1)
    return base, base[..., ::2]


def reversed_view(array):
    base = array[::-1].copy()
    return base, base[::-1]


LAYOUTS = [as_it_is, in_fortran_order, strided, reversed_view]


def placed(arguments, layout):
    """Return arguments whose arrays lie in memory otherwise, and what they are views of."""
    pairs = [
        layout(leaf)
        if isinstance(leaf, np.ndarray) and leaf.ndim and leaf.dtype == float
        else leaf
        for leaf in optree.tree_leaves(arguments)
    ]
    bases = [pair[0] for pair in pairs if isinstance(pair, tuple)]
    leaves = [pair[1] if isinstance(pair, tuple) else pair for pair in pairs]
    return bases, optree.tree_unflatten(optree.tree_structure(arguments), leaves)


def writing_to_result(function, layout, which):
    def program(*arguments):
        bases, given = placed(arguments, layout)
        results = arrays_of(function(*given))
        if results:
            results[which][...] = results[which] * 0 + 1
        return [base * 1 for base in bases], [result * 1 for result in results]

    return program


def writing_to_arguments(function, layout, which):
    def program(*arguments):
        bases, given = placed(arguments, layout)
        results = arrays_of(function(*given))
        for base in bases:
            base[...] = which + 2.5
        return [result * 1 for result in results]

    return program


def check_all(function, arguments):
    for layout in LAYOUTS:
        for which in (0, -1):
            assert_call_agrees(
                writing_to_result(function, layout, which), arguments, {}, (layout, arguments)
            )
        assert_call_agrees(
            writing_to_arguments(function, layout, 0), arguments, {}, (layout, arguments)
        )


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_results_share_memory_as_numpys(function):
    if "empty" in function.__name__:
        pytest.skip("NumPy leaves its values open")
    args, kwargs = CALLS[function]
    check_all(lambda *arguments: function(*arguments, **kwargs), args)


SHARING = {
    np.array: [
        {"copy": None},
        {"copy": False},
        {"copy": None, "ndmin": 3},
        {"order": "F", "copy": None},
    ],
    np.asarray: [{"copy": True}, {"dtype": float}, {"order": "F"}, {"order": "C"}, {"dtype": int}],
    np.reshape: [{"copy": True}, {"copy": False}, {"order": "F"}, {"order": "A"}],
    np.ravel: [{"order": order} for order in "CFAK"],
    np.copy: [{"order": order} for order in "CFAK"],
    np.nan_to_num: [{"copy": False}],
    np.astype: [{"copy": False}],
    np.meshgrid: [
        {"copy": False},
        {"copy": False, "sparse": True},
        {"copy": False, "indexing": "ij"},
    ],
    np.take: [{"axis": 0}, {"axis": 1}],
    np.roll: [{"axis": 0}],
    np.diagonal: [{"offset": 1}],
    np.squeeze: [{"axis": None}],
    np.rot90: [{"k": k} for k in (0, 1, 2, 3)],
    np.flip: [{"axis": 0}, {"axis": ()}],
    np.expand_dims: [{"axis": 0}],
    np.broadcast_to: [{"shape": (2, 3)}, {"shape": (4, 2, 3)}],
    np.atleast_3d: [{}],
    np.ascontiguousarray: [{}],
    np.fft.fftshift: [{}],
    np.linalg.matrix_power: [{"n": 1}],
}
MATRIX = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


@pytest.mark.parametrize("function", SHARING, ids=lambda f: f.__name__)
def test_arguments_that_decide_what_is_shared(function):
    for options in SHARING[function]:
        extra = (1,) if function is np.roll else (float,) if function is np.astype else ()
        extra = ([1, 0],) if function is np.take else extra
        if function is np.meshgrid:
            arguments = (MATRIX[0].copy(), MATRIX[1].copy())
        else:
            size = 2 if function is np.linalg.matrix_power else 3
            arguments = (MATRIX[:, :size].copy(), *extra)
        check_all(lambda *x, options=options: function(*x, **options), arguments)
        if function not in (np.meshgrid, np.diagonal, np.linalg.matrix_power, np.atleast_3d):
            one = (np.array([0.5]), *(extra if function is not np.take else ([0],)))
            few = {k: v for k, v in options.items() if k not in ("shape", "axis", "k")}
            required = {"shape": (1,)} if function is np.broadcast_to else {}
            if function not in (np.rot90, np.expand_dims):
                check_all(lambda *x, few=few | required: function(*x, **few), one)


SIMPLE = {
    "x": lambda x: x,
    "+x": lambda x: +x,
    "x.T": lambda x: x.T,
    "x.mT": lambda x: x.mT,
    "x.real": lambda x: x.real,
    "x.imag": lambda x: x.imag,
    "x.conj()": lambda x: x.conj(),
    "x.conjugate()": lambda x: x.conjugate(),
    "np.real": np.real,
    "np.conj": np.conj,
    "x.view()": lambda x: x.view(),
    "x[...]": lambda x: x[...],
    "x[:]": lambda x: x[:],
    "x[()]": lambda x: x[()],
    "x[0]": lambda x: x[0],
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "x[x > 0]": lambda x: x[x > 0],
    "x[:, None]": lambda x: x[:, None],
    "x.flat[:]": lambda x: x.flat[:],
    "x.flat[1:3]": lambda x: x.flat[1:3],
    "x.flatten()": lambda x: x.flatten(),
    "x.flatten('K')": lambda x: x.flatten("K"),
    "x.ravel('K')": lambda x: x.ravel("K"),
    "x.reshape(-1)": lambda x: x.reshape(-1),
    "x.reshape(3, -1)": lambda x: x.reshape(3, -1),
    "x.reshape(order='F')": lambda x: x.reshape(-1, order="F"),
    "x.reshape(order='A')": lambda x: x.reshape(-1, order="A"),
    "x.squeeze()": lambda x: x.squeeze(),
    "x.clip()": lambda x: x.clip(),
    "x.copy()": lambda x: x.copy(),
    "x.copy('F')": lambda x: x.copy("F"),
    "x.astype(float)": lambda x: x.astype(float),
    "x.astype(copy=False)": lambda x: x.astype(float, copy=False),
    "x.take": lambda x: x.take(1, axis=0),
    "x.compress": lambda x: x.compress([True, True], axis=0),
    "x.diagonal": lambda x: x.diagonal(),
    "x.swapaxes": lambda x: x.swapaxes(0, 1),
    "x.transpose": lambda x: x.transpose(1, 0),
    "x.round()": lambda x: x.round(),
    "x.sum(())": lambda x: x.sum(()),
    "list": list,
    "tuple": tuple,
    "x.repeat": lambda x: x.repeat(1),
    "np.block": lambda x: np.block(x),
    "np.block2": lambda x: np.block([x]),
    "np.concatenate": lambda x: np.concatenate([x]),
    "np.stack": lambda x: np.stack([x]),
    "np.clip": lambda x: np.clip(x, None, None),
    "np.max(())": lambda x: np.max(x, axis=()),
    "np.tile": lambda x: np.tile(x, 1),
    "np.pad": lambda x: np.pad(x, 0),
    "np.roll": lambda x: np.roll(x, 0),
    "np.append": lambda x: np.append(x, np.zeros((0, 3)), axis=0),
    "np.resize": lambda x: np.resize(x, (2, 3)),
    "np.trim_zeros": lambda x: np.trim_zeros(x[0]),
    "np.split": lambda x: np.split(x, 2),
    "np.hsplit": lambda x: np.hsplit(x, 3),
    "np.unstack": np.unstack,
    "np.delete": lambda x: np.delete(x, [], 0),
    "np.broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0]),
    "np.nan_to_num": lambda x: np.nan_to_num(x),
    "np.diag": lambda x: np.diag(x),
    "np.moveaxis": lambda x: np.moveaxis(x, 0, 0),
    "np.triu": np.triu,
    "np.where": lambda x: np.where(True, x, 0),
    "np.einsum": lambda x: np.einsum("ij->ji", x),
    "np.einsum same": lambda x: np.einsum("ij", x),
    "np.einsum diagonal": lambda x: np.einsum("ii->i", x[:, :2]),
    "np.positive": np.positive,
    "np.unwrap": np.unwrap,
    "np.sort": np.sort,
    "np.partition": lambda x: np.partition(x, 0),
    "np.dot": lambda x: np.dot(x, 1.0),
    "np.fft.ifftshift": lambda x: np.fft.ifftshift(x),
    "np.polyder": lambda x: np.polyder(x[0], 0),
    "np.polyint": lambda x: np.polyint(x[0], 0),
    "np.diff": lambda x: np.diff(x, 0),
    "np.cov": np.cov,
    "np.interp": lambda x: np.interp(x[0], x[0], x[1]),
    "np.select": lambda x: np.select([x > 0], [x]),
    "np.piecewise": lambda x: np.piecewise(x, [x > 0], [lambda v: v]),
    "np.extract": lambda x: np.extract(x > 0, x),
    "max": lambda x: max(x[0], x[1], key=lambda row: row[0]),
    "np.asanyarray": np.asanyarray,
    "x - 0": lambda x: x - 0,
    "x ** 1": lambda x: x**1,
    "x[::-1]": lambda x: x[::-1],
    "elementwise": lambda x: (x * 2).ravel("K"),
    "elementwise A": lambda x: (x * 2).reshape(-1, order="A"),
    "zeros_like": lambda x: np.zeros_like(x).reshape(-1),
    "copy K": lambda x: np.copy(x).ravel("K"),
    "flatten A": lambda x: x.flatten("A"),
    "T.ravel": lambda x: x.T.ravel("A"),
    "T.flatten": lambda x: x.T.flatten("K"),
}


REFUSED = {
    "np.require": lambda x: np.require(x),
    "broadcast copy": lambda x: np.copy(np.broadcast_to(x[0], (4, 3))).ravel("K"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_to_share_memory_is_refused(name):
    with pytest.raises(RefusalError):
        recorded(REFUSED[name])(MATRIX)


@pytest.mark.parametrize("name", SIMPLE)
def test_expressions_share_memory_as_numpys(name):
    check_all(SIMPLE[name], (MATRIX.copy(),))


def test_changes_are_seen_through_chains_of_views():
    def program(x):
        rows = x.reshape(3, 2)
        rows.T[0] += 1
        x.ravel()[1:3] *= 2
        np.squeeze(rows[None])[2, 1] = -1
        return x, rows, x.T

    assert not assert_agrees(program, MATRIX)


def test_every_method_is_tried():
    for name in REDUCERS:
        signature = inspect.signature(getattr(np, name))
        required = [p for p in list(signature.parameters.values())[1:] if p.default is p.empty]
        if not required:
            check_all(lambda x, name=name: getattr(x, name)(), (MATRIX.copy(),))
