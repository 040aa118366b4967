"""The programs of docs/scientific_python.md print what it says, and find SciPy's minima."""

import pytest
import scipy.optimize
from threadpoolctl import threadpool_limits

from tests.cases.scientific_python import PAGE, programs

PROGRAMS = programs()


def test_every_program_of_the_page_is_found():
    assert len(PROGRAMS) == PAGE.read_text().count("\n```python\n") == 9


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_program_prints_what_the_page_says_and_finds_the_minimum(program):
    space, printed = program.run()
    assert printed == program.printed
    with threadpool_limits(1):  # else the threads of other tests' processes are waited for
        theirs, _ = program.run(getattr(scipy.optimize, program.entry))
    ours, least = program.minimum(space), program.minimum(theirs)
    assert ours <= least + 1e-6 * abs(least)
    assert ours == pytest.approx(least, rel=1e-3)  # the same minimum, not one elsewhere
