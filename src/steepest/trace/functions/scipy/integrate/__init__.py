"""``scipy.integrate``: differential equations and integrals."""

from steepest.trace.functions.scipy.integrate import (
    arguments,
    collecting,
    initial_value,
    kronrod,
    odeint,
    quad,
    quadrature,
    right_side,
    solve_ivp,
)

__all__ = [
    "arguments",
    "collecting",
    "initial_value",
    "kronrod",
    "odeint",
    "quad",
    "quadrature",
    "right_side",
    "solve_ivp",
]
