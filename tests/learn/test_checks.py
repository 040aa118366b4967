"""scikit-learn's own checks of estimators, all of them, none of which is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests.cases.estimators import ESTIMATORS

CHECKS = [
    (name, check)
    for name, one in ESTIMATORS.items()
    for _, check in estimator_checks_generator(one)
]
NAMES = [f"{name}-{check.func.__name__}" for name, check in CHECKS]


@pytest.mark.sampled(36)
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "check"), CHECKS, ids=NAMES)
def test_check(name, check):
    check(ESTIMATORS[name])
