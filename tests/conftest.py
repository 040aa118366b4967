"""For every test: graphs are verified after each pass, and seeds follow from names."""

import atexit
import os
import shutil
import signal
import tempfile
import threading
import zlib
from collections import Counter

import numpy as np
import pytest

from steepest.descent.running.driver import Interrupt
from steepest.engines.native.runtime import buffer_pool as buffers
from steepest.graph import passes
from tests.support import agreement

# Compiled code of earlier runs is not used, and none is left behind.
os.environ["STEEPEST_CACHE_DIR"] = tempfile.mkdtemp(prefix="steepest-test-")
atexit.register(shutil.rmtree, os.environ["STEEPEST_CACHE_DIR"], ignore_errors=True)

# A shell starts background jobs with Ctrl-C ignored, but descents under test must notice it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

buffers.POISON = True  # fills new memory with NaN: no result may depend on unwritten memory
passes.VERIFY = True  # every rewrite pass checks its result


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="a part of the cases, no slow ones")


_ONE_IN = 12
"""``--fast`` runs one of so many cases of each test."""


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--fast"):
        return
    kept, dropped, seen = [], [], Counter()
    for item in items:
        function = item.nodeid.partition("[")[0]
        is_wanted = seen[function] % _ONE_IN == 0 and item.get_closest_marker("slow") is None
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


@pytest.fixture(autouse=True)
def _not_everything_is_refused():
    """Fail a test in which every case was refused: it has compared nothing."""
    agreement.answered.clear()
    agreement.refused.clear()
    yield
    assert agreement.answered or not agreement.refused, agreement.refused
