"""Fitted estimators as JSON and named arrays, and back."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from steepest import learn
from steepest.descent.iteration.serialize import UnknownSettingError, decode, encode, is_known
from steepest.errors import InputError
from steepest.packing import UnpackableError, pack, unpack

_ALSO = ("_target_shape",)
"""Fitted attributes that predictions need, besides those whose names end in ``_``."""

_FOR_FITS = ("start", "p0", "callbacks", "random_state", "method", "engine", "bounds")
"""Settings that predictions do not need; those that cannot be kept become the default."""


def _kinds() -> dict[str, Any]:
    found = [getattr(learn, name) for name in learn.__all__]
    return {kind.__name__: kind for kind in found if hasattr(kind, "fit")}


def packed(estimator: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return a fitted estimator as JSON; its arrays are added to `arrays`."""
    name = type(estimator).__name__
    if _kinds().get(name) is not type(estimator):
        raise InputError(
            f"st.save keeps estimators of steepest.learn, not {name}: save the estimators in it "
            "one by one"
        )
    check_is_fitted(estimator)
    settings = {
        key: _packed_setting(value, key, arrays)
        for key, value in estimator.get_params(deep=False).items()
    }
    try:
        fitted = {
            key: pack(value, key, arrays)
            for key, value in vars(estimator).items()
            if _is_fitted(key)
        }
    except UnpackableError as error:
        raise InputError(f"st.save cannot keep {name}: {error} is no data") from None
    return {"estimator": name, "settings": settings, "fitted": fitted}


def _is_fitted(key: str) -> bool:
    return key in _ALSO or (key.endswith("_") and not key.startswith("_"))


def _packed_setting(value: Any, key: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a setting as JSON; of a function, its name only."""
    if dataclasses.is_dataclass(value) and is_known(value):
        return {"method": encode(value)}
    try:
        return {"value": pack(value, f"settings.{key}", arrays)}
    except UnpackableError:
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return {"code": f"{getattr(value, '__module__', None)}:{name}"}


def unpacked(
    settings: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    functions: Mapping[str, Any],
    path: Any,
) -> Any:
    """Return a fitted estimator from JSON and arrays.

    Parameters
    ----------
    settings, arrays
        What the file holds.
    functions
        Settings that the caller gives.
    path
        The file, for errors.
    """
    damaged = InputError(f"{path} holds no estimator that this version of steepest knows")
    kind = _kinds().get(settings["estimator"])
    if kind is None:
        raise damaged
    known = inspect.signature(kind).parameters
    for key in functions:
        if key not in known:
            raise InputError(f"{kind.__name__} has no setting {key!r}: it has {', '.join(known)}")
    given, missing = dict(functions), dict[str, Any]()
    try:
        for key, packed_setting in settings["settings"].items():
            if key in known and key not in given:
                if "value" in packed_setting:
                    given[key] = unpack(packed_setting["value"], arrays)
                elif not _restore_method(key, packed_setting, known, given):
                    missing[key] = packed_setting["code"]
        fitted = {key: unpack(value, arrays) for key, value in settings["fitted"].items()}
    except (KeyError, TypeError, AttributeError):
        raise damaged from None
    if missing:
        named = ", ".join(f"{key}={name}" for key, name in missing.items())
        raise InputError(
            f"the {kind.__name__} in {path} has code that no file holds, {named}: give it: "
            f"st.load(path, {', '.join(f'{key}=...' for key in missing)})"
        )
    if any([known[key].default is inspect.Parameter.empty for key in known.keys() - given.keys()]):
        raise damaged
    estimator = kind(**given)
    if not all(map(_is_fitted, fitted)) or fitted.keys() & given.keys():
        raise damaged
    if "_target_shape" in fitted:
        fitted["_target_shape"] = tuple(fitted["_target_shape"])
    vars(estimator).update(fitted)
    return estimator


def _restore_method(
    key: str,
    packed_setting: Mapping[str, Any],
    known: Mapping[str, inspect.Parameter],
    given: dict[str, Any],
) -> bool:
    """Set a setting that is a method, or code that predictions do not need; return whether."""
    if "method" in packed_setting:
        with contextlib.suppress(UnknownSettingError):  # of another version of steepest
            given[key] = decode(packed_setting["method"])
            return True
    if key in _FOR_FITS:
        default = known[key].default
        given[key] = None if default is inspect.Parameter.empty else default
    return key in _FOR_FITS
