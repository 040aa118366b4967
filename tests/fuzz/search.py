"""Cases of a part by their numbers, and what is wrong with them."""

import time

from . import branches, conversions, derivatives, namespace, programs, side_effects, states
from .case import Case
from .compare import AGREES, Verdict
from .isolated import PATIENCE, results
from .report import Report
from .shrink import shrink

PARTS = {
    "namespace": namespace,
    "derivatives": derivatives,
    "programs": programs,
    "conversions": conversions,
    "branches": branches,
    "states": states,
    "side_effects": side_effects,
}
"""Each part has ``draw(seed, number)``, a case, and ``check(case, engine)``, the verdict on it."""


def engine_of(part, number):
    """Return the engine that a case runs on: mostly "numpy", which is the quickest to trace."""
    if part == "branches" or number % 10 == 3:
        return "native"
    return "torch" if number % 20 == 9 else "numpy"


def search(part, seed, seconds, numbers=range(10**6), smaller=True):
    """Return the report on numbered cases of a part, or as many as fit into the seconds."""
    module, report, until = PARTS[part], Report(part, seed), time.monotonic() + seconds

    def check(number):
        case, engine = module.draw(seed, number), engine_of(part, number)
        verdict = module.check(case, engine)
        if verdict.is_wrong and smaller:
            case, verdict = _smaller(module, case, verdict, engine)
        return case, verdict

    for number, found in results(check, numbers, until):
        report.add(
            number, *(ended(part, seed, number, found) if isinstance(found, str) else found)
        )
    return report


def ended(part, seed, number, how):
    """Return a case that ended its process, and whether it did so by NumPy's own fault.

    A case runs plainly while it is drawn.
    """
    until = time.monotonic() + 3 * PATIENCE
    ((_, case),) = results(lambda k: PARTS[part].draw(seed, k), [number], until)
    if isinstance(case, str):
        return Case("NumPy itself", "", ()), Verdict(AGREES)
    return case, Verdict(how)


def _smaller(module, case, verdict, engine):
    def is_same(candidate):
        try:
            return module.check(candidate, engine).kind == verdict.kind
        except Exception:  # a module that no longer holds together
            return False

    small = shrink(case, is_same)
    return small, module.check(small, engine)
