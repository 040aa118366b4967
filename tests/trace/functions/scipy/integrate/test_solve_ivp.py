"""``solve_ivp`` in traced functions: SciPy's steps, and derivatives of the discrete solution."""

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.graph.guard import decision_tree
from steepest.trace import trace_function
from steepest.trace.tracing import trace
from tests.cases.initial_value_problems import ALL, SMOOTH, STIFF

EXPLICIT = ("RK23", "RK45", "DOP853")
IMPLICIT = ("Radau", "BDF", "LSODA")
OPTIONS = {
    "default": {},
    "tight": {"rtol": 1e-7, "atol": 1e-9},
    "short steps": {"max_step": 0.11, "rtol": 1e-5},
    "first step": {"first_step": 1e-3, "atol": 1e-4},
}


def by_rounding(solve, p):
    """Return by how much SciPy's results change where the parameters change in the last digit.

    An estimated error is a difference of almost equal numbers. Step sizes follow from it.
    """
    plain = solve(p)
    moved = [solve(p * (1 + k * 2.2e-16)) for k in (-3, -2, -1, 1, 2, 3)]
    return 1e-12 + 3 * max(np.abs(y - plain).max() for y in moved)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("problem", SMOOTH.values(), ids=SMOOTH)
def test_explicit_methods_make_scipys_steps(problem, method, options):
    def solved(p):
        found = problem.solve(p, method, **options)
        return found.y, found.nfev, found.success, found.status

    y, evaluations, success, status = st.compile(solved)(problem.p)
    plain = problem.solve(problem.p, method, **options)
    noise = by_rounding(lambda p: problem.solve(p, method, **options).y, problem.p)
    assert noise < 1e-6
    np.testing.assert_allclose(y, plain.y, rtol=1e-12, atol=noise)
    assert (evaluations, success, status) == (plain.nfev, plain.success, plain.status)


@pytest.mark.parametrize("method", EXPLICIT)
def test_every_step_is_scipys(method):
    problem = SMOOTH["pendulum"]

    def steps(p):
        found = problem.solve(p, method, t_eval=None, atol=np.array([1e-6, 1e-4]))
        return np.concatenate([found.t[None], found.y])

    noise = by_rounding(steps, problem.p)
    assert noise < 1e-6
    mine = st.compile(steps)(problem.p)
    np.testing.assert_allclose(mine, steps(problem.p), rtol=1e-12, atol=noise)


def test_linear_systems_at_random(random):
    matrix = random.normal(size=(5, 5))
    start = random.normal(size=5)
    for method in EXPLICIT:
        solve = lambda a, method=method: (
            solve_ivp(
                lambda t, y: a @ y + np.sin(t), (0, 2), start, method, rtol=1e-6, t_eval=[0.3, 2.0]
            ).y
        )
        np.testing.assert_allclose(st.compile(solve)(matrix), solve(matrix), rtol=1e-10)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", IMPLICIT)
@pytest.mark.parametrize("problem", ALL.values(), ids=ALL)
def test_implicit_methods_are_as_accurate_as_scipys(problem, method):
    tolerance = {"rtol": 1e-6, "atol": 1e-9 * np.ones(problem.start(problem.p).size)}
    exact, scale = problem.solution, problem.scale
    mine = st.compile(lambda p: problem.solve(p, method, **tolerance).y)(problem.p)
    plain = problem.solve(problem.p, method, **tolerance).y
    error, scipys = (np.abs((y - exact) / scale).max() for y in (mine, plain))
    assert error < max(1.5 * scipys, 1e-6)


SMOOTH_CASES = [(p, m) for p in SMOOTH.values() for m in ("RK45", "DOP853", "Radau", "BDF")]
STIFF_CASES = [(p, m) for p in STIFF.values() for m in ("Radau", "BDF", "LSODA")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("problem", "method"), SMOOTH_CASES + STIFF_CASES)
def test_gradients_are_those_of_differences(problem, method):
    tight = {"rtol": 1e-9, "atol": 1e-12}
    if method == "BDF":
        tight = {"rtol": 1e-10, "atol": 1e-13}
    of_p = problem.loss(method, **tight)
    loss = lambda q: of_p(problem.p * np.exp(q))
    gradient = st.compile(st.gradient(loss))(np.zeros(problem.p.size))
    expected = problem.exact_gradient()
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF"])
def test_derivatives_are_exact_for_the_chosen_steps(method):
    # With steps of one size, differences are those of the same discrete solution.
    problem = SMOOTH["pendulum"]
    options = {"max_step": 0.05, "first_step": 0.05, "rtol": 1e-3, "atol": 1e2}
    if method in ("Radau", "BDF"):
        options = {"max_step": 0.01, "first_step": 0.01, "rtol": 1e-13, "atol": 1e-2}
    loss = problem.loss(method, **options)
    # SciPy solves the equations of an implicit step only to the tolerance.
    value = st.compile(loss) if method in ("Radau", "BDF") else loss
    h = 1e-4
    expected = [
        (8 * (value(problem.p + h * e) - value(problem.p - h * e)))
        - (value(problem.p + 2 * h * e) - value(problem.p - 2 * h * e))
        for e in np.eye(3)
    ]
    gradient = st.compile(st.gradient(loss))
    slope = gradient(problem.p)
    np.testing.assert_allclose(slope, np.array(expected) / (12 * h), rtol=1e-9, atol=1e-10)
    direction = np.array([0.3, -0.2, 0.5])
    pushed = st.compile(lambda p: st.pushforward(loss, (p,), (direction,)))(problem.p)[1]
    np.testing.assert_allclose(pushed, slope @ direction, rtol=1e-11)
    along = lambda s: gradient(problem.p + s * direction)
    second = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    product = st.compile(lambda p: st.hvp(loss, p, direction))(problem.p)
    np.testing.assert_allclose(product, second, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "BDF"])
def test_engines_agree(method):
    problem = SMOOTH["lotka_volterra"]
    loss = problem.loss(method, rtol=1e-4)
    trace = trace_function(st.value_and_gradient(loss), (problem.p,))
    results = [
        engine.compile([trace.graph])([problem.p, *trace.captured_arrays()])[1]
        for engine in (Interpreter(), Native(), Torch())
    ]
    for value, gradient in results[1:]:
        np.testing.assert_allclose(value, results[0][0], rtol=1e-9)
        np.testing.assert_allclose(gradient, results[0][1], rtol=1e-8)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("problem", SMOOTH.values(), ids=SMOOTH)
def test_derivatives_of_explicit_methods_are_those_of_scipys_solution(problem, method):
    # At a loose tolerance the sizes of the steps matter as much as the states.
    solve = lambda p: problem.solve(p, method, rtol=3e-3, atol=1e-4)
    p, h = problem.p, 3e-6
    near = [[solve(p + k * h * e) for k in (2, 1, -1, -2)] for e in np.eye(p.size)]
    assert {x.nfev for row in near for x in row} == {solve(p).nfev}  # there is no jump between
    slopes = [(8 * (b.y - c.y) - (a.y - d.y)) / (12 * h) for a, b, c, d in near]
    expected = np.stack(slopes, axis=-1)
    y = lambda p: solve(p).y
    near = {"rtol": 2e-6, "atol": 2e-7 * np.abs(expected).max()}
    np.testing.assert_allclose(st.jacobian(y, mode="reverse")(p), expected, **near)
    np.testing.assert_allclose(st.jacobian(y, mode="forward")(p), expected, **near)


def test_some_of_these_steps_are_tried_again():
    problem = SMOOTH["lotka_volterra"]
    found = problem.solve(problem.p, "RK45", rtol=3e-3, atol=1e-4, t_eval=None)
    assert found.nfev > 2 + 6 * (found.t.size - 1)


def growth(t, y, rate, power):
    return rate * y**power


def test_arguments_and_what_is_closed_over():
    times = np.array([0.5, 1.0])
    by_argument = lambda p: np.sum(
        solve_ivp(growth, (0, 1), [1.0], args=(p[0], p[1]), t_eval=times).y
    )
    closed_over = lambda p: np.sum(
        solve_ivp(lambda t, y: growth(t, y, *p), (0, 1), [1.0], t_eval=times).y
    )
    p = np.array([0.4, 1.3])
    assert st.compile(by_argument)(p) == st.compile(closed_over)(p)
    np.testing.assert_allclose(by_argument(p), st.compile(by_argument)(p), rtol=1e-13)


def test_columns():
    solve = lambda a: (
        solve_ivp(lambda t, y: -a * y, (0, 1), [1.0, 2.0], t_eval=[1.0], vectorized=True).y
    )
    np.testing.assert_allclose(st.compile(solve)(0.7), solve(0.7), rtol=1e-13)


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "BDF"])
def test_the_slope_by_the_end_is_the_right_hand_side(method):
    problem = SMOOTH["lotka_volterra"]
    tight = {"rtol": 1e-9, "atol": 1e-11}

    def end(when):
        rhs = lambda t, y: problem.rhs(t, y, problem.p)
        return solve_ivp(rhs, (0.0, when), [10.0, 5.0], method, t_eval=[when], **tight).y[:, -1]

    y, slope = st.pushforward(end, (1.5,), (1.0,))
    np.testing.assert_allclose(slope, problem.rhs(1.5, y, problem.p), rtol=1e-6)


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF"])
def test_dense_output(method):
    problem = SMOOTH["forced, backwards in time"]
    times = np.array([1.9, 0.77, -0.4, *([2.3, -1.2] if method in EXPLICIT else [])])
    along = lambda t, p: problem.solve(p, method, dense_output=True, t_eval=None, rtol=1e-7).sol(t)
    noise = 1e-5
    if method in EXPLICIT:
        noise = by_rounding(lambda p: along(times, p), problem.p)
        assert noise < 1e-6
    mine = st.compile(lambda p: along(times, p))(problem.p)
    np.testing.assert_allclose(mine, along(times, problem.p), rtol=1e-12, atol=noise)
    h = 1e-5
    p = problem.p
    slope = st.gradient(lambda t: along(t, p + 0.0 * t)[1])(0.77)
    difference = (along(0.77 + h, p) - along(0.77 - h, p))[1] / (2 * h)
    np.testing.assert_allclose(slope, difference, rtol=1e-5, atol=1e-6)


def test_more_steps_than_there_was_room_for():
    def solve(rate):
        found = solve_ivp(lambda t, y: [y[1], -(rate**2) * y[0]], (0, 20), [1, 0], t_eval=[3, 20])
        return found.y

    compiled = st.compile(solve)
    for rate in (0.2, 30.0, 1.0):
        np.testing.assert_allclose(compiled(rate), solve(rate), rtol=1e-9, atol=1e-12)


def test_a_call_replays_in_the_room_of_its_own_steps():
    def solve(rate):
        fast = lambda t, y: [y[1], -(rate**2) * y[0]]
        return solve_ivp(fast, (0, 20), [1, 0], t_eval=[3, 20]).y

    few, many = (trace(solve, rate) for rate in (1.0, 30.0))
    rooms = [
        [node.operands[1].shape[0] for node in graph.nodes if node.op.name == "scan"]
        for graph in (few, many)
    ]
    assert max(rooms[0]) == 64 < 256 <= max(rooms[1])
    tree = decision_tree([few.guards, many.guards])
    assert sorted(leaves(tree)) == [0, 1]  # neither path replaces the other
    # Nothing else of the call is larger than its room: no table of all steps by all steps.
    assert max(node.size for node in many.nodes) < 64 * max(rooms[1])


def leaves(tree):
    """Return the numbers of the paths that a decision tree leads to."""
    if isinstance(tree, int):
        return [tree]
    return [number for case in tree.cases.values() for number in leaves(case)]


def test_loops_over_many_solutions_stay_loops():
    def solve(rate):
        total = 0.0
        for start in np.linspace(1.0, 2.0, 6):
            total += solve_ivp(lambda t, y: [-rate * y[0]], (0, 9), [start], t_eval=[9]).y[0, 0]
        return total

    graph = trace(solve, 1.0)
    assert len(graph.guards) == 2
    assert sum(node.op.name == "collect" for node in graph.nodes) == 1


def test_a_solver_that_fails_says_so():
    def solve(rate):
        found = solve_ivp(lambda t, y: rate * y**2, (0, 2), [1.0], t_eval=[0.5, 1.9])
        return found.y, found.success, found.status

    y, success, status = st.compile(solve)(1.0)
    assert (success, status) == (False, -1)
    assert solve_ivp(lambda t, y: y**2, (0, 2), [1.0]).status == -1
    np.testing.assert_allclose(y[0], [solve(1.0)[0][0, 0], np.nan], rtol=1e-10)
    y, success, status = st.compile(solve)(0.4)
    np.testing.assert_allclose(y, solve(0.4)[0], rtol=1e-10)
    assert (success, status) == (True, 0)


@pytest.mark.parametrize("method", ["RK45", "BDF"])
def test_a_solution_of_too_many_steps_ends_and_has_failed(method):
    # Compiled code cannot be interrupted.
    def solve(rate):
        fast = lambda t, y: [y[1], -(rate**2) * y[0]]
        found = solve_ivp(fast, (0.0, 1e7), [1.0, 0.0], method, t_eval=[0.5, 1e7])
        assert found.message.startswith("The solver did not reach the end")
        return found.y, found.success, found.status

    y, success, status = st.compile(solve)(1.0)
    assert (success, status) == (False, -1)
    assert np.isnan(y).all()


def test_a_loop_may_hold_a_solution():
    def step(level, rate):
        found = solve_ivp(lambda t, y: -rate * y, (0, 1), np.array([level]), t_eval=[1.0])
        return found.y[0, 0], found.y[0, 0]

    rates = np.array([0.1, 0.7, 1.3])
    looped = lambda rates: st.scan(step, 1.0, rates)[1]
    plain = []
    for rate in rates:
        plain.append(step(plain[-1] if plain else 1.0, rate)[0])
    np.testing.assert_allclose(st.compile(looped)(rates), plain, rtol=1e-12)


def swing(t, y, gravity, friction):
    return [y[1], -gravity * np.sin(y[0]) - friction * y[1]]


def lowest(t, y, gravity, friction):
    return y[0]


def turning(t, y, gravity, friction):
    return y[1]


lowest.terminal = 3
lowest.direction = 0.0
turning.direction = -1.0


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "BDF"])
def test_events(method):
    def solve(p):
        return solve_ivp(
            swing, (0.0, 10.0), [p[2], 0.1], method, events=[lowest, turning], args=(p[0], p[1]),
            t_eval=np.linspace(0, 10, 40), rtol=1e-9, atol=1e-11,
        )  # fmt: skip

    def parts(p):
        found = solve(p)
        events = *found.t_events, *found.y_events
        return (*events, found.t, found.y, found.status, found.success)

    p = np.array([9.81, 0.1, 1.0])
    plain = solve(p)
    expected = (*plain.t_events, *plain.y_events, plain.t, plain.y, plain.status, True)
    tolerance = 1e-9 if method in EXPLICIT else 1e-6
    for mine, scipys in zip(st.compile(parts)(p), expected, strict=True):
        np.testing.assert_allclose(mine, scipys, rtol=tolerance, atol=tolerance)

    def quantities(p):
        found = solve(p)
        return np.stack([found.t_events[0][2], found.t_events[1][0], found.y_events[0][1, 1]])

    h = 1e-4
    expected = [
        (8 * (quantities(p + h * e) - quantities(p - h * e)))
        - (quantities(p + 2 * h * e) - quantities(p - 2 * h * e))
        for e in np.eye(3)
    ]
    size = 1e-6 if method != "BDF" else 2e-5  # SciPy's own noise
    jacobian = st.jacobian(st.compile(quantities))(p)
    np.testing.assert_allclose(jacobian.T, np.array(expected) / (12 * h), rtol=size, atol=size)


def test_without_times_the_solution_ends_at_the_event():
    def solve(p):
        found = solve_ivp(swing, (0.0, 9.0), [1.0, 0.0], events=first, args=(p[0], p[1]))
        return found.t, found.y, found.message

    def first(t, y, gravity, friction):
        return y[0]

    first.terminal = True
    p = np.array([9.81, 0.1])
    plain = solve(p)
    t, y = st.compile(lambda p: solve(p)[:2])(p)
    np.testing.assert_allclose(t, plain[0], rtol=1e-10)
    np.testing.assert_allclose(y, plain[1], rtol=1e-9, atol=1e-12)
    assert plain[2] == "A termination event occurred."


WRONG = {
    "Values in `t_eval` are not within `t_span`": {"t_eval": [0.5, 2.0]},
    "Values in `t_eval` are not properly sorted": {"t_eval": [0.5, 0.2]},
    "`first_step` exceeds bounds": {"first_step": 5.0},
    "`first_step` must be positive": {"first_step": -1.0},
    "`max_step` must be positive": {"max_step": 0.0},
    "`atol` must be positive": {"atol": -1.0},
    "`atol` has wrong shape": {"atol": np.ones(3)},
    "`method` must be one of": {"method": "Euler"},
}


@pytest.mark.parametrize(("text", "options"), WRONG.items())
def test_wrong_arguments_raise_scipys_errors(text, options):
    solve = lambda p: solve_ivp(lambda t, y: -p * y, (0.0, 1.0), [1.0], **options).y
    for function in (solve, st.compile(solve)):
        with pytest.raises(ValueError, match=re.escape(text)):
            function(0.5)


def test_a_branch_inside_is_refused_with_its_line():
    def rhs(t, y):
        return -y if y[0] < 0.5 else y

    with pytest.raises(TypeError, match=r"test_solve_ivp\.py:\d+.*np\.where"):
        st.compile(lambda p: solve_ivp(rhs, (0, 1), [p], t_eval=[1.0]).y)(1.0)


def test_complex_numbers_are_refused():
    with pytest.raises(TypeError, match=r"scipy\.integrate\.solve_ivp.*test_solve_ivp\.py"):
        st.compile(lambda p: solve_ivp(lambda t, y: 1j * p * y, (0, 1), [1.0]).y)(1.0)


def test_plain_problems_are_left_to_scipy():
    def f(x):
        found = solve_ivp(lambda t, y: -2.0 * y, (0, 1), [1.0], events=lambda t, y: y[0] - 0.5)
        return x * found.y[0, -1], found.t_events[0][0]

    mine, plain = st.compile(f)(2.0), f(2.0)
    assert mine == plain
