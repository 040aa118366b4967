"""``save`` and ``load``: models as named arrays and JSON, never as code."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from steepest.array_files import Kind
from steepest.descent.results.save import RUN, saved_parameters
from steepest.errors import InputError
from steepest.frames import hides_frames
from steepest.packing import UnpackableError, pack, unpack

MODEL = Kind("steepest-model", 1, "saved model", "st.save")

_LEARN = "steepest.learn"


@hides_frames
def save(path: str | os.PathLike[str], model: Any) -> None:
    """Write a fitted estimator, or nested parameters, to a file.

    The file holds arrays by name, with settings as JSON, in the format safetensors. It is written
    atomically.

    Parameters
    ----------
    path : str or path
        The file.
    model : estimator or nested arrays
        A fitted estimator of ``steepest.learn``; or arrays, numbers and strings in nested tuples,
        lists and dicts, such as the ``x`` of a run.

    Raises
    ------
    InputError
        If the model is not fitted or holds something else, or if the file cannot be written.

    Notes
    -----
    Functions are code, of which the file only holds the names: give them to :func:`load`. The
    state of a method is not kept: an estimator that was loaded goes on from its parameters.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, steepest as st
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> st.save(path, {"weights": np.ones((2, 3)), "bias": 0.5})
    >>> st.load(path)["weights"].shape
    (2, 3)
    """
    arrays: dict[str, np.ndarray] = {}
    if hasattr(model, "save") and hasattr(model, "history"):
        raise InputError(
            "st.save keeps models, and a run saves itself: write run.save(path), which st.resume "
            "reads, or st.save(path, run.x)"
        )
    if hasattr(model, "get_params") and _LEARN in sys.modules:
        from steepest.learn.saved import packed

        settings = packed(model, arrays)
    else:
        try:
            settings = {"parameters": pack(model, "parameters", arrays)}
        except UnpackableError as error:
            raise InputError(
                f"st.save keeps fitted estimators of steepest.learn, and arrays in nested tuples, "
                f"lists and dicts with text as keys; it cannot keep {error}"
            ) from None
    MODEL.write(path, arrays, settings)


@hides_frames
def load(path: str | os.PathLike[str], **functions: Any) -> Any:
    """Return a model that :func:`save` has written, or the parameters of a saved run.

    No code is read from the file, and none is imported by names that it holds.

    Parameters
    ----------
    path : str or path
        The file.
    **functions : callable
        The estimator's settings that are functions, by name, such as ``model=``.

    Returns
    -------
    estimator or nested arrays
        What was saved. Of a run that ``run.save``, ``fit.save`` or the option ``--save`` of the
        command line has written: its parameters, in the structure of the start values, or of a
        curve fit as a dict by name. :func:`resume` returns the whole run, with its function and
        data.

    Raises
    ------
    InputError
        If the file is damaged or something else, if a function that predictions need is missing,
        or if the start values of a saved run were marked, or nested in named tuples or
        dataclasses.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, steepest as st
    >>> from steepest.learn import Regressor
    >>> def line(p, X):
    ...     return p[0] + p[1] * X[:, 0]
    >>> X = np.arange(5.0)[:, None]
    >>> fitted = Regressor(line, np.zeros(2)).fit(X, 2 * X[:, 0])
    >>> path = os.path.join(tempfile.mkdtemp(), "line.safetensors")
    >>> st.save(path, fitted)
    >>> st.load(path, model=line).predict([[10.0]]).round(6)
    array([20.])
    """
    if RUN.wrote(path):
        _check_no_functions(path, functions)
        return saved_parameters(path)
    settings, arrays = MODEL.read(path)
    if "estimator" in settings:
        from steepest.learn.saved import unpacked

        return unpacked(settings, arrays, functions, path)
    _check_no_functions(path, functions)
    return unpack(settings.get("parameters"), arrays)


def _check_no_functions(path: Any, functions: dict[str, Any]) -> None:
    if functions:
        raise InputError(f"{path} holds parameters, which need no {', '.join(functions)}")
