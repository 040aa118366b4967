"""The covariance of parameters, and the rank of the Jacobian."""

import numpy as np
import pytest

from steepest.descent.iteration.fit_report import (
    covariance_full_rank,
    diagonal_ratio,
    least_diagonal_ratio,
)
from steepest.descent.results.covariance import covariance_from_r


@pytest.mark.parametrize("seed", range(20))
def test_a_clearly_regular_factor_has_full_rank(seed):
    random = np.random.default_rng(seed)
    number = random.integers(1, 9)
    scales = 10.0 ** random.integers(-6, 7, number)
    factor = np.triu(random.normal(size=(number, number))) * scales
    least = least_diagonal_ratio(factor.dtype, int(number), 100)
    if diagonal_ratio(factor) > least:
        inverse, rank = covariance_from_r(factor, 100)
        assert rank == number
        np.testing.assert_allclose(covariance_full_rank(factor), inverse, rtol=1e-6)
    factor[-1, -1] = 0.0
    assert not diagonal_ratio(factor) > least
    assert diagonal_ratio(np.eye(number)) > least
