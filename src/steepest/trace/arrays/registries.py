"""Registries of what can be recorded; the modules that implement it fill them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""NumPy's functions that can be recorded; ``trace.functions`` fills it."""

METHODS: dict[str, Callable[..., Any]] = {}
"""ndarray's methods that can be recorded; ``trace.functions`` fills it."""

CALLS: dict[str, Callable[..., Any]] = {}
"""Functions that the modules below need from those above: calls of methods and
implementations (``arrays.dispatch``, ``arrays.implementations``), and the type that traced code
sees (``following.namespaces``)."""

PROPERTIES: dict[str, Callable[..., Any]] = {}
"""ndarray's attributes that are computed; ``trace.functions`` fills it."""

UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
"""Methods of ufuncs (``np.add.reduce``) that can be recorded; ``trace.functions`` fills it."""


COMPLEX: dict[str, Callable[..., Any]] = {}
"""Functions for complex numbers; ``arrays.complex`` fills it."""

NUMBERS: dict[str, Callable[..., Any]] = {}
"""Python's operators of Python's own numbers; ``arrays.numbers`` fills it."""

ELEMENTWISE: set[Callable[..., Any]] = set()
"""Calls of the user's that record an elementwise op, and treat plain numbers as arrays."""

IN_PLACE: set[Callable[..., Any]] = set()
"""Calls of the user's that change their first operand and return it."""

SPECIAL_COMPLEX: dict[str, Callable[..., Any]] = {}
"""SciPy's ufuncs of complex numbers, by name; ``trace.functions`` fills it."""

SPECIAL_UFUNCS: dict[str, Callable[..., Any]] = {}
"""SciPy's ufuncs that can be recorded, by name; ``trace.functions`` fills it."""
