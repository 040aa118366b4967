"""Definitions that random programs may use: classes, functions, constants of a module."""

HEAD = """
import math

import numpy as np

SCALE = 1.5
TABLE = np.array([0.3, -0.2, 0.8, 0.5])
SETTINGS = {"rate": 0.5, "names": ["a", "b"]}
LIMITS = (0.2, 0.9)


class Base:
    gain = 0.7

    def __init__(self, start):
        self.state = start
        self.count = 0

    def step(self, v):
        self.state = self.state * 0.5 + v * self.gain
        self.count += 1
        return self.state

    @property
    def scaled(self):
        return self.state * SCALE

    def __call__(self, v):
        return self.step(v) + self.count


class Derived(Base):
    gain = 1.3

    def step(self, v):
        return super().step(v) + 0.1

    @staticmethod
    def twice(v):
        return v * 2.0

    @classmethod
    def by_gain(cls, v):
        return v * cls.gain


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        return Pair(self.a + other.a, self.b + other.b)

    def __mul__(self, k):
        return Pair(self.a * k, self.b * k)

    def __iter__(self):
        return iter((self.a, self.b))

    def __getitem__(self, i):
        return (self.a, self.b)[i]

    def __len__(self):
        return 2

    def __lt__(self, other):
        return self.a < other.a


def soft(v, k=0.5, *rest, power=2):
    if v > k:
        return v - k
    if v < -k:
        return v + k
    return v**power * 0.1


def spread(*values, **named):
    return sum(values) + sum(named.values())


def walk(v, depth=3):
    return v if depth == 0 else walk(v * 0.5 + 0.1, depth - 1)


def parts(v):
    for item in v:
        yield item * 0.5


def change(v, k):
    v[k] = v[k] * 0.5 + 0.1
    return v
"""
