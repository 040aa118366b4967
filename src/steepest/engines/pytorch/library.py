"""The package torch, which is imported here alone; arrays as tensors, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import EngineUnavailableError, InputError, imported


def import_torch(part: str = "") -> Any:
    """Return the torch module, or a part of it; this is the only place that imports it.

    Raises
    ------
    EngineUnavailableError
        If it is not installed; the message says how to.
    """
    return imported(
        "torch" + (f".{part}" if part else ""),
        "the engine 'torch' needs PyTorch, which is not installed: pip install 'steepest[torch]'",
    )


def check_device(device: str) -> None:
    """Raise EngineUnavailableError if torch has no such device."""
    torch = import_torch()
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EngineUnavailableError(
            f"PyTorch cannot use the device {device!r}: {reason}"
        ) from error


def tensor_of(value: Any, device: str) -> Any:
    """Return an array as a tensor on a device; on the CPU it may share the array's memory.

    Raises
    ------
    InputError
        If the device has no numbers of that kind: Apple's ``mps`` has no float64.
    """
    array = np.asarray(value)
    if array.dtype.char in "qQ":  # C's long long; torch knows only long
        array = array.view(array.dtype.name)
    # torch shares memory: it warns about read-only arrays and refuses negative strides.
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    tensor = import_torch().as_tensor(np.ascontiguousarray(array).reshape(array.shape))
    try:
        return tensor.to(device)
    except TypeError as error:
        raise InputError(
            f"the engine 'torch' cannot use {array.dtype} on the device {device!r}, which has no "
            "such numbers: give the start and the data as np.float32, or use another device"
        ) from error


def array_of(tensor: Any) -> np.ndarray:
    """Return a tensor as an array; this waits for the device."""
    values: np.ndarray = tensor.detach().cpu().resolve_conj().numpy()
    return values
