"""Cases in a child process: what kills it, even by NumPy's own fault, does not end the search."""

import os
import pickle
import time

CHUNK = 40


def verdicts(check, numbers, until):
    """Yield (number, verdict) of numbered cases until a time; None where the process died."""
    numbers = list(numbers)
    while numbers and time.monotonic() < until:
        done = _chunk(check, numbers[:CHUNK], until)
        yield from done
        numbers = numbers[len(done) :]


def _chunk(check, numbers, until):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as out:
            for number in numbers:
                if time.monotonic() > until:
                    break
                pickle.dump((number, check(number)), out)
                out.flush()
        os._exit(0)
    os.close(writing)
    done = []
    with os.fdopen(reading, "rb") as source:
        while True:
            try:
                done.append(pickle.load(source))
            except (EOFError, pickle.UnpicklingError):
                break
    _, status = os.waitpid(child, 0)
    if status and len(done) < len(numbers):
        done.append((numbers[len(done)], None))
    return done
