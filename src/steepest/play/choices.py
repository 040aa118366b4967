"""The methods that can be chosen, with their colors and the ranges of their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from steepest.descent import (
    BFGS,
    Adagrad,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    NewtonCG,
    RMSProp,
)
from steepest.play.subject import Subject


@dataclass(frozen=True)
class Choice:
    """A method on the page.

    Attributes
    ----------
    name
        What identifies it; texts are found by it.
    color, dash, marker
        How its path is drawn. The colors are those of Okabe and Ito, which color-blind people can
        tell apart; dashes and markers differ as well.
    make
        Returns the method, given step size and momentum.
    scaled
        Step size as a multiple of the box's extent for methods that scale each step; None for
        those that take the gradient as it is.
    factor
        Step size as a multiple of what suits gradient descent.
    momentum
        Its momentum at first; None if it has none.
    has_step
        Whether it has a step size: others search for one.
    """

    name: str
    color: str
    dash: str
    marker: str
    make: Callable[[float, float], Any]
    scaled: float | None = None
    factor: float = 1.0
    momentum: float | None = None
    has_step: bool = True

    def step_for(self, subject: Subject) -> float:
        """Return a step size that suits a function."""
        if self.scaled is None:
            return float(f"{self.factor * subject.step:.2g}")
        extent = max(high - low for low, high in subject.box)
        return float(f"{self.scaled * subject.fine * extent:.2g}")


CHOICES: tuple[Choice, ...] = (
    Choice("gradient_descent", "#D55E00", "solid", "circle", lambda s, m: GradientDescent(s)),
    Choice("momentum", "#0072B2", "solid", "square", Momentum, factor=0.5, momentum=0.9),
    Choice("adam", "#009E73", "solid", "triangle", Adam, 1.0, momentum=0.9),
    Choice("nesterov", "#CC79A7", "8 3", "diamond", Nesterov, factor=0.5, momentum=0.9),
    Choice("rmsprop", "#8A6D00", "8 3", "inverted_triangle", lambda s, m: RMSProp(s), 0.25),
    Choice("adagrad", "#56B4E9", "3 3", "hex", lambda s, m: Adagrad(s), 4.0),
    Choice("bfgs", "#111111", "8 3 2 3", "star", lambda s, m: BFGS(), has_step=False),
    Choice("newton", "#6A3D9A", "3 3", "plus", lambda s, m: NewtonCG(), has_step=False),
)
"""The methods, in the order of the page."""

BY_NAME = {choice.name: choice for choice in CHOICES}
AT_FIRST = ("gradient_descent", "momentum", "adam")
"""What is chosen when the page opens."""
