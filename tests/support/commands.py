"""The ``steepest`` command, each call in a process of its own.

Processes are forked from a server that has imported the command already: to start Python and
import NumPy anew would take most of the time.
"""

import multiprocessing
import os
import sys
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tests.support.paths import ROOT


@dataclass(frozen=True)
class Completed:
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


@cache
def _server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["steepest.cli.app"])
    with mock.patch.dict(os.environ, PYTHONWARNINGS="error", COLUMNS="120"):
        forkserver.ensure_running()
    return context


def _run(arguments, cwd, paths):
    for descriptor, path in enumerate(paths, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(cwd)
    sys.path.insert(0, "")  # as `python -m` does
    sys.argv = ["steepest", *arguments]
    from steepest.cli import main

    main()


def steepest(*arguments, cwd=ROOT):
    """Run ``steepest`` with these arguments in a folder."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / "stdout", Path(folder) / "stderr"]
        process = _server().Process(target=_run, args=([*map(str, arguments)], cwd, paths))
        process.start()
        process.join()
        return Completed(process.exitcode, *(path.read_text() for path in paths))
