"""Docstrings of public names: numpydoc's sections, complete, in order and with types."""

import dataclasses
import enum
import inspect
import re

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

import steepest as st
from steepest import learn

pytestmark = pytest.mark.sampled(1)  # cheap: every case

NAMES = sorted(set(st.__all__) - {"__version__", "engines"})

# Sections of numpydoc's error codes. Extended summaries (ES) and See Also (SA) are optional.
CODES = ("GL", "SS", "PR01", "PR02", "PR03", "PR04", "PR09", "PR10", "RT", "YD", "EX01")

# What users extend: the example defines one and runs it.
EXTENDED = {"LineSearch", "Marker", "Method", "Move", "Point", "Search", "StopRule"}

# Schedules that follow a publication. Of methods and line searches all do.
PUBLISHED = {"CosineDecay", "OneCycle", "WarmUp"}


class PublicDocstring(Validator):
    """A docstring, in which a record's attributes are its parameters."""

    def __init__(self, obj_name):
        super().__init__(get_doc_object(obj_name, config={"show_class_members": False}))

    @property
    def doc_all_parameters(self):
        if _is_record(self.obj) and not self.doc["Parameters"]:
            return self._doc_parameters(["Attributes"])
        return super().doc_all_parameters

    @property
    def signature_parameters(self):
        has_none = isinstance(self.obj, enum.EnumMeta) or getattr(self.obj, "_is_protocol", False)
        return () if has_none else super().signature_parameters


def _is_record(obj):
    return dataclasses.is_dataclass(obj) or hasattr(obj, "_fields")


def errors_of(obj):
    found = validate(obj, validator_cls=PublicDocstring)["errors"]
    return [f"{code} {text}" for code, text in found if code.startswith(CODES)]


def sections_of(obj):
    return get_doc_object(obj, config={"show_class_members": False})


def needs_example(obj):
    return not (isinstance(obj, type) and issubclass(obj, enum.Enum | Exception))


def can_raise(obj):
    if not isinstance(obj, type):
        return obj not in (st.get_num_threads, st.stop_gradient)
    return hasattr(obj, "__post_init__") or (obj is not st.Marker and issubclass(obj, st.Marker))


def is_published(name):
    obj = getattr(st, name)
    if not isinstance(obj, type) or not dataclasses.is_dataclass(obj):
        return False
    is_method = hasattr(obj, "update") or hasattr(obj, "advance")
    return is_method or issubclass(obj, st.LineSearch) or name in PUBLISHED


def of(condition):
    return [name for name in NAMES if condition(getattr(st, name))]


@pytest.mark.parametrize("name", NAMES)
def test_sections_are_complete(name):
    obj = getattr(st, name)
    errors = errors_of(obj)
    assert [e for e in errors if needs_example(obj) or not e.startswith("EX01")] == []


@pytest.mark.parametrize("name", learn.__all__)
def test_sections_of_estimators_are_complete(name):
    assert errors_of(getattr(learn, name)) == []


@pytest.mark.parametrize("name", of(can_raise))
def test_errors_are_listed(name):
    assert sections_of(getattr(st, name))["Raises"]


@pytest.mark.parametrize("name", [name for name in NAMES if is_published(name)])
def test_publications_are_cited(name):
    text = "\n".join(sections_of(getattr(st, name))["References"])
    entries = re.split(r"\.\. \[\d+\]", text)[1:]
    assert entries
    for entry in entries:
        assert re.search(r'"\S[^"]+"', entry), f"no title: {entry}"
        assert re.search(r"\b(1[89]|20)\d\d\b", entry), f"no year: {entry}"


@pytest.mark.parametrize("name", sorted(EXTENDED))
def test_examples_of_base_classes_define_one_and_run_it(name):
    example = "\n".join(sections_of(getattr(st, name))["Examples"])
    assert re.search(r">>> (@.*\n *\.\.\. )?class ", example)
    assert "st.minimize(" in example


def _good(x, power=2.0):
    """Return a power of an array.

    Parameters
    ----------
    x : ndarray
        Array of any shape.
    power : float, optional
        The exponent.

    Returns
    -------
    ndarray
        The power, of the shape of `x`.

    Examples
    --------
    >>> _good(3.0)
    9.0
    """
    return x**power


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("power : float, optional", "power", "PR04"),
        ("power : float, optional", "exponent : float, optional", "PR01"),
        ("The exponent.", "The exponent", "PR09"),
        ("Return a power", "Returns a power", "SS05"),
        (
            "Returns\n    -------\n    ndarray\n        The power, of the shape of `x`.\n",
            "",
            "RT01",
        ),
        ("Examples\n    --------\n", "", "EX01"),
    ],
)
def test_faults_are_found(before, after, code):
    def bad(x, power=2.0):
        return x**power

    assert errors_of(_good) == []
    bad.__doc__ = inspect.getdoc(_good).replace(inspect.cleandoc(before), inspect.cleandoc(after))
    assert bad.__doc__ != inspect.getdoc(_good)
    assert any(error.startswith(code) for error in errors_of(bad))
