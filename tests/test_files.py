"""Files are written whole or not at all, whatever is at their path."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError
from steepest.files import write_atomically

OLD, NEW = b"old" * 1000, b"new" * 70_000


def bowl(x):
    return np.sum(x**2)


WRITERS = {
    "bytes": lambda path: write_atomically(path, NEW),
    "run": lambda path: st.minimize(bowl, np.ones(2)).save(path),
    "plot": lambda path: st.minimize(bowl, np.ones(2)).plot(path),
    "picture": lambda path: st.trace(bowl, np.ones(2)).draw(path),
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "folder"
    inner.mkdir()
    return inner


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o000])
def test_new_files_have_the_permissions_that_open_gives(write, folder, umask):
    before = os.umask(umask)
    try:
        write(folder / "ours.svg")
        (folder / "theirs").write_bytes(OLD)
    finally:
        os.umask(before)
    assert mode_of(folder / "ours.svg") == mode_of(folder / "theirs")
    assert names(folder) == ["ours.svg", "theirs"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o755])
def test_permissions_of_what_is_replaced_are_kept(folder, mode):
    path = folder / "file"
    path.write_bytes(OLD)
    path.chmod(mode)
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW
    assert mode_of(path) == mode


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser gives files away")
def test_the_owner_of_what_is_replaced_is_kept(folder):
    path = folder / "file"
    path.write_bytes(OLD)
    os.chown(path, 12345, 23456)
    write_atomically(path, NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@pytest.mark.parametrize("there", [True, False], ids=["there", "missing"])
@pytest.mark.parametrize("links", [1, 3])
def test_links_are_followed(write, tmp_path, folder, links, there):
    target = folder / "target.svg"
    if there:
        target.write_bytes(OLD)
    places = [tmp_path / f"link{i}.svg" for i in range(links)]
    for place, following in zip(places, [*places[1:], target]):
        place.symlink_to(os.path.relpath(following, tmp_path))
    write(places[0])
    assert all(place.is_symlink() for place in places)
    assert target.read_bytes() not in (b"", OLD)
    assert names(folder) == ["target.svg"]


def test_a_link_to_itself_is_an_error(folder):
    (folder / "link").symlink_to("link")
    with pytest.raises(InputError, match=r"cannot write .*link"):
        write_atomically(folder / "link", NEW)
    assert names(folder) == ["link"]


def test_another_hard_link_keeps_the_old_content(folder):
    (folder / "file").write_bytes(OLD)
    os.link(folder / "file", folder / "backup")
    write_atomically(folder / "file", NEW)
    assert (folder / "backup").read_bytes() == OLD


def test_devices_are_written_to(write, tmp_path):
    write(os.devnull)
    (tmp_path / "link").symlink_to(os.devnull)
    write(tmp_path / "link")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_pipes_are_written_to(write, folder):
    path, found = folder / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join()
    assert len(found[0]) > 100
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert names(folder) == ["pipe"]


TO_OUTPUT = """
import sys
from steepest.files import write_atomically
print("before", flush=True)
write_atomically("/dev/stdout", "x" * 200_000 + "\\n")
print("after")
"""
EXPECTED = b"before\n" + b"x" * 200_000 + b"\nafter\n"


def test_the_output_is_written_to_in_turn(tmp_path):
    command = [sys.executable, "-c", TO_OUTPUT]
    piped = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    assert piped.stdout == EXPECTED
    with (tmp_path / "output").open("ab") as file:
        subprocess.run(command, check=True, stdout=file)
    assert (tmp_path / "output").read_bytes() == EXPECTED


def test_what_cannot_be_written_is_one_sentence(write, folder):
    (folder / "file").write_bytes(OLD)
    (folder / "inner").mkdir()
    for path in (
        folder / "no" / "file",
        folder / "file" / "file",
        folder / "inner",
        folder / ("n" * 300),
        f"{folder}/nul\0",
    ):
        with pytest.raises(InputError, match=r"cannot write .*"):
            write(path)
    assert names(folder) == ["file", "inner"]
    assert (folder / "file").read_bytes() == OLD


def test_files_that_may_not_be_written_to_are_not_replaced(folder, monkeypatch):
    path = folder / "file"
    path.write_bytes(OLD)
    path.chmod(0o444)
    if os.getuid() == 0:  # who may write to anything
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="Permission denied"):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_nothing_is_left_behind(folder, monkeypatch, error, step):
    def fail(*_):
        raise error

    path = folder / "file"
    path.write_bytes(OLD)
    monkeypatch.setattr(os, step, fail)
    with pytest.raises((InputError, KeyboardInterrupt)):
        write_atomically(path, NEW)
    assert names(folder) == ["file"]
    assert path.read_bytes() == OLD


WRITES = """
import sys
from steepest.files import write_atomically
print("ready", flush=True)
while True:
    write_atomically(sys.argv[1], sys.argv[2][0].encode() * 1_000_000)
"""


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(folder):
    for wait in (0.0, 0.02):
        command = [sys.executable, "-c", WRITES, str(folder / "file"), "a"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        time.sleep(0.05 + wait)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert names(folder) in (["file"], [])


@pytest.mark.slow
def test_a_reader_sees_one_content_or_the_other(folder):
    path = folder / "file"
    write_atomically(path, b"a" * 1_000_000)
    command = [sys.executable, "-c", WRITES, str(path)]
    writers = [subprocess.Popen([*command, letter], stdout=subprocess.PIPE) for letter in "bc"]
    try:
        for writer in writers:
            writer.stdout.readline()
        seen = set()
        for _ in range(200):
            content = path.read_bytes()
            assert len(content) == 1_000_000
            assert len(set(content)) == 1
            seen.add(content[:1])
    finally:
        for writer in writers:
            writer.terminate()
            writer.communicate()


def test_threads_may_save_to_one_path(folder):
    path = folder / "run"
    run = st.minimize(bowl, np.ones(2))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run.save(path), range(80)))
    assert st.resume(path, bowl).loss == run.loss
    assert names(folder) == ["run"]
