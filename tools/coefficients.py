"""Print the polynomials in ``steepest/ops/elementwise/elementary.py``.

    python tools/coefficients.py

Each is the interpolation of a smooth function at Chebyshev nodes, found in 60 digits with
mpmath, of the lowest degree that keeps the error below the bound given here.
"""

from __future__ import annotations

from mpmath import mp, mpf

mp.dps = 60


def chebyshev(function, low, high, degree):
    """Return coefficients, constant term first, of the interpolation at Chebyshev nodes."""
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * degree + 2))
        for k in range(degree + 1)
    ]
    matrix = mp.matrix([[node**k for k in range(degree + 1)] for node in nodes])
    return list(mp.lu_solve(matrix, mp.matrix([function(node) for node in nodes])))


def error(function, weight, coefficients, low, high):
    """Return the largest weighted error on a fine grid, of the rounded coefficients."""
    rounded = [mpf(float(c)) for c in coefficients]
    grid = [low + (high - low) * mpf(k) / 400 for k in range(401)]
    return max(abs((mp.polyval(rounded[::-1], x) - function(x)) * weight(x)) for x in grid)


def _exp(r):  # (exp(r) - 1 - r) / r**2
    if abs(r) < mpf("1e-10"):
        return mpf(1) / 2 + r / 6
    return (mp.expm1(r) - r) / r**2


def _log(z):  # with z = s**2: (atanh(s) / s - 1) / z, times 2
    if z < mpf("1e-20"):
        return mpf(2) / 3
    s = mp.sqrt(z)
    return 2 * (mp.atanh(s) / s - 1) / z


def _sin(z):  # (sin(r) / r - 1) / z
    if z < mpf("1e-20"):
        return -mpf(1) / 6
    r = mp.sqrt(z)
    return (mp.sin(r) / r - 1) / z


def _cos(z):  # (cos(r) - 1 + z / 2) / z**2
    if z < mpf("1e-15"):
        return mpf(1) / 24
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def _tanh(z):  # (tanh(x) / x - 1) / z
    if z < mpf("1e-20"):
        return -mpf(1) / 3
    x = mp.sqrt(z)
    return (mp.tanh(x) / x - 1) / z


def _atan(z):  # (atan(t) / t - 1) / z
    if z < mpf("1e-20"):
        return -mpf(1) / 3
    t = mp.sqrt(z)
    return (mp.atan(t) / t - 1) / z


def _asin(z):  # (asin(t) / t - 1) / z
    if z < mpf("1e-20"):
        return mpf(1) / 6
    t = mp.sqrt(z)
    return (mp.asin(t) / t - 1) / z


LN2 = mp.log(2) / 2
QUARTER = (mp.pi / 4) ** 2 * mpf("1.01")
ROOT = mp.sqrt(2)
S2 = ((ROOT - 1) / (ROOT + 1)) ** 2 * mpf("1.001")

TABLES = {
    # name: function, interval, weight of the error in the result, bounds for float64, float32;
    # none where that precision does without
    "EXP": (_exp, -LN2, LN2, lambda r: r * r, "2e-17", "1e-8"),
    "LOG": (_log, mpf(0), S2, lambda z: z / 2, "5e-18", "3e-9"),
    "SIN": (_sin, mpf(0), QUARTER, lambda z: z, "1e-17", "1e-8"),
    "COS": (_cos, mpf(0), QUARTER, lambda z: z * z, "1e-17", "1e-8"),
    "TANH": (_tanh, mpf(0), mpf("0.55") ** 2, lambda z: z, None, "1e-8"),
    "ATAN": (_atan, mpf(0), mp.tan(mp.pi / 8) ** 2 * mpf("1.001"), lambda z: z, "1e-17", None),
    "ASIN": (_asin, mpf(0), mpf("0.25"), lambda z: z, "1e-17", None),
}


def main():
    for name, (function, low, high, weight, *bounds) in TABLES.items():
        for kind, bound in zip(("float64", "float32"), bounds, strict=True):
            if bound is None:
                continue
            for degree in range(2, 40):
                found = chebyshev(function, low, high, degree)
                reached = error(function, weight, found, low, high)
                if reached < mpf(bound):
                    break
            print(f"# {name}, {kind}: degree {degree}, error {mp.nstr(reached, 2)}")
            print(f"{[float(c) for c in found]},")


if __name__ == "__main__":
    main()
