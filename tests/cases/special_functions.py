"""What a row of a special function computes, in SciPy and in mpmath."""

import re

import mpmath
import numpy as np
import scipy.special as sp


def base_name(name):
    """Return SciPy's name of the function of a row, without the part that the row is."""
    return re.split(r"[\[.]", name)[0]


def in_scipy(name):
    """Return what a row of this name computes, by SciPy; None if SciPy has no such function."""
    function = getattr(sp, base_name(name), None)
    if function is None:
        return None
    if name.endswith(".real") or name.endswith(".imag"):
        part = np.real if name.endswith(".real") else np.imag
        if base_name(name) == "lambertw":
            return lambda k, x, y: part(sp.lambertw(x + 1j * y, k.astype(int)))
        return lambda *operands: part(function(*operands[:-2], operands[-2] + 1j * operands[-1]))
    if name.endswith("]"):
        return lambda *operands: function(*operands)[int(name[-2])]
    return function


def root(function, start):
    """Return the zero next to a start, to mpmath's digits."""
    start = mpmath.mpf(float(start))
    near = start * (1 + mpmath.mpf(10) ** -12) + mpmath.mpf(10) ** -16
    return mpmath.findroot(function, (start, near), verify=False)


def _solved(function, name, *operands):
    """Return what an inverse function of SciPy's solves, from its value."""
    start = getattr(sp, name)(*(float(x) for x in operands))
    return root(function, start)


def lower_gamma(a, x):
    return mpmath.gammainc(a, 0, x, regularized=True)


def lower_beta(a, b, x):
    return mpmath.betainc(a, b, 0, x, regularized=True)


def student(v, t):
    share = lower_beta(v / 2, mpmath.mpf(1) / 2, v / (v + t * t)) / 2
    return 1 - share if t > 0 else share


def snedecor(n, d, x):
    return lower_beta(n / 2, d / 2, n * x / (n * x + d))


def lower_chi(v, x):
    return lower_gamma(v / 2, x / 2)


def power_less_one(x, y):
    return x**y - 1


def box_cox(x, power):
    return mpmath.log(x) if power == 0 else (x**power - 1) / power


def inverse_box_cox(y, power):
    if power == 0:
        return mpmath.exp(y)
    if abs(power * y) < mpmath.mpf(10) ** -12:  # else its digits cancel
        return mpmath.exp(y * mpmath.hyp2f1(1, 1, 2, -power * y))
    return (1 + power * y) ** (1 / power)


def kolmogorov(x):
    return 2 * sum((-1) ** (k - 1) * mpmath.exp(-2 * k * k * x * x) for k in range(1, 30))


def faddeeva(z):
    return mpmath.exp(-z * z) * mpmath.erfc(-1j * z)


def voigt(x, sigma, gamma):
    z = (x + 1j * gamma) / (sigma * mpmath.sqrt(2))
    return mpmath.re(faddeeva(z)) / (sigma * mpmath.sqrt(2 * mpmath.pi))


def spherical(function, factor=1):
    def value(n, z):
        return factor * mpmath.sqrt(mpmath.pi / (2 * z)) * function(n + mpmath.mpf(1) / 2, z)

    return value


def jacobi(name):
    """Return one of Jacobi's elliptic functions; the amplitude from its sine, near 0."""
    return lambda u, m: mpmath.ellipfun(name, u, m=m)


def amplitude(u, m):
    return root(lambda phi: mpmath.ellipf(phi, m) - u, sp.ellipj(float(u), float(m))[3])


def omega(x):
    return mpmath.lambertw(mpmath.exp(x))


def owen(h, a):
    def density(t):
        return mpmath.exp(-h * h * (1 + t * t) / 2) / (1 + t * t)

    return mpmath.quad(density, [0, a]) / (2 * mpmath.pi)


def terms_of_owens_t(place, direction, orders):
    """Return Taylor's terms from those of the slope, which is elementary."""

    def slope(t):
        h, a = (x + t * d for x, d in zip(place, direction, strict=True))
        by_h = -mpmath.npdf(h) * mpmath.erf(a * h / mpmath.sqrt(2)) / 2
        by_a = mpmath.exp(-h * h * (1 + a * a) / 2) / (2 * mpmath.pi * (1 + a * a))
        return direction[0] * by_h + direction[1] * by_a

    terms = mpmath.taylor(slope, 0, orders - 1, chop=False)
    return [owen(*place), *(term / (k + 1) for k, term in enumerate(terms))]


def wright_sum(a, b, x):
    return sum(x**k / (mpmath.factorial(k) * mpmath.gamma(a * k + b)) for k in range(60))


def noncentral(x, df, nc):
    """Return Poisson's mixture; each part from the next one, from the last down."""
    a, y, half, last = df / 2, x / 2, nc / 2, 60
    step = y ** (a + last) * mpmath.exp(-y) / mpmath.gamma(a + last + 1)
    part, chance = lower_gamma(a + last, y), mpmath.exp(-half) * half**last
    chance /= mpmath.factorial(last)
    total = chance * part
    for k in range(last - 1, -1, -1):
        step *= (a + k + 1) / y
        chance *= (k + 1) / half
        part += step
        total += chance * part
    return total


def noncentral_f(n, d, nc, x):
    share = n * x / (n * x + d)
    terms = (
        mpmath.exp(-nc / 2) * (nc / 2) ** k / mpmath.factorial(k)
        * lower_beta(n / 2 + k, d / 2, share)
        for k in range(50)
    )  # fmt: skip
    return sum(terms)


def noncentral_t(v, nc, t):
    """Return the series of AS 243."""
    if t < 0:
        return 1 - noncentral_t(v, -nc, -t)
    share, half = t * t / (v + t * t), mpmath.mpf(1) / 2
    total = mpmath.mpf(0)
    for k in range(50):
        power = mpmath.exp(-nc * nc / 2) * (nc * nc / 2) ** k
        total += power / mpmath.factorial(k) * lower_beta(k + half, v / 2, share)
        odd = power * nc / (mpmath.sqrt(2) * mpmath.gamma(k + 3 * half))
        total += odd * lower_beta(k + 1, v / 2, share)
    return mpmath.ncdf(-nc) + total / 2


def tukey_lambda(x, shape):
    return root(
        lambda p: (p**shape - (1 - p) ** shape) / shape - x, sp.tklmbda(float(x), float(shape))
    )


def ferrers(m, v, x):
    """Return an associated Legendre function between -1 and 1 (DLMF 14.3.4)."""
    ratio = mpmath.gamma(v + m + 1) / (mpmath.gamma(v - m + 1) * mpmath.factorial(m) * (-2) ** m)
    power = (1 - x * x) ** (m / 2)
    return ratio * power * mpmath.hyp2f1(m - v, m + v + 1, m + 1, (1 - x) / 2)


def chebyshev_s(n, x):
    return mpmath.chebyu(n, x / 2)


def shifted_jacobi(n, p, q, x):
    return mpmath.jacobi(n, p - q, q - 1, 2 * x - 1) / mpmath.binomial(2 * n + p - 1, n)


def of_degree_zero_too(function):
    """Return a polynomial, which is 1 where its degree is 0."""
    return lambda n, *rest: mpmath.mpf(1) if n == 0 else function(n, *rest)


def cylinder_v(order, x):
    """Return V(-order - 1/2, x) by DLMF 12.2.6 to 12.2.9: mpmath's pcfv fails where it is 0."""
    a, quarter = -order - mpmath.mpf(1) / 2, mpmath.mpf(1) / 4
    value = mpmath.rgamma(3 * quarter - a / 2) ** 2 * mpmath.rgamma(quarter + a / 2)
    slope = mpmath.rgamma(quarter - a / 2) ** 2 * mpmath.rgamma(3 * quarter + a / 2)
    even = mpmath.hyp1f1(a / 2 + quarter, mpmath.mpf(1) / 2, x * x / 2)
    odd = x * mpmath.hyp1f1(a / 2 + 3 * quarter, mpmath.mpf(3) / 2, x * x / 2)
    both = value * even + mpmath.sqrt(2) * slope * odd
    return mpmath.pi * mpmath.mpf(2) ** (a / 2 + quarter) * mpmath.exp(-x * x / 4) * both


def airy(kind, derivative):
    function = mpmath.airyai if kind == "a" else mpmath.airybi
    return lambda x: function(x, derivative=derivative)


def scaled_airy(kind, derivative):
    def value(x):
        scale = mpmath.exp((1 if kind == "a" else -1) * mpmath.mpf(2) / 3 * x ** mpmath.mpf(1.5))
        return airy(kind, derivative)(x) * scale

    return value


MPMATH = {
    **{
        name: getattr(mpmath, name)
        for name in """
        agm ellipe ellipk elliprd elliprf elliprg elliprj erfi hyp2f1 hyperu rgamma
        """.split()  # noqa: SIM905
    },
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x),
    "erfcinv": lambda x: -mpmath.erfinv(x - 1),
    "dawsn": lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x),
    "ndtri": lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "ndtri_exp": lambda y: root(lambda x: mpmath.log(mpmath.ncdf(x)) - y, sp.ndtri_exp(float(y))),
    "loggamma": mpmath.loggamma,
    "poch": mpmath.rf,
    "binom": mpmath.binomial,
    "kl_div": lambda x, y: x * mpmath.log(x / y) - x + y,
    "pseudo_huber": lambda d, r: d * d * (mpmath.sqrt(1 + (r / d) ** 2) - 1),
    "powm1": power_less_one,
    "boxcox": box_cox,
    "boxcox1p": lambda x, power: box_cox(1 + x, power),
    "inv_boxcox": inverse_box_cox,
    "inv_boxcox1p": lambda y, power: inverse_box_cox(y, power) - 1,
    "sindg": lambda x: mpmath.sin(mpmath.radians(x)),
    "cosdg": lambda x: mpmath.cos(mpmath.radians(x)),
    "tandg": lambda x: mpmath.tan(mpmath.radians(x)),
    "cotdg": lambda x: mpmath.cot(mpmath.radians(x)),
    "cosm1": lambda x: mpmath.cos(x) - 1,
    "radian": lambda d, m, s: mpmath.radians(d + m / 60 + s / 3600),
    "wright_bessel": wright_sum,
    "log_wright_bessel": lambda a, b, x: mpmath.log(wright_sum(a, b, x)),
    "wrightomega": omega,
    "exp1": mpmath.e1,
    "expi": mpmath.ei,
    "expn": mpmath.expint,
    "sici[0]": mpmath.si,
    "sici[1]": mpmath.ci,
    "shichi[0]": mpmath.shi,
    "shichi[1]": mpmath.chi,
    "fresnel[0]": mpmath.fresnels,
    "fresnel[1]": mpmath.fresnelc,
    "spence": lambda x: mpmath.polylog(2, 1 - x),
    "jve": mpmath.besselj,
    "yv": mpmath.bessely,
    "yve": mpmath.bessely,
    "kv": mpmath.besselk,
    "kve": lambda v, x: mpmath.besselk(v, x) * mpmath.exp(x),
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-abs(x)),
    "i0e": lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)),
    "i1e": lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)),
    "k0e": lambda x: mpmath.besselk(0, x) * mpmath.exp(x),
    "k1e": lambda x: mpmath.besselk(1, x) * mpmath.exp(x),
    "y0": lambda x: mpmath.bessely(0, x),
    "y1": lambda x: mpmath.bessely(1, x),
    "k0": lambda x: mpmath.besselk(0, x),
    "k1": lambda x: mpmath.besselk(1, x),
    "struve": mpmath.struveh,
    "modstruve": mpmath.struvel,
    "spherical_jn": spherical(mpmath.besselj),
    "spherical_yn": spherical(mpmath.bessely),
    "spherical_in": spherical(mpmath.besseli),
    "spherical_kn": spherical(mpmath.besselk),
    "ber": lambda x: mpmath.ber(0, x),
    "bei": lambda x: mpmath.bei(0, x),
    "ker": lambda x: mpmath.ker(0, x),
    "kei": lambda x: mpmath.kei(0, x),
    **{f"airy[{2 * (k == 'b') + d}]": airy(k, d) for k in "ab" for d in (0, 1)},
    **{f"airye[{2 * (k == 'b') + d}]": scaled_airy(k, d) for k in "ab" for d in (0, 1)},
    "gammainc": lower_gamma,
    "gammaincc": lambda a, x: 1 - lower_gamma(a, x),
    "gammaincinv": lambda a, p: _solved(lambda x: lower_gamma(a, x) - p, "gammaincinv", a, p),
    "gammainccinv": lambda a, p: _solved(
        lambda x: 1 - lower_gamma(a, x) - p, "gammainccinv", a, p
    ),
    "betainc": lower_beta,
    "betaincc": lambda a, b, x: 1 - lower_beta(a, b, x),
    "betaincinv": lambda a, b, p: _solved(
        lambda x: lower_beta(a, b, x) - p, "betaincinv", a, b, p
    ),
    "betainccinv": lambda a, b, p: _solved(
        lambda x: 1 - lower_beta(a, b, x) - p, "betainccinv", a, b, p
    ),
    "kolmogorov": kolmogorov,
    "kolmogi": lambda p: _solved(lambda x: kolmogorov(x) - p, "kolmogi", p),
    "elliprc": mpmath.elliprc,
    "ellipkm1": lambda p: mpmath.ellipk(1 - p),
    "ellipkinc": mpmath.ellipf,
    "ellipeinc": mpmath.ellipe,
    "ellipj[0]": jacobi("sn"),
    "ellipj[1]": jacobi("cn"),
    "ellipj[2]": jacobi("dn"),
    "ellipj[3]": amplitude,
    "gdtr": lambda a, b, x: lower_gamma(b, a * x),
    "gdtrc": lambda a, b, x: 1 - lower_gamma(b, a * x),
    "gdtria": lambda p, b, x: _solved(lambda a: lower_gamma(b, a * x) - p, "gdtria", p, b, x),
    "gdtrib": lambda a, p, x: _solved(lambda b: lower_gamma(b, a * x) - p, "gdtrib", a, p, x),
    "gdtrix": lambda a, b, p: _solved(lambda x: lower_gamma(b, a * x) - p, "gdtrix", a, b, p),
    "chdtr": lower_chi,
    "chdtrc": lambda v, x: 1 - lower_chi(v, x),
    "chdtri": lambda v, p: _solved(lambda x: 1 - lower_chi(v, x) - p, "chdtri", v, p),
    "chdtriv": lambda p, x: _solved(lambda v: lower_chi(v, x) - p, "chdtriv", p, x),
    "pdtr": lambda k, m: 1 - lower_gamma(k + 1, m),
    "pdtrc": lambda k, m: lower_gamma(k + 1, m),
    "pdtri": lambda k, p: _solved(lambda m: 1 - lower_gamma(k + 1, m) - p, "pdtri", k, p),
    "pdtrik": lambda p, m: _solved(lambda k: 1 - lower_gamma(k + 1, m) - p, "pdtrik", p, m),
    "fdtr": snedecor,
    "fdtrc": lambda n, d, x: 1 - snedecor(n, d, x),
    "fdtri": lambda n, d, p: _solved(lambda x: snedecor(n, d, x) - p, "fdtri", n, d, p),
    "fdtridfd": lambda n, p, x: _solved(lambda d: snedecor(n, d, x) - p, "fdtridfd", n, p, x),
    "stdtr": student,
    "stdtrit": lambda v, p: _solved(lambda t: student(v, t) - p, "stdtrit", v, p),
    "stdtridf": lambda p, t: _solved(lambda v: student(v, t) - p, "stdtridf", p, t),
    "bdtr": lambda k, n, p: lower_beta(n - k, k + 1, 1 - p),
    "bdtrc": lambda k, n, p: 1 - lower_beta(n - k, k + 1, 1 - p),
    "bdtri": lambda k, n, y: root(
        lambda p: lower_beta(n - k, k + 1, 1 - p) - y, sp.bdtri(float(k), int(n), float(y))
    ),
    "bdtrik": lambda y, n, p: _solved(
        lambda k: lower_beta(n - k, k + 1, 1 - p) - y, "bdtrik", y, n, p
    ),
    "bdtrin": lambda k, y, p: _solved(
        lambda n: lower_beta(n - k, k + 1, 1 - p) - y, "bdtrin", k, y, p
    ),
    "nbdtr": lambda k, n, p: lower_beta(n, k + 1, p),
    "nbdtrc": lambda k, n, p: 1 - lower_beta(n, k + 1, p),
    "nbdtri": lambda k, n, y: _solved(lambda p: lower_beta(n, k + 1, p) - y, "nbdtri", k, n, y),
    "nbdtrik": lambda y, n, p: _solved(lambda k: lower_beta(n, k + 1, p) - y, "nbdtrik", y, n, p),
    "nbdtrin": lambda k, y, p: _solved(lambda n: lower_beta(n, k + 1, p) - y, "nbdtrin", k, y, p),
    "btdtria": lambda p, b, x: _solved(lambda a: lower_beta(a, b, x) - p, "btdtria", p, b, x),
    "btdtrib": lambda a, p, x: _solved(lambda b: lower_beta(a, b, x) - p, "btdtrib", a, p, x),
    "nrdtrimn": lambda p, width, x: x - width * mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
    "nrdtrisd": lambda mean, p, x: (x - mean) / (mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)),
    "tklmbda": tukey_lambda,
    "chndtr": noncentral,
    "eval_jacobi": of_degree_zero_too(mpmath.jacobi),
    "eval_gegenbauer": of_degree_zero_too(mpmath.gegenbauer),
    "eval_legendre": of_degree_zero_too(mpmath.legendre),
    "eval_chebyt": of_degree_zero_too(mpmath.chebyt),
    "eval_chebyu": of_degree_zero_too(mpmath.chebyu),
    "eval_chebyc": lambda n, x: 2 * of_degree_zero_too(mpmath.chebyt)(n, x / 2),
    "eval_chebys": of_degree_zero_too(chebyshev_s),
    "eval_genlaguerre": of_degree_zero_too(mpmath.laguerre),
    "eval_laguerre": lambda n, x: of_degree_zero_too(mpmath.laguerre)(n, mpmath.mpf(0), x),
    "eval_hermite": of_degree_zero_too(mpmath.hermite),
    "eval_hermitenorm": of_degree_zero_too(
        lambda n, x: mpmath.hermite(n, x / mpmath.sqrt(2)) / mpmath.sqrt(2) ** n
    ),
    "eval_sh_legendre": lambda n, x: of_degree_zero_too(mpmath.legendre)(n, 2 * x - 1),
    "eval_sh_chebyt": lambda n, x: of_degree_zero_too(mpmath.chebyt)(n, 2 * x - 1),
    "eval_sh_chebyu": lambda n, x: of_degree_zero_too(mpmath.chebyu)(n, 2 * x - 1),
    "eval_sh_jacobi": of_degree_zero_too(shifted_jacobi),
    "lpmv": ferrers,
    "voigt_profile": voigt,
    "chndtrix": lambda p, df, nc: _solved(
        lambda x: noncentral(x, df, nc) - p, "chndtrix", p, df, nc
    ),
    "chndtridf": lambda x, p, nc: _solved(
        lambda df: noncentral(x, df, nc) - p, "chndtridf", x, p, nc
    ),
    "chndtrinc": lambda x, df, p: _solved(
        lambda nc: noncentral(x, df, nc) - p, "chndtrinc", x, df, p
    ),
    "ncfdtr": noncentral_f,
    "ncfdtri": lambda n, d, nc, p: _solved(
        lambda x: noncentral_f(n, d, nc, x) - p, "ncfdtri", n, d, nc, p
    ),
    "nctdtr": noncentral_t,
    "nctdtrit": lambda v, nc, p: _solved(
        lambda t: noncentral_t(v, nc, t) - p, "nctdtrit", v, nc, p
    ),
    "pbdv[0]": mpmath.pcfd,
    "pbdv[1]": lambda v, x: x / 2 * mpmath.pcfd(v, x) - mpmath.pcfd(v + 1, x),
    "pbvv[0]": cylinder_v,
    "pbvv[1]": lambda v, x: mpmath.diff(lambda z: cylinder_v(v, z), x),
    "pbwa[0]": mpmath.pcfw,
    "pbwa[1]": lambda a, x: mpmath.diff(lambda z: mpmath.pcfw(a, z), x),
}
"""What a row computes, where mpmath has no function of its name."""

COMPLEX = {
    "wofz": faddeeva,
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "erfcx": lambda z: mpmath.exp(z * z) * mpmath.erfc(z),
    "erfi": mpmath.erfi,
    "dawsn": lambda z: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-z * z) * mpmath.erfi(z),
    "exp1": mpmath.e1,
    "expi": lambda z: -mpmath.e1(-z) + 1j * mpmath.pi,
    "gamma": mpmath.gamma,
    "loggamma": mpmath.loggamma,
    "rgamma": mpmath.rgamma,
    "psi": mpmath.digamma,
    "hyp0f1": mpmath.hyp0f1,
    "hyp1f1": mpmath.hyp1f1,
    "hyp2f1": mpmath.hyp2f1,
    "spence": lambda z: mpmath.polylog(2, 1 - z),
    "lambertw": lambda k, z: mpmath.lambertw(z, int(k)),
    "jv": mpmath.besselj,
    "yv": mpmath.bessely,
    "iv": mpmath.besseli,
    "kv": mpmath.besselk,
    "hankel1": mpmath.hankel1,
    "hankel2": mpmath.hankel2,
    "hankel1e": lambda v, z: mpmath.hankel1(v, z) * mpmath.exp(-1j * z),
    "hankel2e": lambda v, z: mpmath.hankel2(v, z) * mpmath.exp(1j * z),
}
"""The same of complex numbers; the number is the last operand."""


def _part(function, name):
    take = mpmath.re if name == "real" else mpmath.im
    return lambda *operands: take(function(*operands[:-2], operands[-2] + 1j * operands[-1]))


MPMATH |= {
    f"{name}.{part}": _part(function, part)
    for name, function in COMPLEX.items()
    for part in ("real", "imag")
}
