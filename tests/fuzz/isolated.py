"""Cases in a child process: what kills it, even by NumPy's own fault, does not end the search."""

import multiprocessing
import os
import time

CHUNK = 40
PATIENCE = 60.0
"""Seconds that no case needs, made smaller or not, even on a machine that is busy."""

CRASH, NO_ANSWER = "crash", "no answer"


def results(check, numbers, until):
    """Yield (number, what `check` returned for it) of numbered cases, until a time.

    In the place of a result stands "crash" where the process died, and "no answer" where it
    did not come back and was killed.
    """
    numbers = list(numbers)
    while numbers and time.monotonic() < until:
        done = _chunk(check, numbers[:CHUNK], until)
        yield from done
        numbers = numbers[len(done) :]


def _chunk(check, numbers, until):
    if not hasattr(os, "fork"):
        return [(number, check(number)) for number in numbers]
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        for number in numbers:
            if time.monotonic() > until:
                break
            theirs.send((number, check(number)))
        os._exit(0)
    theirs.close()
    done = []
    while ours.poll(PATIENCE):
        try:
            done.append(ours.recv())
        except EOFError:
            break
    else:
        os.kill(child, 9)
        done.append((numbers[len(done)], NO_ANSWER))
    _, status = os.waitpid(child, 0)
    if status and len(done) < len(numbers) and (not done or done[-1][1] != NO_ANSWER):
        done.append((numbers[len(done)], CRASH))
    return done
