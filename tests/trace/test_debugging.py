"""Inside a traced function: print, a debugger, assertions and eval see real values."""

import io
import pdb

import numpy as np
import pytest

import steepest as st

OFFSETS = {"low": np.arange(3.0), "high": np.arange(3.0) * 10}
LOW, HIGH = OFFSETS["low"], OFFSETS["high"]


def test_print_shows_real_values(capsys):
    def f(x):
        y = np.zeros(2)
        y[0] = x[1] * 2
        print(y, y[0], f"{x[0]:.2f}", x.shape, repr(x[1]), float(x[0]), int(x[1]))
        return y.sum()

    f(np.array([0.5, 2.0]))
    plain = capsys.readouterr().out
    st.gradient(f)(np.array([0.5, 2.0]))
    assert capsys.readouterr().out == plain == "[4. 0.] 4.0 0.50 (2,) np.float64(2.0) 0.5 2\n"


def test_a_debugger_stops_inside(monkeypatch):
    scale = 3.0

    def f(x):
        y = x[0] * scale
        breakpoint()
        return y

    said = io.StringIO()
    commands = "p float(y)\np np.exp(0.0)\np LOW.sum()\np scale\nw\nc\n"

    def stop():
        debugger = pdb.Pdb(stdin=io.StringIO(commands), stdout=said, nosigint=True, readrc=False)
        debugger.use_rawinput = False
        debugger.set_trace(__import__("sys")._getframe(1))

    monkeypatch.setattr("sys.breakpointhook", stop)
    assert st.gradient(f)(np.array([2.0]))[0] == 3.0
    for text in ("1.0", "3.0", "test_debugging.py", "-> return y"):
        assert text in said.getvalue(), said.getvalue()


def test_pytests_assertions_work_inside():
    def f(x):
        assert x[0] > 0, "positive"
        assert x.shape == (2,)
        assert np.all(x < 10)
        return x.sum()

    g = st.compile(f)
    assert g(np.ones(2)) == 2.0
    with pytest.raises(AssertionError, match="positive"):
        g(-np.ones(2))
    assert g(np.ones(2)) == 2.0


def test_classes_and_eval_inside_see_the_globals():
    def f(x):
        class Local:
            offset = LOW[1]

            def shift(self, v):
                return v + self.offset + eval("HIGH[1]")

        return Local().shift(x[0])

    assert st.gradient(f)(np.array([2.0]))[0] == 1.0
    assert st.compile(f)(np.array([2.0])) == 13.0
