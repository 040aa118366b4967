"""Matrix products against NumPy: every layout, and sizes at which work is split and packed."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

SIZES = [
    (128, 784, 256), (128, 256, 128), (784, 128, 256), (33, 500, 50), (200, 64, 1000),
    (1000, 300, 700), (300, 600, 400), (64, 64, 64), (40, 2000, 48), (37, 129, 65),
    (256, 1024, 10), (64, 3000, 600),
]  # fmt: skip
LAYOUTS = {
    "A @ B": lambda a, b: a @ b,
    "A.T @ B": lambda a, b: a.T @ b,
    "A @ B.T": lambda a, b: a @ b.T,
    "A.T @ B.T": lambda a, b: a.T @ b.T,
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES)
def test_products_are_numpys_with_any_number_of_threads(size, layout, dtype):
    rows, depth, columns = size
    random = np.random.default_rng(rows)
    a = random.normal(size=(rows, depth)).astype(dtype)
    b = random.normal(size=(depth, columns)).astype(dtype)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    a = np.ascontiguousarray(a.T) if "A.T" in layout else a
    b = np.ascontiguousarray(b.T) if "B.T" in layout else b
    product = st.compile(LAYOUTS[layout])
    threads, found = st.get_num_threads(), []
    try:
        for number in (1, 2, 3):
            st.set_num_threads(number)
            found.append(product(a, b))
    finally:
        st.set_num_threads(threads)
    bound = depth * np.finfo(dtype).eps * 5
    np.testing.assert_allclose(found[0], exact.astype(dtype), rtol=0, atol=bound)
    assert all(np.array_equal(found[0], other) for other in found)


def test_products_are_computed_in_their_places_of_a_concatenation():
    def function(a, b):
        products = [(a @ b).ravel(), np.sin(a).ravel(), (b @ a).ravel()]
        return np.concatenate(products) * 2.0, products[2] + 1.0

    a, b = np.random.default_rng(0).normal(size=(2, 40, 40))
    for found, wanted in zip(st.compile(function)(a, b), function(a, b), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


SHAPES = [(1, 1, 1), (3, 5, 2), (4, 64, 33), (33, 7, 10), (65, 40, 70), (5, 0, 4)]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("flips", range(4))
def test_products_of_any_layout(shape, flips, dtype, random):
    rows, inner, columns = shape
    a = random.integers(-9, 9, (rows, inner) if flips & 1 else (inner, rows)).astype(dtype)
    b = random.integers(-9, 9, (inner, columns) if flips & 2 else (columns, inner)).astype(dtype)

    def product(a, b):
        return (a if flips & 1 else a.T) @ (b if flips & 2 else b.T)

    np.testing.assert_array_equal(st.compile(product)(a, b), product(a, b))
