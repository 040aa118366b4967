"""For every test: graphs are verified after each pass, and seeds follow from names."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
import threading
import zlib
from collections import Counter

import numpy as np
import pytest

from steepest.activity import Interrupt
from steepest.engines.native.runtime import buffer_pool as buffers
from steepest.graph import passes
from tests.support import agreement

# Compiled code of earlier runs is not used, and none is left behind. Workers share theirs.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["STEEPEST_CACHE_DIR"] = tempfile.mkdtemp(prefix="steepest-test-")
    atexit.register(shutil.rmtree, os.environ["STEEPEST_CACHE_DIR"], ignore_errors=True)

# A shell starts background jobs with Ctrl-C ignored, but descents under test must notice it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

buffers.POISON = True  # fills new memory with NaN: no result may depend on unwritten memory
passes.VERIFY = True  # every rewrite pass checks its result


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="a part of the cases, no slow ones")
    parser.addoption("--all", action="store_true", help="every case of products of many")


_ONE_IN = 12
"""``--fast`` runs one of so many cases of each test."""

_OF_MORE_THAN = {24: 6, 12: 2}
"""Of how many cases ``make test`` runs one, by what a test has more of, unless it is marked."""


def _function_of(item):
    return item.nodeid.partition("[")[0]


def _one_in(item, count):
    """Return of how many cases of a test ``make test`` runs one."""
    sampled = item.get_closest_marker("sampled")
    if sampled:
        return sampled.args[0]
    return next((one_in for many, one_in in _OF_MORE_THAN.items() if count > many), 1)


def _is_in_sample(number, one_in):
    """Whether a case is one in so many, in no step with the lengths of its parameters' lists."""
    return number * (5**0.5 - 1) / 2 % 1 < 1 / one_in


def pytest_collection_modifyitems(config, items):
    is_fast, is_whole = config.getoption("--fast"), config.getoption("--all")
    unstable = [item.nodeid for item in items if " at 0x" in item.nodeid]
    assert not unstable, f"workers would not agree on these names: {unstable}"
    kept, dropped, seen = [], [], Counter()
    count = Counter(_function_of(item) for item in items)
    for item in items:
        function = _function_of(item)
        one_in = 1 if is_whole else _ONE_IN if is_fast else _one_in(item, count[function])
        is_wanted = _is_in_sample(seen[function], one_in)
        if not is_whole and item.get_closest_marker("further"):
            is_wanted = False
        if is_fast and item.get_closest_marker("slow"):
            is_wanted = False
        seen[function] += 1
        (kept if is_wanted else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture
def ctrl_c():
    """Press Ctrl-C once a descent runs: earlier, it would interrupt the compilation."""

    over = threading.Event()

    def press():
        while Interrupt.current is None:
            if over.wait(0.05):
                return
        if not over.wait(0.3):
            os.kill(os.getpid(), signal.SIGINT)

    presses = threading.Thread(target=press, daemon=True)
    presses.start()
    yield
    over.set()
    presses.join()


@pytest.fixture
def random(request):
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


def pytest_collection_finish(session):
    """Let garbage collections pass over the cases: there are many, and all stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _not_everything_is_refused():
    """Fail a test in which every case was refused: it has compared nothing."""
    agreement.answered.clear()
    agreement.refused.clear()
    yield
    assert agreement.answered or not agreement.refused, agreement.refused
