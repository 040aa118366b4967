"""Estimators and modules of torch as ONNX files, and back."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, make_regression

import steepest as st
from steepest import learn
from tests.support.onnx_files import ran, session_of

X, labels = load_iris(return_X_y=True)
X = X[::3]
labels = labels[::3]
targets = X @ np.array([1.0, -0.5, 0.2, 0.3]) + 2


def scores(p, X):
    return np.tanh(X @ p["first"]) @ p["second"]


def curve(x, scale, shift):
    return scale * np.exp(-x) + shift


def start(*shapes):
    random = np.random.default_rng(0)
    return dict(zip(("first", "second"), (random.normal(size=s) for s in shapes), strict=True))


REGRESSORS = {
    "Regressor": learn.Regressor(scores, start((4, 5), (5,)), max_iter=20),
    "Regressor of two": learn.Regressor(scores, start((4, 5), (5, 2)), max_iter=20),
    "LinearRegression": learn.LinearRegression(),
    "Ridge": learn.Ridge(),
    "GeneralizedLinear": learn.GeneralizedLinear(family="poisson"),
    "Quantile": learn.Quantile(),
    "MLPRegressor": learn.MLPRegressor((6, 6), max_iter=3, random_state=0),
    "CurveFit": learn.CurveFit(curve, {"scale": 1.0, "shift": 0.0}),
}
CLASSIFIERS = {
    "Classifier": learn.Classifier(scores, start((4, 5), (5, 3)), max_iter=20),
    "Classifier of two": learn.Classifier(scores, start((4, 5), (5,)), max_iter=20),
    "hinge": learn.Classifier(scores, start((4, 5), (5, 3)), loss="hinge", max_iter=20),
    "LogisticRegression": learn.LogisticRegression(),
    "MLPClassifier": learn.MLPClassifier((6,), max_iter=3, random_state=0),
}


def test_every_estimator_is_exported():
    kinds = {
        type(estimator).__name__ for estimator in (*REGRESSORS.values(), *CLASSIFIERS.values())
    }
    known = {name for name in learn.__all__ if hasattr(getattr(learn, name), "fit")}
    assert kinds == known


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("name", REGRESSORS)
def test_predictions_of_regressors(name, tmp_path):
    path, y = tmp_path / "model.onnx", targets
    inputs = X[:, :1] if name == "CurveFit" else X
    y = np.stack([y, -y], axis=1) if name == "Regressor of two" else y
    fitted = REGRESSORS[name].fit(inputs, y)
    st.to_onnx(path, fitted)
    model, parameters = st.from_onnx(path)
    assert parameters
    assert all(key.startswith("parameters.") for key in parameters)
    for rows in (1, 50):
        (found,) = ran(path, inputs[:rows])
        np.testing.assert_allclose(found, fitted.predict(inputs[:rows]), rtol=1e-9)
        np.testing.assert_allclose(model(parameters, inputs[:rows]), found, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("is_text", [False, True])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_predictions_of_classifiers(name, is_text, tmp_path):
    path = tmp_path / "model.onnx"
    y = np.minimum(labels, 1) if name == "Classifier of two" else labels
    y = np.array(["one", "two", "three"])[y] if is_text else y
    fitted = CLASSIFIERS[name].fit(X, y)
    st.to_onnx(path, fitted)
    for rows in (1, 50):
        label, values = ran(path, X[:rows])
        assert label.tolist() == fitted.predict(X[:rows]).tolist()
        own = fitted.decision_function if name == "hinge" else fitted.predict_proba
        np.testing.assert_allclose(values, own(X[:rows]), rtol=1e-9)
    second = "scores" if name == "hinge" else "probabilities"
    assert [output.name for output in session_of(path).get_outputs()] == ["label", second]


def test_a_file_of_float32(tmp_path):
    path = tmp_path / "model.onnx"
    inputs, y = make_regression(60, 3, random_state=0)
    fitted = learn.Ridge().fit(inputs, y)
    st.to_onnx(path, fitted, inputs[:1].astype(np.float32))
    single = inputs.astype(np.float32)
    np.testing.assert_allclose(ran(path, single)[0], fitted.predict(inputs), rtol=1e-4, atol=1e-4)


def test_bad_estimators_are_refused(tmp_path):
    from sklearn.linear_model import LinearRegression

    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match=r"estimators of steepest\.learn, not LinearRegression"):
        st.to_onnx(path, LinearRegression().fit(X, targets))
    with pytest.raises(ValueError, match="not fitted"):
        st.to_onnx(path, learn.Ridge())
    with pytest.raises(ValueError, match="was fitted for 4 features, got a sample of shape"):
        st.to_onnx(path, learn.Ridge().fit(X, targets), X[:, :2])


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.BatchNorm2d(3), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Conv2d(3, 4, 3, stride=2, padding="valid"),
        torch.nn.GELU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.LayerNorm(4), torch.nn.Linear(4, 3), torch.nn.Softmax(1),
    ).eval()  # fmt: skip


def test_a_module_of_torch_to_onnx_and_back(tmp_path, random):
    path, module = tmp_path / "net.onnx", network()
    model, parameters = st.from_torch(module)
    images = random.normal(size=(6, 1, 8, 8)).astype(np.float32)
    st.to_onnx(path, lambda images: model(parameters, images), images[:2], batch=0)
    expected = module(torch.as_tensor(images)).detach().numpy()
    (found,) = ran(path, images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    back, arrays = st.from_onnx(path)
    assert {f"parameters.{name}" for name in parameters} <= set(arrays)
    np.testing.assert_allclose(back(arrays, images), expected, rtol=1e-5, atol=1e-6)
    run = st.minimize(
        lambda p: -np.mean(np.log(back(p, images)[:, 0])), arrays, stop=st.MaxIterations(3),
        method=st.GradientDescent(0.01),
    )  # fmt: skip
    assert run.loss < run.history.loss[0]


def test_operators_that_others_write(tmp_path, random):
    """A file with operators that ``st.to_onnx`` does not write."""
    import onnx
    from onnx import helper, numpy_helper

    names = {
        "w": random.normal(size=(4, 2, 3, 3)), "b": random.normal(size=4),
        "s": np.ones(4), "m": random.normal(size=4), "v": random.uniform(1, 2, 4),
        "g": random.normal(size=(5, 16)), "c": random.normal(size=5),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["1"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["1", "s", "b", "m", "v"], ["2"]),
        helper.make_node("Relu", ["2"], ["3"]),
        helper.make_node("MaxPool", ["3"], ["4"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("AveragePool", ["4"], ["5"], kernel_shape=[2, 2], strides=[1, 1],
                         pads=[1, 1, 0, 0]),
        helper.make_node("Flatten", ["4"], ["6"]),
        helper.make_node("Gemm", ["6", "g", "c"], ["7"], transB=1, alpha=0.5),
        helper.make_node("LeakyRelu", ["7"], ["8"], alpha=0.1),
        helper.make_node("Clip", ["8"], ["9"]),
        helper.make_node("LogSoftmax", ["9"], ["y"], axis=1),
        helper.make_node("GlobalAveragePool", ["3"], ["z"]),
        helper.make_node("Split", ["y"], ["first", "second"], axis=1, num_outputs=2),
    ]  # fmt: skip
    nodes.pop(4)
    value = lambda name, shape: helper.make_tensor_value_info(name, 1, shape)
    graph = helper.make_graph(
        nodes, "others", [value("x", ["n", 2, 4, 4])],
        [value("first", ["n", 3]), value("second", ["n", 2]), value("z", ["n", 4, 1, 1])],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in names.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = tmp_path / "others.onnx"
    onnx.save(model, path)
    function, parameters = st.from_onnx(path)
    assert set(parameters) == set(names)
    images = random.normal(size=(3, 2, 4, 4)).astype(np.float32)
    for found, expected in zip(function(parameters, images), ran(path, images), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_operators_that_are_unknown_are_refused(tmp_path):
    import onnx
    from onnx import helper

    value = helper.make_tensor_value_info
    node = helper.make_node("Hardmax", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", 1, [2, 2])], [value("y", 1, [2, 2])])
    path = tmp_path / "unknown.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )
    with pytest.raises(TypeError, match=r"the operator Hardmax \(number 0\) of .* is not read"):
        st.from_onnx(path)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), path
    )
    with pytest.raises(TypeError, match="operators of version 11; those from 13 on are read"):
        st.from_onnx(path)
