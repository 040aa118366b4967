"""Work in the background: in order, one at a time, and gone when there is none."""

import logging
import subprocess
import sys
import threading
import time

from steepest.engines.native.jit import background


def names():
    return [thread.name for thread in threading.enumerate()]


def test_jobs_run_one_after_the_other_in_their_order():
    done = []
    for number in range(50):
        background.submit(lambda number=number: done.append(number))
    background.finish()
    assert done == list(range(50))


def test_the_thread_lives_while_there_are_jobs():
    going = threading.Event()
    background.submit(going.wait)
    assert "steepest" in names()
    going.set()
    deadline = time.monotonic() + 10
    while "steepest" in names() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert "steepest" not in names()


def test_jobs_of_many_threads_are_all_done():
    done = []
    submit = lambda: [background.submit(lambda: done.append(1)) for _ in range(200)]
    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    background.finish()
    assert len(done) == 1600


def test_a_job_that_raises_is_told_and_the_next_one_runs(caplog):
    done = []
    background.submit(lambda: 1 / 0)
    background.submit(lambda: done.append(1))
    with caplog.at_level(logging.WARNING, logger="steepest"):
        background.finish()
    assert done == [1]
    assert any(record.exc_info for record in caplog.records)


def test_a_process_may_end_while_code_is_compiled():
    code = """
import numpy as np, steepest as st
from steepest.engines.native.jit import background
compiled = st.compile(lambda x: np.sum(x**2))
for k in range(1, 9):
    background.submit(lambda k=k: st.compile(lambda x: np.sum(np.exp(k * x)))(np.ones(3)))
"""
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (0, "")
