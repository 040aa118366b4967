"""What traced arrays can do: each family of functions registers itself in one of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""NumPy's functions that can be recorded; ``trace.functions`` fills it."""

METHODS: dict[str, Callable[..., Any]] = {}
"""ndarray's methods that can be recorded; ``trace.functions`` fills it."""

CALLS: dict[str, Callable[..., Any]] = {}
"""How what records a method is called; ``arrays.dispatch`` fills it."""

PROPERTIES: dict[str, Callable[..., Any]] = {}
"""ndarray's attributes that are computed; ``trace.functions`` fills it."""

UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
"""Methods of ufuncs (``np.add.reduce``) that can be recorded; ``trace.functions`` fills it."""


COMPLEX: dict[str, Callable[..., Any]] = {}
"""What is done with complex numbers; ``arrays.complex`` fills it."""

NUMBERS: dict[str, Callable[..., Any]] = {}
"""What Python's operators do with Python's own numbers; ``arrays.numbers`` fills it."""

SPECIAL_UFUNCS: dict[str, Callable[..., Any]] = {}
"""SciPy's ufuncs that can be recorded, by name; ``trace.functions`` fills it."""
