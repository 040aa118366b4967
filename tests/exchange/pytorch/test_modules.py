"""Modules of torch as NumPy functions: values and slopes beside torch's own."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import steepest as st
from steepest.exchange.pytorch.table import FUNCTIONS, METHODS, MODULES
from tests.cases.torch_calls import CALLS, MODULE_CASES, by_module, from_text


def agrees(module, inputs, compiled=False):
    """Compare values, and slopes of a weighted sum of them by parameters and real inputs."""
    model, parameters = st.from_torch(module)
    tensors = [torch.as_tensor(x).requires_grad_(x.dtype.kind == "f") for x in inputs]
    expected = module(*tensors)
    outputs = expected if isinstance(expected, tuple) else (expected,)
    random = np.random.default_rng(1)
    weights = [random.normal(size=tuple(y.shape)) for y in outputs]
    found = model(parameters, *inputs)
    found = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(found, outputs, strict=True):
        assert ours.dtype == theirs.detach().numpy().dtype
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
    real = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    if not any(y.requires_grad for y in outputs):
        return

    def loss(parameters, arrays):
        given = list(inputs)
        for i, array in zip(real, arrays, strict=True):
            given[i] = array
        results = model(parameters, *given)
        results = results if isinstance(results, tuple) else (results,)
        return sum(np.sum(w * y) for w, y in zip(weights, results, strict=True))

    total = sum((torch.as_tensor(w) * y).sum() for w, y in zip(weights, outputs, strict=True))
    total.backward()
    slopes = st.value_and_gradient(loss, wrt=(0, 1))
    value, (of_parameters, of_inputs) = (st.compile(slopes) if compiled else slopes)(
        parameters, [inputs[i] for i in real]
    )
    np.testing.assert_allclose(value, float(total.detach()), rtol=1e-9)
    named = dict(module.named_parameters())
    pairs = [(of_parameters[name], named[name].grad) for name in parameters]
    pairs += [(slope, tensors[i].grad) for slope, i in zip(of_inputs, real, strict=True)]
    for ours, theirs in pairs:
        theirs = np.zeros(ours.shape) if theirs is None else theirs.numpy()
        # torch rounds the slope 1/6 of hardsigmoid to float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)


def made(text):
    """Return the module that a text makes, with random parameters and statistics."""
    torch.manual_seed(0)
    module = from_text(text).double().eval()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.2, 1.0)
    return module


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("text", "shapes"), MODULE_CASES)
def test_a_module_has_torchs_values_and_slopes(text, shapes, random):
    agrees(made(text), [drawn(random, shape) for shape in shapes])


def drawn(random, shape):
    """Return an array: real of a shape, or whole numbers below the first of ("int", high, ...)."""
    if shape[:1] == ("int",):
        return random.integers(0, shape[1], shape[2:])
    if shape[:1] == ("unit",):
        return random.uniform(0.1, 0.9, shape[1:])
    return random.normal(size=shape)


def test_every_kind_of_module_has_a_case():
    covered = {type(from_text(text)).__name__ for text, _ in MODULE_CASES}
    assert covered == set(MODULES)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_torchs_values_and_slopes(name, random):
    for text in CALLS[name]:
        module = by_module(text)
        count = len(inspect.signature(module.forward).parameters)
        agrees(module, [random.uniform(0.2, 0.9, (4, 6)) for _ in range(count)])


def test_every_function_and_method_has_a_case():
    recorded = set()
    for texts in CALLS.values():
        for text in texts:
            for node in torch.fx.symbolic_trace(by_module(text)).graph.nodes:
                recorded.add((node.op, node.target))
    functions = {target for op, target in recorded if op == "call_function"}
    missing = {name for name in FUNCTIONS if resolved(name) not in functions | {None}}
    missing |= {name for name in METHODS if ("call_method", name) not in recorded}
    assert missing == set()


def resolved(name):
    target = torch
    for part in name.split("."):
        target = getattr(target, part, None)
    return target


class Residual(nn.Module):
    """Blocks, functions, attributes and a constant, nested."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4))
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.register_buffer("shift", torch.full((4, 1, 1), 0.1))
        self.last = nn.Linear(4, 3)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x, gain=2.0):
        h = self.act(self.first(x))
        h = h * self.scale + self.shift
        h += torch.cat([x, x], 1)
        h = torch.nn.functional.adaptive_avg_pool2d(h, 1).view(x.size(0), -1)
        return self.last(h) * gain, h.shape[1] * h.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_module_of_modules(compiled, random):
    module = Residual().double().eval()
    with torch.no_grad():
        module.first[1].running_var.uniform_(0.5, 2)
    agrees(module, [random.normal(size=(3, 2, 5, 4))], compiled)


def test_inputs_with_defaults_may_be_given(random):
    module = Residual().double().eval()
    model, parameters = st.from_torch(module)
    x = random.normal(size=(3, 2, 5, 4))
    given = model(parameters, x, 3.0)[0]
    np.testing.assert_allclose(given, 1.5 * model(parameters, x)[0], rtol=1e-12)
    with pytest.raises(ValueError, match=r"Residual takes parameters and 2 inputs \(x, gain\)"):
        model(parameters)


def test_frozen_parameters_and_buffers_stay_as_they_are(random):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    module[0].requires_grad_(False)
    model, parameters = st.from_torch(module)
    assert set(parameters) == {"1.weight", "1.bias", "2.weight", "2.bias"}
    assert {array.dtype.name for array in parameters.values()} == {"float32"}
    X = random.normal(size=(20, 3)).astype(np.float32)
    run = st.minimize(
        lambda p: np.mean((model(p, X) - 1) ** 2), parameters, stop=st.MaxIterations(5),
        method=st.GradientDescent(0.1),
    )  # fmt: skip
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(model.state_dict(run.x))
    after = module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(parameters)
    np.testing.assert_allclose(
        np.mean((module(torch.as_tensor(X)).detach().numpy() - 1) ** 2), run.loss, rtol=1e-5
    )


def test_shared_parameters_are_one(random):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Linear(3, 3), nn.Linear(3, 3)
            self.up.weight = self.down.weight

        def forward(self, x):
            return self.up(torch.tanh(self.down(x)))

    module = Tied().double()
    model, parameters = st.from_torch(module)
    assert set(parameters) == {"down.weight", "down.bias", "up.bias"}
    agrees(module, [random.normal(size=(2, 3))])
    assert set(model.state_dict(parameters)) == set(module.state_dict())


class Branching(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        y = x * 2
        return self.act(y) + y


class Unknown(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.GRU(2, 2))

    def forward(self, x):
        return self.inner(x)


class Calls(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, x):
        return self.call(x)


def hooked():
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda *_: None)
    return module


REFUSED = {
    "a module that is unknown": (Unknown, r"the module 'inner\.1' \(GRU\) is not brought in"),
    "a function": (lambda: Calls(torch.linalg.inv), r"linalg_inv in Calls\.forward is not"),
    "a method": (lambda: Calls(lambda x: x.cholesky()), r"\.cholesky\(\) in Calls\.forward"),
    "in place": (lambda: Calls(lambda x: x.add_(1)), r"use \.add\(\) and its result"),
    "a branch": (Branching, r"record Branching\.forward at .*test_modules\.py:\d+: if x\.sum"),
    "what others read": (InPlace, r"'act' changes a tensor in place"),
    "dropout in training": (lambda: nn.Dropout(0.5), r"\(Dropout\) is in training mode"),
    "batches": (lambda: nn.Sequential(nn.BatchNorm1d(2)), r"'0' \(BatchNorm1d\) is in training"),
    "no statistics": (
        lambda: nn.BatchNorm1d(2, track_running_stats=False).eval(),
        "no running statistics",
    ),
    "hooks": (hooked, "has hooks"),
    "half precision": (lambda: nn.Linear(2, 2).bfloat16(), r"module\.float\(\)"),
    "lazy": (lambda: nn.LazyLinear(2), "initialize the module"),
}


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_brought_in_is_refused_by_its_place(what):
    make, message = REFUSED[what]
    with pytest.raises(TypeError, match=message):
        st.from_torch(make())


def test_bad_arguments_are_refused(random):
    with pytest.raises(TypeError, match=r"takes a torch\.nn\.Module, got type"):
        st.from_torch(nn.Linear)
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3, 1))
    model, parameters = st.from_torch(module)
    x = random.normal(size=(4, 2, 3, 3))
    with pytest.raises(ValueError, match=r"in the module '0' \(Conv2d\).*channels"):
        model(parameters, x[:, :1])
    with pytest.raises(ValueError, match=r"in the module '0' \(Conv2d\)"):
        st.compile(model)(parameters, x[:, :, :2])
    pooled, none = st.from_torch(nn.MaxPool2d(4))
    with pytest.raises(ValueError, match=r"\(MaxPool2d\): windows of \(4, 4\) do not fit"):
        pooled(none, x)
    with pytest.raises(ValueError, match=r"'2\.bias' is missing"):
        model({name: a for name, a in parameters.items() if name != "2.bias"}, x)
    with pytest.raises(ValueError, match=r"other is missing or unknown"):
        model.state_dict({**parameters, "other": np.ones(1)})
    with pytest.raises(ValueError, match=r"'2\.bias' has shape \(1,\)"):
        model.state_dict({**parameters, "2.bias": np.ones(2)})
    with pytest.raises(ValueError, match=r"tensor of torch"):
        model(parameters, torch.ones(1, 2, 3, 3))


NUMBERS = {
    "Embedding": lambda: (nn.Embedding(5, 2), []),
    "CrossEntropyLoss": lambda: (nn.CrossEntropyLoss(), [np.ones((4, 5))]),
    "NLLLoss": lambda: (nn.NLLLoss(), [np.ones((4, 5))]),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", NUMBERS)
def test_negative_numbers_of_rows_and_classes_are_refused(kind, compiled):
    module, inputs = NUMBERS[kind]()
    model, parameters = st.from_torch(module)
    function = st.compile(model) if compiled else model
    function(parameters, *inputs, np.array([0, 4, 2, 1]))
    with pytest.raises((ValueError, IndexError), match="bounds"):
        function(parameters, *inputs, np.array([0, 4, -1, 1]))


def test_a_model_is_copied_and_pickled(random):
    model, parameters = st.from_torch(Residual().eval())
    x = random.normal(size=(2, 2, 4, 4)).astype(np.float32)
    assert copy.deepcopy(model) is model
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again(parameters, x)[0], model(parameters, x)[0])


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip


METHODS_OF_BOTH = {
    "SGD": (st.GradientDescent(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "Adam": (st.Adam(0.003), lambda p: torch.optim.Adam(p, 0.003)),
}


@pytest.mark.parametrize("name", METHODS_OF_BOTH)
def test_losses_of_a_training_are_torchs(name, random):
    method, make = METHODS_OF_BOTH[name]
    X = random.normal(size=(48, 1, 8, 8)).astype(np.float32)
    y = random.integers(0, 5, 48)
    module, steps = network(), 12
    model, parameters = st.from_torch(module)

    def loss(p, X, y):
        return -np.mean(st.log_softmax(model(p, X))[np.arange(len(y)), y])

    batches = st.Batches(size=16, epochs=4, shuffle=False)
    run = st.minimize(loss, parameters, args=(X, y), method=method, batches=batches)
    optimizer, theirs = make(module.parameters()), []
    for step in range(steps):
        rows = slice(16 * (step % 3), 16 * (step % 3) + 16)
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(
            module(torch.as_tensor(X[rows])), torch.as_tensor(y[rows])
        )
        value.backward()
        optimizer.step()
        theirs.append(float(value.detach()))
    np.testing.assert_allclose(run.history.loss[:steps], theirs, rtol=1e-5)
    for key, tensor in module.state_dict().items():
        np.testing.assert_allclose(run.x[key], tensor.numpy(), rtol=1e-3, atol=1e-5)


def test_a_module_is_the_model_of_a_classifier(random):
    from steepest.learn import Classifier

    X = random.normal(size=(60, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    torch.manual_seed(0)
    model, start = st.from_torch(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)))
    start = {name: array.astype(np.float64) for name, array in start.items()}
    fitted = Classifier(model, start, method=st.LBFGS(), max_iter=200, tol=1e-2).fit(X, y)
    assert fitted.score(X, y) > 0.9


def test_samples_of_a_convolution_are_read_in_panels(random):
    module = network()[:-1]
    model, parameters = st.from_torch(module)
    X = random.normal(size=(2000, 1, 8, 8)).astype(np.float32)

    def loss(p, X):
        return np.mean(model(p, X) ** 2)

    f = st.compile(st.value_and_gradient(loss))
    plan = f.plan(parameters, X)
    assert plan.report.rows == 2000
    assert len(plan.report.rounds) == 1
    value, slopes = f(parameters, X)
    expected, own = st.value_and_gradient(loss)(parameters, X)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for name in own:
        np.testing.assert_allclose(slopes[name], own[name], rtol=1e-3, atol=1e-6)
