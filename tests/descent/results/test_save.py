"""Files of runs: what is no saved run, or was changed, is refused."""

import json

import numpy as np
import pytest

import steepest as st
from steepest.descent.iteration import serialize as stored_settings
from steepest.descent.results.save import load
from steepest.errors import InputError


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


START = np.array([-1.2, 1.0, 0.5])


def least(w, X, y):
    return np.mean((X @ w - y) ** 2)


DATA = (np.eye(2), np.ones(2))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.safetensors"
    method = st.Adam(st.WarmUp(st.CosineDecay(0.1, 60), 10))
    stop = st.MaxIterations(1)
    st.minimize(least, np.zeros(2), DATA, method=method, stop=stop).save(path)
    return path


def test_files_that_are_no_runs_are_refused(saved, tmp_path):
    content = saved.read_bytes()
    spoiled = {
        "short": content[: len(content) // 2],
        "shorter": content[:5],
        "empty": b"",
        "text": b"x,y\n1,2\n" * 50,
    }
    for name, wrong in spoiled.items():
        (tmp_path / name).write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"{name} is no saved run, or was cut short"):
            st.resume(tmp_path / name, least, (np.eye(2), np.ones(2)))
    with pytest.raises(ValueError, match="there is no file"):
        st.resume(tmp_path / "nothing", least)


def test_foreign_files_and_formats_are_refused(saved, tmp_path):
    from safetensors.numpy import save_file

    save_file({"weights": np.ones(2)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match=r"not written by run\.save: it holds weights"):
        st.resume(tmp_path / "foreign", least)
    later = {"steepest": json.dumps({"format": 99, "version": "9.9"})}
    save_file({"x": np.ones(2)}, tmp_path / "later", metadata=later)
    with pytest.raises(ValueError, match=r"format 99, written by steepest 9\.9"):
        st.resume(tmp_path / "later", least)


def test_nothing_is_lost_where_a_file_cannot_be_written(saved, tmp_path):
    run = st.minimize(np.sum, np.zeros(2), stop=st.MaxIterations(1))
    with pytest.raises(ValueError, match="cannot write"):
        run.save(tmp_path / "no" / "folder")
    before = saved.read_bytes()
    run.save(saved)
    assert saved.read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=path.name) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("first", "bit"), [(0, 0x01), (1, 0x10), (2, 0x20), (3, 0x80)])
def test_a_changed_byte_is_found_anywhere(saved, tmp_path, first, bit):
    content = saved.read_bytes()
    for place in range(first, len(content), 4):
        changed = bytearray(content)
        changed[place] ^= bit
        is_refused(tmp_path / "changed", changed)
    with pytest.raises(InputError, match="changed"):
        st.resume(tmp_path / "changed", least, DATA)


def test_a_file_that_was_cut_or_continued_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    for length in [*range(20), *range(20, len(content), 7), len(content) - 1]:
        is_refused(tmp_path / "cut", content[:length])
    is_refused(tmp_path / "longer", content + b"\0")
    is_refused(tmp_path / "twice", content + content)


def rewritten(content, change):
    """Return a file whose settings were changed, as an editor of such files would do it."""
    from safetensors.numpy import load as from_bytes
    from safetensors.numpy import save as to_bytes

    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    settings, arrays = json.loads(metadata["steepest"]), from_bytes(content)
    change(settings, arrays)
    return to_bytes(arrays, metadata | {"steepest": json.dumps(settings)})


def places(value, path=()):
    """Return the way to every number, text and list in settings, and to every setting."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from places(inner, (*path, name))


def other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return "" if value is None or isinstance(value, dict) else value * 2 or [1]


def test_changed_settings_and_arrays_are_refused(saved, tmp_path):
    content = saved.read_bytes()
    found = {}

    def look(settings, arrays):
        found.update(settings=list(places(settings)), arrays=list(arrays))

    rewritten(content, look)
    assert ("method", "settings", "step_size", "settings", "iterations") in found["settings"]

    def change_setting(path, is_deleted):
        def change(settings, arrays):
            for name in path[:-1]:
                settings = settings[name]
            if is_deleted:
                del settings[path[-1]]
            else:
                settings[path[-1]] = other(settings[path[-1]])

        return change

    for path in found["settings"]:
        for is_deleted in (True, False):
            is_refused(tmp_path / "changed", rewritten(content, change_setting(path, is_deleted)))
    for name in found["arrays"]:
        for change in (
            lambda settings, arrays, name=name: arrays.pop(name),
            lambda settings, arrays, name=name: arrays.update(
                {name: np.asarray(arrays[name] + 1)}
            ),
            lambda settings, arrays, name=name: arrays.update({name: arrays[name][..., None]}),
            lambda settings, arrays, name=name: arrays.update({name + "1": arrays.pop(name)}),
        ):
            is_refused(tmp_path / "changed", rewritten(content, change))


NOT_RUNS = {
    "a list": b"[]",
    "a number": b"7",
    "deep": b"[" * 100_000,
    "no text": b"\xff\xfe{}",
    "listed": b'{"__metadata__": ["steepest"]}',
    "a text": b'{"__metadata__": "steepest"}',
    "numbers": b'{"__metadata__": {"steepest": 7}}',
    "no settings": b'{"__metadata__": {"steepest": "{}"}}',
    "other settings": b'{"__metadata__": {"steepest": "[2, 3]"}}',
    "deep settings": b'{"__metadata__": {"steepest": "' + b"[" * 100_000 + b'"}}',
    "half": b'{"__metadata__": {"steepest": "{\\"format\\": 2, \\"version\\": 1}"}}',
}


@pytest.mark.parametrize("kind", NOT_RUNS)
def test_headers_of_other_shapes_are_refused(kind, tmp_path):
    header = NOT_RUNS[kind]
    is_refused(tmp_path / "other", len(header).to_bytes(8, "little") + header)
    is_refused(tmp_path / "other", (1 << 63).to_bytes(8, "little") + header)


def test_settings_of_a_later_version_ask_for_that_version(tmp_path, monkeypatch):
    stop = st.MaxIterations(2)
    st.minimize(rosenbrock, START, method=st.Adam(0.1), stop=stop).save(tmp_path / "run")
    known = dict(stored_settings._KNOWN)
    monkeypatch.setattr(stored_settings, "_KNOWN", known)
    del known["Adam"]
    with pytest.raises(InputError, match=r"the run's method contains Adam.*method=\.\.\."):
        st.resume(tmp_path / "run", rosenbrock)
    known["Adam"] = st.GradientDescent  # which lacks most of its settings
    with pytest.raises(InputError, match=r"the run's method contains Adam.*method=\.\.\."):
        st.resume(tmp_path / "run", rosenbrock)
