"""What a traced function reads may change between calls: the next call sees it."""

import sys
import types

import numpy as np

import steepest as st

SCALE = 2.0
OFFSETS = np.arange(40.0)
MASK = np.array([True, False] * 20)


def helper(u):
    return SCALE * u


def test_a_changed_global_number_is_seen(monkeypatch):
    g = st.gradient(lambda x: helper(x) * SCALE)
    assert g(1.0) == 4.0
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert g(1.0) == 9.0


def test_a_changed_helper_is_seen(monkeypatch):
    g = st.gradient(lambda x: helper(x))
    assert g(1.0) == 2.0
    monkeypatch.setitem(globals(), "helper", lambda u: 7.0 * u)
    assert g(1.0) == 7.0


def test_a_helpers_new_code_is_seen(monkeypatch):
    def inner(u):
        return 2.0 * u

    g = st.gradient(lambda x: inner(x))
    assert g(1.0) == 2.0
    inner.__code__ = (lambda u: 5.0 * u).__code__
    assert g(1.0) == 5.0


def test_captured_arrays_are_bound_by_reference(monkeypatch):
    f = st.compile(lambda x: np.sum(x * OFFSETS))
    assert f(1.0) == OFFSETS.sum()
    changed = OFFSETS.copy()
    monkeypatch.setitem(globals(), "OFFSETS", changed)
    changed[0] = 100.0
    assert f(1.0) == changed.sum()
    monkeypatch.setitem(globals(), "OFFSETS", np.ones(3))
    assert f(1.0) == 3.0


def test_slices_of_captured_arrays_are_not_frozen():
    data = np.arange(30.0)
    f = st.gradient(lambda x: np.sum(x * data[:20]))
    before = f(1.0)
    data[0] = 50.0
    assert f(1.0) == before + 50.0


def test_a_changed_closure_cell_is_seen():
    factor = 2.0

    def f(x):
        return factor * x

    g = st.gradient(f)
    assert g(1.0) == 2.0
    factor = 5.0
    assert g(1.0) == 5.0


def test_a_changed_default_is_seen():
    def f(x, factor=2.0):
        return factor * x

    g = st.gradient(f)
    assert g(1.0) == 2.0
    f.__defaults__ = (4.0,)
    assert g(1.0) == 4.0

    def h(x, *, factor=2.0):
        return factor * x

    g = st.gradient(h)
    assert g(1.0) == 2.0
    h.__kwdefaults__["factor"] = 6.0
    assert g(1.0) == 6.0


def test_a_changed_attribute_is_seen():
    class Model:
        scale = 2.0

        def loss(self, x):
            return self.scale * x

    model = Model()
    g = st.gradient(model.loss)
    assert g(1.0) == 2.0
    model.scale = 3.0
    assert g(1.0) == 3.0
    settings = types.SimpleNamespace(scale=2.0)
    g = st.gradient(lambda x: settings.scale * x)
    assert g(1.0) == 2.0
    settings.scale = 8.0
    assert g(1.0) == 8.0


def test_a_changed_container_is_seen():
    settings = {"scale": 2.0}
    g = st.gradient(lambda x: settings["scale"] * x)
    assert g(1.0) == 2.0
    settings["scale"] = 3.0
    assert g(1.0) == 3.0


def test_a_changed_function_attribute_is_seen():
    def f(x):
        return f.scale * x

    f.scale = 2.0
    g = st.gradient(f)
    assert g(1.0) == 2.0
    f.scale = 3.0
    assert g(1.0) == 3.0


def test_a_changed_mask_is_seen(monkeypatch):
    g = st.gradient(lambda x: np.sum(x[MASK]))
    assert g(np.ones(40)).sum() == 20
    monkeypatch.setitem(globals(), "MASK", np.ones(40, bool))
    assert g(np.ones(40)).sum() == 40


def test_a_change_is_seen_by_minimize(monkeypatch):
    def loss(x):
        return (x - SCALE) ** 2

    settings = {"method": st.GradientDescent(0.5), "stop": st.LossBelow(1e-12)}
    assert st.minimize(loss, 0.0, **settings).x == 2.0
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert st.minimize(loss, 0.0, **settings).x == 5.0


def test_a_module_that_is_named_as_a_standard_one_is_still_the_users(tmp_path):
    file = tmp_path / "statistics.py"
    file.write_text("SCALE = 2.0\ndef helper(x):\n    return SCALE * x\n")
    module = types.ModuleType("statistics")
    exec(compile(file.read_text(), file, "exec"), vars(module))
    helper = module.helper
    assert helper.__module__ == "statistics"
    g = st.gradient(lambda x: helper(x))
    assert g(1.0) == 2.0
    module.SCALE = 3.0
    assert g(1.0) == 3.0


def test_functions_made_while_tracing_are_seen_through_already():
    def outer(x):
        def inner(u):
            return SCALE * np.sin(u)

        return st.gradient(inner)(x) + st.pushforward(inner, (x,), (1.0,))[1]

    np.testing.assert_allclose(st.gradient(outer)(0.5), -4.0 * np.sin(0.5))


def test_a_repeated_call_skips_tracing(monkeypatch):
    module, traced = sys.modules["steepest.derivative.function"], []
    original = module.trace_function

    def counting(*args, **kwargs):
        traced.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(module, "trace_function", counting)
    gradient = st.gradient(lambda x: SCALE * np.sum(x * OFFSETS) + helper(x[0]))
    for _ in range(3):
        gradient(np.ones(40))
    assert len(traced) == 1
