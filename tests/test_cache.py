"""Machine code on disk, shared by processes."""

from __future__ import annotations

import os
import pickle
import shutil
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from steepest import cache
from steepest.engines import serialize as flat
from steepest.engines.native.jit import program_cache as kept

pytestmark = pytest.mark.slow

PROGRAM = """
import numpy as np, scipy.special, steepest as st
from steepest.engines.native.jit import compile as jit
from steepest.engines.native.jit import program_cache as kept
made, before = [], jit.Code._begin
def noted(self, *arguments, **settings):
    before(self, *arguments, **settings)
    made.append(self.is_new)
jit.Code._begin = noted
of_program = kept.of_program
def written(*arguments):
    made.append(True)
    return of_program(*arguments)
kept.of_program = written
f = st.compile(st.value_and_gradient(lambda x: np.sum(np.exp(np.sin(x)) * x[::-1])))
value, gradient = f(np.linspace(0, 1, 40_000))
run = st.minimize(lambda x: np.sum((x - 2) ** 2), np.zeros(3), method=st.GradientDescent(0.1))
t, table = np.linspace(1, 2, 9), np.arange(5.0)
fit = st.curve_fit(lambda t, a, b: a * scipy.special.gammaln(t + b), t, np.sqrt(t), [1, 1])
try:
    st.least_squares(lambda p: table[np.floor(1e3 * p).astype(int)] + p, np.ones(2))
except IndexError as error:
    print(any(made), error, end=" ")
print(value, gradient[7], run.x[0], run.iterations, fit.x, fit.covariance)
"""


def in_a_process(folder, seed="0"):
    environment = os.environ | {"STEEPEST_CACHE_DIR": str(folder), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    is_new, rest = done.stdout.split(" ", 1)
    return is_new == "True", rest


def objects(folder):
    return sorted(Path(folder).rglob("*"))[1:]


def test_a_second_process_compiles_nothing(tmp_path):
    first = in_a_process(tmp_path)
    second = in_a_process(tmp_path, seed="99")  # whatever order its sets have
    assert first[0]
    assert not second[0]
    assert first[1] == second[1]


def test_what_other_sources_have_written_is_not_taken(tmp_path, monkeypatch):
    package = tmp_path / "steepest"
    shutil.copytree(Path(cache.__file__).parent, package)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert in_a_process(tmp_path / "cache")[0]
    assert not in_a_process(tmp_path / "cache")[0]
    with (package / "ops" / "row.py").open("a") as file:
        file.write("# another version\n")
    assert in_a_process(tmp_path / "cache")[0]


@pytest.mark.parametrize("damage", ["empty", "cut off", "one bit", "foreign"])
def test_a_damaged_object_is_ignored_and_written_again(tmp_path, damage):
    _, expected = in_a_process(tmp_path)
    for path in objects(tmp_path):
        content = bytearray(path.read_bytes())
        if damage == "empty":
            content = bytearray()
        elif damage == "cut off":
            content = content[: len(content) // 2]
        elif damage == "one bit":
            content[len(content) // 2] ^= 1
        else:
            content = bytearray(b"not an object at all" * 20)
        path.write_bytes(content)
    assert in_a_process(tmp_path) == (True, expected)
    assert in_a_process(tmp_path) == (False, expected)


def test_processes_may_write_at_the_same_time(tmp_path):
    environment = os.environ | {"STEEPEST_CACHE_DIR": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {process.communicate()[0].split(b" ", 1)[1] for process in running}
    assert len(answers) == 1
    assert not [path for path in objects(tmp_path) if path.name.startswith("new-")]
    assert not in_a_process(tmp_path)[0]


def test_without_a_folder_everything_runs(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("where a folder should be")
    expected = in_a_process(tmp_path / "fine")
    assert in_a_process(blocked) == expected
    assert in_a_process("") == expected


def test_the_folder_stays_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(cache, "_KEPT_BYTES", 10_000)
    monkeypatch.setattr(cache, "_CHECKED_EVERY", 1)
    for number in range(40):
        cache.keep(f"{number:03}", bytes(1000))
        os.utime(tmp_path / f"{number:03}", (number, number))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert cache.find("039") is not None, "the last one is kept"


def test_keys_tell_everything_apart():
    keys = [cache.key_of("ab", "c"), cache.key_of("a", "bc"), cache.key_of("abc"), cache.key_of()]
    assert len(set(keys)) == 4


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of objects, which does not exist yet."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache" / "objects")
    cache._warn.cache_clear()
    return tmp_path / "cache" / "objects"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


KEY, OBJECT = cache.key_of("a program"), b"its object" * 1000


def test_folders_and_files_are_the_users_alone(place):
    before = os.umask(0)
    try:
        cache.keep(KEY, OBJECT)
    finally:
        os.umask(before)
    assert cache.find(KEY) == OBJECT
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place.parent, place, place / KEY)]
    assert modes == [0o700, 0o700, 0o600]


def is_not_used(place, reason):
    """Nothing is found, nothing is kept, and one warning says why."""
    before = names(place)
    with pytest.warns(cache.CacheWarning, match=reason):
        assert cache.find(KEY) is None
    assert cache.find(KEY) is None
    cache.keep(cache.key_of("another"), OBJECT)
    assert names(place) == before


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("which", ["folder", "parent"])
def test_a_folder_that_others_may_write_to_is_not_used(place, which, mode):
    cache.keep(KEY, OBJECT)
    (place if which == "folder" else place.parent).chmod(mode)
    is_not_used(place, "others may write to it")


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_a_folder_that_others_may_read_is_used(place, mode):
    cache.keep(KEY, OBJECT)
    place.chmod(mode)
    place.parent.chmod(mode)
    assert cache.find(KEY) == OBJECT


@pytest.mark.parametrize("name", ["getuid", "geteuid"])
def test_a_folder_of_another_user_is_not_used(place, monkeypatch, name):
    cache.keep(KEY, OBJECT)
    monkeypatch.setattr(os, name, lambda: 54321)
    is_not_used(place, "belongs to another user")


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser gives folders away")
@pytest.mark.parametrize("which", ["folder", "parent"])
def test_a_folder_that_was_given_away_is_not_used(place, which):
    cache.keep(KEY, OBJECT)
    os.chown(place if which == "folder" else place.parent, 54321, -1)
    is_not_used(place, "belongs to another user")


def test_a_folder_that_is_a_link_is_not_used(place):
    cache.keep(KEY, OBJECT)
    place.rename(place.with_name("elsewhere"))
    place.symlink_to("elsewhere")
    is_not_used(place, "is a link")


def test_a_link_to_the_named_folder_is_the_users_choice(place, tmp_path):
    (tmp_path / "disk").mkdir(mode=0o700)
    place.parent.symlink_to("disk")
    cache.keep(KEY, OBJECT)
    assert cache.find(KEY) == OBJECT
    (tmp_path / "disk").chmod(0o777)
    is_not_used(place, "others may write to it")


def planted_link(path, tmp_path):
    path.rename(tmp_path / "content")
    path.symlink_to(tmp_path / "content")


def planted_fifo(path, tmp_path):
    path.unlink()
    os.mkfifo(path)


def planted_folder(path, tmp_path):
    path.unlink()
    path.mkdir()


def planted_file(path, tmp_path):
    path.chmod(0o666)


def planted_device(path, tmp_path):
    path.unlink()
    path.symlink_to("/dev/zero")


def planted_name(path, tmp_path):
    shutil.copy(path, path.with_name(cache.key_of("another")))
    path.write_bytes(b"")


PLANTED = [
    planted_link, planted_fifo, planted_folder, planted_file, planted_device, planted_name
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_no_object_is_not_read(place, tmp_path, plant):
    cache.keep(KEY, OBJECT)
    plant(place / KEY, tmp_path)
    began = time.monotonic()
    assert cache.find(KEY) is None
    assert cache.find(cache.key_of("another")) is None
    cache.keep(KEY, OBJECT[1:])
    assert time.monotonic() - began < 5
    assert not [name for name in names(place) if name.startswith("new-")]
    if plant is planted_link:
        assert (tmp_path / "content").read_bytes().endswith(OBJECT), "no link is written through"
    if plant is not planted_folder:
        assert cache.find(KEY) == OBJECT[1:]


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "as it was"])
def test_no_pickle_is_loaded(tmp_path, sealed):
    """Whatever is no machine code becomes a pickle, with the checksum of an honest object."""
    _, expected = in_a_process(tmp_path / "cache")
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    paths = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    replaced = [path for path in paths if b"\x7fELF" not in path.read_bytes()]
    assert len(replaced) > 2
    for path in replaced:
        path.write_bytes(cache._sealed(path.name, bomb) if sealed else cache._hashed(bomb) + bomb)
    assert in_a_process(tmp_path / "cache") == (True, expected)
    assert in_a_process(tmp_path / "cache") == (False, expected)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("unpack", [kept.unpack, flat.unpack])
def test_what_unpacks_objects_executes_nothing(unpack, tmp_path):
    for other in (
        pickle.dumps(Bomb(tmp_path / "exploded")),
        b"7",
        b"[[], {}]",
        b"{}",
        b"[[7], 8]",
    ):
        assert unpack(other) is None
    assert not (tmp_path / "exploded").exists()


def test_what_was_never_finished_is_cleaned_up(place):
    cache.keep(KEY, OBJECT)
    for name, age in (("new-old", 7200), ("new-now", 0)):
        (place / name).write_bytes(b"half")
        os.utime(place / name, (time.time() - age,) * 2)
    cache._kept = 0
    cache.keep(KEY, OBJECT)
    assert names(place) == sorted([KEY, "new-now"])


def test_nothing_is_left_where_an_object_cannot_be_written(place, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    cache.keep(KEY, OBJECT)
    monkeypatch.setattr(os, "replace", fail)
    cache.keep(cache.key_of("another"), OBJECT)
    assert names(place) == [KEY]


def test_descriptors_are_closed(place):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("descriptors are not listed on this system")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache.keep(KEY, OBJECT)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            cache.find(KEY)
            cache.find("missing")
            (place / "folder").mkdir(exist_ok=True)
            cache.find("folder")
        for path in (place, place.parent):
            path.chmod(0o777)
            cache.find(KEY)
        assert len(os.listdir("/proc/self/fd")) == before


PLAIN = [
    True, 1, -(1 << 70), 1.0, -0.0, 1e-320, float("inf"), "text", b"\0\xff", None, (),
    (1, (2.0, "a")), slice(None, -1, 2), "tuple", ("tuple", 1),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back_the_same(value):
    found = flat._decoded(flat.json.loads(flat.json.dumps(flat._encoded(value))))
    assert repr(found) == repr(value)
    assert type(found) is type(value)
