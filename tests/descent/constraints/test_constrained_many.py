"""Many problems with constraints: each ends as it does alone."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st


def loss(x, center):
    return np.sum((x - center) ** 4 + (x - center) ** 2)


def ball(x):
    return np.sum(x**2)


def plane(x, normal):
    return np.sum(normal * x)


def problems(number, random):
    centers, normals = random.normal(size=(2, number, 3))
    return centers, normals, random.uniform(-0.5, 2, number)


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_each_ends_as_it_does_alone(engine, random):
    number = 12 if engine == "native" else 3
    centers, normals, squares = problems(number, random)
    starts = np.full((number, 3), 0.1)
    many = st.minimize_many(
        loss,
        starts,
        (centers,),
        bounds=(-1, 1),
        constraints=[
            st.Constraint(ball, upper=squares),
            st.Constraint(plane, lower=0.2, args=(normals,)),
        ],
        engine=engine,
    )
    assert many.side_by_side is (engine == "native")
    names = {status.name for status in many.status}
    assert engine == "numpy" or names == {"CONVERGED", "INFEASIBLE"}
    for i in range(number):
        one = st.minimize(
            loss,
            starts[i],
            (centers[i],),
            bounds=(-1, 1),
            constraints=[
                st.Constraint(ball, upper=squares[i]),
                st.Constraint(plane, lower=0.2, args=(normals[i],)),
            ],
        )
        assert one.status is many.status[i]
        np.testing.assert_allclose(many.x[i], one.x, atol=1e-10)
        for found, expected in zip(many.multipliers, one.multipliers, strict=True):
            assert found[i] == pytest.approx(expected, rel=1e-7, abs=1e-9)
        np.testing.assert_allclose(many.bound_multipliers[i], one.bound_multipliers, atol=1e-9)
        assert many.constraint_violation[i] == pytest.approx(one.constraint_violation, abs=1e-10)
        assert [side[i] for side in many.active_constraints] == one.active_constraints
        if one.success:
            assert many.kkt_residual[i] < 1e-6


def test_forms_nesting_and_single_precision():
    centers = np.array([[1.0, 2.0], [3.0, -1.0]])
    row = scipy.optimize.LinearConstraint([[1.0, 1.0]], ub=1.0)
    many = st.minimize_many(loss, np.zeros((2, 2), np.float32), (centers,), constraints=row)
    assert many.x.dtype == np.float32
    np.testing.assert_allclose(many.x, [[0.0, 1.0], [2.5, -1.5]], atol=1e-6)
    assert many.multipliers.shape == (2, 1)
    assert many["maxcv"].shape == (2,)
    nested = st.minimize_many(
        lambda p: (p["a"] - 2) ** 2 + np.sum(p["b"] ** 2),
        {"a": np.zeros(3), "b": np.ones((3, 2))},
        constraints=st.Constraint(lambda p: {"all": p["a"] + p["b"]}, upper={"all": [1.0, 5.0]}),
    )
    np.testing.assert_allclose(nested.x["b"], np.tile([-0.5, 0.0], (3, 1)), atol=1e-8)
    assert nested.multipliers["all"].shape == (3, 2)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (
            st.Constraint(plane, 0.0, args=(np.ones((4, 2)),)),
            r"args of the constraint\[0\] has sh",
        ),
        (st.Constraint(plane, 0.0, args=(2.0,)), "belongs captured by its function"),
        (st.Constraint(ball, upper=np.ones(5)), r"shape \(5,\): it needs a row for each of the 3"),
        (st.Constraint(ball, upper=[1, np.nan, 1]), "is NaN"),
        (st.Constraint(ball, lower=[0, 3, 0], upper=[1, 2, 1]), "contradict each other: 3 below"),
    ],
)
def test_rows_that_do_not_fit(constraint, message):
    with pytest.raises(ValueError, match=message):
        st.minimize_many(lambda x: np.sum(x**2), np.ones((3, 2)), constraints=constraint)
