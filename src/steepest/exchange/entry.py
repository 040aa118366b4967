"""The entry points: what they need is imported when they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.exchange.onnx.model import OnnxModel
from steepest.exchange.pytorch.model import TorchModel
from steepest.frames import hides_frames


@hides_frames
def from_torch(module: Any) -> tuple[TorchModel, dict[str, np.ndarray]]:
    """Bring a module of PyTorch in, as a NumPy function and its parameters.

    The module's ``forward`` is recorded by ``torch.fx``. Each call in it becomes NumPy code that
    steepest can record, so that the module trains on every engine.

    Parameters
    ----------
    module : torch.nn.Module
        A module of layers, activations, pooling and functions of tensors. Dropout and batch
        normalization must be in evaluation mode (``module.eval()``).

    Returns
    -------
    model : TorchModel
        A function ``model(parameters, *inputs)``. ``model.state_dict(parameters)`` is for
        ``module.load_state_dict``.
    parameters : dict
        Copies of the parameters that require gradients, by torch's names. Their dtype is kept:
        ``compute_dtype=np.float64`` in :func:`minimize` computes float32 parameters in float64.

    Raises
    ------
    UnsupportedError
        If the module calls something that is not brought in, or its path depends on values.
    SettingError
        If `module` is no module.
    EngineUnavailableError
        If PyTorch is not installed.

    Notes
    -----
    Parameters that do not require gradients, and buffers, stay as they are.

    Examples
    --------
    >>> import numpy as np, steepest as st, torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    >>> model, parameters = st.from_torch(module)
    >>> X = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    >>> y = X[:, :1] * X[:, 1:]
    >>> def loss(p):
    ...     return np.mean((model(p, X) - y) ** 2)
    >>> run = st.minimize(loss, parameters, method=st.Adam(0.05), stop=st.LossBelow(1e-3))
    >>> module.load_state_dict(model.state_dict(run.x))
    <All keys matched successfully>
    """
    from steepest.exchange.pytorch.modules import model_of

    return model_of(module)


@hides_frames
def to_onnx(
    path: str | os.PathLike[str],
    function: Callable[..., Any] | Any,
    *examples: Any,
    batch: int | Sequence[int] | None = None,
) -> None:
    """Write a function, or a fitted estimator, to a file in the format ONNX.

    The file holds operators of version 18 and format version 8, which other programs run, such as
    onnxruntime. It is checked, and written atomically.

    Parameters
    ----------
    path : str or path
        The file.
    function : callable or estimator
        A function of arrays in NumPy; or a fitted estimator of ``steepest.learn``, whose inputs
        are samples `X` and whose outputs are ``prediction``, or ``label`` and ``probabilities``
        (``scores`` if its loss has no probabilities).
    *examples
        Sample arguments, as for :func:`trace`. Arrays, in nested structures, become inputs of
        those names. Arrays that the function captures are stored in the file. An estimator needs
        none; a sample `X` of float32 gives a file that computes in float32.
    batch : int or sequence of int, optional
        Numbers of the arguments whose first axis may have any length, the same for all of them.
        Other shapes are fixed. Any number of samples can be given to the file of an estimator.

    Raises
    ------
    UnsupportedError
        If an operation has no counterpart in ONNX, or what is computed depends on the number of
        rows; the message names the operation and its line.
    InputError
        If the file cannot be written.
    EngineUnavailableError
        If the package onnx is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, steepest as st
    >>> path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    >>> w = np.array([1.0, -2.0])
    >>> def model(X):
    ...     return np.tanh(X @ w)
    >>> st.to_onnx(path, model, np.zeros((1, 2)), batch=0)
    >>> read, parameters = st.from_onnx(path)
    >>> read(parameters, np.array([[2.0, 0.5], [0.0, 0.0]])).round(3)
    array([0.762, 0.   ])
    """
    if hasattr(function, "get_params") and hasattr(function, "fit"):
        from steepest.exchange.onnx.estimators import write_estimator

        write_estimator(path, function, examples)
        return
    from steepest.exchange.onnx.export import write

    write(path, function, examples, batch)


@hides_frames
def from_onnx(path: str | os.PathLike[str]) -> tuple[OnnxModel, dict[str, np.ndarray]]:
    """Read a file in the format ONNX, as a NumPy function and its parameters.

    Parameters
    ----------
    path : str or path
        The file, with operators of version 13 or later.

    Returns
    -------
    model : OnnxModel
        A function ``model(parameters, *inputs)``, which returns the file's output, or a tuple of
        them. Like any function in NumPy it can be differentiated, compiled and trained.
    parameters : dict
        The real arrays that the file holds, by name.

    Raises
    ------
    UnsupportedError
        If an operator of the file is not read; the message names it.
    InputError
        If the file cannot be read, or is no valid ONNX file.
    EngineUnavailableError
        If the package onnx is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, steepest as st
    >>> path = os.path.join(tempfile.mkdtemp(), "line.onnx")
    >>> slope = np.array(2.0)
    >>> st.to_onnx(path, lambda x: slope * x, np.zeros(3))
    >>> model, parameters = st.from_onnx(path)
    >>> parameters
    {'slope': array(2.)}
    >>> model(parameters, np.arange(3.0))
    array([0., 2., 4.])
    """
    from steepest.exchange.onnx.reading import read

    return read(path)


@hides_frames
def to_torch(
    function: Callable[..., Any],
    *examples: Any,
    parameters: int | Sequence[int] | None = None,
) -> Any:
    """Return a module of PyTorch that computes a function written in NumPy.

    Its ``forward`` takes tensors, on any device, and autograd differentiates it. The function is
    recorded once for each kind of inputs (their shapes and dtypes).

    Parameters
    ----------
    function : callable
        A function of arrays in NumPy, such as a model.
    *examples
        Sample arguments, as for :func:`trace`.
    parameters : int or sequence of int, optional
        Numbers of the arguments that become parameters of the module, with the values of the
        examples. Keys and positions in nested structures are their names. ``forward`` takes the
        other arguments.

    Returns
    -------
    torch.nn.Module
        The module; ``state_dict`` and ``load_state_dict`` keep its parameters. Arrays that the
        function captures are no part of its state: they are read at each call.

    Raises
    ------
    UnsupportedError
        If the function branches on values, or cannot be recorded; the message names the line.
    EngineUnavailableError
        If PyTorch is not installed.

    Examples
    --------
    >>> import numpy as np, steepest as st, torch
    >>> def model(p, X):
    ...     return np.tanh(X @ p["weights"]) + p["shift"]
    >>> p = {"weights": np.ones((3, 2)), "shift": np.zeros(2)}
    >>> module = st.to_torch(model, p, np.ones((1, 3)), parameters=0)
    >>> list(module.state_dict())
    ['shift', 'weights']
    >>> module(torch.zeros(4, 3, dtype=torch.float64)).shape
    torch.Size([4, 2])
    """
    from steepest.exchange.pytorch.export import module_of

    return module_of(function, examples, parameters)
