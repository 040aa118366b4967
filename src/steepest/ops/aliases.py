"""Names for the values that rules of rows compute with.

Rules are written once for several kinds of value, and no row imports a backend. So these are
names for readers, which a type checker takes for anything.
"""

from __future__ import annotations

from typing import Any

Array = Any
"""A NumPy array or a traced array. Rules use only NumPy's functions and operators on it."""

Builder = Any
"""The builder of machine code, :class:`steepest.engines.native.codegen.builder.Builder`."""

Element = Any
"""One number, or one truth value, in machine code: what the builder's methods take and return."""

Torch = Any
"""The module `torch`, which the engine hands to a row."""

Tensor = Any
"""A torch tensor."""
