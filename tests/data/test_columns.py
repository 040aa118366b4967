"""Tables as people have them."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from steepest.data import STANDARD_INPUT, Dialect, read_columns, read_table
from steepest.errors import InputError

X, Y = [1.0, 2.0, 3.0], [0.5, -1e-3, np.nan]
TEXTS = {
    "commas": ("x,y\n1,0.5\n2,-1e-3\n3,\n", Dialect()),
    "a byte order mark": ("\ufeffx,y\n1,0.5\n2,-1e-3\n3,\n", Dialect()),
    "semicolons, decimal commas": ("x;y\n1,0;0,5\n2,0;-1e-3\n3;\n", Dialect(decimal=",")),
    "tabs": ("x\ty\n1\t0.5\n2\t-1e-3\n3\t\n", Dialect()),
    "comments and empty lines": ("# made by hand\nx,y\n1,0.5\n# no\n\n2,-1e-3\n3,\n", Dialect()),
    "spaces": ("x   y\n1   0.5\n  2 -1e-3\n3 nan\n", Dialect()),
    "names in a comment, as NumPy writes them": ("# x y\n1 0.5\n2 -1e-3\n3 nan\n", Dialect()),
    "another comment": ("% by hand\nx,y\n1,0.5\n2,-1e-3\n3,\n", Dialect(comment="%")),
    "a separator of its own": ("x|y\n1|0.5\n2|-1e-3\n3|\n", Dialect(separator="|")),
    "quotes": ('"x","y"\n"1","0.5"\n2,-1e-3\n3,\n', Dialect()),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_read(name, tmp_path):
    text, dialect = TEXTS[name]
    path = tmp_path / "t.txt"
    path.write_bytes(text.encode())
    x, y = read_columns(path, ["x", "y"], dialect)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_latin_1_is_read_if_it_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("Länge,y\n1,2\n".encode("latin-1"))
    with pytest.raises(InputError, match="it is not UTF-8; name its encoding"):
        read_columns(path, ["y"])
    (lengths,) = read_columns(path, ["Länge"], Dialect(encoding="latin-1"))
    assert lengths == [1.0]


def test_columns_without_names_are_numbered(tmp_path):
    path = tmp_path / "t.dat"
    path.write_text("1 2\n3 4\n")
    table = read_table(path)
    assert table.names == ["1", "2"]
    assert not table.is_named
    np.testing.assert_array_equal(table.column("2"), [2.0, 4.0])


def test_a_first_row_of_numbers_with_an_empty_field_is_data(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1.0,,7\n2,3,4\n")
    np.testing.assert_array_equal(read_table(path).column("2"), [np.nan, 3.0])


@pytest.mark.parametrize(("kind", "write"), [("parquet", "to_parquet"), ("xlsx", "to_excel")])
def test_pandas_reads_what_is_no_text(kind, write, tmp_path):
    path = tmp_path / f"t.{kind}"
    getattr(pd.DataFrame({"x": [1, 2, 3], "y": Y}), write)(path, index=False)
    x, y = read_columns(path, ["x", "y"])
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    getattr(pd.DataFrame({"x": ["1", "many"]}), write)(path, index=False)
    with pytest.raises(InputError, match=r"'many' in column 'x', row 2 of the data"):
        read_columns(path, ["x"])
    path.write_bytes(b"no table")
    with pytest.raises(InputError, match="cannot read"):
        read_columns(path, ["x"])


@pytest.mark.parametrize(
    ("text", "dialect", "message"),
    [
        ("x,y\n1;2,5\n", Dialect(), "2 has '1;2'|has '1;2'"),
        ("x;y\n1;2,5\n", Dialect(), "'2,5', which is no number: write --decimal ,"),
        ("x;y\n1;2.5\n", Dialect(decimal=","), "'2.5', which is no number"),
        ("x,y\n1,1_000\n", Dialect(), "'1_000', which is no number"),
        ("x,y\n", Dialect(), "no rows of data"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(text, dialect, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_columns(path, ["x", "y"], dialect)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decimal": ";"}, "decimal mark must be"),
        ({"separator": "::"}, "one character"),
        ({"separator": ",", "decimal": ","}, "must differ"),
    ],
)
def test_a_dialect_that_cannot_be(settings, message):
    with pytest.raises(InputError, match=message):
        Dialect(**settings)


def test_a_table_is_read_from_a_pipe(monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO("x;y [µm]\n1;2,5\n2;3,5\n".encode("latin-1")))
    monkeypatch.setattr(sys, "stdin", piped)
    table = read_table(STANDARD_INPUT, Dialect("latin-1", decimal=","))
    np.testing.assert_array_equal(table.column("y [µm]"), [2.5, 3.5])
