"""Small sets of data whose fits are published, with models as a person would write them.

`SPEED` and `DISTANCE` are R's ``cars``. `CONCENTRATION` and `RATE` are the treated half of its
``Puromycin``, and `UNTREATED` the rates of the other half, which lacks the last one. `DENSITY_AT`
and `DENSITY` are the first run of its ``DNase``, `TIME` and `DEMAND` its ``BOD``. All but the
first are examples of D. M. Bates and D. G. Watts, "Nonlinear regression analysis and its
applications", Wiley, 1988, and of R's manual pages of ``nls`` and ``confint``.
"""

import numpy as np

SPEED = np.repeat(
    [4.0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25],
    [2, 2, 1, 1, 3, 2, 4, 4, 4, 3, 2, 3, 4, 3, 5, 1, 1, 4, 1],
)
DISTANCE = np.array(
    [
        *(
            2.0,
            10,
            4,
            22,
            16,
            10,
            18,
            26,
            34,
            17,
            28,
            14,
            20,
            24,
            28,
            26,
            34,
            34,
            46,
            26,
            36,
            60,
            80,
        ),
        *(
            20,
            26,
            54,
            32,
            40,
            32,
            40,
            50,
            42,
            56,
            76,
            84,
            36,
            46,
            68,
            32,
            48,
            52,
            56,
            64,
            66,
            54,
            70,
        ),
        *(92, 93, 120, 85),
    ]
)

CONCENTRATION = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2)
RATE = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])
UNTREATED = np.array([67.0, 51, 84, 86, 98, 115, 131, 124, 144, 158, 160])

DENSITY_AT = np.repeat([0.04882812, 0.1953125, 0.390625, 0.78125, 1.5625, 3.125, 6.25, 12.5], 2)
DENSITY = np.array(
    [
        *(0.017, 0.018, 0.121, 0.124, 0.206, 0.215, 0.377, 0.374),
        *(0.614, 0.609, 1.019, 1.001, 1.334, 1.364, 1.730, 1.710),
    ]
)

TIME = np.array([1.0, 2, 3, 4, 5, 7])
DEMAND = np.array([8.3, 10.3, 19.0, 16.0, 15.6, 19.8])


def line(x, slope, intercept):
    return slope * x + intercept


def michaelis_menten(x, Vm, K):
    return Vm * x / (K + x)


def logistic(x, Asym, xmid, scal):
    return Asym / (1 + np.exp((xmid - np.log(x)) / scal))


def oxygen_demand(t, A, k):
    return A * (1 - np.exp(-k * t))
