"""
The level of the Nile
=====================

The Nile's flow at Aswan was measured each year from 1871 to 1970. How much of its
variation is a slowly changing level, and how much is noise? A Kalman filter gives the
likelihood of both variances. This is the first example of Durbin and Koopman, *Time
Series Analysis by State Space Methods*: they find 15099 and 1469.1.

The filter is a plain Python loop. steepest turns it into one loop of machine code, and
differentiates it.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

flow = """1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180
799 958 1140 1100 1210 1150 1250 1260 1220 1030 1100 774 840 874 694 940 833 701 916 692
1020 1050 969 831 726 456 824 702 1120 1100 832 764 821 768 845 864 862 698 845 744 796
1040 759 781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848
890 744 749 838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740"""
flow = np.array(flow.split(), float)


def filtered(noise, change):
    level, variance, loss, levels = flow[0], noise + change, 0.0, [flow[0]]
    for measured in flow[1:]:
        expected = variance + noise
        loss = loss + np.log(expected) + (measured - level) ** 2 / expected
        level = level + variance / expected * (measured - level)
        variance = variance * noise / expected + change
        levels.append(level)
    return loss / 2, levels


run = st.minimize(lambda p: filtered(*np.exp(p))[0], np.log([1e4, 1e3]))
noise, change = np.exp(run.x)
print(run.message)
print(f"variance of the noise {noise:.0f}, of the yearly change {change:.1f}")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
years = np.arange(1871, 1971)
ax.plot(years, flow, "k.-", lw=0.5, label="measured")
ax.plot(years, filtered(noise, change)[1], lw=2, label="filtered level")
ax.set(xlabel="year", ylabel="flow (10⁸ m³ per year)")
ax.legend()
plt.show()
