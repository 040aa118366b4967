"""SciPy's functions on random data, and what of them is refused."""

import numpy as np
import optree
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate as si
import scipy.linalg as sl
import scipy.ndimage as sn
import scipy.optimize as so
import scipy.signal as ss
import scipy.sparse as sp
import scipy.spatial.distance as sd
from scipy.spatial.transform import Rotation

import steepest as st
from steepest.engines import Interpreter
from steepest.errors import RefusalError
from steepest.trace import trace_function
from tests.cases.scipy_compositions import CASES

ENGINE = Interpreter()


@pytest.mark.parametrize("name", CASES)
def test_values_are_scipys_for_random_data(name, random):
    for case in CASES[name]:
        x = random.uniform(0.05, 0.95, 6)
        with np.errstate(all="ignore"):
            expected = case(x.copy())
        trace = trace_function(case, (x,))
        _, values = ENGINE.compile([trace.graph])([x, *trace.captured_arrays()])
        found = trace.graph.result(values)
        leaves = zip(optree.tree_leaves(found), optree.tree_leaves(expected), strict=True)
        for value, wanted in leaves:
            np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-11)


X = np.array([0.42, 0.17, 0.83, 0.61, 0.29, 0.56])
T = np.arange(6.0)
SQUARE = np.diag(X[:3] + 1)
LABELED = np.arange(12).reshape(3, 4)
SPARSE = sp.csr_matrix(np.eye(6))

REFUSED = {
    "scipy.linalg.qr with pivoting": lambda x: sl.qr(x[:3] * SQUARE, pivoting=True),
    "scipy.linalg.qr with mode='full'": lambda x: sl.qr(x.reshape(3, 2)),
    "scipy.linalg.svd with full_matrices": lambda x: sl.svd(x.reshape(3, 2)),
    "scipy.linalg.pinv with atol": lambda x: sl.pinv(x.reshape(3, 2), atol=0.1),
    "scipy.linalg.eigh with subset_by_value": lambda x: sl.eigh(
        x[:3] * SQUARE, subset_by_value=(0, 1)
    ),
    "scipy.linalg.sqrtm of a matrix": lambda x: sl.sqrtm(-x[:3] * SQUARE),
    "scipy.interpolate.UnivariateSpline of traced values with smoothing": lambda x: (
        si.UnivariateSpline(T, x)(0.3)
    ),
    "scipy.interpolate.splrep of traced values with smoothing": lambda x: si.splrep(T, x, s=1),
    "scipy.interpolate.RegularGridInterpolator with method='cubic'": lambda x: (
        si.RegularGridInterpolator((T,), x, method="cubic")(0.3)
    ),
    "scipy.interpolate.make_interp_spline with bc_type='periodic'": lambda x: (
        si.make_interp_spline(T, x, bc_type="periodic")(0.3)
    ),
    "roots of a spline": lambda x: si.CubicSpline(T, x).roots(),
    "scipy.optimize.root with callback": lambda x: so.root(lambda u: u - x, x, callback=print).x,
    "scipy.optimize.nnls with maxiter": lambda x: so.nnls(np.eye(6), x, maxiter=3)[0],
    "scipy.integrate.romb": lambda x: scipy.integrate.romb(x[:5], show=True),
    "scipy.fft.fft": lambda x: scipy.fft.fft(x, plan=3).real,
    "scipy.signal.filtfilt with method='gust'": lambda x: ss.filtfilt(
        [1.0], [1.0], x, method="gust"
    ),
    "scipy.signal.fftconvolve with axes": lambda x: ss.fftconvolve(x, x, axes=0),
    "scipy.ndimage.map_coordinates of an image of dtype int64": lambda x: sn.map_coordinates(
        LABELED, x.reshape(2, 3)
    ),
    "scipy.ndimage.shift with order=2": lambda x: sn.shift(x, 0.3, order=2),
    "scipy.ndimage.gaussian_filter with output": lambda x: sn.gaussian_filter(
        x, 1.0, output=np.zeros(6)
    ),
    "scipy.spatial.distance.pdist with metric='yule'": lambda x: sd.pdist(x.reshape(3, 2), "yule"),
    "at gimbal lock": lambda x: Rotation.from_euler("y", x[0] - x[0] + np.pi / 2).as_euler("xyz"),
    "of a matrix that is not orthogonal": lambda x: Rotation.from_matrix(
        2 * x[0] * np.eye(3)
    ).as_quat(),
    r"\.mean of Rotation": lambda x: Rotation.from_rotvec(x.reshape(2, 3)).mean().as_quat(),
    "product of two sparse matrices": lambda x: (SPARSE @ SPARSE) @ x,
    "elementwise product of a sparse matrix": lambda x: SPARSE.multiply(x) @ x,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_is_refused_by_its_name(name):
    function = REFUSED[name]
    with pytest.raises(RefusalError, match=name) as raised:
        st.gradient(lambda x: np.sum(optree.tree_leaves(function(x))[0]))(X)
    assert "test_compositions.py" in str(raised.value)
