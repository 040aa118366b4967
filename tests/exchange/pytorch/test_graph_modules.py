"""Functions in NumPy as modules of torch."""

import copy
import io

import numpy as np
import pytest
import torch

import steepest as st


def model(p, X):
    hidden = np.maximum(X @ p["layers"][0] + p["shift"], 0)
    return {"scores": hidden @ p["layers"][1], "size": np.sqrt(np.sum(hidden**2))}


@pytest.fixture
def parameters(random):
    return {
        "layers": [random.normal(size=(3, 5)), random.normal(size=(5, 2))],
        "shift": random.normal(size=5),
    }


def test_values_and_slopes_are_those_of_the_function(parameters, random):
    X = random.normal(size=(4, 3))
    module = st.to_torch(model, parameters, X, parameters=0)
    assert set(module.state_dict()) == {"layers.0", "layers.1", "shift"}
    for rows in (4, 7):
        X = random.normal(size=(rows, 3))
        tensor = torch.as_tensor(X).requires_grad_()
        module.zero_grad()
        found, expected = module(tensor), model(parameters, X)
        assert set(found) == set(expected)
        for key in expected:
            np.testing.assert_allclose(found[key].detach(), expected[key], rtol=1e-12)
        (found["scores"].sum() + found["size"]).backward()
        total = lambda p, X: np.sum(model(p, X)["scores"]) + model(p, X)["size"]
        of_parameters, of_X = st.gradient(total, wrt=(0, 1))(parameters, X)
        np.testing.assert_allclose(tensor.grad, of_X, rtol=1e-10)
        named = dict(module.named_parameters())
        np.testing.assert_allclose(named["shift"].grad, of_parameters["shift"], rtol=1e-10)
        np.testing.assert_allclose(named["layers.1"].grad, of_parameters["layers"][1], rtol=1e-10)


def test_a_module_there_and_back(random):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(8, 3),
    )  # fmt: skip
    function, parameters = st.from_torch(module)
    X = random.normal(size=(5, 1, 7, 7)).astype(np.float32)[:, :, :6, :6]
    again = st.to_torch(function, parameters, X, parameters=0)
    assert set(again.state_dict()) == set(module.state_dict())
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.mul_(1.5)
    again.load_state_dict(module.state_dict())
    found, expected = again(torch.as_tensor(X)), module(torch.as_tensor(X))
    np.testing.assert_allclose(found.detach(), expected.detach(), rtol=1e-5, atol=1e-6)


def test_a_module_is_kept_and_trained_by_torch(parameters, random):
    X, y = random.normal(size=(20, 3)), random.normal(size=20)
    module = st.to_torch(lambda p, X: model(p, X)["scores"][:, 0], parameters, X, parameters=0)
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = ((module(torch.as_tensor(X)) - torch.as_tensor(y)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.shift.zero_()
    other.load_state_dict(torch.load(file))
    assert torch.equal(other(torch.as_tensor(X)), module(torch.as_tensor(X)))


def test_captured_arrays_are_read_at_each_call(random):
    weights = random.normal(size=3)
    module = st.to_torch(lambda X: X @ weights, np.ones((2, 3)))
    assert not module.state_dict()
    X = random.normal(size=(2, 3))
    np.testing.assert_allclose(module(torch.as_tensor(X)), X @ weights)
    weights[:] = random.normal(size=3)
    np.testing.assert_allclose(module(torch.as_tensor(X)), X @ weights)
    single = module(torch.as_tensor(X).to(torch.float32))
    assert single.dtype == torch.float64  # as NumPy promotes


def test_what_cannot_be_a_module_is_refused():
    def branching(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(TypeError, match=r"branches on values at test_graph_modules\.py:\d+"):
        st.to_torch(branching, np.ones(3))
    with pytest.raises(ValueError, match="parameters=2 must number arguments, from 0 to 0"):
        st.to_torch(np.tanh, np.ones(3), parameters=2)
    with pytest.raises(ValueError, match="takes 1 inputs, got 2"):
        st.to_torch(np.tanh, np.ones(3))(torch.ones(3), torch.ones(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_among_the_inputs_keep_their_precision(dtype):
    def scaled(x, factor, flag):
        return x * factor if flag is True else -x * factor

    module = st.to_torch(scaled, np.ones(3), 0.1, True)
    x = torch.ones(3, dtype=dtype)
    for factor in (0.1, 0.3, 1.0, 2.0, float("nan"), float("nan")):
        found, expected = module(x, factor, True), scaled(x.numpy(), factor, True)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
    assert len(module._kept) <= 2  # of the example, and of x
    for factor, flag in ((1, True), (2, True), (1.0, 1), (1.0, 0)):
        np.testing.assert_array_equal(module(x, factor, flag), scaled(x.numpy(), factor, flag))


def test_tied_parameters_and_bad_dtypes():
    p = {"a": np.ones(3), "b": np.full(3, 2.0)}
    module = st.to_torch(lambda p, x: x * p["a"] + p["b"], p, np.zeros(3), parameters=0)
    module.a = module.b
    x = torch.ones(3, dtype=torch.float64)
    np.testing.assert_array_equal(module(x).detach(), np.full(3, 4.0))
    with pytest.raises(ValueError, match="tensor of bfloat16, which NumPy does not have"):
        module.to(torch.bfloat16)(x.to(torch.bfloat16))
    with pytest.raises(ValueError, match="the parameter 'k' has dtype int64"):
        st.to_torch(lambda p, x: x * p["k"], {"k": np.arange(3)}, np.zeros(3), parameters=0)
