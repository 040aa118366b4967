"""Every public function that a loss may call: NumPy's, SciPy's special ones, Python's."""

import builtins
import inspect
import math
import operator
import re
from dataclasses import dataclass

import numpy as np
import scipy.special

MODULES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "sp": scipy.special,
    "math": math,
    "operator": operator,
    "builtins": builtins,
}

NOT_MATHEMATICS = frozenset(
    """
    np.save np.savez np.savez_compressed np.savetxt np.load np.loadtxt np.genfromtxt
    np.fromfile np.fromregex np.memmap np.test np.info np.show_config np.show_runtime
    np.seterr np.seterrcall np.setbufsize np.set_printoptions np.errstate np.printoptions
    np.get_include np.geterr np.geterrcall np.getbufsize np.get_printoptions np.frombuffer
    np.fromstring np.from_dlpack np.datetime64 np.timedelta64 np.busday_count np.busday_offset
    np.busdaycalendar np.is_busday np.datetime_as_string np.datetime_data np.isnat np.rec
    np.record np.recarray np.empty np.empty_like np.ndarray np.void np.object_ np.bytes_
    np.str_ np.character np.flexible np.linalg.test np.fft.test sp.test sp.errstate sp.seterr
    sp.geterr input open exit quit exec eval compile print help breakpoint license copyright
    credits globals locals vars dir memoryview property classmethod staticmethod super object
    delattr setattr id __import__ anext aiter type x.tofile x.dump x.dumps x.setflags
    x.getfield x.setfield x.resize x.byteswap x.tobytes operator.is_ operator.is_not
    operator.attrgetter operator.itemgetter operator.methodcaller
    """.split()  # noqa: SIM905
)
"""Files, settings, memory that nobody wrote, and what makes no numbers."""

DUNDERS = """
abs add and bool complex contains copy divmod eq float floordiv ge getitem gt iadd iand
ifloordiv ilshift imatmul imod imul index int invert ior ipow irshift isub iter itruediv ixor
le len lshift lt matmul mod mul ne neg or pos pow radd rand rdivmod rfloordiv rlshift rmatmul
rmod rmul ror rpow rrshift rshift rsub rtruediv rxor setitem sub truediv xor round
""".split()  # noqa: SIM905

OPERATORS = frozenset(
    f"x.__{side}{name}__"
    for side in ("", "r", "i")
    for name in """
    add and divmod eq floordiv ge gt le lshift lt matmul mod mul ne or pow rshift sub truediv xor
    """.split()  # noqa: SIM905
)
"""Methods of which each operand has its own: one that has no answer leaves it to the other."""

ATTRIBUTES = (
    "T",
    "real",
    "imag",
    "shape",
    "size",
    "ndim",
    "dtype",
    "itemsize",
    "nbytes",
    "flat",
    "mT",
    "strides",
    "base",
)

UFUNC_METHODS = (
    "reduce",
    "accumulate",
    "outer",
    "at",
    "reduceat",
)


UNSAFE = re.compile(r"sp\.(pro_|obl_|mathieu_|roots_|\w+_roots$)")
"""SciPy's own functions write past their memory for some arguments."""


@dataclass(frozen=True)
class Target:
    """A function: how it is written, and its parameters; a method's first one is the array."""

    path: str
    parameters: tuple[inspect.Parameter, ...]
    counts: bool = False
    """Whether n, m and nt count: these functions write past their arrays for other numbers."""

    @property
    def is_method(self):
        return self.path.startswith("x.")


def _parameters(function):
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        kind = inspect.Parameter.VAR_POSITIONAL
        return (inspect.Parameter("args", kind),)


def targets():
    """Return all targets, in a fixed order."""
    found = {}
    for prefix, module in MODULES.items():
        for name in sorted(vars(module)):
            function = getattr(module, name)
            path = name if prefix == "builtins" else f"{prefix}.{name}"
            is_error = isinstance(function, type) and issubclass(function, BaseException)
            if name.startswith("_") or not callable(function) or is_error:
                continue
            if path not in NOT_MATHEMATICS and not UNSAFE.match(path):
                counts = prefix == "sp" and not isinstance(function, np.ufunc)
                found[path] = Target(path, _parameters(function), counts)
            if prefix == "np" and isinstance(function, np.ufunc) and function.nin == 2:
                for method in UFUNC_METHODS:
                    bound = getattr(function, method)
                    found[f"{path}.{method}"] = Target(f"{path}.{method}", _parameters(bound))
    for name in sorted(vars(np.ndarray)):
        method, path = getattr(np.ndarray, name), f"x.{name}"
        is_public = not name.startswith("_") or name.strip("_") in DUNDERS
        if callable(method) and is_public and path not in NOT_MATHEMATICS:
            found[path] = Target(path, _parameters(method)[1:])
    for name in ATTRIBUTES:
        found[f"x.{name}"] = Target(f"x.{name}", ())
    for path in ("np.r_", "np.c_", "np.s_", "np.mgrid", "np.ogrid", "np.index_exp"):
        found[path] = Target(path, ())
    return tuple(found.values())
