"""Saved models: arrays and JSON that predict the same, and never code."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest import learn
from steepest.graph import trees
from steepest.models import MODEL
from tests.cases.estimators import ESTIMATORS, linear, linear_start


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


X = np.random.default_rng(0).standard_normal((30, 4))
Y = np.exp(X[:, 0])
LABELS = np.array(["a", "b", "c"])[np.arange(30) % 3]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_predict_the_same(path, name):
    model = clone(ESTIMATORS[name])
    is_classifier = hasattr(model, "decision_function")
    model.fit(X, LABELS if is_classifier else Y)
    st.save(path, model)
    functions = {"model": model.model} if "model" in model.get_params() else {}
    loaded = st.load(path, **functions)
    assert type(loaded) is type(model)
    assert np.array_equal(loaded.predict(X), model.predict(X))
    for method in ("predict_proba", "predict_interval"):
        if hasattr(model, method):
            assert np.array_equal(getattr(loaded, method)(X), getattr(model, method)(X))
    assert loaded.n_features_in_ == 4


def test_arrays_have_names(path):
    network = learn.MLPClassifier(5, max_iter=1, tol=None).fit(X, LABELS)
    st.save(path, network)
    assert load_file(path)["parameters_.coefs.0"].shape == (4, 5)
    assert st.load(path).history_ == network.history_


def test_settings_are_kept_and_training_goes_on(path):
    method = st.Adam(st.CosineDecay(0.1, 60))
    network = learn.MLPRegressor((5, 4), method=method, max_iter=3, tol=None, random_state=0)
    st.save(path, network.fit(X, Y))
    loaded = st.load(path)
    assert loaded.method == method
    assert loaded.hidden_layer_sizes == (5, 4)
    assert loaded.partial_fit(X, Y).n_iter_ == 4
    with pytest.raises(ValueError, match="no setting 'size'"):
        st.load(path, size=5)


def test_functions_are_named_and_given(path):
    loss = lambda predicted, y: (predicted - y) ** 2
    st.save(path, learn.Regressor(linear, linear_start, loss=loss).fit(X, Y))
    named = r"model=tests\.cases\.estimators:linear.*: st\.load\(path, loss=\.\.\., model=\.\.\.\)"
    with pytest.raises(ValueError, match=named):
        st.load(path)
    with pytest.raises(ValueError, match=r": st\.load\(path, loss=\.\.\.\)"):
        st.load(path, model=linear)
    loaded = st.load(path, model=linear, loss=loss)
    with pytest.raises(ValueError, match="there are no start values"):
        loaded.fit(X, Y)
    loaded.set_params(start=linear_start).fit(X, Y)


def test_nested_parameters(path):
    kept = {"layers": [np.ones((2, 3)), (np.arange(3), np.float32(2.5))], "name": "net", "n": 3}
    st.save(path, kept)
    loaded = st.load(path)
    assert loaded["layers"][0].tolist() == np.ones((2, 3)).tolist()
    assert isinstance(loaded["layers"][1], tuple)
    assert loaded["layers"][1][1].dtype == np.float32
    assert (loaded["name"], loaded["n"]) == ("net", 3)
    with pytest.raises(ValueError, match="need no model"):
        st.load(path, model=linear)


def test_keys_with_dots_do_not_share_an_array(path):
    x, y = np.arange(2.0), np.arange(3)
    for kept in ({"a.b": x, "a": {"b": y}}, {"a": [x], "a.0": y}, {"a": {"b": x}, "a.b": y}):
        st.save(path, kept)
        loaded = st.load(path)
        assert all(map(np.array_equal, trees.leaves(kept), trees.leaves(loaded)))


def test_arrays_of_all_kinds(path):
    kept = [np.arange(3.0).astype(">f8"), np.arange(6).reshape(2, 3).T, np.array([True]),
        np.arange(3, dtype=np.float16), np.zeros((0, 2)), np.uint8(3)]  # fmt: skip
    st.save(path, kept)
    for loaded, original in zip(st.load(path), kept, strict=True):
        assert np.array_equal(loaded, original)
        assert loaded.dtype == original.dtype.newbyteorder("=")
    st.save(path, {"name": np.str_("net")})
    assert st.load(path) == {"name": "net"}
    with pytest.raises(ValueError, match=r"cannot keep parameters\.x, of dtype .*float64"):
        st.save(path, {"x": np.ones(2, np.longdouble)})


def test_what_cannot_be_kept(path):
    for wrong in (object(), {"f": linear}, {1: np.ones(2)}, np.array([None])):
        with pytest.raises(ValueError, match=r"st\.save keeps fitted estimators .* cannot keep"):
            st.save(path, wrong)
    with pytest.raises(ValueError, match="not fitted"):
        st.save(path, learn.Ridge())
    with pytest.raises(ValueError, match=r"estimators of steepest\.learn, not Pipeline"):
        st.save(path, make_pipeline(StandardScaler(), learn.Ridge()).fit(X, Y))
    with pytest.raises(ValueError, match=r"a run saves itself: write run\.save\(path\)"):
        st.save(path, st.minimize(lambda x: x @ x, np.ones(2)))
    assert not path.exists()


def test_files_of_other_kinds(path):
    save_file({"weights": X}, path)
    with pytest.raises(ValueError, match=r"was not written by st\.save: it holds weights"):
        st.load(path)
    path.write_bytes(b"x,y")
    with pytest.raises(ValueError, match="is no saved "):
        st.load(path)
    st.save(path, np.ones(2))
    path.write_bytes(path.read_bytes().replace(b'format\\": 1', b'format\\": 7'))
    with pytest.raises(ValueError, match="is of format 7"):
        st.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"estimator": "os.system"},
        {"estimator": "Epoch"},
        {"estimator": "Regressor"},
        {"fitted": {"predict": {"array": "a"}}},
        {"fitted": {"__class__": 1}},
        {"fitted": {"coef_": {"pickle": "a"}}},
        {"fitted": {"coef_": {"array": "missing"}}},
        {"settings": {"alpha": 3}},
        {"settings": None},
    ],
)
def test_files_made_by_others_run_nothing(path, change):
    settings = {"estimator": "Ridge", "settings": {}, "fitted": {"n_iter_": 1}}
    MODEL.write(path, {"a": np.ones(1)}, settings | change)
    with pytest.raises(ValueError, match=r"no estimator that this version|no value that st\.save"):
        st.load(path)


def test_names_in_files_are_not_imported(path):
    code = {"model": {"code": "antigravity:fly"}, "loss": {"value": "squared_error"}}
    settings = {"estimator": "Regressor", "settings": code, "fitted": {}}
    MODEL.write(path, {"a": np.ones(1)}, json.loads(json.dumps(settings)))
    with pytest.raises(ValueError, match=r"code that no file holds, model=antigravity:fly: give"):
        st.load(path)


T = np.arange(5.0)
DECAY = 2 * np.exp(-0.5 * T) + 0.01 * np.cos(9 * T)


def bowl(x):
    return np.sum((x - 3) ** 2)


RUNS = {
    "an array": (lambda: st.minimize(bowl, np.zeros((2, 2)))),
    "a number": (lambda: st.minimize(bowl, 0.0)),
    "nested": (lambda: st.minimize(lambda p: bowl(p["a"]) + bowl(p["b"][0]), {"a": T, "b": [T]})),
    "residuals": (lambda: st.least_squares(lambda x: x - T, np.ones(5))),
    "likelihood": (
        lambda: st.maximum_likelihood(lambda y, mean: -((y - mean) ** 2), DECAY, {"mean": 1.0})
    ),
    "a fit by name": (
        lambda: st.curve_fit(lambda t, a, k: a * np.exp(-k * t), T, DECAY, {"a": 1.0, "k": 1.0})
    ),
    "joint": (
        lambda: (
            st.curve_fit_joint(
                lambda t, a, k: a * np.exp(-k * t), [T, T], [DECAY, DECAY], [1, 1], shared="k"
            ).fit
        )
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_the_parameters_of_a_saved_run_are_loaded(kind, tmp_path):
    run = RUNS[kind]()
    run.save(tmp_path / "run.safetensors")
    loaded = st.load(tmp_path / "run.safetensors")
    found, structure = trees.flatten(loaded)
    expected, of_run = trees.flatten(run.x)
    assert structure == of_run
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="holds parameters, which need no model"):
        st.load(tmp_path / "run.safetensors", model=bowl)


def test_parameters_made_by_code_are_not_loaded(tmp_path):
    path = tmp_path / "run.safetensors"
    st.minimize(bowl, st.Positive(1.0)).save(path)
    with pytest.raises(ValueError, match=r"start values of the run in .* are marked.*like=x0"):
        st.load(path)
