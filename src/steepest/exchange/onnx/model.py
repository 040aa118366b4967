"""An ONNX file as a function in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.exchange.calls import Calls


class OnnxModel:
    """What an ONNX file computes, as a function of parameters and inputs in NumPy.

    :func:`from_onnx` makes it.

    Parameters
    ----------
    calls : Calls
        The operators of the file.

    Attributes
    ----------
    __name__ : str
        Name of the graph in the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, steepest as st
    >>> path = os.path.join(tempfile.mkdtemp(), "sine.onnx")
    >>> st.to_onnx(path, lambda x: np.sin(x), np.zeros(2))
    >>> model, parameters = st.from_onnx(path)
    >>> model(parameters, np.array([0.0, np.pi / 2]))
    array([0., 1.])
    """

    def __init__(self, calls: Calls) -> None:
        self.__name__ = calls.name
        self._calls = calls

    def __repr__(self) -> str:
        return f"OnnxModel({self._calls})"

    def __deepcopy__(self, memo: Any) -> OnnxModel:
        return self  # it never changes

    def __call__(self, parameters: Mapping[str, Any], *inputs: Any) -> Any:
        """Return the file's output, or a tuple of them.

        Parameters
        ----------
        parameters : dict
            Arrays by their names in the file.
        *inputs : array_like
            The inputs, in the order of the file.
        """
        return self._calls.run(parameters, inputs)
