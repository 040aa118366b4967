"""Tells libraries' code, which is not followed and does not change, from the user's."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np

from steepest.graph import source

LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy", "uarray", "steepest", "builtins"}
"""Top-level packages whose functions are never followed."""


CALLED_AS_THEY_ARE = frozenset((
    "pandas", "xarray", "torch", "tensorflow", "jax", "cupy", "polars", "pyarrow", "matplotlib",
    "sklearn", "sympy", "mpmath", "requests", "IPython", "optree",
))  # fmt: skip
"""Installed packages whose functions are not followed: their arrays are not NumPy's, or they pass
values on in compiled code."""


def is_called_as_it_is(function: types.FunctionType) -> bool:
    """Whether a function is of an installed package that is not followed."""
    top = (function.__module__ or "").partition(".")[0]
    return top in CALLED_AS_THEY_ARE and source.is_installed(function.__code__.co_filename)


_IN_PYTHON = "numpy.polynomial"
"""The library that is followed: its code is of NumPy's functions alone."""


def is_followed(value: Any) -> bool:
    """Whether a value is of a library's code that is followed like the user's."""
    named = value if isinstance(value, type | types.FunctionType) else type(value)
    module = value.__name__ if isinstance(value, types.ModuleType) else named.__module__
    return (module or "").startswith(_IN_PYTHON)


def is_library(value: Any) -> bool:
    """Whether a value is a module, class or function that no user changes."""
    if is_followed(value):
        return False
    if isinstance(value, types.ModuleType):
        name = value.__name__
        if source.is_installed(getattr(value, "__file__", None) or ""):
            return True
    elif isinstance(value, types.FunctionType) and not _is_library_file(value.__code__):
        return False  # whatever it gives as its module
    elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | np.ufunc):
        name = getattr(value, "__module__", None) or "builtins"
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if isinstance(value, type) and source.is_installed(file):
            return True
    else:
        # Transformed functions (st.gradient(f)), NumPy's dispatching functions, and scipy.fft's.
        name = type(value).__module__
        if name != "steepest" and not name.startswith(("steepest.", "numpy", "uarray")):
            return False
        if isinstance(value, np.ndarray):
            return False
    return name.partition(".")[0] in LIBRARIES and not name.startswith("steepest.lesson")


def _is_library_file(code: types.CodeType) -> bool:
    return source.is_library(code.co_filename) or source.is_installed(code.co_filename)
