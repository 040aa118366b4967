"""How often a program waits for the device: calls that need the value of a tensor."""

import contextlib

from steepest.engines.pytorch.library import import_torch

WAITS = ("item", "tolist", "cpu", "nonzero", "__bool__", "__float__", "__int__")


@contextlib.contextmanager
def counted_syncs():
    """Yield a list that gets the name of each such call made inside."""
    torch, met = import_torch(), []
    waits = {getattr(torch.Tensor, name): name for name in WAITS}

    class Counter(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function in waits:
                met.append(waits[function])
            return function(*args, **(kwargs or {}))

    with Counter():
        yield met
