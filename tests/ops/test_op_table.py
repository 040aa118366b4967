"""Every row of the op table, against NumPy: every engine, both modes, to third order."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.special

import steepest as st
from steepest.graph import evaluate, verify
from steepest.ops import TABLE, JointLinear, Linear, Partials, Row, Rule
from steepest.ops.elementwise import special
from steepest.trace import record, trace_function
from tests.cases.ops import (
    ALL_CASES,
    DERIVATIVES,
    ENGINES,
    FILLED_CASES,
    differentiable_operands,
    graph_of,
    has_slope,
    is_elementwise,
    special_operands,
)
from tests.cases.special_functions import in_scipy


def _placed(x, shape, slices):
    result = np.zeros(shape)
    axes = [
        np.arange(n)[first:][:: abs(s)] for n, (first, _, s) in zip(shape, slices, strict=True)
    ]
    axes = [
        first + step * np.arange(number)
        for _, (first, number, step) in zip(axes, slices, strict=True)
    ]
    result[np.ix_(*axes)] = x
    return result


def _added(x, *indices, shape):
    result = np.zeros(shape)
    for position in np.ndindex(indices[0].shape):
        result[tuple(index[position] for index in indices)] += x[position]
    return result


def _set(x, values, slices):
    result = np.array(x)
    result[np.ix_(*(first + step * np.arange(number) for first, number, step in slices))] = values
    return result


def _put(x, values, *indices):
    result = np.array(x)
    for position in np.ndindex(indices[0].shape):
        result[tuple(index[position] for index in indices)] = values[position]
    return result


def _sliced(x, slices):
    return x[np.ix_(*(first + step * np.arange(number) for first, number, step in slices))]


def _places_of_windows(shape, windows):
    """Return, for each element of each window, its position in the array that was read."""
    extents = shape[len(shape) - len(windows) :]
    spans = [(size - 1) * distance for size, _, distance in windows]
    numbers = [(n - s - 1) // w[1] + 1 for n, s, w in zip(extents, spans, windows, strict=True)]
    whole = (*shape[: len(shape) - len(windows)], *numbers, *(size for size, _, _ in windows))
    count = len(windows)
    for place in np.ndindex(*whole):
        lead, at, inside = place[: -2 * count], place[-2 * count : -count], place[-count:]
        moved = (i * w[1] + j * w[2] for i, j, w in zip(at, inside, windows, strict=True))
        yield whole, place, (*lead, *moved)


def _windows(x, windows):
    places = list(_places_of_windows(x.shape, windows))
    result = np.empty(places[0][0], x.dtype)
    for _, place, source in places:
        result[place] = x[source]
    return result


def _added_windows(x, shape, windows):
    result = np.zeros(shape, x.dtype)
    for _, place, source in _places_of_windows(shape, windows):
        result[source] += x[place]
    return result


# NumPy has no function of these names; the oracle is written with other means than the row's.
ORACLES = {
    "getitem": _sliced,
    "embed": _placed,
    "take_at": lambda x, *indices: x[tuple(indices)],
    "add_at": _added,
    "stop_gradient": np.array,
    "pack": lambda *elements, shape: np.stack(elements).reshape(shape),
    "setitem": _set,
    "sliding_window_view": _windows,
    "add_windows": _added_windows,
    "put_at": _put,
}


def _packed(parts, ndim):
    return np.concatenate([part.reshape(*part.shape[:ndim], -1) for part in parts], -1)


def _scanned(carry, rows, factor, step):
    before, yielded = [], []
    for row in rows:
        before.append(carry)
        carry = np.sin(carry * factor) + row
        yielded.append(carry * row.sum())
    return np.concatenate([*before, *yielded, carry])


def _repeated(carry, factor, condition, step, limit):
    for _ in range(limit):
        if not np.sum(carry * carry) > 0.5:
            break
        carry = np.sin(carry) * factor
    return carry


def _collected(carry, factor, condition, step, limit):
    rows, signs = [], np.sign(factor)
    while np.sum(carry) < 50:
        row, carry = signs * np.sign(carry), carry + signs**2
        rows += [row] if np.sum(carry) > 5 else []
    room = [*rows, *np.zeros((limit, carry.size))][:limit]
    return np.concatenate([carry, [len(rows)], *room])


def _sums(x, axis, sign):
    number = x.shape[axis]
    grid = np.arange(number)
    waves = np.exp(sign * 2j * np.pi * np.outer(grid, grid) / number)
    values = np.moveaxis(x[..., 0] + 1j * x[..., 1], axis, -1) @ waves
    values = np.moveaxis(values, -1, axis)
    return np.stack([values.real, values.imag], -1).astype(x.dtype)


def _frechet(a, directions, of):
    """Return a derivative of SciPy's matrix function, a block of it of a block triangle.

    Mathias (1996): f([[A, E], [0, A]]) = [[f(A), f'(A) E], [0, f(A)]], and so on.
    """
    if a.ndim > 2:
        return np.stack([_frechet(x, [e[i] for e in directions], of) for i, x in enumerate(a)])
    number = len(a)
    whole = (a + a.T) / 2
    for direction in directions:
        along = np.kron(np.eye(len(whole) // number), (direction + direction.T) / 2)
        whole = np.block([[whole, along], [np.zeros_like(whole), whole]])
    result = np.real(getattr(scipy.linalg, f"{of}m")(whole))[:number, -number:]
    return result.astype(a.dtype)


def _swapped(swaps, rows):
    order = list(range(rows))
    for i, other in enumerate(swaps % rows):
        order[i], order[other] = order[other], order[i]
    return np.array(order)


def _with_entries(data, rows, columns, b, transposed):
    whole = np.zeros((len(b), len(b)), data.dtype)
    np.add.at(whole, (rows, columns), data)
    return np.linalg.solve(whole.T if transposed else whole, b)


def _root_of_cubic(a, start, **_):
    """Return the real root of x^3 + x = a by Cardano's formula, and that it was found."""
    root = np.sqrt(a * a / 4 + 1 / 27)
    return np.append(np.cbrt(a / 2 + root) + np.cbrt(a / 2 - root), 1.0)


def _eliminated(a):
    """Return LU factors from the leading minors, as quotients of determinants."""
    det, result = np.linalg.det, np.empty(a.shape, a.dtype)
    for i, j in np.ndindex(a.shape[-2:]):
        first = list(range(min(i, j)))
        minor = det(a[..., [*first, i], :][..., [*first, j]])
        lead = det(a[..., : j + 1, : j + 1]) if i > j else det(a[..., :i, :i])
        result[..., i, j] = minor / lead
    return result


def _sylvester(a, b, q):
    if a.ndim > 2:
        return np.stack([_sylvester(*operands) for operands in zip(a, b, q, strict=True)])
    eye = lambda x: np.eye(len(x), dtype=x.dtype)
    whole = np.kron(a, eye(b)) + np.kron(eye(a), b.T)
    return np.linalg.solve(whole, q.ravel()).reshape(q.shape)


def _whole(band, below):
    above, n = len(band) - 1 - below, band.shape[1]
    rows, columns = np.indices((n, n))
    inside = (rows - columns <= below) & (columns - rows <= above)
    places = np.where(inside, above + rows - columns, 0)
    return np.where(inside, band[places, columns], 0).astype(band.dtype)


ORACLES |= {
    "fourier": _sums,
    "root": np.sqrt,
    "slope_of_absolute": np.sign,
    "tie": np.equal,
    "larger": np.greater,
    "square_of_root": lambda x: 1 * x,
    "square_of_hypot": lambda a, b: a * a + b * b,
    "tanh_slope": lambda y, x: np.broadcast_arrays(1 / np.cosh(x) ** 2, y)[0],
    "scan": _scanned,
    "while": _repeated,
    "collect": _collected,
    "newton": lambda z, a, residual, jacobian, step, number: np.sqrt(a),
    "cond": lambda c, v, a, yes, no: np.sin(v) * a if c else v * v + a,
    "exact_sum": lambda x: np.asarray(float(sum(map(Fraction, x.tolist())))).astype(x.dtype),
    "frexp_exponent": lambda x: np.frexp(x)[1],
    "solve": np.linalg.solve,
    "det": np.linalg.det,
    "cofactors": lambda a: np.linalg.det(a)[..., None, None] * np.linalg.inv(a).swapaxes(-1, -2),
    "over_gap": lambda x, gap: x / gap,
    "matrix_function": lambda a, *directions, of: _frechet(a, directions, of),
    "logabsdet": lambda a: np.log(np.abs(np.linalg.det(a))),
    "detsign": lambda a: np.sign(np.linalg.det(a)),
    "cholesky": np.linalg.cholesky,
    "lower_part": lambda x, diagonal, below: (
        np.tril(x, diagonal - 1) - (0 if below else np.tril(x, -1))
    ),
    "solve_lower": lambda a, b, transposed: scipy.linalg.solve_triangular(
        a, b, lower=True, trans="NT"[transposed]
    ),
    "positive_inverse": lambda a: np.tril(
        np.linalg.inv(np.tril(a) @ np.swapaxes(np.tril(a), -1, -2))
    ),
    "solve_positive": lambda a, lower, b: np.linalg.solve(a, b),
    "inverse": np.linalg.inv,
    "eigh": lambda a, upper: _packed(np.linalg.eigh(a, "LU"[upper]), a.ndim - 2),
    "svd": lambda a: _packed(np.linalg.svd(a, full_matrices=False), a.ndim - 2),
    "triangle": lambda a: np.linalg.qr(a)[1],
    "fit_triangle": lambda a: np.linalg.qr(a)[1],
    "solve_triangle": lambda r, b: np.linalg.solve(np.triu(r), b),
    "qr": lambda a: _packed(np.linalg.qr(a), a.ndim - 2),
    "succeeds": lambda a, *b, of: np.asarray(b != () or np.all(np.linalg.eigvalsh(a) > 0)),
    "pinv": lambda a, rcond: np.linalg.pinv(a, rcond=rcond),
    "sparse_solve": _with_entries,
    "search": _root_of_cubic,
    "solution": lambda a, found, **_: _root_of_cubic(a, None),
    "nonnegative_support": lambda a, b: scipy.optimize.nnls(a, b)[0] > 0,
    "row_swaps": lambda a: scipy.linalg.lu_factor(a)[1],
    "swapped_rows": lambda swaps, rows: np.apply_along_axis(_swapped, -1, swaps, rows),
    "lu_triangles": _eliminated,
    "sylvester": _sylvester,
    "solve_band": lambda band, b, below: np.linalg.solve(_whole(band, below), b),
    "general_function": lambda a, of: getattr(scipy.linalg, of)(a * np.float64(1)).real.astype(
        a.dtype
    ),
}
# NumPy's function of that name, called as the row calls it.
CALLS = {
    "concatenate": lambda *parts, axis: np.concatenate(parts, axis),
    "astype": lambda x, dtype: np.astype(x, dtype),
}


def oracle(row):
    if row.name in ORACLES or row.name in CALLS:
        return {**ORACLES, **CALLS}[row.name]
    return getattr(np, row.name, None) or in_scipy(row.name)


def tolerance(dtype):
    return {"rtol": 1e-12, "atol": 1e-13} if dtype == np.float64 else {"rtol": 2e-5, "atol": 2e-6}


def test_oracles_stand_in_only_where_numpy_has_no_function():
    assert {n for n in TABLE if not hasattr(np, n) and not in_scipy(n)} == set(ORACLES)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", ALL_CASES, ids=str)
def test_value_is_numpys(case, dtype, engine, random):
    operands = case.operands(random, dtype)
    graph = verify(graph_of(case, operands))
    _, (value,) = ENGINES[engine].compile([graph])(operands)
    expected = oracle(case.row)(*operands, **case.case.attributes)
    assert value.shape == expected.shape
    if case.row.name not in ("embed", "add_at"):
        assert value.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(value, expected, **tolerance(dtype))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", [r for r in TABLE.values() if is_elementwise(r)], ids=str)
@pytest.mark.parametrize("repeat", [1, 3])
def test_special_values_are_numpys(row, engine, repeat):
    if row.domain.cases:
        pytest.skip("has attributes: its cases are all there is")
    operands = special_operands(row)
    case = dataclasses.replace(FILLED_CASES[0], row=row)
    operands = [np.tile(operand, repeat)[: 14 * repeat] for operand in operands]
    with np.errstate(all="ignore"):
        expected = row.evaluate(*operands)
    graph = graph_of(dataclasses.replace(case, case=type(case.case)(())), operands)
    _, (value,) = ENGINES[engine].compile([graph])(operands)
    np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-323)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", [r for r in TABLE.values() if is_elementwise(r)], ids=str)
def test_strides_do_not_matter(row, engine, random):
    (case, *_) = [c for c in FILLED_CASES if c.row is row and len(c.case.shapes[0]) == 2] or [
        c for c in FILLED_CASES if c.row is row
    ]
    operands = [
        x[::-1].T if x.ndim == 2 else x[..., ::-1] if x.ndim else x for x in case.operands(random)
    ]
    operands = [
        operands[0],
        *(
            np.broadcast_to(x, operands[0].shape) if x.ndim < 2 and x.size == 1 else x
            for x in operands[1:]
        ),
    ]
    shapes = {x.shape for x in operands if x.ndim}
    if len(shapes) > 1:
        operands = [
            np.broadcast_to(operands[0].reshape(-1)[0], operands[0].shape)
            if i and x.shape != operands[0].shape
            else x
            for i, x in enumerate(operands)
        ]
        operands = [
            x.astype(bool) if row.domain.interval(i) == "bool" else x
            for i, x in enumerate(operands)
        ]
    _, (value,) = ENGINES[engine].compile([graph_of(case, operands)])(operands)
    np.testing.assert_allclose(value, row.evaluate(*operands, **case.case.attributes), rtol=1e-12)


class Line:
    """A row's weighted result along a line through its operands: a function of one number."""

    def __init__(self, case, operand, random):
        self.case, self.operand = case, operand
        self.operands = case.operands(random)
        self.direction = random.uniform(0.5, 1.5, self.operands[operand].shape)
        shape = graph_of(case, self.operands).outputs[0].shape
        self.weights = random.uniform(0.5, 1.5, shape)

    def moved(self, t):
        return self.case.agreeing(
            [
                x + t * self.direction if i == self.operand else x
                for i, x in enumerate(self.operands)
            ]
        )

    def plain(self, t):
        value = self.case.row.evaluate(*self.moved(t), **self.case.case.attributes)
        return np.sum(self._unsigned(value) * self.weights)

    def traced(self, t):
        value = record(self.case.row, *self.moved(t), **self.case.case.attributes)
        return np.sum(self._unsigned(value) * self.weights)

    def _unsigned(self, value):
        # LAPACK may turn a vector round between two nearby matrices.
        return np.square(value) if self.case.row.domain.oriented else value


def forward(function):
    return lambda t: st.pushforward(function, (t,), (1.0,))[1]


def differences(function, t, step=1e-4):
    """Central differences of eighth order."""
    weights = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
    return sum(w * (function(t + i * step) - function(t - i * step)) for i, w in weights) / step


def numerical_slope(line):
    """Return the slope from NumPy alone: by the complex step where NumPy is analytic."""
    if line.case.row.domain.analytic:
        return line.plain(1e-20j).imag / 1e-20
    return differences(line.plain, 0.0)


def check_first_order(line):
    expected = numerical_slope(line)
    rtol = 1e-11 if line.case.row.domain.analytic else 1e-7
    scale = {"rtol": rtol, "atol": rtol}
    np.testing.assert_allclose(st.gradient(line.traced)(0.0), expected, **scale)
    np.testing.assert_allclose(forward(line.traced)(0.0), expected, **scale)


@pytest.mark.parametrize(("case", "operand"), DERIVATIVES, ids=str)
def test_first_derivative(case, operand, random):
    check_first_order(Line(case, operand, random))


def smooth(is_special):
    """Yield rows that are differentiated again, special functions or the others.

    Special functions, which take long, have one shape: broadcasting is undone by the caller of
    their rules, the same for all rows.
    """
    seen = set()
    for case, operand in DERIVATIVES:
        key = case.row.name, operand
        if case.row.domain.smooth and (case.row in special.ROWS) is is_special:
            if not (is_special and key in seen):
                seen.add(key)
                yield case, operand


def orders_of(line, count, is_forward):
    """Return functions: the derivatives of a line up to some order."""
    functions = [line.traced]
    for _ in range(count):
        functions.append(forward(functions[-1]) if is_forward else st.gradient(functions[-1]))
    return functions


@pytest.mark.sampled(18)
@pytest.mark.parametrize(("case", "operand"), [*smooth(True), *smooth(False)], ids=str)
def test_derivatives_to_third_order_in_both_modes(case, operand, random):
    line = Line(case, operand, random)
    reverse, pushed = orders_of(line, 3, False)[1:], orders_of(line, 3, True)[2:]
    trace = trace_function(lambda t: [f(t) for f in (*reverse, *pushed)], (0.0,))
    captured = trace.captured_arrays()

    def interpreted(t):
        inputs = dict(zip(trace.graph.inputs, [np.asarray(t), *captured], strict=True))
        return np.array(evaluate(trace.graph.outputs, inputs))

    slopes = differences(lambda t: np.array([line.plain(t), *interpreted(t)[:2]]), 0.0, 1e-3)
    expected = [*slopes, *slopes[1:]]
    np.testing.assert_allclose(interpreted(0.0), expected, rtol=1e-7, atol=1e-7)


def check_engines(case, operand, random, orders):
    """Compare derivatives that every engine computes with those of the interpreter."""
    reverse = orders_of(Line(case, operand, random), orders, False)[1:]
    trace = trace_function(lambda t: [f(t) for f in reverse], (0.0,))
    inputs = [np.zeros(()), *trace.captured_arrays()]
    expected = evaluate(trace.graph.outputs, dict(zip(trace.graph.inputs, inputs, strict=True)))
    for engine in ENGINES.values():
        _, values = engine.compile([verify(trace.graph)])(inputs)
        np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("case", "operand"), list(smooth(False)), ids=str)
def test_derivatives_to_third_order_on_every_engine(case, operand, random):
    check_engines(case, operand, random, 3)


# Third derivatives of special functions are long compositions of ops that are rows as well.
@pytest.mark.sampled(9)
@pytest.mark.parametrize(("case", "operand"), list(smooth(True)), ids=str)
def test_derivatives_of_special_functions_on_every_engine(case, operand, random):
    check_engines(case, operand, random, 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("case", "operand"), DERIVATIVES, ids=str)
def test_torch_autograd_is_a_second_witness(case, operand, random):
    line = Line(case, operand, random)
    trace = trace_function(line.traced, (0.0,))
    values = [np.zeros(()), *trace.captured_arrays()]
    _, slope = ENGINES["torch"].value_and_gradient(trace.graph)(values)
    np.testing.assert_allclose(slope, st.gradient(line.traced)(0.0), rtol=1e-10, atol=1e-11)


def test_ops_without_a_derivative_give_zero(random):
    for case in FILLED_CASES:
        if not differentiable_operands(case) and case.row.domain.interval(0) not in (
            "bool",
            "int",
        ):
            operands = case.operands(random)
            if case.row.derivative.__class__.__name__ == "Zero":
                gradient = st.gradient(
                    lambda x, case=case, rest=operands[1:]: np.sum(
                        record(case.row, x, *rest, **case.case.attributes).astype(np.float64)
                    )
                )(operands[0])
                assert not np.any(gradient)


# The checks themselves are checked: a rule that is a little wrong must be found.


def _size(case):
    return sum(int(np.prod(shape)) for shape in case.case.shapes)


def _scaled(rule, factor):
    def scaled(*args, **attributes):
        result = rule(*args, **attributes)
        if isinstance(result, tuple):
            return tuple(part * factor for part in result)
        return result * factor

    return scaled


def mutants(row, factor):
    """Yield every derivative that is the row's own but for one rule, which is scaled."""
    match row.derivative:
        case Partials(of=partials):
            for i, partial in enumerate(partials):
                if has_slope(partial):
                    changed = (*partials[:i], _scaled(partial, factor), *partials[i + 1 :])
                    yield i, Partials(changed)
        case Linear(transposes=transposes, joint=joint):
            for i, transpose in transposes.items():
                yield i, Linear({**transposes, i: _scaled(transpose, factor)}, joint)
        case JointLinear(transpose=transpose):
            yield 0, JointLinear(_scaled(transpose, factor))
        case Rule(pullback=pullback, pushforward=pushforward):
            last = max(i for case, i in DERIVATIVES if case.row is row and _matters(case, i))
            yield last, Rule(_scaled(pullback, factor), pushforward)
            yield last, Rule(pullback, _scaled(pushforward, factor))


def _matters(case, operand):
    """Whether the result depends on an operand; it does not on where a search starts."""
    return numerical_slope(Line(case, operand, np.random.default_rng(0))) != 0


@pytest.mark.sampled(6)
@pytest.mark.parametrize("factor", [1.001, -2.0])
@pytest.mark.parametrize("row", [r for r in TABLE.values() if list(mutants(r, 1.0))], ids=str)
def test_a_wrong_rule_is_found(row: Row, factor, random, monkeypatch):
    own = row.derivative
    for operand, mutant in mutants(row, factor):
        cases = [c for c, i in DERIVATIVES if c.row is row and i == operand]
        line = Line(max(cases, key=_size), operand, random)
        check_first_order(line)
        object.__setattr__(row, "derivative", mutant)
        try:
            with pytest.raises(AssertionError, match="Not equal to tolerance"):
                check_first_order(line)
        finally:
            object.__setattr__(row, "derivative", own)
