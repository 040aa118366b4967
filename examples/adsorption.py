"""A curve to fit: dental research on how a gas is adsorbed, NIST's set Misra1a.

    steepest curve examples/adsorption.py:adsorption examples/adsorption.csv
        --x pressure --y volume --start 500,0.0001

NIST certifies capacity 238.94212918 +- 2.7070 and affinity 5.5015643181e-4 +- 7.2669e-6.
"""

import numpy as np


def adsorption(pressure, capacity, affinity):
    return capacity * (1 - np.exp(-affinity * pressure))
