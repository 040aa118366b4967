# ruff: noqa: E501
"""Calls with SciPy's sparse matrices, by the function's name."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sl

DENSE = np.array([
    [4.0, 1.0, 0.0, 2.0, 0.0, 0.0], [0.0, 0.1, 1.0, 0.0, 0.0, 0.3], [1.0, 0.0, 5.0, 0.0, 0.0, 0.0],
    [0.0, 3.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.7, 2.0, 0.0], [0.0, 0.5, 0.0, 0.0, 0.0, 3.0],
])  # fmt: skip
FORMATS = {
    name: getattr(sp, name)(DENSE)
    for name in (
        "csr_matrix",
        "csc_matrix",
        "coo_matrix",
        "csr_array",
        "csc_array",
        "coo_array",
        "lil_matrix",
        "dia_array",
    )
}
WIDE, NOTHING = sp.csr_matrix(DENSE[:3]), sp.csr_matrix((6, 6))
CSC, CSR = FORMATS["csc_matrix"], FORMATS["csr_matrix"]
SOLVE, FACTORS = sl.factorized(CSC), sl.splu(CSC)


def matrix(x):
    return np.stack([x, x[::-1] ** 2], axis=1)


def places(x):
    return (x, (np.array([0, 1, 2, 0, 2, 1]), np.array([0, 1, 2, 1, 0, 1])))


def of_products(a):
    return [
        lambda x: a @ x, lambda x: a.dot(matrix(x)), lambda x: x @ a, lambda x: a.T @ x,
        lambda x: (2.0 * a) @ x, lambda x: a.transpose() @ matrix(x), lambda x: matrix(x).T @ a,
    ]  # fmt: skip


def made(name):
    make = getattr(sp, name)
    return [
        *of_products(FORMATS[name]),
        lambda x: make(places(x), shape=(3, 3)) @ np.array([1.0, 2.0, -1.0]),
        lambda x: make(places(x), shape=(3, 3)).toarray(),
        lambda x: (FORMATS[name] * x[0]) @ np.ones(6),
        lambda x: (-FORMATS[name] / x[0] + FORMATS[name]).dot(x),
    ]


CASES = {
    **{f"scipy.sparse.{name}": made(name) for name in ("csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "csc_array", "coo_array")},
    "scipy.sparse.linalg.spsolve": [
        lambda x: sl.spsolve(CSC, x), lambda x: sl.spsolve(CSR, x), lambda x: sl.spsolve(CSC, matrix(x)), lambda x: sl.spsolve(CSC.T, x[:, None]),
        lambda x: sl.spsolve(sp.csc_matrix((x + 3, (np.arange(6), np.arange(6))), shape=(6, 6)) + CSC, x),
    ],
    "scipy.sparse.linalg.factorized": [lambda x: SOLVE(x), lambda x: sl.factorized(CSC)(x) * 2.0],
    "scipy.sparse.linalg.splu": [lambda x: FACTORS.solve(x), lambda x: FACTORS.solve(matrix(x), "T"), lambda x: sl.splu(CSC).solve(x, trans="T")],
}  # fmt: skip
CASES["scipy.sparse.csr_matrix"] += [
    *of_products(FORMATS["lil_matrix"]), *of_products(FORMATS["dia_array"]), lambda x: WIDE @ x, lambda x: NOTHING @ x, lambda x: CSR * x,
    lambda x: CSR.sum() * x, lambda x: CSR.diagonal() * x, lambda x: CSR.toarray() * x, lambda x: FORMATS["csr_array"].sum(axis=0) * x,
    lambda x: CSR.multiply(x[0]) @ x, lambda x: sp.csr_matrix((x, np.array([0, 1, 2, 0, 2, 1]), np.array([0, 2, 3, 6])), shape=(3, 3)) @ x[:3],
]  # fmt: skip
