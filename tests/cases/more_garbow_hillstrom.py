"""The problems of Moré, Garbow and Hillstrom (1981), as a person would write them for NumPy.

J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software", ACM
Transactions on Mathematical Software 7, 17-41. All are sums of squares. Minima that the paper
gives to six digits were computed anew.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Problem:
    """A sum of squares whose minima are known.

    Attributes
    ----------
    name
        Of the problem, with the number of parameters where it can be chosen.
    residuals
        Returns the residuals at x, in one dimension.
    start
        The standard start.
    minima
        Values of the sum of squares at its minima, the least one first.
    value
        The sum of squares at the standard start.
    is_analytic
        Whether the least value is known in closed form.
    limits
        What the sum of squares falls to where parameters go to infinity.
    far
        The other start: ten times the standard one, unless given.
    elsewhere
        Why a method need not find a minimum, by its name and the start's; the run must then
        say that it did not converge, or end at a stationary point.
    engine
        What is quicker here: a few dozen steps are over before they could be compiled.
    """

    name: str
    residuals: Callable[[np.ndarray], np.ndarray]
    start: np.ndarray
    minima: tuple[float, ...]
    value: float
    is_analytic: bool = False
    limits: tuple[float, ...] = ()
    far: np.ndarray | None = None
    elsewhere: dict[str, str] = field(default_factory=dict)
    engine: str = "native"

    @property
    def starts(self):
        return {"standard": self.start, "far": 10 * self.start if self.far is None else self.far}

    @functools.cached_property
    def sum_of_squares(self):
        residuals = self.residuals
        return lambda x: np.sum(residuals(x) ** 2)


# Two parameters.


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def freudenstein_roth(x):
    return np.array(
        [
            -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
            -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
        ]
    )


def powell_badly_scaled(x):
    return np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x):
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** np.arange(1, 4))


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


# Three parameters.


def helical_valley(x):
    turns = np.arctan(x[1] / x[0]) / (2 * np.pi)
    if x[0] < 0:
        turns += 0.5
    return np.array([10 * (x[2] - 10 * turns), 10 * (np.hypot(x[0], x[1]) - 1), x[2]])


BARD = np.array(
    [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
)


def bard(x):
    u = np.arange(1, 16)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


HALF_BELL = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
BELL = np.array([*HALF_BELL, 0.3989, *reversed(HALF_BELL)])


def gaussian(x):
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - BELL


MEYER = np.ravel(
    [
        [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744],
        [8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872],
    ]
)


def meyer(x):
    t = 45 + 5 * np.arange(1, 17)
    return x[0] * np.exp(x[1] / (t + x[2])) - MEYER


def gulf(x):  # with the sign that the paper's print of |y - x2| lost
    t = np.arange(1, 100) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


def box(x):
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


# Four parameters.


def powell_singular(x):
    return np.array(
        [
            x[0] + 10 * x[1],
            np.sqrt(5) * (x[2] - x[3]),
            (x[1] - 2 * x[2]) ** 2,
            np.sqrt(10) * (x[0] - x[3]) ** 2,
        ]
    )


def wood(x):
    return np.array(
        [
            10 * (x[1] - x[0] ** 2),
            1 - x[0],
            np.sqrt(90) * (x[3] - x[2] ** 2),
            1 - x[2],
            np.sqrt(10) * (x[1] + x[3] - 2),
            (x[1] - x[3]) / np.sqrt(10),
        ]
    )


KOWALIK_Y = np.array(
    [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
)
KOWALIK_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def kowalik_osborne(x):
    u = KOWALIK_U
    return KOWALIK_Y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


# More parameters.


OSBORNE_1 = (
    np.ravel(
        [
            [844, 908, 932, 936, 925, 908, 881, 850, 818, 784, 751],
            [718, 685, 658, 628, 603, 580, 558, 538, 522, 506, 490],
            [478, 467, 457, 448, 438, 431, 424, 420, 414, 411, 406],
        ]
    )
    / 1000
)


def osborne_1(x):
    t = 10 * np.arange(33)
    return OSBORNE_1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs_exp6(x):
    t = np.arange(1, 14) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


OSBORNE_2 = (
    np.ravel(
        [
            [1366, 1191, 1112, 1013, 991, 885, 831, 847, 786, 725, 746, 679, 608],
            [655, 616, 606, 602, 626, 651, 724, 649, 649, 694, 644, 624, 661],
            [612, 558, 533, 495, 500, 423, 395, 375, 372, 391, 396, 405, 428],
            [429, 523, 562, 607, 653, 672, 708, 633, 668, 645, 632, 591, 559],
            [597, 625, 739, 710, 729, 720, 636, 581, 428, 292, 162, 98, 54],
        ]
    )
    / 1000
)


def osborne_2(x):
    t = np.arange(65) / 10
    curve = x[0] * np.exp(-t * x[4])
    for k in range(1, 4):
        curve = curve + x[k] * np.exp(-((t - x[7 + k]) ** 2) * x[4 + k])
    return OSBORNE_2 - curve


# Any number of parameters.


def watson(x):
    t = np.arange(1, 30) / 29
    powers = t[:, None] ** np.arange(x.size)
    slope = powers[:, :-1] @ (np.arange(1, x.size) * x[1:])
    ends = np.array([x[0], x[1] - x[0] ** 2 - 1])
    return np.concatenate([slope - (powers @ x) ** 2 - 1, ends])


def extended_rosenbrock(x):
    return np.concatenate([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]])


def extended_powell_singular(x):
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    return np.concatenate(
        [a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2]
    )


def penalty_1(x):
    return np.concatenate([np.sqrt(1e-5) * (x - 1), [x @ x - 0.25]])


def penalty_2(x):
    i = np.arange(2, x.size + 1)
    y = np.exp(i / 10) + np.exp((i - 1) / 10)
    growth = np.exp(x / 10)
    weights = np.arange(x.size, 0, -1)
    return np.concatenate(
        [
            [x[0] - 0.2],
            np.sqrt(1e-5) * (growth[1:] + growth[:-1] - y),
            np.sqrt(1e-5) * (growth[1:] - np.exp(-0.1)),
            [np.sum(weights * x**2) - 1],
        ]
    )


def variably_dimensioned(x):
    whole = np.sum(np.arange(1, x.size + 1) * (x - 1))
    return np.concatenate([x - 1, [whole, whole**2]])


def trigonometric(x):
    i = np.arange(1, x.size + 1)
    return x.size - np.sum(np.cos(x)) + i * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    return np.append(x[:-1] + np.sum(x) - (x.size + 1), np.prod(x) - 1)


def discrete_boundary_value(x):
    h = 1 / (x.size + 1)
    t = h * np.arange(1, x.size + 1)
    y = np.concatenate([[0.0], x, [0.0]])
    return 2 * x - y[:-2] - y[2:] + h**2 * (x + t + 1) ** 3 / 2


def discrete_integral_equation(x):
    h = 1 / (x.size + 1)
    t = h * np.arange(1, x.size + 1)
    cubes = (x + t + 1) ** 3
    out = np.zeros(x.size)
    for i in range(x.size):
        before = (1 - t[i]) * np.sum(t[: i + 1] * cubes[: i + 1])
        after = t[i] * np.sum((1 - t[i + 1 :]) * cubes[i + 1 :])
        out[i] = x[i] + h * (before + after) / 2
    return out


def broyden_tridiagonal(x):
    out = (3 - 2 * x) * x + 1
    out[1:] -= x[:-1]
    out[:-1] -= 2 * x[1:]
    return out


def broyden_banded(x):
    out = x * (2 + 5 * x**2) + 1
    for i in range(x.size):
        for j in range(max(0, i - 5), min(x.size, i + 2)):
            if j != i:
                out[i] -= x[j] * (1 + x[j])
    return out


def linear_full_rank(x):  # with twice as many residuals as parameters
    count = 2 * x.size
    return np.concatenate([x, np.zeros(x.size)]) - 2 / count * np.sum(x) - 1


def linear_rank_1(x):
    return np.arange(1, 2 * x.size + 1) * np.sum(np.arange(1, x.size + 1) * x) - 1


def linear_rank_1_with_zeros(x):  # the first and last of rows and columns
    whole = np.sum(np.arange(2, x.size) * x[1:-1])
    factors = np.concatenate([np.arange(2 * x.size - 1), [0]])
    return factors * whole - 1


def chebyquad(x):
    shifted = 2 * x - 1
    out = np.zeros(x.size)
    before, polynomial = np.ones(x.size), shifted
    for i in range(1, x.size + 1):
        integral = -1 / (i**2 - 1) if i % 2 == 0 else 0.0
        out[i - 1] = np.mean(polynomial) - integral
        before, polynomial = polynomial, 2 * shifted * polynomial - before
    return out


def places(count):
    """Return evenly spaced places between 0 and 1."""
    return np.arange(1, count + 1) / (count + 1)


def zero(name, residuals, start, value, minima=(), **rest):
    """Return a problem whose residuals can all be 0."""
    start = np.array(start, float)
    return Problem(name, residuals, start, (0.0, *minima), value, is_analytic=True, **rest)


def data(name, residuals, start, value, minimum, *others, **rest):
    """Return a problem whose minima are found by computation only."""
    return Problem(name, residuals, np.array(start, float), (minimum, *others), value, **rest)


BENT = "a bent valley, where SciPy's L-BFGS-B and trust-exact get lost too"
CANCELS = "exponentials of huge weights cancel toward infinity, where all of SciPy's get lost too"
FLAT = "a flat valley toward infinity, where SciPy's trf ends from starts nearby"
POLE = "two parameters go to infinity along a ridge between its limits"
STEEP = "the first loss is 1e28, and SciPy's get no lower than 1e12"

CASES = [
    zero("Rosenbrock", rosenbrock, [-1.2, 1], 24.2),
    zero(
        "Freudenstein-Roth",
        freudenstein_roth,
        [0.5, -2],
        400.5,
        (48.984253679240,),
        engine="numpy",
    ),
    zero("Powell badly scaled", powell_badly_scaled, [0, 1], 1.1352617173484),
    zero("Brown badly scaled", brown_badly_scaled, [1, 1], 999998000003.0, engine="numpy"),
    # Along x1 to infinity, x2 = 1 - c / x1 leaves the distance of 1.5, 2.25, 2.625 from a line.
    zero("Beale", beale, [1, 1], 14.203125, limits=(14.203125 - 13.875**2 / 14,)),
    # One exponential may vanish, or both.
    data(
        "Jennrich-Sampson",
        jennrich_sampson,
        [0.3, 0.4],
        4171.3061619605,
        124.36218235561,
        limits=(259.58019013425, 2020.0),
    ),
    zero("helical valley", helical_valley, [-1, 0, 0], 2500.0, engine="numpy"),
    # What is left where the fractions vanish: a constant, and one where a pole hits a datum.
    data(
        "Bard",
        bard,
        [1, 1, 1],
        41.681695861678,
        0.0082148773065790,
        limits=(17.428693333333, 17.01595),
        elsewhere={"LevenbergMarquardt far": POLE},
    ),
    data(
        "Gaussian", gaussian, [0.4, 1, 0], 3.8881069911669e-06, 1.1279327696188e-08, engine="numpy"
    ),
    data(
        "Meyer",
        meyer,
        [0.02, 4000, 250],
        1693607809.4361,
        87.945855170396,
        elsewhere={"LBFGS far": BENT, "BFGS far": BENT},
    ),
    zero("Gulf", gulf, [5, 2.5, 0.15], 12.110705825569),
    # Where the second exponential vanishes.
    zero("Box", box, [0, 10, 20], 1031.1538106094, limits=(0.075588740754997,), engine="numpy"),
    zero("Powell singular", powell_singular, [3, -1, 0, 1], 215.0),
    zero("Wood", wood, [-3, -1, -3, -1], 19192.0),
    data(
        "Kowalik-Osborne",
        kowalik_osborne,
        [0.25, 0.39, 0.415, 0.39],
        0.0053131722721085,
        0.00030750560384924,
        limits=(0.0010273430486955,),
        engine="numpy",
    ),
    data("Brown-Dennis", brown_dennis, [25, 5, -5, -1], 7926693.3369974, 85822.201626356),
    data(
        "Osborne 1",
        osborne_1,
        [0.5, 1.5, -1, 0.01, 0.02],
        0.87902629354464,
        5.4648946974827e-05,
        elsewhere={"LBFGS far": CANCELS, "BFGS far": CANCELS, "TrustRegion far": CANCELS},
    ),
    zero(
        "Biggs EXP6",
        biggs_exp6,
        [1, 2, 1, 1, 1, 1],
        0.77907007565597,
        (0.0056556499255,),
        elsewhere={"TrustRegion standard": FLAT},
    ),
    # Where all three peaks are narrow, between data or far from them.
    data(
        "Osborne 2",
        osborne_2,
        [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5],
        2.0934195142121,
        0.040137736293548,
        limits=(1.7898135868811,),
        engine="numpy",
    ),
    data("Watson 6", watson, np.zeros(6), 30.0, 0.0022876700535524, far=np.full(6, 10.0)),
    zero("extended Rosenbrock 6", extended_rosenbrock, [-1.2, 1] * 3, 72.6, engine="numpy"),
    zero(
        "extended Powell singular 8",
        extended_powell_singular,
        [3, -1, 0, 1] * 2,
        430.0,
        engine="numpy",
    ),
    data("penalty I 10", penalty_1, np.arange(1, 11), 148032.56535, 7.0876514670904e-05),
    data("penalty II 10", penalty_2, np.full(10, 0.5), 162.65277656597, 0.00029366053745675),
    zero(
        "variably dimensioned 10",
        variably_dimensioned,
        np.arange(9, -1, -1) / 10,
        2198551.1625,
        engine="numpy",
    ),
    zero(
        "trigonometric 10",
        trigonometric,
        np.full(10, 0.1),
        0.0070757594662228,
        (2.7950561218786e-05, 4.2186338879e-05, 0.00087882252182),
        engine="numpy",
    ),
    # The second minimum, at (0, ..., 0, n + 1), is a flat saddle.
    zero(
        "Brown almost linear 5",
        brown_almost_linear,
        np.full(5, 0.5),
        36.9384765625,
        (1.0,),
        engine="numpy",
    ),
    zero(
        "discrete boundary value 8",
        discrete_boundary_value,
        places(8) * (places(8) - 1),
        0.0013749917331919,
        engine="numpy",
    ),
    zero(
        "discrete integral equation 6",
        discrete_integral_equation,
        places(6) * (places(6) - 1),
        0.041300646462157,
        engine="numpy",
    ),
    zero("Broyden tridiagonal 8", broyden_tridiagonal, -np.ones(8), 19.0, engine="numpy"),
    zero("Broyden banded 7", broyden_banded, -np.ones(7), 252.0, engine="numpy"),
    # Linear problems: a number of residuals m = 2 n.
    Problem(
        "linear, full rank 6", linear_full_rank, np.ones(6), (6.0,), 30.0, True, engine="numpy"
    ),
    Problem(
        "linear, rank 1 6", linear_rank_1, np.ones(6), (132 / 50,), 283386.0, True, engine="numpy"
    ),
    Problem(
        "linear, rank 1 with zeros 6",
        linear_rank_1_with_zeros,
        np.ones(6),
        (174 / 42,),
        73932.0,
        True,
        engine="numpy",
    ),
    data(
        "Chebyquad 10",
        chebyquad,
        places(10),
        0.033763265462880,
        0.0047727136963,
        0.0065039548008823,
        elsewhere={"BFGS far": STEEP, "LevenbergMarquardt far": STEEP},
    ),
]
