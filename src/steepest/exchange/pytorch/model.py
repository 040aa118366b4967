"""A module of torch as a function in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.engines.pytorch.library import import_torch
from steepest.errors import InputError
from steepest.exchange.calls import Calls


class TorchModel:
    """What a module of torch computes, as a function of parameters and inputs in NumPy.

    :func:`from_torch` makes it. It can be called with arrays, and wherever steepest takes a
    function.

    Parameters
    ----------
    calls : Calls
        The calls that the module makes.
    state : mapping
        Names of the module's state, and of the arrays in `calls` that they are.

    Attributes
    ----------
    __name__ : str
        Name of the module's class.

    Examples
    --------
    >>> import numpy as np, steepest as st, torch
    >>> model, parameters = st.from_torch(torch.nn.Linear(3, 2))
    >>> model
    TorchModel(Linear: 1 calls, 8 parameters)
    >>> model(parameters, np.ones((4, 3), np.float32)).shape
    (4, 2)
    """

    def __init__(self, calls: Calls, state: Mapping[str, str]) -> None:
        self.__name__ = calls.name
        self._calls, self._state = calls, dict(state)

    def __repr__(self) -> str:
        return f"TorchModel({self._calls})"

    def __deepcopy__(self, memo: Any) -> TorchModel:
        return self  # it never changes: a clone of an estimator compiles nothing

    def __call__(self, parameters: Mapping[str, Any], *inputs: Any) -> Any:
        """Return what the module returns.

        Parameters
        ----------
        parameters : dict
            Arrays by the names that torch gives to the module's parameters.
        *inputs : array_like
            The module's inputs.
        """
        return self._calls.run(parameters, inputs)

    def state_dict(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as tensors, for ``module.load_state_dict``.

        Parameters
        ----------
        parameters : dict
            Arrays by name, such as the ``x`` of a run.

        Returns
        -------
        dict
            Tensors by name; with the module's buffers, so that no key is missing.

        Raises
        ------
        InputError
            If a parameter is missing, unknown, or has another shape than the module's.
        """
        torch, arrays, trainable = import_torch(), self._calls.arrays, self._calls.trainable
        unknown = set(parameters) ^ set(trainable)
        if unknown:
            raise InputError(
                f"{self.__name__}.state_dict: the parameters must have the names "
                f"{', '.join(trainable)}; {', '.join(sorted(unknown))} "
                f"{'is' if len(unknown) == 1 else 'are'} missing or unknown"
            )
        tensors = {}
        for name, source in self._state.items():
            own = arrays[source]
            array = np.asarray(parameters[source] if source in trainable else own)
            if array.shape != own.shape:
                raise InputError(
                    f"{self.__name__}.state_dict: {source!r} has shape {own.shape} in the module, "
                    f"got {array.shape}"
                )
            tensors[name] = torch.as_tensor(np.array(array, own.dtype))
        return tensors
