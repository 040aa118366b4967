"""Slopes at points where some partial derivative is infinite, or a rule has a special case.

An expression is singular somewhere, and a selection leaves the singular numbers out; or a
smooth expression is written with functions that are singular themselves. Differences of the
plain run tell the first order; higher orders are differences of the order below.
"""

import functools
import random
import re

import numpy as np

import steepest as st

from .case import Call, Case, arguments_of, load
from .compare import AGREES, REFUSED, Verdict, shown
from .outcome import observe, run
from .slopes import trusted_slopes

SINGULAR = (
    "np.sqrt({v})",
    "np.log({v})",
    "1.0 / {v}",
    "{v} ** 0.5",
    "{v} ** -1.5",
    "np.power({v}, 0.3)",
    "np.power(0.5, 1.0 / {v})",
    "np.arccos(1.0 - {v})",
    "np.arcsin(1.0 - {v})",
    "np.arccosh(1.0 + {v})",
    "np.arctanh(1.0 - {v})",
    "np.log1p({v} - 1.0)",
    "np.log2({v})",
    "np.log10({v})",
    "np.reciprocal({v})",
    "np.cbrt({v})",
    "np.abs({v})",
    "{v} / np.abs({v})",
    "np.sqrt({v} * {v})",
    "np.exp(-1.0 / {v} ** 2)",
    "np.sin({v}) / {v}",
    "np.hypot({v}, 0.0)",
    "np.arctan2({v}, np.zeros(4))",
    "np.power({v}, {v})",
    "np.log(np.sin({v}))",
    "np.tan(np.pi / 2 - {v})",
    "sp.xlogy({v}, {v})",
    "sp.xlog1py({v}, {v} - 1.0)",
    "sp.gammaln({v})",
    "sp.gamma({v})",
    "sp.psi({v})",
    "sp.erfinv(1.0 - {v})",
    "sp.logit({v})",
    "sp.ndtri({v})",
    "sp.expn(1, {v})",
    "sp.exp1({v})",
    "sp.k0({v})",
    "sp.y0({v})",
    "sp.entr({v})",
    "sp.rel_entr({v}, {v} + 1.0)",
    "np.linalg.norm({v}[:, None], axis=1)",
    "np.sqrt(np.sum({v}[:, None] ** 2, axis=1))",
    "np.array([math.sqrt(abs(e)) for e in {v}])",
    "np.exp(800.0 * (1.0 - {v})) * 1e-300",
)
BETWEEN = (
    "{h}",
    "{h}",
    "{h}[::-1][::-1]",
    "{h}.reshape(2, 2).T.T.ravel()",
    "np.concatenate([{h}, {h}])[:4]",
    "{h} * {h}",
    "{h} * np.exp(-{h})",
    "np.broadcast_to({h}, (2, 4))[1]",
    "np.stack([{h}, {v}])[0]",
    "{h} + {v}",
    "np.where({v} > 0.5, {h}, {h} * 2.0)",
    "np.take({h}, np.arange(4))",
    "np.outer({h}, np.ones(2))[:, 0]",
    "np.flip(np.flip({h}))",
    "np.pad({h}, 1)[1:-1]",
    "np.sin({h})",
    "np.tile({h}, 2)[4:]",
    "np.repeat({h}, 2)[::2]",
    "{h} / (1.0 + {h})",
    "np.asarray([e * 2.0 for e in {h}])",
    "np.sqrt({h} ** 2)",
)
SELECTIONS = (
    "np.where({v} > 0, {m}, 0.0)",
    "np.where({v} > 0, {m}, {v})",
    "np.where(MASK, {m}, 0.0)",
    "np.where({v} <= 0, {v} * 2.0, {m})",
    "{m}[{v} > 0]",
    "{m}[1:]",
    "{m}[MASK]",
    "{m}[[1, 2, 3]]",
    "np.delete({m}, 0)",
    "np.compress(MASK, {m})",
    "np.extract(MASK, {m})",
    "np.maximum({m}, 1e-2)",
    "np.fmax({m}, 1e-2)",
    "np.minimum({m}, 50.0)",
    "np.clip({m}, 1e-2, 50.0)",
    "np.select([{v} > 0], [{m}], 0.0)",
    "np.select([{v} > 0.5, {v} > 0], [{m}, {m} * 2.0], 1.0)",
    "np.piecewise({v}, [{v} > 0], [lambda e: e * 2.0, 0.5])",
    "np.where(np.isfinite({m}), {m}, 0.0)",
    "np.nan_to_num({m}, nan=0.0, posinf=0.0, neginf=0.0)",
    "[e for e, k in zip({m}, {v}) if k > 0]",
    "[e if k > 0 else 0.0 for e, k in zip({m}, {v})]",
    "list({m})[1:]",
    "np.choose(MASK.astype(int), [{v}, {m}])",
    "np.sort({m}[1:])",
)
PAIRS = (
    "np.triu(np.sqrt(({v}[:, None] - {v}) ** 2), 1)",
    "np.sqrt(({v}[:, None] - {v}) ** 2)[~np.eye(4, dtype=bool)]",
    "np.where(np.eye(4) > 0, 0.0, np.abs({v}[:, None] - {v}))",
    "np.where(np.eye(4) > 0, 0.0, 1.0 / np.abs({v}[:, None] - {v}))",
    "np.linalg.norm({v}[:, None] - {v} + 0.0 * np.eye(4), axis=0)",
    "np.sqrt(({v}[:, None] - {v}) ** 2)[np.triu_indices(4, 1)]",
    "np.tril(np.log(np.abs({v}[:, None] - {v})), -1)",
)
SUMS = (
    "np.sum({s})",
    "np.sum(np.square({s}))",
    "np.sum(np.tanh({s}))",
    "np.mean({s})",
    "sum({s})",
)

SMOOTH = (
    "np.linalg.norm({v}) ** 2",
    "np.sum(np.abs({v}) ** 2)",
    "np.sum(np.hypot({v}, {v}[::-1]) ** 2)",
    "np.std({v}) ** 2",
    "np.var({v})",
    "np.sqrt(np.sum({v} ** 2)) ** 2",
    "np.linalg.norm({v}, 1) * 0.0 + np.sum({v} ** 3)",
    "np.sum(np.logaddexp({v}, {v}[::-1]))",
    "np.sum(np.logaddexp(0.0, {v}))",
    "np.sum(np.logaddexp2({v}, 0.0))",
    "np.log(np.sum(np.exp({v})))",
    "sp.logsumexp({v})",
    "np.sum(sp.softmax({v}) * W)",
    "np.sum(sp.log_softmax({v}) * W)",
    "np.sum(sp.expit({v}) * W)",
    "np.sum(sp.log_expit({v}))",
    "np.sum(np.abs({v}) ** 3)",
    "np.sum({v} * np.abs({v}) ** 3)",
    "np.prod({v})",
    "np.prod({v} + W)",
    "np.sum(np.cumprod({v}))",
    "np.sum({v} ** 2)",
    "np.sum({v} ** 3)",
    "np.sum(np.power({v}, 2.0))",
    "np.sum(({v} + 1.0) ** ({v} + 1.0))",
    "np.sum(np.sinc({v}))",
    "np.sum(sp.exprel({v}))",
    "np.sum(np.expm1({v}) ** 2)",
    "np.sum(np.log1p({v} ** 2))",
    "np.sum(sp.xlog1py({v}, {v}))",
    "np.sum(sp.xlogy({v} + 1.0, {v} + 1.0))",
    "np.sum(sp.j0({v}))",
    "np.sum(sp.j1({v}))",
    "np.sum(sp.i0({v}))",
    "np.sum(sp.i1({v}))",
    "np.sum(sp.jv(2, {v}))",
    "np.sum(sp.i0e({v} ** 2))",
    "np.sum(np.i0({v}))",
    "np.sum(sp.erf({v}))",
    "np.sum(sp.log_ndtr({v}))",
    "np.sum(sp.dawsn({v}))",
    "np.sum(sp.cosm1({v}))",
    "np.sum(np.cosh({v}) - 1.0)",
    "np.sum(np.sqrt(1.0 + {v} ** 2))",
    "np.sum(np.arctan2({v}, 1.0 + {v}))",
    "np.sum(np.sin({v}) * np.abs(np.sin({v})) ** 2)",
    "np.linalg.det(np.outer({v}, W) + np.eye(4))",
    "np.linalg.norm(np.outer({v}, {v})) ** 2",
    "np.linalg.slogdet(np.outer({v}, {v}) + np.eye(4))[1]",
    "np.sum(np.linalg.inv(np.diag({v}) + 2.0 * np.eye(4)))",
    "np.trace(np.linalg.matrix_power(np.diag({v}), 3))",
    "np.sum(np.convolve({v}, {v}))",
    "np.sum(np.abs(np.fft.fft({v})) ** 2)",
    "np.polyval({v}, 0.5)",
    "np.sum(np.gradient({v}) ** 2)",
    "np.sum(np.exp(-({v} ** 2)) * np.heaviside(1.0, 0.5))",
    "np.sum(sp.huber(1.0, {v} * 0.1))",
    "np.sum(sp.pseudo_huber(1.0, {v}))",
    "np.cov({v}, {v} * W)[0, 1]",
    "np.average({v}, weights={v} ** 2 + 1.0)",
    "np.interp(0.3, [0.0, 1.0], {v}[:2])",
    "np.trapezoid({v} ** 2, W)",
)
EIGENVALUES = (
    "np.sum(np.linalg.eigvalsh(A))",
    "np.sum(np.exp(np.linalg.eigvalsh(A)))",
    "np.sum(np.log(np.linalg.eigh(A)[0]))",
    "np.sum(np.linalg.svd(A, compute_uv=False))",
    "np.linalg.norm(A, 'nuc')",
    "np.linalg.norm(A, 'fro') ** 2",
    "np.sum(np.linalg.svd(A)[1] ** 2)",
    "np.sum(np.linalg.pinv(A))",
    "np.linalg.slogdet(A)[1]",
    "np.linalg.det(A)",
    "np.sum(np.linalg.inv(A))",
    "np.sum(np.linalg.cholesky(A))",
    "np.linalg.cond(A, 'fro')",
    "np.sum(np.linalg.matrix_power(A, -2))",
    "np.sum(np.linalg.solve(A, np.ones(2)))",
    "np.sum(np.linalg.qr(A)[1])",
    "np.sum(np.linalg.eigvals(A).real)",
)
EIGENVECTORS = (
    "((lambda w, V: (V * np.sqrt(w)) @ V.T)(*np.linalg.eigh(A)))[0, 1]",
    "((lambda w, V: (V * np.exp(w)) @ V.T)(*np.linalg.eigh(A))).sum()",
    "(lambda U, s, Vt: U @ Vt)(*np.linalg.svd(A))[0, 1]",
    "(lambda U, s, Vt: (U * s**0.5) @ Vt)(*np.linalg.svd(A)).sum()",
    "np.linalg.eigh(A)[1][0, 0] ** 2",
)
"""A basis that mathematics does not determine may have slopes that are NaN, never others."""

HEAD = """
import math

import numpy as np
import scipy.special as sp

MASK = np.array([False, True, True, True])
W = np.array([1.0, -0.5, 2.0, 0.3])
"""
FIRST = ("0.0", "0.0", "0.0", "-1.0", "1.0")
OTHERS = ("0.3", "0.7", "1.4", "0.5", "0.9", "0.11")
SPECIAL = ("0.0", "0.0", "1.0", "-1.0", "0.5", "1e-8", "2.0", "40.0")
ORDERS = 3
TOLERANCE = 1e-4
EPS = np.finfo(float).eps


def draw(seed, number):
    """Return a scalar function of four numbers and a special point."""
    rng = random.Random(f"{seed}/{number}/derivatives")
    lot = rng.random()
    if lot < 0.55:
        return _selection(rng)
    if lot < 0.65:
        pairs = rng.choice(PAIRS).replace("{v}", "x")
        point = ", ".join(rng.sample(OTHERS, 4))
        return _case("pairs", rng.choice(SUMS[:-1]).replace("{s}", f"({pairs})"), point)
    if lot < 0.85:
        kind = rng.random()
        values = [rng.choice(SPECIAL)] * 4 if kind < 0.4 else rng.choices(SPECIAL, k=4)
        expression = rng.choice(SMOOTH).replace(
            "{v}", rng.choice(("x", "x", "(x * x)", "(2 * x)"))
        )
        return _case("smooth", expression, ", ".join(values))
    matrix = rng.choice(("np.eye(2) + ", "2.0 * np.eye(2) + ", "np.diag([1.0, 3.0]) + "))
    name = rng.choice(("eigenvalues", "eigenvectors"))
    expression = rng.choice(EIGENVALUES if name == "eigenvalues" else EIGENVECTORS)
    symmetric = f"({matrix}np.array([[x[0], x[1]], [x[1], x[2] + 0.0 * x[3]]]))"
    return _case(name, re.sub(r"\bA\b", symmetric, expression), "0.0, 0.0, 0.0, 0.0")


def _selection(rng):
    inner = rng.choice(SINGULAR).replace("{v}", "x")
    between = rng.choice(BETWEEN).replace("{h}", "h").replace("{v}", "x")
    selection = rng.choice(SELECTIONS).replace("{m}", "m").replace("{v}", "x")
    total = rng.choice(SUMS).replace("{s}", "s")
    rest = f"m = {between}\n    s = {selection}\n    return "
    total = f"np.sum(h[1:]) + {total}" if rng.random() < 0.3 else total
    body = f"h = {inner}\n    {rest}{total}"
    changed = f"h = change(np.array({inner}))\n    {rest}np.array(s, float), {total}"
    source = f"{HEAD}\n\ndef f(x):\n    {body}\n\n\ndef changed(x, change):\n    {changed}\n"
    point = ", ".join([rng.choice(FIRST), *rng.sample(OTHERS, 3)])
    return Case("selection", source, (Call(f"(np.array([{point}]),)"),))


def _may_be_nan(changed, fresh):
    """Return whose numbers are singular and go into the sum: slopes are the chain rule's there.

    The first one is, and others that over- or underflow, or whose squares do.
    """
    kept = []
    changed(*fresh(), lambda h: kept.append(h) or h)
    sizes = np.abs(kept[0])
    singular = (sizes > 1e150) | (sizes < 1e-150)
    singular[0] = True
    return np.array([one and _is_selected(changed, fresh, i) for i, one in enumerate(singular)])


def _is_selected(changed, fresh, i):
    """Whether a number goes into the sum; an infinite one is tried as large numbers."""

    def moved(h, shift):
        size = np.copysign(1e3 * (3 + shift), h[i]) if np.isinf(h[i]) else h[i]
        h[i] = size + shift
        return h

    with np.errstate(all="ignore"):
        some, other = (
            changed(*fresh(), functools.partial(moved, shift=shift))[0] for shift in (1e-3, -2e-3)
        )
    return not np.array_equal(some, other, equal_nan=True)


def _is_rounding(changed, fresh, found, known):
    """Whether slopes hang on rounding errors: next to the numbers in between they are others.

    Those that are not finite there tell nothing.
    """
    for ulps in (-3, -1, 1, 2):
        near = st.gradient(lambda x, by=1 + ulps * EPS: changed(x, lambda h: h * by)[1])(*fresh())
        told = known & np.isfinite(near)
        if not np.allclose(near[told], found[told], rtol=TOLERANCE, atol=TOLERANCE):
            return True
    return False


def _case(name, expression, point):
    source = f"{HEAD}\n\ndef f(x):\n    return {expression}\n"
    return Case(name, source, (Call(f"(np.array([{point}]),)"),))


def check(case, engine="numpy"):
    """Return the verdict on derivatives of the first orders."""
    names = run(load, case)
    fresh = functools.partial(arguments_of, names, case.calls[0])
    function, orders = names["f"], 1 if case.name in ("selection", "pairs") else ORDERS
    if not _is_finite(function, run(fresh)):
        return Verdict(AGREES)
    weights = np.cos(np.arange(4.0))
    for order in range(1, orders + 1):
        gradient = st.gradient(function)
        if engine == "native":
            gradient = st.compile(gradient)
        found = observe(gradient, run(fresh))
        if found.is_refusal:
            return Verdict(REFUSED, str(found.error))
        if found.error is not None:
            return Verdict(f"derivative {order} raises", repr(found.error))
        wanted = run(trusted_slopes, function, fresh, 0)
        may_be_nan = np.full(4, case.name == "eigenvectors")
        may_be_nan |= case.name == "eigenvalues" and order > 1
        may_be_nan |= "linalg.det" in case.source and order > 2  # as its row says
        if case.name == "selection":
            may_be_nan |= run(_may_be_nan, names["changed"], fresh)
        verdict = _compare(found.result, wanted, may_be_nan, f"derivative {order}")
        known = ~np.isnan(wanted)
        if (
            case.name == "selection"
            and verdict.is_wrong
            and np.isfinite(found.result[known]).all()
        ):
            if run(_is_rounding, names["changed"], fresh, found.result, known):
                return Verdict(REFUSED, "slopes hang on rounding errors")
        if verdict.kind != AGREES:
            return verdict
        function = functools.partial(_weighed, gradient, weights)
    return Verdict(AGREES)


def _is_finite(function, arguments):
    outcome = observe(function, arguments)
    return outcome.error is None and bool(np.all(np.isfinite(outcome.result)))


def _weighed(gradient, weights, x):
    return np.sum(gradient(x) * weights)


def _compare(found, wanted, may_be_nan, kind):
    known = ~np.isnan(wanted)
    found = np.asarray(found)
    scale = max(1.0, float(np.max(np.abs(wanted[known]), initial=0.0)))
    if np.allclose(found[known], wanted[known], rtol=TOLERANCE, atol=TOLERANCE * scale):
        return Verdict(AGREES)
    message = f"differences {shown(wanted)}; gave {shown(found)}"
    if np.isfinite(found[known]).all():
        return Verdict(kind, message)
    if np.isfinite(found[known & ~may_be_nan]).all():
        return Verdict(REFUSED, message)
    return Verdict(f"{kind} not finite", message)
