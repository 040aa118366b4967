"""Functions of complex numbers, each as two rows: its real part and its imaginary part."""

from __future__ import annotations

from steepest.ops.elementwise.special.complex import functions, gamma, voigt
from steepest.ops.row import Row

COMPLEX = functions.COMPLEX | gamma.COMPLEX
"""SciPy's ufuncs of complex numbers, by name; the number is the last operand."""

ROWS: tuple[Row, ...] = (
    *voigt.ROWS,
    *dict.fromkeys(
        part.row
        for function in (*COMPLEX.values(), functions.lambertw)
        for part in (function.real, function.imag)
    ),
)
