"""Plots are made as in a program that does not use pyplot, with contours on coarse grids."""

import sys

import pytest

from steepest.show.plots import contours


@pytest.fixture(autouse=True)
def _without_pyplot(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)


@pytest.fixture(autouse=True)
def _coarse_grids(monkeypatch):
    monkeypatch.setattr(contours, "_SIDE", (9, 21))
