"""Models with a branch on each element of their data: ``model(x, b, s, c)``."""

import math

import numpy as np


def piecewise_linear(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] < b:
            y[i] = s * x[i]
        else:
            y[i] = s * b + c * (x[i] - b)
    return y


def transit(x, b, s, c):
    flux = np.ones(len(x))
    for i in range(len(x)):
        distance = abs(x[i] - b)
        if distance < 1.0:
            flux[i] = 1.0 - c
        elif distance < 1.0 + s * s:
            flux[i] = 1.0 - c * (1.0 + s * s - distance) / (s * s)
        else:
            flux[i] = 1.0
    return flux


def appended(x, b, s, c):
    y = []
    for value in x:
        if value < b:
            y.append(s * value)
        else:
            y.append(s * b - c * (value - b) ** 2)
    return np.array(y)


def appended_after(x, b, s, c):
    y = []
    for value in x:
        now = s * b
        if value > b:
            now = now + c * (value - b)
        y.append(now)
    return np.array(y)


def _piece(value, b, s, c):
    if value < b:
        return s * value
    return s * b + c * (value - b)


def with_helper(x, b, s, c):
    return np.array([_piece(value, b, s, c) for value in x])


def _hat(value, b, s, c):
    if value < b - 1.0:
        return 0.0 * c
    if value < b:
        rise = value - b + 1.0
        return c * rise * s
    if value < b + 1.0:
        fall = b + 1.0 - value
        return c * fall * s
    return 0.0 * c


def hat_by_returns(x, b, s, c):
    y = np.empty_like(x)
    for i, value in enumerate(x):
        y[i] = _hat(value, b, s, c)
    return y


def comprehension(x, b, s, c):
    return np.array([s * v if v < b else s * b + c * np.log1p(v - b) for v in x])


def nested(x, b, s, c):
    y = np.zeros_like(x)
    for i in range(x.size):
        if x[i] < b:
            if x[i] < b - 2.0:
                y[i] = s * np.exp(x[i] - b)
            else:
                y[i] = s * np.cos(x[i] - b)
        else:
            if x[i] > b + 2.0:
                y[i] = c
            else:
                y[i] = c * (x[i] - b)
    return y


def by_hand(x, b, s, c):
    y = []
    for v in x:
        u = v - b
        size = u if u > 0 else -u
        high = u if u > s else s
        low = -1.0 * c if c < u else u
        y.append(size * c + high + low)
    return np.array(y)


def with_and(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > b - 1.0 and x[i] < b + s:
            y[i] = c * x[i]
        if not (b - 2.0 < x[i] < b) or x[i] > 8.0:
            y[i] += s
    return y


def skipping(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        u = x[i] - b
        if u < 0:
            continue
        y[i] = c * u
        if u > s:
            continue
        y[i] -= s * u * u
    return y


def not_a_number_elsewhere(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > b:
            y[i] = s * np.log(x[i] - b) + c * np.sqrt(x[i] - b)
        else:
            y[i] = c / (x[i] - b - 1.0)
    return y


def with_math(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > b:
            y[i] = s * math.sqrt(x[i] - b) + c * math.log(1.0 + x[i] - b)
        else:
            y[i] = s * math.exp(x[i] - b)
    return y


def state(x, b, s, c):
    level, y = 0.0 * s, []
    for v in x:
        if level > 1.0:
            level = level - 0.5 * c * c
        elif v > b:
            level = level + 0.3 * s * s
        y.append(level)
    return np.array(y)


def pairs(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        low, high = (b, c) if x[i] < b else (c, b)
        y[i] = s * low - high * x[i]
    return y


def in_a_loop_of_a_branch(x, b, s, c):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] < b:
            term, total = 1.0 * s, 0.0 * s
            for k in range(1, 5):
                term = term * (x[i] - b) / k
                total += term
            y[i] = total
        else:
            y[i] = c * (x[i] - b)
    return y


def added_up(x, b, s, c):
    y = np.zeros(len(x))
    for start in (1.0, 4.0):
        for i in range(len(x)):
            if x[i] < start:
                y[i] += 0
            else:
                new = c * (x[i] - start) * (b - x[i] + start) * np.exp(-(x[i] - start) * s)
                if new >= 0:
                    y[i] += new
                else:
                    y[i] += 0
    return y


def clipped_by_hand(x, b, s, c):
    y = s * (x - b)
    for i in range(len(y)):
        if y[i] < -c:
            y[i] = -c
        if y[i] > c:
            y[i] = c
    return y


def flight(x, b, s, c):
    height, speed, y = 0.0, 0.0, []
    for k in range(len(x)):
        sign = 1 if speed < 0 else -1
        if x[k] < b:
            change = s + sign * c * speed * speed - 0.5
        else:
            change = sign * c * speed * speed - 0.5
        speed = speed + 0.1 * change
        height = height + 0.1 * speed
        if height < 0:
            height = 0.0
            speed = 0.0
        y.append(height)
    return np.array(y)


def _box(value, b, c):
    if value < b - 1.5:
        return 0
    if value > b + 1.5:
        return 0.0
    return c * value


def numbers_of_several_types(x, b, s, c):
    y = []
    for v in x:
        box = _box(v, b, c)
        y.append(s + box if v > 0.5 * b else 1.0)
    return np.array(y)


def sum_of_numbers_of_several_types(x, b, s, c):
    total = 0
    for v in x:
        total += 1 if v < b else s * v
        total -= 0 if v > b + c else 2
    return total + s


def total(x, b, s, c):
    total = 0.0
    for v in x:
        if v < b:
            total += s * (v - b) ** 2
        else:
            total += c * np.abs(v - b)
    return total


def total_of_plain_numbers(x, b, s, c):
    total, count = 0.0, 0
    for v in x:
        if v < b:
            total = total + s * (v - b) ** 2
            count += 1
        else:
            total = total - c * (v - b)
    return total / (1 + count)


def largest(x, b, s, c):
    best = -100.0 * s * s
    for v in x:
        candidate = s * np.sin(v * b) + c
        if candidate > best:
            best = candidate
    return best


def huber(x, b, s, c):
    loss = 0.0
    for v in x:
        r = s * np.sin(v) - c * v + b
        if abs(r) < 1.5:
            loss += 0.5 * r**2
        else:
            loss += 1.5 * (abs(r) - 0.75)
    return loss


def hinge(x, b, s, c):
    loss = 0.0
    for v in x:
        margin = s * (v - b) * (1 if v > 5.0 else -1)
        loss += max(0, 1 - margin)
        if margin < c:
            loss += (c - margin) ** 2
    return loss / len(x) + 0.1 * s


MODELS = (
    *(piecewise_linear, transit, appended, appended_after, with_helper, hat_by_returns),
    *(comprehension, nested, by_hand, with_and, skipping, not_a_number_elsewhere, with_math),
    *(state, pairs, in_a_loop_of_a_branch, numbers_of_several_types),
    *(added_up, clipped_by_hand, flight),
)
"""Models that give a value for each element."""

TOTALS = (
    *(total, total_of_plain_numbers, largest, sum_of_numbers_of_several_types),
    *(huber, hinge),
)
"""Functions that give one number."""
