"""Noncentral distributions far out: their densities and slopes, against mpmath."""

import mpmath
import numpy as np
import pytest
from scipy import stats

import steepest as st


def log_density_of_t(t, df, nc):
    size = df + t * t
    z = (nc * t) ** 2 / (2 * size)
    half = mpmath.mpf(1) / 2
    odd = mpmath.sqrt(2) * nc * t * mpmath.hyp1f1(df / 2 + 1, 3 * half, z)
    even = mpmath.hyp1f1((df + 1) / 2, half, z)
    total = odd / (size * mpmath.gamma((df + 1) / 2))
    total += even / (mpmath.sqrt(size) * mpmath.gamma(df / 2 + 1))
    log = df / 2 * mpmath.log(df / size) + mpmath.loggamma(df + 1) - mpmath.loggamma(df / 2)
    return log + mpmath.log(total) - nc * nc / 2 - df * mpmath.log(2)


def log_density_of_f(x, n, d, nc):
    share, half = n * x / (n * x + d), nc / 2
    central = share ** (n / 2) * (1 - share) ** (d / 2) / (x * mpmath.beta(n / 2, d / 2))
    return mpmath.log(central * mpmath.hyp1f1((n + d) / 2, n / 2, half * share)) - half


def log_density_of_chi(x, df, nc):
    bessel = mpmath.besseli(df / 2 - 1, mpmath.sqrt(nc * x))
    power = (x / nc) ** (df / 4 - mpmath.mpf(1) / 2)
    return mpmath.log(power * bessel / 2) - (x + nc) / 2


CASES = {
    "nct": (log_density_of_t, [(-3.8, 39.3, 2.4), (9.5, 9.7, -3.4), (0.0, 0.7, 1.0)]),
    "ncf": (log_density_of_f, [(0.03, 0.7, 7.0, 15.8), (8.7, 13.0, 3.8, 194.0), (1, 2, 3, 4)]),
    "ncx2": (log_density_of_chi, [(0.3, 0.9, 0.4), (700.0, 100.0, 500.0), (3.0, 1.5, 9.0)]),
}


@pytest.mark.parametrize("name", CASES)
def test_slopes_of_the_logarithm_of_the_density(name):
    exact, points = CASES[name]
    logpdf = getattr(stats, name).logpdf
    for point in points:
        value, slopes = st.value_and_gradient(lambda p: logpdf(*p))(np.array(point, float))
        with mpmath.workdps(25):
            at = [mpmath.mpf(x) for x in point]
            wanted = [
                float(mpmath.diff(exact, at, tuple(int(i == j) for j in range(len(at)))))
                for i in range(len(at))
            ]
            np.testing.assert_allclose(value, float(exact(*at)), rtol=1e-12)
        np.testing.assert_allclose(slopes, wanted, rtol=1e-9, atol=1e-12)


def test_a_square_root_process_is_fitted_with_all_its_parameters():
    # Cox, Ingersoll and Ross: scaled rates are noncentral chi-squared.
    random = np.random.default_rng(5)
    step, rates = 1 / 12, [0.05]
    speed, level, volatility = 1.5, 0.06, 0.15
    for _ in range(120):
        scale = volatility**2 * (1 - np.exp(-speed * step)) / (4 * speed)
        df = 4 * speed * level / volatility**2
        nc = rates[-1] * np.exp(-speed * step) / scale
        rates.append(scale * random.noncentral_chisquare(df, nc))
    before, after = np.array(rates[:-1]), np.array(rates[1:])

    def loss(p):
        speed, level, volatility = np.exp(p)
        scale = volatility**2 * (1 - np.exp(-speed * step)) / (4 * speed)
        df = 4 * speed * level / volatility**2
        nc = before * np.exp(-speed * step) / scale
        return -np.mean(stats.ncx2.logpdf(after, df, nc, 0, scale))

    run = st.minimize(loss, np.log([1.0, 0.05, 0.2]))
    assert run.converged
    np.testing.assert_allclose(np.exp(run.x), [speed, level, volatility], rtol=0.6)
