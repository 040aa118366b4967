"""Cases are run plainly and by steepest, and what came of it is compared."""

import functools

import numpy as np

import steepest as st
from steepest.derivative.function import Function, interpret
from steepest.engines import Torch

from .case import arguments_of, load, run_before
from .compare import AGREES, REFUSED, Verdict, compare, compare_values, shown
from .outcome import Outcome, observe, run
from .slopes import trusted_slopes

MAKERS = {
    "numpy": lambda function: Function(function, interpret, writes=True),
    "native": st.compile,
    "torch": lambda function: Function(function, Torch().compile, writes=True),
}
"""Ways to run a traced function."""

SLOPE_TOLERANCE = 2e-5
RATE = 0.125


def check_values(case, engine="numpy"):
    """Return the verdict on a case's calls, one after another, against the plain run."""
    plain = run(load, case)
    expected = [_called(plain, call, plain["f"]) for call in case.calls]
    traced = run(load, case)
    function = MAKERS[engine](traced["f"])
    for number, (call, wanted) in enumerate(zip(case.calls, expected, strict=True)):
        found = _called(traced, call, function)
        verdict = compare(wanted, found)
        if verdict.kind == "value" and _hangs_on_rounding(case, number, wanted, found):
            verdict = Verdict(REFUSED, "the value hangs on rounding errors")
        if verdict.kind != AGREES:
            return _located(verdict, case, number, "" if engine == "numpy" else f" on {engine}")
    return Verdict(AGREES)


def _hangs_on_rounding(case, number, wanted, found):
    """Whether the plain value differs as much once arguments change by some rounding errors.

    All numbers change alike, so that those that are equal stay so. Floats may be as far off as
    these values are; other numbers must be what the plain function returns for one of them.
    """
    others = []
    for ulps in (-4, -3, -2, -1, 1, 2, 3, 4):
        names = run(load, case)
        for call in case.calls[: number + 1]:
            run(run_before, names, call)
            other = observe(names["f"], _near(ulps, run(arguments_of, names, call)))
        if other.error is None:
            others.append(list(_parts(other.result)))
    wanted, found = list(_parts(wanted.result)), list(_parts(found.result))
    others = [other for other in others if len(other) == len(wanted)]
    return len(wanted) == len(found) and all(map(_is_near_enough, wanted, found, *others))


def _is_near_enough(wanted, found, *others):
    """Whether a part of a result is right, or the plain function's own beside the arguments."""
    if any(not compare_values(plain, found).is_wrong for plain in (wanted, *others)):
        return True
    gaps = [_gap(wanted, other) for other in others]
    moved = max((gap for gap in gaps if np.isfinite(gap)), default=0.0)
    gap = _gap(wanted, found)
    return np.isfinite(gap) and gap <= 8 * moved


def _parts(value):
    """Yield what containers hold."""
    if isinstance(value, tuple | list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _parts(part)
    else:
        yield value


def _near(ulps, value):
    """Return a value whose floats differ by some rounding errors."""
    if type(value) in (tuple, list):
        return type(value)(_near(ulps, part) for part in value)
    if not isinstance(value, float | np.floating | np.ndarray):
        return value
    dtype = np.asarray(value).dtype
    if dtype.kind != "f":
        return value
    near = value * (1 + ulps * np.finfo(dtype).eps)
    return type(value)(near) if isinstance(value, float) else near.astype(dtype)


def _gap(one, other):
    """Return by how much floats differ at most, if they are of one shape; else infinity."""
    one, other = (np.asarray(value) for value in (one, other))
    if one.shape != other.shape or one.dtype.kind not in "fc" or one.dtype != other.dtype:
        return np.inf
    with np.errstate(all="ignore"):
        apart = np.where(
            (one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other)
        )
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def _located(verdict, case, number, where=""):
    if verdict.is_wrong:
        verdict = Verdict(f"{verdict.kind}{where}", verdict.message)
    if len(case.calls) == 1 or not verdict.is_wrong:
        return verdict
    kind = verdict.kind if number == 0 else f"{verdict.kind} (later call)"
    return Verdict(kind, f"call {number + 1}: {verdict.message}")


def _called(names, call, function):
    run(run_before, names, call)
    return observe(function, run(arguments_of, names, call))


def check_gradient(case, name="f"):
    """Return the verdict on the gradients of a case's loss, by differences, at each call.

    The loss is the function of that name; gradients are taken by every float argument.
    """
    plain, traced = run(load, case), run(load, case)
    gradients = {}
    for number, call in enumerate(case.calls):
        run(run_before, plain, call)
        run(run_before, traced, call)
        fresh = functools.partial(arguments_of, plain, call)
        outcome = observe(plain[name], run(fresh))
        if outcome.error is not None:
            return Verdict(AGREES)
        if not np.all(np.isfinite(outcome.result)) or _is_single(observe(plain["f"], run(fresh))):
            continue  # differences tell nothing, or too little
        arguments = run(arguments_of, traced, call)
        for position in differentiable(arguments):
            gradient = gradients.setdefault(position, st.gradient(traced[name], wrt=position))
            found = observe(gradient, arguments)
            verdict = _compare_slopes(plain[name], fresh, position, found)
            if verdict.kind != AGREES:
                return _located(verdict, case, number)
    return Verdict(AGREES)


def _is_single(result):
    """Whether some part of a result is in single precision."""
    result = result.result if isinstance(result, Outcome) else result
    if isinstance(result, list | tuple):
        return any(map(_is_single, result))
    return getattr(result, "dtype", None) in (np.float32, np.complex64)


def differentiable(arguments):
    """Return the positions of float64 arrays and floats."""
    return [
        i
        for i, value in enumerate(arguments)
        if isinstance(value, np.ndarray | float) and np.asarray(value).dtype == np.float64
    ]


def _compare_slopes(function, fresh, position, found: Outcome):
    if found.is_refusal:
        return Verdict(REFUSED, str(found.error))
    if found.error is not None:
        return Verdict("gradient raises", f"{found.error!r}")
    wanted = run(trusted_slopes, function, fresh, position)
    gradient = np.asarray(found.result)
    if gradient.shape != wanted.shape:
        return Verdict("gradient shape", f"{gradient.shape} for {wanted.shape}")
    if _is_close(gradient, wanted):
        return Verdict(AGREES)
    known = ~np.isnan(wanted)
    if not known.all() and np.isfinite(gradient).all():  # on a kink, those of a side will do
        for side in (1e-5, -1e-5):
            beside = functools.partial(_moved, fresh, position, side * ~known)
            slopes = run(trusted_slopes, function, beside, position)
            if np.isfinite(slopes[known]).all() and _is_close(gradient, slopes):
                return Verdict(AGREES)
    kind = "gradient" if np.isfinite(gradient[known]).all() else "gradient not finite"
    return Verdict(
        kind, f"by argument {position}: differences {shown(wanted)}; gave {shown(gradient)}"
    )


def _is_close(gradient, wanted):
    known = ~np.isnan(wanted)
    scale = max(1.0, float(np.max(np.abs(wanted[known]), initial=0.0)))
    return np.allclose(gradient[known], wanted[known], rtol=SLOPE_TOLERANCE, atol=1e-5 * scale)


def _moved(fresh, position, by):
    arguments = list(fresh())
    arguments[position] = arguments[position] + by
    return arguments


def check_descent(case):
    """Return the verdict on one step of gradient descent at each call, against differences."""
    plain, traced = run(load, case), run(load, case)
    for number, call in enumerate(case.calls):
        run(run_before, plain, call)
        run(run_before, traced, call)
        fresh = functools.partial(arguments_of, plain, call)
        if observe(plain["f"], run(fresh)).error is not None:
            return Verdict(AGREES)
        found = observe(_step, (traced["f"], run(arguments_of, traced, call)))
        if found.error is not None and not found.is_refusal and _raises_after(plain["f"], fresh):
            return Verdict(AGREES)
        verdict = _compare_slopes(plain["f"], fresh, 0, found)
        if verdict.kind != AGREES:
            return _located(verdict, case, number, " in minimize")
    return Verdict(AGREES)


def _raises_after(function, fresh):
    """Whether the plain function raises where the step leads, and is looked at once more."""
    slopes = run(trusted_slopes, function, fresh, 0)
    after = functools.partial(_moved, fresh, 0, -RATE * slopes)
    return observe(function, run(after)).error is not None


def _step(function, arguments):
    """Return the slope by which one step of gradient descent has moved the first argument."""
    start, *others = arguments
    result = st.minimize(
        function,
        start,
        args=tuple(others),
        method=st.GradientDescent(RATE),
        stop=st.MaxIterations(1),
        engine="numpy",
    )
    return (start - result.x) / RATE
