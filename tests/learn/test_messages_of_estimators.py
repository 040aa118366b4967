"""Bad input gets a sentence that says what to write instead."""

import numpy as np
import pytest
from sklearn import linear_model

import steepest as st
from steepest import learn
from steepest.learn import Classifier, Regressor

X = np.random.default_rng(0).standard_normal((12, 3))
Y = X @ [1.0, 2.0, 3.0]


def line(p, X):
    return X @ p["slope"] + p["offset"]


START = {"slope": np.zeros(3), "offset": 0.0}
LABELS = np.arange(12) % 3


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Regressor(line, {"slope": np.zeros(3)}), "KeyError: 'offset'. start has p.'slope'. of"),
        (Regressor(line, "text"), "x0 has dtype"),
        (Regressor(line, START | {"offset": np.nan}), r"start\['offset'\] is nan"),
        (Regressor(line, None), "there are no start values"),
        (Regressor(line, lambda features: START), "start must be start values or a function"),
        (Regressor(line, START | {"slope": np.zeros((3, 2))}), r"returns shape \(2, 2\) for 2"),
        (Regressor("line", START), "model must be a function"),
        (Regressor(line, START, loss="square"), "no loss 'square': write one of 'squared_error'"),
        (Regressor(line, START, loss=lambda p, y: np.sum(p - y)), "must return a loss for each"),
        (Regressor(line, START, penalty="l1"), "no penalty 'l1': write 'l2'"),
        (Regressor(line, START, alpha=-1.0), "alpha must be a number of at least 0"),
        (Regressor(line, START, batch_size=0), "batch_size must be a positive whole number"),
        (Regressor(line, START, max_iter=2.5), "max_iter must be a positive whole number"),
        (Regressor(line, START, method="lbfgs", batch_size=4), "each batch has its own loss"),
        (Regressor(line, START, callbacks=["print"]), "callbacks must be functions"),
        (
            Regressor(line, START, early_stopping=True, validation_fraction=2.0),
            "validation_fraction must lie between 0 and 1",
        ),
        (learn.LogisticRegression(C=0.0), "C must be positive"),
        (learn.Ridge(alpha="much"), "alpha must be a number"),
        (learn.GeneralizedLinear("cauchy"), "no family 'cauchy'"),
        (learn.GeneralizedLinear("tweedie", power=0.5), "no distribution has a power"),
        (learn.GeneralizedLinear(), "impossible for family 'poisson'"),
        (learn.Quantile(1.0), "quantile must lie between 0 and 1"),
        (learn.MLPRegressor(activation="swish"), "no activation 'swish'"),
        (learn.LinearRegression(bounds=5), "bounds must be a pair"),
        (learn.LinearRegression(bounds="ab"), "bounds must be a pair"),
        (learn.LinearRegression(bounds=(1, 0)), "no low above its high"),
        (learn.GeneralizedLinear(["a"]), r"no family \['a'\]"),
        (learn.GeneralizedLinear("tweedie", power=np.nan), "power must be a finite number"),
        (learn.Quantile("a"), "quantile must lie between 0 and 1"),
        (learn.MLPRegressor(activation=["relu"]), r"no activation \['relu'\]"),
        (learn.MLPRegressor(learning_rate_init="a"), "learning_rate_init must be a number"),
        (Regressor(line, START, tol="a"), "tol must be a number"),
        (learn.MLPRegressor((5, 0)), "hidden_layer_sizes must be positive"),
        (learn.CurveFit(lambda x, *p: 0, np.ones(20)), "20 parameters need at least 20 samples"),
    ],
)
def test_settings(estimator, message):
    target = LABELS if isinstance(estimator, learn.LogisticRegression) else Y
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(X, target)


def test_data():
    model = Regressor(line, START)
    with pytest.raises(ValueError, match="y holds text such as 'a'"):
        model.fit(X, ["a"] * 12)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(np.where(X > 0, np.nan, X), Y)
    with pytest.raises(ValueError, match="zero"):
        model.fit(X, Y, np.zeros(12))
    with pytest.raises(ValueError, match=r"must return shape \(2, 3\), a row for each row"):
        Classifier(line, START).fit(X, LABELS)
    with pytest.raises(ValueError, match="one class only"):
        Classifier(line, START).fit(X, np.ones(12, int))
    with pytest.raises(ValueError, match="label 2, which is not among the classes"):
        Classifier(line, START, [0, 1]).fit(X, LABELS)
    with pytest.raises(ValueError, match="bounds need two classes"):
        learn.LogisticRegression(bounds=(0, None)).fit(X, LABELS)


def test_a_column_of_predictions_is_not_broadcast():
    def column(p, X):
        return line(p, X)[:, None]

    flat, nested = Regressor(line, START).fit(X, Y), Regressor(column, START).fit(X, Y)
    np.testing.assert_allclose(nested.predict(X), flat.predict(X), rtol=1e-6)
    assert nested.predict(X).shape == (12,)


def test_classes_in_an_order_of_ones_own():
    labels = np.where(Y > 0, "up", "down")
    model = Classifier(line, START, ["up", "down"], penalty="l2", alpha=0.01).fit(X, labels)
    assert list(model.classes_) == ["up", "down"]
    assert model.score(X, labels) == 1.0
    assert (model.parameters_["slope"] < 0).all()  # the score is that of "down"


def test_two_scores_for_two_classes():
    def pair(p, X):
        return X @ p

    model = Classifier(pair, np.zeros((3, 2)), penalty="l2", alpha=0.01).fit(X, Y > 0)
    assert model.score(X, Y > 0) == 1.0
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities))


def test_hinge_losses_have_no_probabilities():
    model = Classifier(line, START, loss="hinge", penalty="l2", alpha=0.01, method=st.Adam(0.05),
        max_iter=300, tol=None)  # fmt: skip
    assert model.fit(X, Y > 0).score(X, Y > 0) == 1.0
    assert not hasattr(model, "predict_proba")

    def scores(p, X):
        return X @ p

    many = Classifier(scores, np.zeros((3, 3)), loss="hinge", method=st.Adam(0.05), max_iter=300,
        tol=None)  # fmt: skip
    thirds = np.digitize(X[:, 0], [-0.4, 0.4])
    assert many.fit(np.c_[X[:, 0], X[:, 0] ** 2, np.ones(12)], thirds).score is not None
    assert np.mean(many.predict(np.c_[X[:, 0], X[:, 0] ** 2, np.ones(12)]) == thirds) > 0.8


def test_an_unknown_method_is_refused_by_the_fit():
    model = Regressor(line, START, method="fastest")
    assert hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match="fastest"):
        model.fit(X, Y)


def test_partial_fits_name_themselves_and_keep_their_classes():
    network = learn.MLPClassifier(2, random_state=0)
    with pytest.raises(ValueError, match=r"partial_fit: classes must be .* each of them once"):
        network.partial_fit(X, LABELS, classes=[0, 1, 1, 2])
    with pytest.raises(ValueError, match=r"MLPClassifier\.partial_fit: y holds one class only"):
        network.partial_fit(X, np.zeros(12))
    network.partial_fit(X, LABELS, classes=[0, 1, 2]).partial_fit(X, LABELS, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] are not those of the first call"):
        network.partial_fit(X, LABELS % 2, classes=[0, 1])
    with pytest.raises(ValueError, match=r"Regressor\.partial_fit: y holds text"):
        Regressor(line, START).partial_fit(X, ["a"] * 12)


def test_a_warm_start_of_other_sizes():
    network = learn.MLPRegressor(2, warm_start=True, max_iter=1, tol=None, random_state=0)
    network.fit(X, Y).fit(X, Y).set_params(hidden_layer_sizes=(3,))
    with pytest.raises(ValueError, match=r"sizes \[3, 2, 1\], but now \[3, 3, 1\] are wanted"):
        network.fit(X, Y)


def test_samples_are_not_changed():
    def shifted(p, X):
        X -= 1.0
        return line(p, X)

    samples = X.copy()
    model = Regressor(shifted, START, early_stopping=True, validation_fraction=0.2).fit(samples, Y)
    assert model.predict(samples) == pytest.approx(Y, rel=1e-4, abs=1e-4)
    learn.CurveFit(lambda x, a: np.multiply(x[0], a, out=x[0])).fit(samples, Y).predict(samples)
    assert np.array_equal(samples, X)


def test_log_probabilities_of_impossible_classes_are_finite():
    model = learn.LogisticRegression(1e3).fit(X, Y > 0)
    assert np.isfinite(model.predict_log_proba(1e6 * X)).all()


def test_a_column_of_targets():
    ours, theirs = learn.LinearRegression(), linear_model.LinearRegression()
    for target in (Y, Y[:, None], np.stack([Y, Y], axis=1)):
        ours.fit(X, target)
        theirs.fit(X, target)
        assert ours.coef_.shape == theirs.coef_.shape
        assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
        assert ours.predict(X).shape == theirs.predict(X).shape
