"""What a selection leaves out contributes no slope, even where its own slope is not finite."""

import numpy as np
import pytest

import steepest as st
from steepest.ops import TABLE, Elementwise, Partials

BAD = np.array([False, True, False, False, True, False])
GOOD = ~BAD
WEIGHTS = np.array([0.5, 0.0, -1.0, 2.0, 0.0, 1.5])
PICKED = np.flatnonzero(GOOD)
SPECIAL = ((0.0, 1.0), (-0.0, -1.0), (2.0, np.inf), (np.nan, -np.inf), (1e308, 0.0))


def assigned(y):
    out = np.zeros(6)
    out[GOOD] = y[GOOD]
    return np.sum(out)


def assigned_one_by_one(y):
    out = np.ones(6)
    for i in PICKED:
        out[i] = y[i]
    return np.sum(out)


def twice(y):
    return np.sum(np.where(GOOD, y * 3.0 + y, 0)) + np.sum(np.where(GOOD, 0.1 * y, 7.0))


def nested(y):
    first = np.where(np.arange(6) != 1, y, 0)
    return np.sum(np.where(np.arange(6) != 4, first, 1.0))


def by_halves(y):
    return np.sum(np.concatenate([y[2:4], y[5:], y[:1]]))


SELECTIONS = {
    "where, constant mask": lambda y: np.sum(np.where(GOOD, y, 0)),
    "where, computed mask": lambda y: np.sum(np.where(np.isin(np.arange(6), PICKED), y, 0)),
    "where, other way round": lambda y: np.sum(np.where(BAD, 1.0, y)),
    "boolean index": lambda y: np.sum(y[GOOD]),
    "integer index": lambda y: np.sum(y[PICKED]),
    "slices": by_halves,
    "elements": lambda y: y[0] + y[2] + y[3] + y[5],
    "compress": lambda y: np.sum(np.compress(GOOD, y)),
    "delete": lambda y: np.sum(np.delete(y, [1, 4])),
    "take": lambda y: np.sum(np.take(y, PICKED)),
    "triangle": lambda y: np.sum(np.triu(np.reshape(y, (1, 6)) * np.ones((6, 1)), 5)[:, 5:]),
    "assigned": assigned,
    "assigned one by one": assigned_one_by_one,
    "used twice": twice,
    "second selection": nested,
    "reshaped": lambda y: np.sum(np.where(GOOD.reshape(2, 3), np.reshape(y, (2, 3)), 0)),
    "flipped": lambda y: np.sum(np.where(GOOD[::-1], y[::-1], 0)),
    "transposed": lambda y: np.sum(np.where(GOOD.reshape(2, 3).T, y.reshape(2, 3).T, 0)),
    "broadcast": lambda y: np.sum(np.where(GOOD, np.broadcast_to(y, (3, 6)), 0)),
    "joined": lambda y: np.sum(np.concatenate([y, y])[np.flatnonzero(np.tile(GOOD, 2))]),
    "stacked": lambda y: np.sum(np.where(GOOD, np.stack([y, 2 * y]), 0)),
    "rolled": lambda y: np.sum(np.roll(y, 1)[np.flatnonzero(np.roll(GOOD, 1))]),
    "summed in rows": lambda y: np.sum(np.sum(np.where(GOOD, y, 0).reshape(2, 3), axis=1) ** 2),
    "through a function": lambda y: np.sum(np.where(GOOD, np.tanh(0.1 * y) * y, 0)),
    "running": lambda y: np.sum(np.cumsum(np.where(GOOD, y, 0))),
    "select": lambda y: np.sum(np.select([GOOD], [y], 0.0)),
    "product with a matrix": lambda y: np.sum(np.ones((2, 6)) @ np.where(GOOD, y, 0)),
}


def _singular_ops():
    for name, row in TABLE.items():
        if not isinstance(row.derivative, Partials) or not isinstance(row.lower, Elementwise):
            continue
        if row.domain.intervals[0] in ("int", "bool") or not hasattr(np, name):
            continue
        yield name


OPS = sorted(_singular_ops())


def _points(name):
    """Return operands in the op's domain, and such that the elements left out are special."""
    row, random = TABLE[name], np.random.default_rng(len(name))
    number = len(row.derivative.of)
    inside = [random.uniform(*row.domain.interval(i), 6) for i in range(number)]
    for special in SPECIAL:
        left_out = [operand.copy() for operand in inside]
        for operand in left_out:
            operand[BAD] = special
        yield inside, left_out


def _same(found, expected):
    found, expected = (np.asarray(part)[..., GOOD] for part in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", OPS)
def test_what_is_left_out_has_no_slope(name):
    function = getattr(np, name)
    for selection in SELECTIONS.values():
        loss = lambda *operands, selection=selection: selection(function(*operands))
        gradient = st.gradient(loss, wrt=tuple(range(len(TABLE[name].derivative.of))))
        for inside, special in _points(name):
            with np.errstate(all="ignore"):
                found, expected = gradient(*special), gradient(*inside)
            for one, other in zip(found, expected, strict=True):
                _same(one, other)
                assert np.all(one[BAD] == 0)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", ["sqrt", "log", "reciprocal", "arcsin", "cbrt"])
def test_what_is_left_out_has_no_slope_in_higher_orders(name, selection):
    function, select = getattr(np, name), SELECTIONS[selection]
    loss = lambda x: select(function(x))
    hessian = st.hessian(loss)
    third = lambda x: st.pushforward(lambda u: st.hvp(loss, u, np.ones(6)), (x,), (np.ones(6),))[1]
    for inside, special in list(_points(name))[:3]:
        with np.errstate(all="ignore"):
            found, expected = hessian(*special), hessian(*inside)
            _same(found[GOOD], expected[GOOD])
            assert np.all(found[BAD] == 0)
            assert np.all(found[:, BAD] == 0)
            _same(third(*special), third(*inside))
            assert np.all(third(*special)[BAD] == 0)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_is_left_out_has_no_slope_when_compiled(selection):
    select = SELECTIONS[selection]
    loss = lambda x: select(np.sqrt(x))
    at = np.where(BAD, 0.0, np.arange(1.0, 7.0))
    compiled = st.compile(st.value_and_gradient(loss))(at)[1]
    np.testing.assert_allclose(compiled, st.gradient(loss)(at), rtol=1e-15)
    assert np.all(compiled[BAD] == 0)


@pytest.mark.parametrize("size", [6, 3000])
def test_a_mask_that_multiplies_is_a_selection(size):
    """Also where they are arguments, globals, comparisons, or larger than a constant."""
    good = np.tile(GOOD, size // 6)
    mask, x = good.astype(float), np.where(good, 4.0, 0.0)
    expected = np.where(good, 0.25, 0.0)
    losses = [
        lambda x, mask: np.sum(np.sqrt(x) * mask),
        lambda x, _: np.sum(np.sqrt(x) * mask),
        lambda x, _: np.sum(np.sqrt(x) * good),
        lambda x, _: np.sum(np.sqrt(x) * (x > 0)),
        lambda x, mask: np.sum(mask * (np.sqrt(x) + x * 0)),
        lambda x, mask: mask @ np.where(mask > 0, np.sqrt(x), 0),
    ]
    for loss in losses:
        np.testing.assert_array_equal(st.gradient(loss)(x, mask), expected)
        np.testing.assert_array_equal(st.gradient(st.compile(loss))(x, mask), expected)


def test_a_computed_zero_is_not_a_selection():
    """The slope of sqrt(x)**2 at 0 is 1: 0 would be wrong, and NaN says that it is unknown."""
    found = st.gradient(lambda x: np.sqrt(x) * np.sqrt(2 * x))(0.0)
    assert np.isnan(found) or found == np.sqrt(2)
    residual = lambda x: np.sum((np.log(x) - 0.0) ** 3)
    assert st.gradient(residual)(np.array([1.0]))[0] == 0
    # A weight that is zero by chance has a slope of its own.
    mixed = st.jacobian(st.gradient(lambda x, w: np.sum(w * np.sqrt(x)), 0), 1)
    found = mixed(np.array([1.0, 4.0]), np.zeros(2))
    np.testing.assert_allclose(found, np.diag([0.5, 0.25]))
    np.testing.assert_allclose(
        st.hessian(lambda x: np.sum(np.sin(x) ** 2))(np.zeros(2)), 2 * np.eye(2)
    )


def test_a_gradient_inside_a_loss_keeps_its_slope_by_the_parameters():
    inner = lambda x: st.gradient(lambda v: x[0] * np.sqrt(v))(1.0)
    run = st.minimize(lambda x: (inner(x) - 1) ** 2, np.zeros(1))
    np.testing.assert_allclose(run.x, [2.0], rtol=1e-6)


SPELLINGS = {
    "where": lambda d: np.sum(np.where(~np.eye(5, dtype=bool), d, 0)) / 2,
    "product": lambda d: np.sum(d * (1 - np.eye(5))) / 2,
    "indices": lambda d: np.sum(d[np.triu_indices(5, 1)]),
    "triu": lambda d: np.sum(np.triu(d, 1)),
    "mask": lambda d: np.sum(d[~np.eye(5, dtype=bool)]) / 2,
    "loops": lambda d: sum(d[i, j] for i in range(5) for j in range(i)),
    "diagonals": lambda d: sum(np.diagonal(d, k).sum() for k in range(1, 5)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("power", [1, -1, -6])
def test_pairwise_energies(spelling, power):
    """Against a sum over pairs, where no distance is zero."""
    points = np.random.default_rng(1).normal(size=(5, 3))

    def energy(x):
        apart = x[:, None] - x[None]
        distances = np.sqrt(np.sum(apart**2, axis=-1))
        if spelling == "product" and power < 0:  # 0 * inf is NaN, as in NumPy
            distances = distances + np.eye(5)
        return SPELLINGS[spelling](distances**power)

    def by_pairs(x):
        total = 0.0
        for i in range(5):
            for j in range(i):
                total += np.sum((x[i] - x[j]) ** 2) ** (power / 2)
        return total

    np.testing.assert_allclose(
        st.gradient(energy)(points), st.gradient(by_pairs)(points), rtol=1e-9
    )
    np.testing.assert_allclose(
        st.hessian(energy)(points), st.hessian(by_pairs)(points), rtol=1e-8, atol=1e-9
    )


def test_a_masked_pair_energy_is_minimized():
    off = ~np.eye(4, dtype=bool)

    def energy(flat):
        x = flat.reshape(4, 3)
        r = np.sqrt(np.sum((x[:, None] - x[None]) ** 2, axis=-1))
        return 0.5 * np.sum(np.where(off, 4 * (r**-12 - r**-6), 0.0))

    start = 1.2 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    for engine in ("native", "numpy"):
        run = st.minimize(energy, start.ravel(), engine=engine)
        assert run.converged
        np.testing.assert_allclose(run.loss, -6.0, rtol=1e-10)
