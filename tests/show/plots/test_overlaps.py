"""Nothing is cut off and no texts overlap, at every size and for few and many data."""

import functools

import numpy as np
import pytest
import scipy.stats
from matplotlib.figure import Figure

import steepest as st
from tests.support.pictures import flaws

COLUMN, NOTEBOOK, SLIDE = (3.3, 2.9), (4.5, 3.2), (10.0, 5.6)
"""Widths and heights in inches: a column of a journal, a small picture, a slide."""


def peak(x, height, center):
    return height * np.exp(-((x - center) ** 2))


def baseline(x, level):
    return level + 0 * x


def spectrum(x, height, center, second, level):
    return peak(x, height, center) + peak(x, second, 6.0) + baseline(x, level)


@functools.cache
def spectrum_of(number):
    x = np.linspace(0, 10, number)
    noise = np.random.default_rng(number).normal(0, 0.1, number)
    y = spectrum(x, 3.0, 2.0, 1.5, 0.5) + noise
    return st.curve_fit(spectrum, x, y, [3, 2, 1, 0], sigma=np.full(number, 0.1))


@functools.cache
def power_law():
    x = np.geomspace(1, 1e4, 30)
    y = 5 * x**-1.5 * (1 + 0.1 * np.cos(7 * np.arange(30)))
    return st.curve_fit(lambda f, a, n: a * f**n, x, y, sigma=0.1 * x**-1.5)


def normal_of(number):
    data = np.random.default_rng(1).normal(1e4, 3.0, number)
    return st.maximum_likelihood(scipy.stats.norm.logpdf, data, [1e4, 1.0])


@functools.cache
def descent(number):
    def valley(x):
        return np.sum((1 - x) ** 2) + 100 * np.sum((x[1:] - x[:-1] ** 2) ** 2)

    return st.minimize(valley, np.linspace(-1.2, 1, number) if number > 1 else np.array([-1.2]))


@functools.cache
def several(number):
    def valley(x):
        return np.sum((1 - x) ** 2) + 100 * np.sum((x[1:] - x[:-1] ** 2) ** 2)

    methods = ["bfgs", "lbfgs", st.GradientDescent(1e-3), st.Adam(0.01), st.Momentum(1e-4, 0.9)]
    stop = st.MaxIterations(300)
    return st.compare(valley, np.linspace(-1.2, 1, number), methods=methods, stop=stop)


def joint_of(number):
    x = np.linspace(0, 10, 40)
    ys = [spectrum(x, height, 2.0, 1.5, 0.5) for height in range(3, 3 + number)]
    ys = [y + 0.05 * np.cos(30 * x) for y in ys]
    return st.curve_fit_joint(spectrum, [x] * number, ys, [3, 2, 1, 0], shared=("center",))


PAIRS = {
    **{f"{n} data": (lambda ax, n=n: spectrum_of(n).plot(ax=ax)) for n in (12, 300, 3000)},
    "decades": lambda ax: power_law().plot(ax=ax),
    "density": lambda ax: normal_of(200).plot(ax=ax),
}
"""Plots that take a pair of axes."""

SINGLE = {
    **{name: plot for name, plot in PAIRS.items() if name != "decades"},
    "profile": lambda ax: spectrum_of(12).plot_profile("center", ax=ax),
    "contour": lambda ax: spectrum_of(12).plot_contours("center", "height", ax=ax),
    "correlation": lambda ax: spectrum_of(12).plot_correlation(ax=ax),
    **{f"descent of {n}": (lambda ax, n=n: descent(n).plot(ax=ax)) for n in (1, 2, 5)},
    **{f"methods for {n}": (lambda ax, n=n: several(n).plot(ax=ax)) for n in (2, 5)},
}
"""Plots that take axes."""

WHOLE = {
    **{name: functools.partial(plot, None) for name, plot in {**PAIRS, **SINGLE}.items()},
    "profiles": lambda: spectrum_of(12).plot_profile(),
    "contours": lambda: spectrum_of(12).plot_contours(),
    "profiles of likelihood": lambda: normal_of(50).plot_profile(),
    **{f"{n} sets": (lambda n=n: joint_of(n).plot()) for n in (1, 3)},
}
"""Plots that are figures of their own."""


@pytest.mark.parametrize("name", WHOLE)
def test_figures_of_their_own(name):
    assert flaws(WHOLE[name]()) == []


@pytest.mark.parametrize("size", [COLUMN, NOTEBOOK, SLIDE], ids=str)
@pytest.mark.parametrize("name", SINGLE)
def test_one_panel_in_a_figure_of_the_users(name, size):
    figure = Figure(figsize=size, layout="constrained")
    SINGLE[name](figure.subplots())
    assert flaws(figure) == []


@pytest.mark.parametrize("size", [COLUMN, NOTEBOOK, SLIDE], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_two_panels_in_a_figure_of_the_users(name, size):
    figure = Figure(figsize=size, layout="constrained")
    PAIRS[name](figure.subplots(2, 1, height_ratios=(3, 1), sharex=True))
    assert flaws(figure) == []
