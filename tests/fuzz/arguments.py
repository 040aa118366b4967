"""Candidate texts for a parameter, by its name; arrays and numbers for all others."""

import inspect

from . import values

_AXIS = ("0", "-1", "1", "None", "(0, 1)", "(0,)", "()", "2", "-2")
_BOOL = ("True", "False")
_INT = ("0", "1", "2", "-1", "3", "5")
_DTYPE = ("float", "int", "np.float32", "'f4'", "bool", "np.int8", "np.complex128", "None")

BY_NAME = {
    "axis": _AXIS,
    "axes": ("None", "(1, 0)", "(0,)", "(0, 1)", "1", "2", "([0], [1])", "(-1,)"),
    "axis1": ("0", "1", "-1"),
    "axis2": ("1", "0", "-1", "2"),
    "keepdims": _BOOL,
    "dtype": _DTYPE,
    "casting": ("'same_kind'", "'unsafe'", "'safe'", "'no'", "'equiv'"),
    "order": ("'C'", "'F'", "'A'", "'K'", "None"),
    "subok": _BOOL,
    "copy": ("True", "False", "None"),
    "ddof": ("0", "1", "0.5", "2"),
    "correction": ("0", "1", "0.5"),
    "shape": ("(3,)", "(2, 3)", "3", "(-1,)", "(3, 1)", "(1, 3)", "()", "(3, 3)", "(2, -1)"),
    "newshape": ("(-1,)", "(3, 1)", "-1", "(2, -1)"),
    "new_shape": ("(5,)", "(2, 2)", "4"),
    "n": ("None", "2", "4", "5", "0", "1", "3"),
    "s": ("None", "(2, 4)", "(4,)", "(2, -1)", "(3, 3)"),
    "norm": ("None", "'ortho'", "'forward'", "'backward'"),
    "k": ("0", "1", "-1", "2"),
    "N": ("3", "2"),
    "M": ("3", "None", "4"),
    "num": ("5", "2", "0", "1"),
    "base": ("10.0", "2.0", "2", "10"),
    "endpoint": _BOOL,
    "retstep": _BOOL,
    "indices_or_sections": ("3", "[1]", "2", "[1, 2]", "1"),
    "reps": ("2", "(2, 1)", "(2,)", "0", "(2, 2)"),
    "repeats": ("2", "[1, 2, 0]", "3", "0", "1"),
    "shift": ("1", "0", "-2", "(1, 0)", "4"),
    "source": ("0", "-1", "(0, 1)"),
    "destination": ("-1", "0", "(1, 0)"),
    "start": ("0", "1", "-1", "0.5"),
    "stop": ("3", "2.5", "5.3", "-3"),
    "step": ("1", "0.7", "2"),
    "kind": ("None", "'quicksort'", "'stable'", "'mergesort'"),
    "mode": (
        "'raise'",
        "'wrap'",
        "'clip'",
        "'full'",
        "'same'",
        "'valid'",
        "'reduced'",
        "'complete'",
        "'r'",
        "'constant'",
        "'edge'",
        "'reflect'",
        "'symmetric'",
        "'linear_ramp'",
        "'maximum'",
        "'mean'",
        "'median'",
        "'minimum'",
        "0",
        "1",
    ),
    "ord": (
        "None",
        "2",
        "1",
        "-1",
        "-2",
        "np.inf",
        "-np.inf",
        "'fro'",
        "'nuc'",
        "0",
        "3",
        "3.5",
    ),
    "p": ("None", "2", "1", "-1", "-2", "np.inf", "'fro'"),
    "tol": ("None", "1e-3", "np.array([0.5, 1e-3])"),
    "rtol": ("1e-5", "1e-3", "None", "0.5"),
    "atol": ("1e-8", "1e-3", "0.5"),
    "rcond": ("None", "1e-3", "-1", "0.4"),
    "hermitian": _BOOL,
    "compute_uv": _BOOL,
    "full_matrices": _BOOL,
    "UPLO": ("'L'", "'U'"),
    "upper": _BOOL,
    "deg": ("1", "2", "0"),
    "full": _BOOL,
    "bins": ("4", "[0.0, 1.0, 2.0]", "np.array([-1.0, 0.5, 2.0])", "1"),
    "range": ("None", "(0.0, 1.0)", "(-1, 2)"),
    "density": _BOOL,
    "method": ("'linear'", "'median_unbiased'", "'nearest'", "'lower'", "'midpoint'", "'hazen'"),
    "q": ("0.3", "[0.2, 0.8]", "50", "0", "1", "0.5", "np.array([0.1, 0.9])"),
    "interpolation": ("None",),
    "overwrite_input": _BOOL,
    "nan": ("0.0", "1.5", "np.inf"),
    "posinf": ("None", "3.0"),
    "neginf": ("None", "-3.0"),
    "side": ("'left'", "'right'"),
    "sorter": ("None", "[2, 1, 0]", "np.array([0, 1, 2])"),
    "assume_unique": _BOOL,
    "return_index": _BOOL,
    "return_inverse": _BOOL,
    "return_counts": _BOOL,
    "return_indices": _BOOL,
    "equal_nan": _BOOL,
    "invert": _BOOL,
    "decimals": ("0", "1", "2", "-1"),
    "ndigits": ("0", "1", "2", "-1", "None"),
    "indices": ("1", "[0, 1]", "np.array([1, 0])", "-1", "[[0, 1], [1, 0]]", "7", "[-1, 0]"),
    "index": ("0", "[0, 2]", "-1", "np.array([1])", "slice(0, 2)"),
    "obj": ("1", "[0, 2]", "-1", "np.array([1])", "slice(0, 2)", "np.array([0, 1])", "[]"),
    "condition": ("[True, False, True]", "np.array([0, 1, 1])", "True"),
    "offset": ("0", "1", "-1"),
    "dims": ("(3, 3)", "(4,)", "(2, 3)"),
    "multi_index": ("(np.array([0, 1]), np.array([1, 2]))", "([0, 1], [1, 0])"),
    "period": ("None", "2.5", "360"),
    "left": ("None", "-1.0"),
    "right": ("None", "9.0"),
    "pad_width": ("1", "(1, 2)", "((1, 0), (0, 2))", "0", "2"),
    "initial": ("0.5", "-10.0", "10", "3"),
    "where": ("True", "False", "np.array([True, False, True])"),
    "numpoints": ("4",),
    "inplace": _BOOL,
    "bias": _BOOL,
    "rowvar": _BOOL,
    "increasing": _BOOL,
    "indexing": ("'xy'", "'ij'"),
    "sparse": _BOOL,
    "discont": ("None", "2.0"),
    "edge_order": ("1", "2"),
    "to_begin": ("None", "9.0", "[8.0, 9.0]"),
    "to_end": ("None", "9.0"),
    "prepend": ("0.5", "np.array([0.5])", "[1.0, 2.0]"),
    "append": ("0.5", "np.array([0.5])"),
    "trim": ("'fb'", "'f'", "'b'"),
    "optimize": _BOOL,
    "func1d": ("np.sum", "np.sort", "lambda v: v[0] * 2"),
    "func": ("np.sum", "np.cumsum", "lambda v, a: np.sum(v, a)"),
    "pyfunc": ("lambda v: v * 2",),
    "funclist": ("[lambda v: v * 2, lambda v: v - 1]", "[1.0, lambda v: v ** 2]"),
    "function": ("lambda i, j: i + j", "lambda *i: sum(i)", "abs", "lambda v, w=0: v + w"),
    "object": ("[1.0, 2.0]",),
    "format_spec": ("''", "'.3f'"),
    "signature": ("None", "'d->d'", "'dd->d'"),
    "ndmin": ("0", "2", "3"),
    "ndim": ("1", "2", "3"),
    "like": ("None",),
    "device": ("None", "'cpu'"),
    "strict": _BOOL,
    "reverse": _BOOL,
    "key": ("None", "abs", "lambda v: -v"),
    "class_or_tuple": ("float", "np.ndarray", "(int, float)", "np.floating"),
    "weights": ("None", "np.array([1.0, 2.0, 0.5])", "[1, 2, 3]"),
    "minlength": ("0", "5"),
    "rel_tol": ("1e-9", "0.3"),
    "abs_tol": ("0.0", "0.5"),
    "kth": ("1", "0", "(0, 1)", "-1"),
    "val": ("9.0", "[7.0, 8.0]"),
    "newbyteorder": ("'='",),
    "mod": ("None", "7", "3"),
    "slices": ("[0, 1]", "[0, 2, 1]"),
    "ndiag": ("0",),
    "subscripts": ("'ij,jk->ik'",),
    "choices": ("[np.array([1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0])]",),
    "counts": ("[1, 2]",),
}


def optional_texts(parameter):
    """Return candidate texts for a parameter that has a default value, or none."""
    if parameter.name in BY_NAME:
        return BY_NAME[parameter.name]
    default = parameter.default
    if isinstance(default, bool):
        return _BOOL
    if isinstance(default, int):
        return _INT
    if isinstance(default, float):
        return ("0.5", "1.0", "2.0", "0.0")
    return ()


def drawn(rng, parameter, kind, shape):
    """Return the text of an argument for a parameter, and whether it is an array or a number."""
    texts = BY_NAME.get(parameter.name, ())
    if texts and not (parameter.name in ("x", "n", "p", "k") and rng.random() < 0.5):
        return rng.choice(texts), False
    return general(rng, kind, shape), True


def general(rng, kind, shape):
    """Return the text of an array or a number: mostly of one shape, at times of another."""
    lot = rng.random()
    if kind == "definite" or lot < 0.72:
        return (
            values.changed(rng, values.array(rng, kind, shape))
            if shape
            else values.scalar(rng, kind)
        )
    if lot < 0.9:
        return values.scalar(rng, kind)
    return values.changed(rng, values.array(rng, kind, rng.choice(values.SHAPES)))


def is_required(parameter):
    """Whether a call needs the parameter."""
    return parameter.default is inspect.Parameter.empty and parameter.kind not in (
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    )
