"""Refusal of random numbers: a recorded graph would repeat one draw for ever.

A traced function may not read a generator from outside. Draws by other ways (a library that
draws by itself, a generator in a list) are found when the function has returned, because the
generator's state has changed. A generator that the function makes from a seed gives the same
numbers at each call, and may be used.
"""

from __future__ import annotations

import functools
import random
import types
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from steepest.errors import RandomnessError
from steepest.graph.source import Source, at, function_source, user_source
from steepest.trace.recording.session import Session

P = ParamSpec("P")
R = TypeVar("R")

_SOURCES = (np.random.Generator, np.random.RandomState, random.Random, np.random.BitGenerator)
_MODULES = frozenset({"numpy.random", "random", "secrets"})
_FUNCTIONS = frozenset({"urandom", "getrandom", "uuid1", "uuid4"})
_ATTEMPTS = 3
_MAKERS = frozenset({"default_rng", "SeedSequence", "Generator"})


class DrawnError(RandomnessError):
    """Random numbers were drawn during a trace, perhaps by another thread."""


def refuse_chance(
    name: str, source: Source | None = None, error: type[RandomnessError] = RandomnessError
) -> NoReturn:
    """Raise for random numbers."""
    raise error(
        f"{name} draws random numbers inside a traced function{at(source or user_source())}: the "
        "recorded graph would repeat one draw for ever; draw them outside and pass them as "
        "arguments, or make a generator with a seed inside the function"
    )


def refuse_random(value: Any, name: str) -> None:
    """Raise for a source of random numbers that outlives the function."""
    if isinstance(value, _SOURCES) or isinstance(_own(value, "__self__"), _SOURCES):
        refuse_chance(name)
    if callable(value) and not isinstance(value, types.MethodType):
        is_drawing = _own(value, "__module__") in _MODULES
        if (is_drawing or _own(value, "__name__") in _FUNCTIONS) and not _is_maker(value):
            refuse_chance(name or value.__name__)


def _own(value: Any, name: str) -> Any:
    """Return an attribute without calling methods of the user's own class."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return None


def _is_maker(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, (*_SOURCES, np.random.SeedSequence))
    return _own(value, "__name__") in _MAKERS


def is_seeded(maker: Any, args: Any, kwargs: Any) -> bool:
    """Whether a call makes a generator that gives the same at each call."""
    given = [*args, *kwargs.values()]
    return bool(given) and given[0] is not None


def makes_generators(value: Any) -> bool:
    """Whether a value makes generators of random numbers."""
    module = _own(value, "__module__")
    in_module = isinstance(module, str) and module.startswith(("numpy.random", "random"))
    return in_module and callable(value) and _is_maker(value)


def watch(value: Any, name: str, session: Session) -> bool:
    """Note the state of a source of random numbers; return whether it is one."""
    if isinstance(value, types.ModuleType) or not isinstance(value, _SOURCES):
        return False
    session.root.chance.append((name, value, _state(value)))
    return True


def watch_libraries(session: Session) -> None:
    """Note the states of the global generators, which libraries may draw from."""
    shared: Any = np.random.mtrand._rand
    session.chance.append(("a library", shared, _state(shared)))
    session.chance.append(("a library", random._inst, _state(random._inst)))


def _state(source: Any) -> Any:
    if isinstance(source, random.Random):
        _, words, rest = source.getstate()
        return words[:4], words[-1:], rest  # each draw changes one of these
    if isinstance(source, np.random.RandomState):
        return _plain(source.get_state(legacy=False))
    bits: Any = source.bit_generator if isinstance(source, np.random.Generator) else source
    return _plain(bits.state)


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    return state[:4].tobytes() if isinstance(state, np.ndarray) else state


def check_chance(session: Session, function: Callable[..., Any]) -> None:
    """Raise if random numbers were drawn while a function was traced."""
    for name, source, state in session.chance:
        if _state(source) != state:
            refuse_chance(name, function_source(function), DrawnError)


def traces_anew(build: Callable[P, R]) -> Callable[P, R]:
    """Let a function that traces another try again if random numbers were drawn meanwhile.

    Another thread may have drawn them. If the traced function draws them, it does so at every
    attempt, and the last one raises.
    """

    @functools.wraps(build)
    def build_again(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(_ATTEMPTS - 1):
            try:
                return build(*args, **kwargs)
            except DrawnError:
                continue
        return build(*args, **kwargs)

    return build_again
