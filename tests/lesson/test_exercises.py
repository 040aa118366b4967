"""The lesson's six exercises reproduce its figures on every engine."""

import numpy as np
import pytest

import steepest as st
from steepest.lesson import digits, fruit, rosenbrock

ENGINES = ["native", "numpy", "torch"]

LOG = {
    5759: 0.0010091979556820377,
    5760: 0.0010083502093514948,
    5761: 0.0010075028288032883,
    5762: 0.0010066566073887067,
    5763: 0.0010058099570385917,
    5764: 0.0010049644657556017,
    5765: 0.0010041200851937761,
    5766: 0.0010032768613008629,
    5767: 0.0010024340007618712,
    5768: 0.0010015915035627475,
    5769: 0.0010007493696895125,
    5770: 0.0009999075991282626,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_rosenbrock_reproduces_every_digit(engine):
    run = rosenbrock.descend(engine)
    assert run.iterations == 5771
    assert dict(enumerate(run.history.loss.tolist()[1:])).items() >= LOG.items()
    assert str(run.x) == "[0.96840495 0.9376793 ]"


def test_rosenbrock_in_float64_is_the_same_bits_on_every_engine():
    runs = [rosenbrock.descend(engine, np.float64) for engine in ENGINES]
    for run in runs:
        assert run.iterations == 5771
        assert run.loss == 0.000999857929745719
        np.testing.assert_array_equal(run.x, runs[0].x)
        np.testing.assert_array_equal(run.history.loss, runs[0].history.loss)
        np.testing.assert_array_equal(run.history.x, runs[0].history.x)
    assert str(runs[0].x) == "[0.96840573 0.93768081]"


def test_the_gradient_is_the_hand_written_one():
    def loss(p):
        return rosenbrock.rosenbrock(p[0], p[1])

    for x in (np.array([0.5, 0.5]), np.array([-1.2, 1.0]), np.zeros(2)):
        by_hand = np.stack(rosenbrock.rosenbrock_gradient(*x))
        np.testing.assert_allclose(st.gradient(loss)(x), by_hand, rtol=1e-13, atol=1e-13)
        assert st.check_gradient(loss, x, lambda p: np.stack(rosenbrock.rosenbrock_gradient(*p)))


def test_fruit_agrees_between_the_engines_to_float32_rounding():
    runs = [fruit.train(engine) for engine in ENGINES]
    for run in runs[1:]:
        for name in ("w", "b"):
            np.testing.assert_allclose(run.x[name], runs[0].x[name], rtol=2e-6)
        assert run.loss == pytest.approx(runs[0].loss, rel=2e-6)
    assert all(run.iterations == 100 for run in runs)
    assert all(np.all(np.diff(run.history.loss) < 0) for run in runs)
    assert runs[0].x["w"].dtype == np.float32


@pytest.mark.parametrize("engine", ENGINES)
def test_the_network_reads_digits(engine):
    run, share = digits.train(engine)
    assert share >= 0.95
    assert run.iterations == 20 * 45
