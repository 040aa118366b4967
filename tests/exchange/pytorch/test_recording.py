"""What torch.fx records of a module: nothing is left out without a word."""

import inspect
import random as pythons
import re

import numpy as np
import pytest
import torch
from torch import nn

import steepest as st
from steepest.exchange.pytorch.table import MODULES
from tests.cases.torch_calls import CALLS, MODULE_CASES, by_module, from_text

F = nn.functional


class ThenInPlace(nn.Module):
    """Changes the result of another module in place, and returns its input as well."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.act = inner, nn.ReLU(inplace=True)

    def forward(self, x):
        h = x * 1.5 - 1
        return h, self.act(self.inner(h))


def is_changed_alike(inner, shape):
    """Compare with torch; return whether the module is refused for the change."""
    module = ThenInPlace(inner).eval()
    x = np.random.default_rng(0).uniform(0.2, 1.5, shape).astype(np.float32)
    if not inner(torch.as_tensor(x)).is_floating_point():
        return False
    try:
        model, parameters = st.from_torch(module)
    except TypeError as error:
        if "changes a tensor in place" in str(error):
            return True
        raise
    with torch.no_grad():
        expected = module(torch.as_tensor(x))
    with np.errstate(all="ignore"):
        found = model(parameters, x)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return False


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_a_change_in_place_is_seen_through_every_module():
    asked = ("Identity", "Flatten", "Unflatten", "Linear(3, 2)", "Conv2d(4, 3, 3)")
    cases = [case for case in MODULE_CASES[::3] if not case[0].startswith(asked)]
    refused = {
        text
        for text, shapes in (*cases, *(case for case in MODULE_CASES if case[0].startswith(asked)))
        if len(shapes) == 1 and shapes[0][0] not in ("int", "unit")
        and is_changed_alike(from_text(text), shapes[0])
    }  # fmt: skip
    assert {"Identity()", "Flatten()", "Unflatten(1, (2, -1))"} <= refused
    assert not refused & {"Linear(3, 2)", "Conv2d(4, 3, 3)"}


MEMORY = ["x: x.detach()", "x: x.float()", "x: x.T", "x: F.dropout(x, 0.5, False)",
          "x: x[0]"]  # fmt: skip


def test_a_change_in_place_is_seen_through_every_call():
    texts = [text for texts in CALLS.values() for text in texts if text.startswith("x: ")]
    single = [t for t in texts if not re.search(r"unbind\(x|chunk\(x|split\(x|double", t)]
    single = [*single[::4], "x: x.view(-1)", "x: x.t()", "x: x.clone()", "x: torch.softmax(x, 1)"]
    refused = {t for t in (*single, *MEMORY) if is_changed_alike(by_module(t), (4, 6))}
    assert {*MEMORY, "x: x.view(-1)", "x: x.t()"} <= refused
    assert not refused & {"x: x.clone()", "x: torch.softmax(x, 1)"}


SETTINGS_OF_ARRAYS = {
    "device dtype": "where and what the arrays are",
    "in_features out_features in1_features in2_features in_channels out_channels": "shapes",
    "num_embeddings embedding_dim num_features num_channels num_parameters": "shapes",
    "init": "of the parameters",
    "min_value max_value": "older names of min_val and max_val",
    "bias affine elementwise_affine _weight _freeze": "which arrays there are, and which train",
    "track_running_stats": "without it there are no buffers, which is refused",
    "momentum": "of training, which is refused",
    "size align_corners recompute_scale_factor": "of ways to resize that are refused",
    "args kwargs": "Identity takes any",
    "inplace": "changes in place are found in the calls",
    "size_average reduce": "older names of reduction, which the module turns into it",
}


def test_every_argument_of_a_module_is_a_setting_or_an_array():
    ignored = {name for names in SETTINGS_OF_ARRAYS for name in names.split()}
    for text, _ in MODULE_CASES:
        module = from_text(text)
        row = MODULES[type(module).__name__]
        known = {*row.settings, *row.renamed, *row.renamed.values(), *row.fixed}
        known |= {*module._parameters, *module._buffers}
        left = set(inspect.signature(type(module)).parameters) - known - ignored
        if isinstance(module, nn.modules.conv._ConvNd):
            left.discard("kernel_size")  # the shape of the weights
            left -= {"padding_mode"} if "Transpose" in text else set()  # torch takes zeros alone
        assert left == set(), type(module).__name__


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.filterwarnings("ignore:dropout")
def test_a_sample_without_a_batch_has_torchs_values(random):
    compared = set()
    for text, shapes in MODULE_CASES:
        if len(shapes) > 1 or shapes[0][0] in ("int", "unit") or len(shapes[0]) < 2:
            continue
        module = from_text(text).eval()
        x = random.normal(size=shapes[0][1:]).astype(np.float32)
        model, parameters = st.from_torch(module)
        try:
            with torch.no_grad():
                expected = module(torch.as_tensor(x)).numpy()
        except (RuntimeError, ValueError, IndexError):
            continue
        np.testing.assert_allclose(model(parameters, x), expected, rtol=1e-4, atol=1e-5)
        compared.add(text)
    assert {"InstanceNorm1d(4)", "InstanceNorm2d(4, affine=True)", "Conv2d(4, 3, 3)"} <= compared


@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
def test_arrays_of_other_ranks_are_refused(kind, random):
    for count in (1, 2, 3):
        model, parameters = st.from_torch(getattr(nn, f"{kind}{count}d")(3).eval())
        with pytest.raises(ValueError, match="too few or too many axes"):
            model(parameters, random.normal(size=(3,) * (count + 3)))


class Calls(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("count", torch.zeros(3))
        self.number = 0

    def forward(self, x):
        return self.call(self, x)


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return torch.sign(x)

    @staticmethod
    def backward(context, slope):
        return slope


def in_place(self, x):
    self.count += 1
    return x * self.count


def bound(self, x):
    self.count = self.count + 1
    return x * self.count


def counted(self, x):
    self.number += 1
    return x * self.number


def kept(self, x):
    self.last = x * 2
    return self.last


def of_parameter(self, x):
    h = self.weight
    h += x
    return h


def renamed(self, x):
    h = x * 2
    y = h
    y += 1
    return h * y


def viewed(self, x):
    h = x * 2
    y = h.T
    y *= 3
    return h


generator = np.random.default_rng(0)


def without_slopes(self, x):
    with torch.no_grad():
        scale = torch.sin(x)
    return x * scale


def autocast(self, x):
    with torch.autocast("cpu", torch.bfloat16):
        return x @ x


LEFT_OUT = {
    "no_grad": (without_slopes, r"test_recording\.py:\d+: .* under torch\.no_grad\(\)"),
    "Function": (lambda self, x: Straight.apply(x), r"torch\.autograd\.Function"),
    "autocast": (autocast, r"under torch\.autocast"),
    "random of torch": (lambda self, x: x + torch.randn(3), "draws random numbers"),
    "a mask": (lambda self, x: x * torch.bernoulli(torch.ones(3) / 2), "draws random numbers"),
    "random of NumPy": (lambda self, x: x * float(np.random.rand()), "draws random numbers"),
    "random of Python": (lambda self, x: x * pythons.random(), "draws random numbers"),
    "a generator's": (lambda self, x: x * float(generator.normal()), "draws random numbers"),
    "a new layer": (lambda self, x: torch.nn.ReLU()(x), "makes the layer ReLU while it computes"),
    "a buffer in place": (in_place, "changes the module's 'count'"),
    "a buffer": (bound, "changes the module's 'count'"),
    "a number": (counted, "changes the module's 'number'"),
    "a result": (kept, "changes the module's 'last'"),
    "a parameter in place": (of_parameter, "iadd in Calls.forward changes a tensor in place"),
    "another name": (renamed, "iadd in Calls.forward changes a tensor in place"),
    "a view": (viewed, "imul in Calls.forward changes a tensor in place"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_a_graph_would_leave_out_is_refused(what):
    call, message = LEFT_OUT[what]
    module = Calls(call)
    before = {**vars(module)}, {name: x.clone() for name, x in module.state_dict().items()}
    with pytest.raises(TypeError, match=message):
        st.from_torch(module)
    assert vars(module) == before[0]
    assert all(torch.equal(x, before[1][name]) for name, x in module.state_dict().items())


def test_a_module_with_constants_stays_as_it_was(random):
    module = Calls(lambda self, x: torch.add(x, other=torch.arange(3.0)) * self.weight)
    before = {**vars(module)}
    with torch.no_grad():  # of the caller
        model, parameters = st.from_torch(module)
    assert vars(module) == before
    x = random.normal(size=3).astype(np.float32)
    np.testing.assert_allclose(model(parameters, x), x + np.arange(3), rtol=1e-6)


def test_numbers_are_no_tensors(random):
    def call(self, x):
        rows = x.shape[0]
        rows += 1
        n = x.size(0)
        n += 1
        y = x * rows
        y += n
        return y * 2

    x = random.normal(size=(2, 3))
    model, parameters = st.from_torch(Calls(call).double())
    np.testing.assert_allclose(model(parameters, x), (x * 3 + 3) * 2)


def hooked(register):
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    register(module[0])
    return module


def replaced(module):
    module.forward = lambda x: x * 0


NOT_THEIR_OWN = {
    **{
        name: (lambda layer, name=name: getattr(layer, name)(print), r"the module '0' has hooks")
        for name in ("register_forward_hook", "register_forward_pre_hook",
                     "register_full_backward_hook", "register_full_backward_pre_hook")
    },
    "of a parameter": (lambda layer: layer.weight.register_hook(print), r"'0\.weight' has hooks"),
    "after gradients": (
        lambda layer: layer.weight.register_post_accumulate_grad_hook(print),
        r"'0\.weight' has hooks",
    ),
    "forward": (replaced, "the forward of the module '0' is not that of its class"),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_THEIR_OWN)
def test_code_beside_forward_is_refused(what):
    change, message = NOT_THEIR_OWN[what]
    with pytest.raises(TypeError, match=message):
        st.from_torch(hooked(change))


def test_other_classes_of_torch_with_a_name_in_the_table_are_refused():
    class Linear(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    own = Linear(3, 2)
    model, parameters = st.from_torch(own)  # recorded, as a module of the user's
    x = np.ones((1, 3), np.float32)
    np.testing.assert_allclose(
        model(parameters, x), own(torch.as_tensor(x)).detach().numpy(), rtol=1e-5
    )
    other = type("Linear", (Linear,), {"__module__": "torch.ao.nn.qat"})
    with pytest.raises(TypeError, match=r"\(Linear\) is not brought in"):
        st.from_torch(nn.Sequential(other(3, 2), nn.ReLU()))
