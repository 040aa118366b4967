"""Values that become text, bytes or integers, or pass through the library, and come back."""

import random

from .case import Call, Case, with_needed
from .compare import AGREES
from .oracle import check_gradient, check_values

CONVERSIONS = (
    "float(str({v}))",
    "float(f'{{v}}')",
    "float(f'{{v}:.12g}')",
    "float('%r' % {v})",
    "float('%.17g' % {v})",
    "float('{}'.format({v}))",
    "float(repr({v}).split('(')[-1].rstrip(')'))",
    "eval(str({v}))",
    "eval(f'{{v}} * 2.0')",
    "eval('v * 2.0', {'v': {v}})",
    "len(str({v})) * 1.0",
    "len(repr(x)) * 1.0",
    "len(f'{x}') * {v}",
    "float(np.array2string(x).strip('[]').split()[0])",
    "np.fromstring(np.array2string(x).strip('[]'), sep=' ')[0]",
    "float(json.dumps({v}))",
    "json.loads(json.dumps([{v}]))[0]",
    "json.loads(json.dumps(x.tolist()))[1]",
    "pickle.loads(pickle.dumps(x))[0]",
    "copy.deepcopy(x)[0]",
    "copy.copy(x)[1]",
    "copy.deepcopy([x])[0][0]",
    "float(decimal.Decimal({v}))",
    "float(fractions.Fraction({v}))",
    "float(decimal.Decimal(str({v})))",
    "struct.unpack('d', struct.pack('d', {v}))[0]",
    "float.fromhex(float({v}).hex())",
    "float({v}).as_integer_ratio()[0] * 1.0",
    "x.view(np.int64)[0] * 1e-18",
    "np.frombuffer(x.tobytes())[0]",
    "memoryview(x)[0] * 1.0",
    "x.data[0] * 1.0",
    "hash({v}) % 7 * {v}",
    "hash(float({v})) % 7 * 1.0",
    "{v} if {v} in {0.25, 0.5} else 1.0",
    "{0.25: 2.0}.get({v}, {v})",
    "{0.25: 2.0}.get(float({v}), 3.0) * {v}",
    "statistics.mean([{v}, x[0]])",
    "statistics.mean(x)",
    "statistics.stdev(x)",
    "statistics.median(x)",
    "heapq.nsmallest(2, x)[1]",
    "bisect.bisect([0.2, 0.5, 0.8], {v}) * {v}",
    "list(itertools.accumulate(x))[-1]",
    "functools.reduce(lambda a, b: a * b, x)",
    "collections.Counter(np.round(x).astype(int).tolist())[0] * {v}",
    "max(itertools.chain(x, [0.3]))",
    "sum(itertools.starmap(lambda a, b: a * b, zip(x, x)))",
    "operator.itemgetter(1)(x)",
    "operator.attrgetter('real')({v})",
    "operator.methodcaller('sum')(x)",
    "math.fsum(x)",
    "math.prod(x)",
    "math.dist(x, [0.0, 0.0, 0.0])",
    "math.sumprod(x, x) if hasattr(math, 'sumprod') else {v}",
    "math.frexp({v})[0]",
    "math.modf({v} * 3.0)[0]",
    "math.ldexp({v}, 2)",
    "math.nextafter({v}, 2.0)",
    "math.ulp({v}) * 1e15",
    "math.fmod({v}, 0.3)",
    "math.remainder({v}, 0.3)",
    "math.copysign({v}, -1.0)",
    "math.isclose({v}, 0.5, abs_tol=0.2) * {v}",
    "math.floor({v} * 5) * 1.0",
    "math.trunc({v} * 5) * {v}",
    "math.gcd(int({v} * 12), 6) * {v}",
    "math.factorial(int({v} * 5)) * 1.0",
    "math.comb(5, int({v} * 5)) * {v}",
    "math.log({v}, 2)",
    "math.log({v}, {v} + 1.0)",
    "math.pow({v}, 2)",
    "math.atan2({v}, x[0])",
    "math.erf({v})",
    "math.gamma({v})",
    "math.lgamma({v})",
    "math.degrees({v})",
    "math.exp2({v})",
    "math.cbrt({v})",
    "round({v}, 1)",
    "round({v}, 2) * 1.0",
    "round({v} * 7)",
    "int({v} * 10) / 10",
    "int(round({v} * 10)) % 3 * {v}",
    "divmod({v}, 0.3)[0]",
    "divmod({v}, 0.3)[1]",
    "{v} // 0.3",
    "{v} % 0.3",
    "-{v} // 0.3",
    "-{v} % 0.3",
    "pow({v}, 2.0)",
    "pow({v}, 3)",
    "2 ** {v}",
    "abs(-{v})",
    "complex({v}, 1.0).real",
    "abs(complex({v}, 1.0))",
    "complex(0, {v}).imag",
    "cmath.exp(1j * {v}).real",
    "(1j * {v}).imag",
    "np.exp(1j * x).sum().real",
    "np.abs(np.fft.fft(x))[1]",
    "np.roots([1.0, {v}, -2.0])[0].real",
    "np.polyval([1.0, {v}, 2.0], x[0])",
    "np.poly1d([1.0, {v}])(2.0)",
    "np.polyfit(x, x ** 2, 1)[0]",
    "np.histogram(x, bins=3)[0][0] * {v}",
    "np.unique(x)[0]",
    "np.bincount((x * 5).astype(int))[0] * {v}",
    "np.digitize(x, [0.3, 0.6]).sum() * {v}",
    "np.searchsorted([0.2, 0.5], {v}) * {v}",
    "np.format_float_positional({v}).count('1') * 1.0",
    "np.isin(x, [0.25]).sum() * {v}",
    "np.any(x == 0.25) * {v}",
    "np.float32({v}) * 1.0",
    "np.float16({v}) * 1.0",
    "x.astype(np.float32).sum() * 1.0",
    "x.astype(int).sum() * {v}",
    "(x * 10).astype(np.int8).sum() * {v}",
    "(x * 300).astype(np.uint8).sum() * {v}",
    "np.int64({v} * 9) * {v}",
    "(-x * 5).astype(np.int64).sum() // 2 * {v}",
    "int({v} * 50) >> 2",
    "int({v} * 50) & 6",
    "~int({v} * 50) * 1.0",
    "int({v} * 50) ** 2 % 7",
    "bin(int({v} * 50)).count('1') * {v}",
    "int({v} * 50).bit_length() * {v}",
    "[1.0, 2.0, 3.0][int({v} * 3)] * {v}",
    "'abc'[int({v} * 3)] == 'a'",
    "range(10)[int({v} * 9)] * {v}",
    "[*x][0]",
    "sorted(x)[0]",
    "sorted(x, key=lambda e: -e)[0]",
    "sorted(x, reverse=True)[0]",
    "list(reversed(x))[0]",
    "max(x, key=lambda e: -e)",
    "min(x, default=0.0)",
    "list(x).index(max(x)) * {v}",
    "list(x).count({v}) * {v}",
    "x.tolist().index(min(x.tolist())) * {v}",
    "list(map(float, x))[0]",
    "list(filter(lambda e: e > 0.3, [*x, 1.0]))[0]",
    "any(e > 0.5 for e in x) * {v}",
    "all(x > 0.2) * {v}",
    "dict(enumerate(x))[1]",
    "dict(zip('abc', x))['b']",
    "{k: e for k, e in zip('abc', x)}['c']",
    "tuple(x)[1]",
    "[e for e in x][-1]",
    "next(iter(x))",
    "next((e for e in x if e > 0.5), {v})",
    "type({v})(2.5) * {v}",
    "isinstance({v}, float) * {v}",
    "isinstance({v}, np.floating) * {v}",
    "isinstance(x, np.ndarray) * {v}",
    "isinstance({v}, (int, float)) * {v}",
    "isinstance({v}, numbers.Real) * {v}",
    "type(x) is np.ndarray",
    "({v}).__class__.__name__ == 'float64'",
    "np.isscalar({v}) * {v}",
    "callable({v}) + {v}",
    "getattr({v}, 'real')",
    "hasattr({v}, 'shape') * {v}",
    "x.__array__()[0]",
    "np.asarray([{v}, x[1]])[0]",
    "np.array(list(x))[0]",
    "np.array([x, x]).sum()",
    "np.array({'a': {v}}['a']) * 1.0",
    "np.asarray(x, dtype=np.float32)[0] * 1.0",
    "np.matrix(x).sum()",
    "np.ma.array(x).sum()",
    "np.vstack([x, x])[1, 0]",
    "np.fromiter(x, float)[0]",
    "np.fromiter((e * 2.0 for e in x), float).sum()",
    "array.array('d', x)[0]",
    "ctypes.c_double({v}).value",
    "sum(np.nditer(x))",
    "sum(e for _, e in np.ndenumerate(x))",
    "sum(x.flat)",
    "x.item(0)",
    "x.item()",
    "x.max().item()",
    "np.base_repr(int({v} * 50)).count('1') * 1.0",
    "sys.getsizeof({v}) * 0.0 + {v}",
    "id(x) * 0.0 + {v}",
    "int(x is x) * {v}",
    "({v} is {v}) * 1.0",
    "bool({v}) * {v}",
    "not {v}",
    "({v} or 2.0)",
    "({v} and 2.0)",
    "math.floor({v}).__class__ is int",
    "(0.1 + 0.2 == 0.3) * {v}",
    "1.0 if {v} else 0.0",
    "0.5 if {v} == 0.25 else {v}",
    "{v} == {v}",
    "f'{x[0]:.1f}' == '0.5'",
    "str({v}) > '0.5'",
    "'%d' % ({v} * 10) == '5'",
    "float(np.format_float_scientific({v}))",
    "np.random.default_rng(0).random() * {v}",
    "random.Random(0).random() * {v}",
    "np.random.RandomState(1).rand() * {v}",
    "random.Random(int({v} * 10)).random()",
    "np.random.default_rng(int({v} * 10)).normal()",
    "float(scipy.stats.norm.cdf({v}))",
    "scipy.stats.norm.logpdf({v})",
    "scipy.special.expit({v})",
    "scipy.linalg.norm(x)",
    "scipy.linalg.expm(np.outer(x, x))[0, 0]",
    "scipy.integrate.quad(lambda t: t * {v}, 0.0, 1.0)[0]",
    "scipy.optimize.brentq(lambda t: t ** 3 - {v}, 0.0, 2.0)",
    "scipy.interpolate.interp1d([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])({v}) * 1.0",
    "scipy.interpolate.CubicSpline([0.0, 1.0, 2.0], [0.0, {v}, 4.0])(0.5) * 1.0",
    "np.interp({v}, [0.0, 0.5, 1.0], [0.0, 1.0, 0.5])",
    "np.vectorize(math.sin)(x).sum()",
    "np.frompyfunc(math.sin, 1, 1)(x).sum()",
    "np.apply_along_axis(sum, 0, x)",
    "np.piecewise(x, [x > 0.5], [1.0, lambda e: e]).sum()",
    "datetime.timedelta(seconds={v}).total_seconds()",
    "numbers.Real.__instancecheck__({v}) if False else {v}",
    "warnings.warn('w') or {v}",
    "print(end='') or {v}",
    "[0.5, 1.5].__getitem__(int({v} > 0.5))",
    "slice(0, int({v} * 3)).stop * 1.0",
    "x[slice(0, int({v} * 3) + 1)].sum()",
    "x[:int({v} * 3)].sum()",
    "x[x > {v}].sum()",
    "x[np.argsort(x)][0]",
    "np.ones(int({v} * 5)).sum() * {v}",
    "np.arange(0.0, {v}, 0.2).sum()",
    "np.linspace(0.0, {v}, int({v} * 5) + 1).sum()",
    "range(int({v} * 5)).stop * {v}",
    "np.tile(x, int({v} * 3)).sum()",
    "np.repeat(x, int({v} * 3)).sum()",
    "[{v}] * int({v} * 3) and 1.0",
    "'a' * int({v} * 3) == 'aa'",
    "sum([{v}] * int({v} * 5 + 1))",
)

HEAD = """
import array
import bisect
import cmath
import collections
import copy
import ctypes
import datetime
import decimal
import fractions
import functools
import heapq
import itertools
import json
import math
import numbers
import operator
import pickle
import random
import statistics
import struct
import sys
import warnings

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.special
import scipy.stats
"""
VALUES = ("x[0]", "float(x[1])", "np.sum(x)", "t", "x.max()", "(x[0] * x[1])")
BODIES = (
    "def f(x, t):\n    return ({value})",
    "def f(x, t):\n    return np.sum(x) + ({value})",
    "def f(x, t):\n    r = ({value})\n    return r * 2.0 if r > 0.5 else r + x[2]",
    """
def f(x, t):
    try:
        return ({value})
    except Exception:
        return np.sum(x) * 3.0
""",
)


def draw(seed, number):
    """Return a function that converts a value: conversions take turns."""
    rng = random.Random(f"{seed}/{number}/conversions")
    conversion = CONVERSIONS[number % len(CONVERSIONS)]
    text = conversion.replace("{v}", rng.choice(VALUES))
    source = rng.choice((BODIES[0], *BODIES)).replace("{value}", text)
    points = [
        f"(np.array([{', '.join(f'{rng.uniform(0.1, 0.9):.3g}' for _ in range(3))}]), "
        f"{rng.uniform(0.1, 0.9):.3g})"
        for _ in range(3)
    ]
    points.append("(np.array([0.25, 0.5, 0.75]), 0.5)")
    return Case(
        conversion, with_needed(HEAD, source, "np"), tuple(Call(point) for point in points)
    )


def check(case, engine="numpy"):
    """Return the verdict on values, then on gradients."""
    verdict = check_values(case, engine)
    return verdict if verdict.kind != AGREES or engine != "numpy" else check_gradient(case)
