"""The gallery's examples are short, run as they stand, and print and draw what they say."""

import ast
import runpy
import sys

import matplotlib
import pytest
from threadpoolctl import threadpool_limits

from tests.support.paths import ROOT

pytestmark = pytest.mark.sampled(1)  # cheap: every case

GALLERY = ROOT / "examples" / "gallery"
EXAMPLES = {
    path.relative_to(GALLERY).with_suffix("").as_posix(): path
    for path in sorted(GALLERY.rglob("*.py"))
}
PRINTED = {
    "biology/enzyme_kinetics": "K = 0.064121, 95% interval 0.04692 to 0.08616",
    "biology/influenza": "sum of squares = 3589.85",
    "biology/lynx_and_hare": "birth = 0.540",
    "biology/orange_trees": "grows to 225.3 ",
    "biology/pharmacokinetics": "log ke = -2.9196",
    "biology/species_area": "Poisson: z = 0.3377",
    "biology/well_plate": "96 of 96 fits converged",
    "chemistry/arrhenius": "activation energy = 103.0",
    "chemistry/chemical_equilibrium": "free energy = -47.7611",
    "chemistry/lennard_jones": "the lowest: -44.3268",
    "chemistry/robertson": "k1 = 0.0397",
    "engineering/goddard_rocket": "height = 1.0128",
    "engineering/robot_arm": "60 of 60 converged",
    "engineering/ten_bar_truss": "weight = 5060.85 pounds",
    "physics/hubble": "least squares: 454.2",
    "physics/solar_cell": "root mean square error = 7.7301e-04 A",
    "plots/descent_path": "[0.7864 0.6177]",
    "plots/global_fit": "F(1, 19) = 1.718, p = 0.2056",
    "plots/profiles": "final = 213.809409, ",
    "statistics/nile_level": "variance of the noise 15099",
    "statistics/portfolio": "market: risk 16.89%, frontier 16.89%",
    "statistics/robust_line": "least squares: 5.04 million",
}
"""What an example says that others have published or computed."""


@pytest.fixture
def pyplot(monkeypatch):
    """Return pyplot without windows or figures."""
    was_there = "matplotlib.pyplot" in sys.modules
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "show", lambda: None)
    with matplotlib.rc_context({"backend": "agg"}):
        pyplot.close("all")  # those of other tests
        yield pyplot
        pyplot.close("all")
    if not was_there:
        del sys.modules["matplotlib.pyplot"]


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_and_draws(name, pyplot, capsys):
    with threadpool_limits(1):  # else the threads of other tests' processes are waited for
        runpy.run_path(str(EXAMPLES[name]), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed
    assert PRINTED.get(name, "") in printed
    (number,) = pyplot.get_fignums()
    figure = pyplot.figure(number)
    figure.draw_without_rendering()
    has_ticks = any(ax.axison and len(ax.get_xticks()) for ax in figure.axes)
    assert not has_ticks or any(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes)


def test_what_is_compared_is_in_the_gallery():
    assert set(PRINTED) <= set(EXAMPLES)
    assert len(EXAMPLES) >= 25


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_less_than_40_lines_and_a_text(name):
    source = EXAMPLES[name].read_text()
    text = ast.parse(source).body[0]
    title, line, empty, *body = ast.get_docstring(ast.parse(source)).splitlines()
    assert line == "=" * len(title)
    assert not empty
    assert len(body) > 3
    lines = source.splitlines()[text.end_lineno :]
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) < 40
    assert lines[-1] == "plt.show()"
