"""Seeds that follow from each test's name, so that any test can be run alone."""

import zlib

import numpy as np
import pytest


@pytest.fixture
def random(request):
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))
