"""Methods that a user writes: an object with ``init`` and ``update``."""

import numpy as np
import pytest

import steepest as st

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


class SignDescent:
    """A method of one's own: not a dataclass, not of ours, with a nested state."""

    rate = 0.125

    def init(self, x):
        return {"count": np.zeros(()), "last": np.zeros_like(x)}

    def update(self, x, gradient, state, iteration):
        step = self.rate * np.sign(gradient)
        return x - step, {"count": state["count"] + 1.0, "last": step}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_users_method_runs_on_every_engine(engine):
    method = SignDescent()
    run = st.minimize(
        quadratic, np.ones(3), method=method, stop=st.MaxIterations(4), engine=engine
    )
    np.testing.assert_array_equal(run.x, 0.5)
    method.rate = 0.25  # seen at the next call
    run = st.minimize(
        quadratic, np.ones(3), method=method, stop=st.MaxIterations(4), engine=engine
    )
    np.testing.assert_array_equal(run.x, 0.0)


def test_a_method_must_keep_shapes():
    class Wrong(SignDescent):
        def update(self, x, gradient, state, iteration):
            return x[:1], state

    with pytest.raises(ValueError, match=r"Wrong\.update must return x with shape \(3,\)"):
        st.minimize(quadratic, np.ones(3), method=Wrong())


class Hopeless(st.Search):
    """A search that finds no candidate good enough."""

    def __init__(self, accepts):
        self.accepts = accepts

    def init(self, x):
        return np.zeros(())

    def advance(self, base, trial, state, is_first):
        accepted = is_first | (state < self.accepts)
        return st.Move(accepted, np.where(accepted, trial.x, base.x) - 1e-3, state + 1.0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("accepts", [0, 3])
def test_a_search_that_never_accepts_ends(engine, accepts):
    run = st.minimize(quadratic, np.ones(3), method=Hopeless(accepts), engine=engine)
    assert run.status is st.Status.STALLED
    assert (run.iterations, run.evaluations) == (max(accepts - 1, 0), 1000 + max(accepts, 1))
