"""Does a traced function do what the plain one does: values, dtypes, errors, arguments after?"""

import copy
import warnings

import numpy as np

from steepest.derivative.function import Function, interpret
from steepest.errors import RefusalError, SteepestError


def outcome(function, args):
    """Return what a call returns, and what it leaves of its arguments; or its error."""
    args = copy.deepcopy(args)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args), args
        except Exception as error:
            return error


def assert_agrees(function, *args):
    wanted, found = outcome(function, args), outcome(recorded(function), args)
    if isinstance(found, RefusalError):
        return
    if isinstance(wanted, Exception):
        assert isinstance(found, SteepestError | type(wanted)), (args, found, wanted)
        return
    assert not isinstance(found, Exception), (args, found, wanted)
    assert_same(found, wanted, args)


def recorded(function):
    return Function(lambda *args: function(*args), interpret, writes=True)


def assert_same(found, wanted, args):
    if isinstance(wanted, tuple | list):
        assert len(found) == len(wanted), (args, found, wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other, args)
        return
    if wanted is None or wanted is NotImplemented:
        return
    one, other = np.asarray(found), np.asarray(wanted)
    assert (one.dtype, one.shape) == (other.dtype, other.shape), (args, found, wanted)
    np.testing.assert_allclose(one, other, rtol=1e-6, err_msg=str(args))
