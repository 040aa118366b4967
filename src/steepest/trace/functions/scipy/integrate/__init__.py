"""``scipy.integrate``: differential equations and integrals."""

from steepest.trace.following.namespaces import CALLERS, SEEN_BY_NAME
from steepest.trace.functions.scipy.integrate.solve_ivp import solve_ivp

SEEN_BY_NAME["scipy.integrate.solve_ivp"] = solve_ivp
CALLERS.add("scipy.integrate.solve_ivp")
