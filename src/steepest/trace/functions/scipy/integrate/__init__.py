"""``scipy.integrate``: differential equations and integrals."""

from steepest.trace.following.namespaces import CALLERS, SEEN_BY_NAME
from steepest.trace.functions.scipy.integrate.odeint import odeint
from steepest.trace.functions.scipy.integrate.quad import dblquad, quad, quad_vec
from steepest.trace.functions.scipy.integrate.solve_ivp import solve_ivp

for _function in (dblquad, odeint, quad, quad_vec, solve_ivp):
    _name = f"scipy.integrate.{_function.__name__}"
    SEEN_BY_NAME[_name] = _function
    CALLERS.add(_name)
