"""
Portfolios with least risk
==========================

How risky is the safest portfolio with a given expected return? The table is He and
Litterman's (1999): volatilities, correlations and equilibrium returns of the stock
markets of seven countries. Weights add up to 1 and are not negative.

``st.minimize_many`` solves the problem for 40 returns at once. The market itself, with
the weights in the table (star), lies on the frontier: that is how He and Litterman
computed their returns. Dots are single countries.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

names = ["Australia", "Canada", "France", "Germany", "Japan", "UK", "USA"]
volatility = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7])  # per cent
expected = np.array([3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6])
market = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
below = """.488 .478 .664 .515 .655 .861 .439 .310 .355 .354 .512 .608 .783 .777 .405 .491
.779 .668 .653 .306 .652"""
correlation = np.eye(7)
correlation[np.tril_indices(7, -1)] = np.array(below.split(), float)
correlation = np.maximum(correlation, correlation.T)
covariance = volatility[:, None] * correlation * volatility


def variance(weights):
    return weights @ covariance @ weights / 100


returns = np.linspace(4.2, 8.9, 40)
goals = np.stack([np.ones(40), returns], axis=1)
limit = st.Constraint(
    lambda w: np.stack([np.sum(w), w @ expected]), lower=goals, upper=goals
)
found = st.minimize_many(
    variance, np.full((40, 7), 1 / 7), bounds=(0, 1), constraints=limit
)
risk = 10 * np.sqrt(found.loss)
at_market = np.interp(market @ expected, returns, risk)
print(f"{found.converged.sum()} of 40 converged")
print(
    f"market: risk {np.sqrt(market @ covariance @ market):.2f}%, frontier {at_market:.2f}%"
)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(risk, returns)
left.plot(np.sqrt(market @ covariance @ market), market @ expected, "r*", ms=12)
left.plot(volatility, expected, "ko", ms=4)
left.set(xlabel="risk (% per year)", ylabel="expected return (% per year)")
right.stackplot(returns, 100 * found.x.T, labels=names)
right.set(xlabel="expected return (% per year)", ylabel="weight (%)")
figure.legend(*right.get_legend_handles_labels(), loc="outside upper center", ncols=7)
plt.show()
