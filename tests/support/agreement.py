"""Checks that a traced function does what the plain one does: values, errors, side effects."""

import copy
import warnings

import numpy as np
import optree

from steepest.derivative.function import Function, interpret
from steepest.errors import RefusalError, SteepestError

RTOL = {2: 1e-3, 4: 1e-6, 8: 1e-12}
"""Tolerances by the bytes of a float."""

answered, refused = [], []
"""Cases of the running test that NumPy computes: those computed here too, and those refused."""


def computed(function, args, kwargs=None):
    """Return the value of a call or its error."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **(kwargs or {}))
        except Exception as error:
            return error


def outcome(function, args):
    """Return the value of a call and the arguments after it, or its error."""
    args = copy.deepcopy(args)
    result = computed(function, args)
    return result if isinstance(result, Exception) else (result, args)


def recorded(function):
    return Function(lambda *args: function(*args), interpret, writes=True)


def described(function):
    """Return a function that also says which of its results are arrays.

    A traced function returns arrays without axes as numbers, and no complex numbers: these are
    described by their parts.
    """
    return lambda *args, **kwargs: _description(function(*args, **kwargs))


def _description(value):
    if isinstance(value, tuple | list):
        return [_description(part) for part in value]
    if np.iscomplexobj(value):
        return {"real": np.real(value) * 1, "imag": np.imag(value) * 1}
    if isinstance(value, np.dtype):
        return [value.num, value.itemsize]
    return [value, isinstance(value, np.ndarray)]


def filled(function):
    """Return a function that fills with zeros what ``np.empty`` leaves uninitialized."""
    if "empty" not in getattr(function, "__name__", ""):
        return function

    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        if isinstance(result, np.ndarray):
            result[...] = 0
        return result

    return call


def assert_agrees(function, *args):
    """Assert that a traced function does what the plain one does; return whether it is refused."""
    function = described(function)
    return assert_same_outcome(outcome(recorded(function), args), outcome(function, args), args)


def assert_same_outcome(found, wanted, what):
    """Assert that two values or errors are the same; return whether the first is a refusal."""
    if not isinstance(wanted, Exception):
        (refused if isinstance(found, RefusalError) else answered).append(what)
    if isinstance(found, RefusalError):
        return True
    if isinstance(wanted, Exception):
        kinds = _built_in(type(wanted)) if isinstance(found, SteepestError) else type(wanted)
        assert isinstance(found, kinds), (what, found, wanted)
    else:
        assert not isinstance(found, Exception), (what, found, wanted)
        assert_same(found, wanted, what)
    return False


def _built_in(kind):
    """Return the built-in exceptions that a class is, or derives from."""
    if kind.__module__ == "builtins":
        return (kind,)
    return tuple(built_in for base in kind.__bases__ for built_in in _built_in(base))


def assert_same(found, wanted, what):
    """Assert that nested values are the same: of one dtype and shape, equal up to rounding."""
    if isinstance(wanted, tuple | list):
        assert len(found) == len(wanted), (what, found, wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other, what)
    elif isinstance(wanted, dict):
        scale = max(map(largest, wanted.values()))
        for part, value in wanted.items():
            assert_same_array(found[part], value, what, scale)
    elif wanted is not None and wanted is not NotImplemented:
        assert_same_array(found, wanted, what, largest(wanted))


def largest(value):
    """Return the largest finite magnitude of floats."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return 0.0
    return np.max(np.abs(array), initial=0.0, where=np.isfinite(array))


def assert_same_array(found, wanted, what, scale):
    """Assert that arrays are equal up to rounding relative to a scale, signs of zeros included."""
    one, other = np.asarray(found), np.asarray(wanted)
    assert (one.dtype, one.shape) == (other.dtype, other.shape), (what, found, wanted)
    if other.dtype.kind != "f":
        assert np.array_equal(one, other), (what, found, wanted)
        return
    rtol = RTOL[other.itemsize]
    np.testing.assert_allclose(
        one, other, rtol=rtol, atol=rtol * max(scale, rtol), err_msg=str(what)
    )
    zeros = (one == 0) & (other == 0)
    signs = np.signbit(one[zeros]), np.signbit(other[zeros])
    assert np.array_equal(*signs), ("sign of zero", what, found, wanted)


def recorded_call(function, args, kwargs):
    """Return the value of a recorded call, or its error."""
    leaves, structure = optree.tree_flatten((args, kwargs), none_is_leaf=True)
    places = [
        i for i, leaf in enumerate(leaves)
        if isinstance(leaf, np.ndarray | np.floating) and leaf.dtype.kind == "f"
    ]  # fmt: skip

    def call(*arrays):
        given = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            given[place] = array
        new_args, new_kwargs = optree.tree_unflatten(structure, given)
        return function(*new_args, **new_kwargs)

    return computed(recorded(call), copy.deepcopy([leaves[i] for i in places]))


def assert_call_agrees(function, args, kwargs, what):
    """Assert that a recorded call does what the plain one does."""
    function = described(function)
    wanted = computed(function, *copy.deepcopy((args, kwargs)))
    found = recorded_call(function, args, kwargs)
    assert_same_outcome(found, wanted, what)
