"""Data that are read in blocks of rows: every kind of source, and what is wrong with one."""

import itertools
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError, SettingError
from steepest.streams import Source, opening

ROWS = 4001
NAMES = ["a", "b", "c"]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(ROWS, 3)), rng.normal(size=ROWS)


def write(path, X, y, group=700):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {name: X[:, i] for i, name in enumerate(NAMES)}
    pq.write_table(pa.table({**columns, "y": y}), path, row_group_size=group)
    return path


def of_parquet(folder, X, y):
    path = write(folder / "table.parquet", X, y)
    return st.blocks(path, NAMES), st.blocks(path, columns="y")


def of_folder(folder, X, y):
    for number, (start, stop) in enumerate(itertools.pairwise([0, 1000, 1003, ROWS])):
        write(folder / f"part-{number}.parquet", X[start:stop], y[start:stop], 300)
    return st.blocks(folder, NAMES), st.blocks(str(folder), columns="y")


def of_dataset(folder, X, y):
    dataset = pytest.importorskip("pyarrow.dataset")
    of_folder(folder, X, y)
    return tuple(st.blocks(dataset.dataset(folder), names) for names in (NAMES, "y"))


def of_memmap(folder, X, y):
    path = folder / "X.npy"
    np.save(path, X)
    return st.blocks(np.load(path, mmap_mode="r")), st.blocks(y)


def of_dask(folder, X, y):
    array = pytest.importorskip("dask.array")
    return array.from_array(X, chunks=(700, 2)), array.from_array(y, chunks=1000)


def of_zarr(folder, X, y):
    zarr = pytest.importorskip("zarr")
    return tuple(
        zarr.create_array(folder / name, data=data, chunks=(600, *data.shape[1:]))
        for name, data in (("X", X), ("y", y))
    )


def of_hdf5(folder, X, y):
    h5py = pytest.importorskip("h5py")
    file = h5py.File(folder / "data.h5", "w")
    file["X"], file["y"] = X, y
    return file["X"], file["y"]


def of_iterator(folder, X, y):
    def pieces():
        for start, stop in itertools.pairwise([*range(0, ROWS, 450), ROWS]):
            yield X[start:stop], y[start:stop]

    return st.blocks(pieces)


class Reader:
    """A user's own source."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def read(self, start, stop):
        return self._array[start:stop]


def of_reader(folder, X, y):
    return Reader(X), Reader(y)


KINDS = [
    *(of_parquet, of_folder, of_dataset, of_memmap, of_dask, of_zarr, of_hdf5, of_iterator),
    of_reader,
]


def logistic(w, X, y):
    return np.mean(np.logaddexp(0, X @ w) - (y > 0) * (X @ w))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_descent_of_any_kind_has_the_bits_of_memory(kind, table, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr("steepest.engines.native.runs.streaming.BLOCK_BYTES", 1 << 14)
    whole = st.minimize(logistic, np.zeros(3), table, "lbfgs")
    streamed = st.minimize(logistic, np.zeros(3), kind(tmp_path, *table), "lbfgs")
    assert "streamed" in streamed.timings.tiers
    assert np.array_equal(streamed.x, whole.x)
    assert np.array_equal(streamed.history.loss, whole.history.loss)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_rows_of_any_kind_are_those_of_the_array(kind, table, tmp_path):
    given = kind(tmp_path, *table)
    X = opening.source_of(given[0], "X")
    for start, stop in [(0, 1), (699, 1501), (5, 5), (3990, ROWS), (0, ROWS)]:
        assert np.array_equal(X.read(start, stop), table[0][start:stop])
    rows = np.array([4000, 3, 17, 3, 2500])
    assert np.array_equal(X.take(rows), table[0][rows])
    read = opening.opened(given, ["X", "y"])
    assert all(map(np.array_equal, read, table)), "small data are read as a whole"


def test_memory_that_is_used_again_for_each_block_is_copied(table, monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr("steepest.engines.native.runs.streaming.BLOCK_BYTES", 1 << 13)
    X, y = table
    whole = st.minimize(logistic, np.zeros(3), (X, y), "lbfgs")
    buffer, target = np.empty_like(X), np.empty_like(y)

    def pieces():
        for start in range(0, ROWS, 100):
            size = len(X[start : start + 100])
            buffer[:size], target[:size] = X[start : start + 100], y[start : start + 100]
            yield buffer[:size], target[:size]

    class Again(Reader):
        def read(self, start, stop):
            buffer[: stop - start] = X[start:stop]
            return buffer[: stop - start]

    for args in (st.blocks(pieces), (Again(X), y)):
        assert np.array_equal(st.minimize(logistic, np.zeros(3), args, "lbfgs").x, whole.x)


def test_numbers_of_another_byte_order_are_read(table):
    X = st.blocks(table[0].astype(">f8"))
    assert X.dtype == np.float64
    assert np.array_equal(X.read(3, 90), table[0][3:90])


def test_a_memmap_is_an_array_that_is_not_copied(table, tmp_path):
    np.save(tmp_path / "X.npy", table[0])
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    mapped = st.minimize(logistic, np.zeros(3), (X, table[1]), "lbfgs")
    assert np.array_equal(mapped.x, st.minimize(logistic, np.zeros(3), table, "lbfgs").x)


def blocks_of(*parts):
    return lambda: iter(parts)


BAD_BLOCKS = {
    "widths": (blocks_of(np.ones((3, 2)), np.ones((3, 3))), r"block 1 of .* shape \(3,\)"),
    "dtypes": (blocks_of(np.ones(3), np.ones(3, np.float32)), "block 1 of .* float32"),
    "lengths": (
        blocks_of((np.ones((3, 2)), np.ones(3)), (np.ones((3, 2)), np.ones(4))),
        r"block 1 of .* \(3, 2\), \(4,\).* same number of rows",
    ),
    "nothing": (blocks_of(), "no rows"),
    "numbers": (blocks_of(1.0), "must have the same number of rows"),
    "list": (blocks_of([np.ones((3, 2)), np.ones(3)]), "block 0 of .* has a list: yield an array"),
    "list of equals": (blocks_of([np.ones(3), np.ones(3)]), "block 0 of .* has a list"),
    "dict": (blocks_of({"X": np.ones(3)}), "block 0 of .* has a dict"),
    "texts": (blocks_of(np.array(["a", "b"])), "block 0 of .* numbers are needed"),
    "masked": (blocks_of(np.ones(3), np.ma.array([1, 2, 3.0], mask=[0, 1, 0])), "row 4 .* masked"),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_blocks_that_do_not_fit_are_named(name):
    factory, message = BAD_BLOCKS[name]
    with pytest.raises(InputError, match=message):
        st.blocks(factory)


def test_an_iterator_that_ends_early_the_second_time_is_named():
    lengths = iter([5, 3])
    source = st.blocks(lambda: iter([np.ones(4), np.ones(next(lengths))]))
    with pytest.raises(InputError, match="ends after 7 rows, but had more"):
        source.read(0, 9)


@pytest.mark.parametrize("more", [1, 5])
def test_an_iterator_that_yields_more_the_second_time_is_named(more):
    blocks = iter([[np.ones(4)], [np.ones(4), np.ones(more)]])
    source = st.blocks(lambda: iter(next(blocks)))
    with pytest.raises(InputError, match="has more rows than when they were counted"):
        source.read(0, 4)


def test_a_function_that_returns_one_iterator_is_named():
    only = iter([np.ones(4)])
    source = st.blocks(lambda: only)
    with pytest.raises(InputError, match=r"ends after 0 rows.* a new iterator each time"):
        source.read(0, 4)


@pytest.mark.parametrize("lag", [0, 60, 600])
def test_an_iterator_is_walked_through_once_in_a_pass(lag):
    walks, X, y = [], np.arange(2000.0), -np.arange(2000.0)

    def pieces():
        walks.append(1)
        for start in range(0, 2000, 50):
            yield X[start : start + 50], y[start : start + 50]

    first, second = st.blocks(pieces)
    walks.clear()
    for _ in range(3):
        for start in range(0, 2000, 100):
            low = max(0, start - lag)
            assert np.array_equal(first.read(low, start + 100), X[low : start + 100])
            assert np.array_equal(second.read(start, start + 100), y[start : start + 100])
    assert len(walks) == 3


MASKED = {
    "reader": lambda m: Reader(m),
    "array": st.blocks,
    "chunks": lambda m: pytest.importorskip("dask.array").from_array(m, chunks=1000),
}


@pytest.mark.parametrize("kind", MASKED)
def test_masked_rows_are_refused_by_their_number(kind, table, monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    X, y = table
    mask = np.arange(ROWS) == 1234
    masked = MASKED[kind](np.ma.array(y, mask=mask))
    with pytest.raises(InputError, match=r"row 1234 of .* masked"):
        opening.source_of(masked, "y").read(1000, 2000)
    with pytest.raises(InputError, match=r"y is a masked array"):
        st.minimize(logistic, np.zeros(3), (Reader(X), np.ma.array(y, mask=mask)))
    whole = opening.source_of(MASKED[kind](np.ma.array(y)), "y")
    assert np.array_equal(whole.read(0, ROWS), y), "nothing is masked"


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(SettingError, match="a new iterator each time"):
        st.blocks(iter([np.ones(3)]))
    with pytest.raises(SettingError, match="takes the path"):
        st.blocks(3.0)
    with pytest.raises(SettingError, match="columns for a table"):
        st.blocks(tmp_path)
    with pytest.raises(InputError, match="no file or folder"):
        st.blocks(tmp_path / "missing.parquet", "a")
    with pytest.raises(InputError, match=r"no files that end in \.parquet"):
        st.blocks(tmp_path, "a")
    with pytest.raises(InputError, match="must return an iterator"):
        st.blocks(lambda: 3)


def test_columns_of_parquet_that_have_no_numbers_are_named(table, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = write(tmp_path / "table.parquet", *table)
    with pytest.raises(InputError, match=r"no column 'd'.*It has a, b, c, y"):
        st.blocks(path, ["a", "d"])
    pq.write_table(pa.table({"a": [1.0, 2.0], "t": ["x", "y"]}), tmp_path / "text.parquet")
    with pytest.raises(InputError, match=r"column 't' of .* has type string"):
        st.blocks(tmp_path / "text.parquet", "t")
    with pytest.raises(InputError, match="must have the same columns"):
        st.blocks(tmp_path, "a")
    pq.write_table(pa.table({"a": [1.0, None, 3.0]}), tmp_path / "null.parquet")
    with pytest.raises(InputError, match=r"row 1 of column 'a' of .* is null"):
        st.blocks(tmp_path / "null.parquet", "a").read(0, 3)


def test_hidden_and_unfinished_files_are_left_out(table, tmp_path):
    X, y = table
    write(tmp_path / "part-0.parquet", X, y)
    for name in ("_temporary", ".staging", "folder"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "part-1.parquet", X, y)
    for name in (".part-2.parquet", "_part-3.parquet"):
        write(tmp_path / name, X, y)
    assert st.blocks(tmp_path, "y").shape == (2 * ROWS,)


def test_few_files_are_open_at_a_time(table, tmp_path):
    X, y = table
    for number in range(20):
        write(tmp_path / f"part-{number:02}.parquet", X[number::20], y[number::20])
    sources = st.blocks(tmp_path, NAMES), st.blocks(tmp_path, "y")
    whole = np.concatenate([y[number::20] for number in range(20)])
    assert np.array_equal(sources[1].read(0, ROWS), whole)
    sources[0].whole()
    is_open = [str(tmp_path) in os.path.realpath(f"/proc/self/fd/{fd}") for fd in open_files()]
    assert sum(is_open) <= 8


def open_files():
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("the system does not list open files")
    return os.listdir("/proc/self/fd")


def test_datasets_that_are_no_files_of_parquet_are_named(table, tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset")
    import pyarrow as pa

    rows = pa.table({"a": np.arange(6.0), "g": [1, 2, 3] * 2, "u": np.arange(6, dtype="u8")})
    dataset.write_dataset(rows, tmp_path, format="parquet", partitioning=["g"],
                          partitioning_flavor="hive")  # fmt: skip
    whole = dataset.dataset(tmp_path, partitioning="hive")
    assert st.blocks(whole, "a").shape == (6,)
    with pytest.raises(InputError, match=r"no column 'g': the names of folders have it"):
        st.blocks(whole, "g")
    with pytest.raises(InputError, match=r"cannot be read in blocks: .*filter"):
        st.blocks(whole.filter(dataset.field("a") > 1), "a")
    with pytest.raises(InputError, match=r"InMemoryDataset has others: give arrays"):
        st.blocks(dataset.dataset(rows), "a")


def test_integers_that_have_no_common_type_are_refused(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"i": np.array([2**53 + 1]), "u": np.ones(1, "u8"), "small": np.ones(1, "i2")}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"i \(int64\), u \(uint64\) of .* read them one by one"):
        st.blocks(tmp_path / "t.parquet", ["i", "u"])
    assert st.blocks(tmp_path / "t.parquet", ["i", "small"]).dtype == np.int64


def test_a_fingerprint_differs_for_data_that_differ_in_the_middle(table, tmp_path):
    X, y = table
    path, other = write(tmp_path / "1.parquet", X, y), y.copy()
    other[2000] = 50.0
    changed = write(tmp_path / "2.parquet", X, other)
    marks = [st.blocks(p, "y").fingerprint() for p in (path, changed)]
    assert marks[0] != marks[1]
    again = write(tmp_path / "3.parquet", X, y)
    assert marks[0] == st.blocks(again, "y").fingerprint(), "where a file is makes no difference"


@pytest.mark.parametrize("change", ["vanished", "changed"])
def test_a_file_that_is_not_what_it_was_is_named(change, table, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    path = write(tmp_path / "table.parquet", *table)
    X, y = st.blocks(path, NAMES), table[1]
    if change == "vanished":
        os.remove(path)
    else:
        write(path, table[0][:100], y[:100])
    with pytest.raises(InputError, match=rf"table\.parquet has {change}"):
        st.minimize(logistic, np.zeros(3), (X, y))


def test_another_process_reads_a_table_that_was_written_anew(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, column = tmp_path / "table.parquet", np.arange(10.0)
    openers, sizes = [], []
    for time, values in enumerate((column, column[::-1])):  # of the same size
        path.unlink(missing_ok=True)
        pq.write_table(pa.table({"a": values}), path, compression=None, use_dictionary=False)
        os.utime(path, (time, time))
        openers.append(st.blocks(path, "a").origin)
        sizes.append(path.stat().st_size)
        np.testing.assert_array_equal(openers[-1].open().read(0, 10), values)
    assert sizes[0] == sizes[1]
    with pytest.raises(InputError, match=r"table\.parquet is not the same file on .*cp -p"):
        openers[0].open()


def test_sources_of_different_lengths_are_named(table):
    X, y = table
    with pytest.raises(InputError, match="X has 4001, y has 4000"):
        st.minimize(logistic, np.zeros(3), (Reader(X), Reader(y[1:])))


def test_a_source_says_what_rows_it_should_have():
    source = Source("X", (10, 2), np.dtype(float), lambda start, stop: np.ones((2, 3)))
    with pytest.raises(InputError, match=r"rows 4 to 6 of X should have shape \(2, 2\)"):
        source.read(4, 6)
    broken = Source("X", (10,), np.dtype(float), lambda start, stop: 1 / 0)
    with pytest.raises(InputError, match="rows 4 to 6 of X cannot be read: division"):
        broken.read(4, 6)


class Pair(NamedTuple):
    X: object
    y: object


@dataclass
class Record:
    X: object
    y: object


NESTED = {
    "tuple": (lambda X, y: (X, y), lambda data: data),
    "dict": (lambda X, y: {"a": [X], "b": y}, lambda data: (data["a"][0], data["b"])),
    "named tuple": (Pair, lambda data: data),
    "dataclass": (Record, lambda data: (data.X, data.y)),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_arguments_are_searched_for_what_is_read_in_blocks(name, table, monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    nest, parts = NESTED[name]
    loss = lambda w, data: logistic(w, *parts(data))
    whole = st.minimize(loss, np.zeros(3), (nest(*table),), "lbfgs")
    run = st.minimize(loss, np.zeros(3), (nest(Reader(table[0]), table[1]),), "lbfgs")
    assert "streamed" in run.timings.tiers
    assert np.array_equal(run.x, whole.x)


ELSEWHERE = {
    "kwargs": lambda X, y: st.least_squares(
        lambda w, X, y: X @ w - y, np.zeros(3), kwargs={"X": X, "y": y}
    ),
    "curve_fit_many": lambda X, y: st.curve_fit_many(lambda x, a: a * x, y, y, np.ones((2, 1))),
    "multistart": lambda X, y: st.multistart(logistic, args=(X, y), bounds=[(-1, 1)] * 3),
    "minimize_many": lambda X, y: st.minimize_many(logistic, np.zeros((2, 3)), shared=(X, y)),
    "root": lambda X, y: st.root(lambda p, y: p - np.mean(y), np.zeros(1), args=(y,)),
    "captured": lambda X, y: st.minimize(lambda w: np.mean((X @ w) ** 2), np.zeros(3)),
    "captured on the right": lambda X, y: st.minimize(lambda w: np.mean(w * y), np.zeros(1)),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_does_not_read_in_blocks_says_so(name, table):
    X, y = (Reader(part) for part in table)
    if name.startswith("captured"):
        X, y = (st.blocks(part) for part in table)
    with pytest.raises(InputError, match=r"is read in blocks, .*args|is read in blocks, .*read"):
        ELSEWHERE[name](X, y)


@pytest.mark.parametrize("error", [None, AttributeError, KeyError, RuntimeError, TypeError])
def test_objects_that_answer_or_refuse_any_name_are_no_sources(error):
    class Lazy:
        def __init__(self):
            self.held = {"scale": 2.0}

        def __getattr__(self, name):
            if error is None or name == "scale":
                return self.__dict__["held"].get(name, np.float64)
            raise error(name)

        def __getitem__(self, key):
            return self.held[key]

    run = st.minimize(lambda x, s: np.sum((x - s.scale) ** 2), np.zeros(2), args=(Lazy(),))
    np.testing.assert_allclose(run.x, 2.0, rtol=1e-6)
