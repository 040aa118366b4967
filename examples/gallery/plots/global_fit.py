"""
Two data sets, one fit
======================

``st.curve_fit_joint`` fits several data sets together. Some parameters are the same in
all of them, others are not. Its ``plot`` has a panel for each set.

The data are Bates and Watts's (1988): an enzyme with and without puromycin. ``K`` is
shared. ``st.compare_fits`` tests whether each state needs a ``K`` of its own: R's
``anova`` gives F = 1.718 and p = 0.2056 for that.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

concentration = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2)  # ppm
treated = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])
untreated = np.array([67.0, 51, 84, 86, 98, 115, 131, 124, 144, 158, 160])


def rate(concentration, Vm, K):
    return Vm * concentration / (K + concentration)


data = [concentration, concentration[:11]], [treated, untreated]
one = st.curve_fit_joint(rate, *data, [200, 0.05], shared="K")
two = st.curve_fit_joint(rate, *data, [200, 0.05], shared=[])
print(f"K = {one.x['K']:.4f}, Vm = {one.x['Vm'].round(1)}")
print(st.compare_fits(one.fit, two.fit).tests[0])
figure = one.plot()
for above, below in zip(figure.axes[:2], figure.axes[2:]):
    above.set_ylabel("rate (counts/min²)")
    below.set_xlabel("concentration (ppm)")
plt.show()
