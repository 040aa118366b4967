"""Which functions of NumPy, SciPy and Python can be recorded, and what their slopes are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.ops import TABLE, Row, Zero
from steepest.ops.machine_code import HOST
from steepest.show.tables import as_html
from steepest.trace.arrays.registries import FUNCTIONS, SPECIAL_COMPLEX, SPECIAL_UFUNCS
from steepest.trace.following.namespaces import SEEN, SEEN_BY_NAME
from steepest.trace.following.stand_ins import load_scipy

_FLAT_COMPOSITIONS = frozenset(
    """
    allclose argwhere around array_equal array_equiv count_nonzero digitize fix flatnonzero
    heaviside isclose iscomplexobj isin isneginf isposinf isreal isrealobj isscalar
    linalg.matrix_rank math.ceil math.floor math.isclose math.isfinite math.isinf math.isnan
    math.trunc math.ulp nanargmax nanargmin ndim nonzero ones_like result_type round searchsorted
    shape size spacing unravel_index zeros_like
    """.split()  # noqa: SIM905
)
"""Compositions whose slope is 0 everywhere: their results are steps, truth values or integers.

For an op, its row says so.
"""


@dataclass(frozen=True)
class CoverageRow:
    """One function.

    Attributes
    ----------
    name
        As it is written after ``np.``, or with its module.
    slopes
        "any order", or "0" where the function has steps only.
    native
        "machine code", or "calls NumPy" where compiled code calls back.
    kind
        "op" where it is one row of the op table, "composition" where it is several.
    """

    name: str
    slopes: str
    native: str
    kind: str


class Coverage(list[CoverageRow]):
    """Rows, one for each function; a notebook shows them as a table."""

    def __repr__(self) -> str:
        return f"Coverage({len(self)} functions)"

    def _repr_html_(self) -> str:
        heads = ["function", "slopes", "engine native", "made of"]
        return as_html([heads, *[[r.name, r.slopes, r.native, r.kind] for r in self]])


def _name(function: Any) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    name = getattr(function, "__name__", "")
    if module in ("numpy", "builtins") or isinstance(function, np.ufunc):
        return name
    return f"{module.removeprefix('numpy.')}.{name}" if module != "numpy" else name


def _described(name: str, row: Row | None) -> CoverageRow:
    called = row is not None and row.lower is HOST
    is_flat = isinstance(row.derivative, Zero) if row else name in _FLAT_COMPOSITIONS
    return CoverageRow(
        name,
        "0" if is_flat else "any order",
        "calls NumPy" if called else "machine code",
        "op" if row else "composition",
    )


def _special_row(name: str) -> Row | None:
    """Return the row of a special function, or of its first result or part."""
    name = {"digamma": "psi", "kn": "kv", "yn": "yv"}.get(name, name)
    return TABLE.get(name) or TABLE.get(f"{name}[0]") or TABLE.get(f"{name}.real")


def rows() -> Coverage:
    """Return a row for every function that can be recorded, in alphabetical order."""
    found: dict[str, Row | None] = {
        name: row for name, row in TABLE.items() if isinstance(getattr(np, name, None), np.ufunc)
    }
    for function in FUNCTIONS:
        name = _name(function)
        found.setdefault(name, TABLE.get(name.rpartition(".")[2]))
    load_scipy()
    special = importlib.import_module("scipy.special")  # whose versions differ in what they have
    for name in SPECIAL_UFUNCS.keys() | SPECIAL_COMPLEX.keys():
        if hasattr(special, name):
            found[f"scipy.special.{name}"] = _special_row(name)
    for name in SEEN_BY_NAME:
        is_special = name.startswith("scipy.special.")
        found[name] = _special_row(name.rpartition(".")[2]) if is_special else None
    refused = {"nditer", "errstate", "seterr", "simplefilter", "filterwarnings", "catch_warnings"}
    seen = {
        _name(function).removeprefix("warnings."): None for function in SEEN if callable(function)
    }
    found.update({name: row for name, row in seen.items() if name not in refused})
    return Coverage(_described(name, found[name]) for name in sorted(found))
