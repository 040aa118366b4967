"""Suggestions for arguments that an entry point does not have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from steepest.descent.settings import SYNONYMS, shown
from steepest.errors import SettingError

_STEP = "method=st.GradientDescent(step_size={value})? A step size belongs to the method"
_ROWS = "batches=st.Batches(size={value})?"
_LIMIT = "stop=st.MaxIterations({value})? Add a goal to stop at, with |"
_SLOPES = "to leave it out? Slopes are found exactly, without it"

_MEANT = {
    ("step_size", *SYNONYMS["step_size"]): _STEP,
    ("momentum", "beta", "betas", "beta1", "beta2", "weight_decay", "eps", "epsilon"): (
        "method=st.Adam(...) or st.Momentum(...)? Settings of a method belong to it"
    ),
    SYNONYMS["size"]: _ROWS,
    ("epochs", *SYNONYMS["epochs"]): ("batches=st.Batches(size=..., epochs={value})?"),
    ("shuffle", "seed", *SYNONYMS["seed"]): (
        "batches=st.Batches(size=..., {name}={value})? Nothing else is random"
    ),
    (
        *("maxiter", "max_iter", "maxiters", "max_iters", "maxit", "max_iterations", "n_iter"),
        *("niter", "n_iterations", "num_iterations", "iterations", "steps", "n_steps"),
        *("num_steps", "max_steps", "iters", "maxfun", "max_evaluations"),
    ): _LIMIT,
    ("gtol", "ftol", "xtol"): "options={{'{name}': {value}}}?",
    ("tolerance", "atol", "rtol", "grad_tol", "gradient_tolerance", "tol_grad"): (
        "stop=st.GradientNormBelow({value}) | st.MaxIterations(10_000)?"
    ),
    ("optimizer", "optimiser", "solver", "algorithm", "algo"): "method={value}?",
    ("device", "backend"): "engine='native', 'numpy', 'torch' or an engine of st.engines?",
    ("dtype", "precision"): "compute_dtype? Parameters keep the dtype of the start values",
    ("lower", "upper", "lb", "ub", "lower_bounds", "upper_bounds"): "bounds=?",
    ("weights", "w", "weight"): "sigma=? It is one over the square roots of weights",
    ("history", "return_all", "retall", "allvecs", "trajectory"): (
        "record='all'? Then run.history.x has every point"
    ),
    ("grad", "gradient", "fprime", "Dfun", "derivative", "jacobian", "hessian"): _SLOPES,
    ("verbosity", "show_progress", "display", "print_every", "log"): (
        "progress=True, or verbose=1 or 2?"
    ),
    ("start", "init", "initial", "guess", "initial_guess", "x_init", "init_params", "params"): (
        "{start}? It is where a descent starts"
    ),
}

_BY_NAME = {name: advice for names, advice in _MEANT.items() for name in names}


def unknown(function: str, name: str, value: Any, known: Sequence[str]) -> SettingError:
    """Return the error for an unknown argument of a public function.

    Parameters
    ----------
    function, name, value
        The function and the argument.
    known
        The names of its arguments.
    """
    advice = _BY_NAME.get(name.lower())
    wanted = ["batches"] if advice and "batches" in advice else []
    wanted += [w for w in ("record", "sigma", "compute_dtype") if advice and f"{w}=" in advice]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    if advice is not None and all(part in known for part in wanted):
        start = "p0" if "p0" in known else "x0"
        guess = "did you mean " + advice.format(name=name, value=shown(value), start=start)
    elif near:
        guess = f"did you mean {near[0]!r}?"
    else:
        guess = f"it takes {', '.join(known)}"
    return SettingError(f"st.{function} got an unexpected keyword argument {name!r}: {guess}")
