"""ONNX files that other programs wrote, beside onnxruntime."""

import os

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import steepest as st
from tests.support.onnx_files import ran

NODE = helper.make_node


def saved(path, nodes, inputs, arrays=(), outputs=(), opset=18, **options):
    """Write a file; an output is a name with its dtype."""
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape)
        )
        for name, dtype, shape in inputs
    ]
    results = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(np.dtype(dtype)),
            [f"{name}{i}" for i in range(n)],
        )
        for name, dtype, n in outputs
    ]
    stored = [numpy_helper.from_array(array, name) for name, array in dict(arrays).items()]
    graph = helper.make_graph(nodes, "g", values, results, stored)
    ids = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=ids, ir_version=8), path, **options)
    return path


def drawn(random, dtype, shape):
    if np.dtype(dtype).kind == "f":
        return random.uniform(0.5, 2, shape).astype(dtype)
    return random.integers(0, 5, shape).astype(dtype)


def node(kind, *names, outputs=("y",), **attributes):
    return NODE(kind, list(names), list(outputs), **attributes)


def whole(*numbers):
    return np.array(numbers, np.int64)


def sliced(start, end, step):
    arrays = {"s": whole(start), "e": whole(end), "a": whole(0), "d": whole(step)}
    return node("Slice", "x", "s", "e", "a", "d"), "f4", (5,), arrays, {"y": ("f4", 1)}


def powers(base, exponent):
    return node("Pow", "x", "e"), base, (6,), {"e": np.asarray(exponent)}, {"y": (base, 1)}


def largest(dtype, **options):
    outputs = {"y": (dtype, 1), "i": ("i8", 1)}
    made = node("TopK", "x", "k", outputs=("y", "i"), **options)
    return made, dtype, (9,), {"k": whole(4)}, outputs


def gathered(index, axis):
    made = node("GatherElements", "x", "i", axis=axis)
    return made, "f4", (3, 4), {"i": np.array(index)}, {"y": ("f4", 2)}


OPERATORS = {
    "Slice": [
        sliced(start, end, step)
        for start in (-7, -2, 3, 9) for end in (-100, 1, 100) for step in (1, -1, -2)
    ],
    "Pow": [
        powers(base, exponent)
        for base in ("f4", "f8", "i8", "i4")
        for exponent in (np.float32(0.5), np.float64(2), np.int64(3))
    ],
    "TopK": [largest(dtype, largest=most) for dtype in ("f4", "i8", "u1") for most in (0, 1)],
    "GatherElements": [
        gathered(index, axis)
        for axis, index in ((0, [[2], [0], [1]]), (1, [[3, 0, 1, 2]]), (-1, [[0, 0], [3, 3]]))
    ],
    "Dropout": [
        (node("Dropout", "x", outputs=names), "f4", (5,), {}, {"y": ("f4", 1)})
        for names in (("y",), ("y", "mask"))
    ],
    "Split": [
        (
            node("Split", "x", outputs=("y", "z")), "f4", (6,), {},
            {"y": ("f4", 1), "z": ("f4", 1)},
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_has_onnxruntimes_values_and_dtypes(name, tmp_path, random):
    for made, dtype, shape, arrays, outputs in OPERATORS[name]:
        results = [(key, *kind) for key, kind in outputs.items()]
        opset = 13 if name == "Split" else 18
        path = saved(tmp_path / "m.onnx", [made], [("x", dtype, shape)], arrays, results, opset)
        x = drawn(random, dtype, shape)
        function, parameters = st.from_onnx(path)
        own, recorded = function(parameters, x), st.trace(function, parameters, x)(parameters, x)
        for found in (own, recorded):
            found = found if isinstance(found, tuple) else (found,)
            for ours, theirs in zip(found, ran(path, x), strict=True):
                assert ours.dtype == theirs.dtype
                np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("taken", ["0", "1", "2", "x"])
def test_names_may_be_numbers(taken, tmp_path):
    nodes = [NODE("Exp", [taken], ["a"]), NODE("Split", ["a"], ["b", "c"], num_outputs=2),
             NODE("Mul", ["b", "c"], ["d"]), NODE("Add", ["d", taken], ["y"])]  # fmt: skip
    path = saved(tmp_path / "m.onnx", nodes, [(taken, "f4", (2,))], outputs=[("y", "f4", 1)])
    function, parameters = st.from_onnx(path)
    x = np.array([0.25, 0.5], np.float32)
    np.testing.assert_allclose(function(parameters, x), ran(path, x)[0], rtol=1e-6)


def test_arrays_in_a_file_beside_it_are_read_from_there(tmp_path, monkeypatch, random):
    folder, other = tmp_path / "model", tmp_path / "elsewhere"
    weights = random.normal(size=(30, 3)).astype(np.float32)
    for place, factor in ((folder, 1), (other, -1)):
        place.mkdir()
        path = saved(
            place / "m.onnx", [node("MatMul", "x", "w")], [("x", "f4", (1, 30))],
            {"w": factor * weights}, [("y", "f4", 2)], save_as_external_data=True,
            location="m.data", size_threshold=0,
        )  # fmt: skip
    path = folder / "m.onnx"
    monkeypatch.chdir(other)  # which has a file of that name
    np.testing.assert_array_equal(st.from_onnx(path)[1]["w"], weights)
    (other / "m.data").unlink()
    np.testing.assert_array_equal(st.from_onnx(path)[1]["w"], weights)
    os.truncate(folder / "m.data", 8)
    with pytest.raises(ValueError, match="is no valid ONNX file"):
        st.from_onnx(path)


def half(dtype):
    return [node("Cast", "w", to=1)], {"w": np.ones(2, helper.tensor_dtype_to_np_dtype(dtype))}


REFUSED = {
    "float16": (*half(onnx.TensorProto.FLOAT16), "the array 'w' of .* has dtype float16"),
    "bfloat16": (*half(onnx.TensorProto.BFLOAT16), "the array 'w' of .* has dtype bfloat16"),
    "a mask": (
        [NODE("Dropout", ["x"], ["a", "m"]), NODE("Cast", ["m"], ["y"], to=1)], {},
        r"the output 'm' of the operator Dropout \(number 0\) of .* only the first output",
    ),
    "training": (
        [node("Dropout", "x", "r", "t")], {"r": np.array(0.5, "f4"), "t": np.array(True)},
        "Dropout is in training mode",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_refused(what, tmp_path):
    nodes, arrays, message = REFUSED[what]
    x = np.ones(2, np.float32)
    path = saved(tmp_path / "m.onnx", nodes, [("x", "f4", (2,))], arrays, [("y", "f4", 1)])
    with pytest.raises(TypeError, match=message):
        read_and_called(path, x)


def read_and_called(path, x):
    function, parameters = st.from_onnx(path)
    return function(parameters, x)


def test_a_constant_keeps_its_dtype(tmp_path):
    nodes = [NODE("Constant", [], ["c"], value_float=0.1), NODE("Mul", ["x", "c"], ["y"])]
    path = saved(tmp_path / "m.onnx", nodes, [("x", "f4", (2,))], outputs=[("y", "f4", 1)])
    function, parameters = st.from_onnx(path)
    assert function(parameters, np.ones(2, np.float32)).dtype == np.float32
