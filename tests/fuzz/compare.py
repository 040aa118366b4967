"""Two outcomes of one call, NumPy's own and steepest's: do they agree?"""

from dataclasses import dataclass

import numpy as np

from steepest.errors import RefusalError

AGREES, REFUSED = "agrees", "refused"

TOLERANCE = {"f": 1e-9, "c": 1e-9}
SINGLE = 2e-5


@dataclass(frozen=True)
class Verdict:
    """`kind` is "agrees", "refused", or names what is wrong; `message` says it."""

    kind: str
    message: str = ""

    @property
    def is_wrong(self):
        return self.kind not in (AGREES, REFUSED)


def compare(plain, found):
    """Return the verdict on an outcome, given what the plain run did."""
    if plain.result is NotImplemented and isinstance(found.error, TypeError):
        return Verdict(AGREES)  # which Python raises unless the other operand has an answer
    if found.is_refusal:
        sentence = str(found.error)
        if len(sentence) < 20:
            return Verdict("refusal without a sentence", repr(found.error))
        if plain.error is not None:
            return Verdict(AGREES)
        if not isinstance(found.error, RefusalError):  # an except of the function's own hides it
            return Verdict("error in place of a refusal", sentence)
        return Verdict(REFUSED, sentence)
    if plain.error is not None:
        return _compare_errors(plain.error, found)
    if found.error is not None:
        return Verdict("internal error", f"plain: {shown(plain.result)}; raised {found.error!r}")
    verdict = compare_values(plain.result, found.result)
    if not verdict.is_wrong:
        after = compare_values(plain.arguments, found.arguments, "argument")
        return Verdict("argument afterwards", after.message) if after.is_wrong else verdict
    return verdict


def _compare_errors(error, found):
    if found.error is None:
        return Verdict("no exception", f"plain raises {error!r}; gave {shown(found.result)}")
    if isinstance(found.error, type(error)):
        return Verdict(AGREES)
    return Verdict("other exception", f"plain raises {error!r}; raised {found.error!r}")


def compare_values(plain, found, where="result"):
    """Return the verdict on nested values."""
    if plain is NotImplemented:  # no answer: the operator itself asks the other operand
        return Verdict(AGREES)
    if isinstance(plain, range | bytes | bytearray):
        plain = np.array(list(plain), found.dtype if isinstance(found, np.ndarray) else None)
    if isinstance(plain, tuple | list):
        if not isinstance(found, tuple | list) or len(plain) != len(found):
            return Verdict("structure", f"{where}: plain {shown(plain)}; gave {shown(found)}")
        places = enumerate(zip(plain, found, strict=True))
        return _first_wrong(
            compare_values(one, other, f"{where}[{i}]") for i, (one, other) in places
        )
    if isinstance(plain, dict):
        if not isinstance(found, dict) or list(plain) != list(found):
            return Verdict("structure", f"{where}: plain {shown(plain)}; gave {shown(found)}")
        return _first_wrong(
            compare_values(plain[key], found[key], f"{where}[{key!r}]") for key in plain
        )
    if not isinstance(plain, np.ndarray | np.generic | int | float | complex):
        same = plain is found or type(plain).__qualname__ == type(found).__qualname__
        return Verdict(AGREES if same else "structure", f"plain {plain!r}; gave {found!r}")
    return _compare_arrays(plain, found, where)


def _first_wrong(verdicts):
    return next((verdict for verdict in verdicts if verdict.is_wrong), Verdict(AGREES))


def _compare_arrays(plain, found, where):
    one, other = np.asarray(plain), np.asarray(found)
    message = f"{where}: plain {shown(plain)}; gave {shown(found)}"
    if one.shape != other.shape:
        return Verdict("shape", message)
    if one.dtype != other.dtype:
        return Verdict("dtype", message)
    if one.dtype.kind == "O":
        return Verdict(AGREES)
    return Verdict(AGREES if close(one, other) else "value", message)


def close(one, other):
    """Whether two arrays are equal up to rounding; exactly where they are no floats."""
    if one.dtype.kind not in TOLERANCE:
        return np.array_equal(one, other)
    single = one.dtype.itemsize <= (4 if one.dtype.kind == "f" else 8)
    finite = one[np.isfinite(one)]
    with np.errstate(all="ignore"):
        scale = float(np.max(np.abs(finite), initial=0.0))
        rtol = SINGLE if single else TOLERANCE[one.dtype.kind]
        atol = min(rtol * 1e-2 * scale, 1e300)
        return bool(np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True))


def shown(value):
    """Return a value as short text, with its dtype and shape."""
    if isinstance(value, np.ndarray):
        text = np.array2string(value, threshold=12, separator=", ").replace("\n", "")
        return f"{value.dtype}{list(value.shape)} {text[:160]}"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(shown, value))})"[:300]
    return repr(value)[:200]
