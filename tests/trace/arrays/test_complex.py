# ruff: noqa: E501
"""Real losses computed through complex numbers and Fourier transforms."""

import cmath

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function

X = np.array([0.3, 0.8, -0.2, 0.5, 1.1, 0.7])
KERNEL = np.exp(1j * np.arange(6)) / (1.0 + np.arange(6))


def filled(x):
    z = np.zeros(4, dtype=complex)
    for k in range(4):
        z[k] = x[k] + 1j * x[k + 2]
    z[0] *= 2j
    z[1:] += 1.0 - 0.5j
    return np.sum(np.abs(z) ** 2) + (z @ z).real


def branches(x):
    z = complex(x[0], x[1])
    steps = 0
    while abs(z) < 3.0:
        z = z * z + (1.0 + 0.5j)
        steps += 1
    return z.real * steps + z.imag


def spectrum(x):
    return np.sum(np.abs(np.fft.rfft(x * np.hanning(6))) ** 2 * np.arange(4))


LOSSES = {
    "power spectrum": lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2 * np.arange(6)),
    "window": spectrum,
    "filter": lambda x: np.fft.irfft(np.fft.rfft(x) * np.array([1, 0.5, 0.2, 0.1])) @ x,
    "convolution": lambda x: np.real(np.fft.ifft(np.fft.fft(x) * np.fft.fft(x[::-1])))[2],
    "padded": lambda x: np.sum(np.abs(np.fft.rfft(x, 9)) + np.abs(np.fft.rfft(x, 4)).sum()),
    "inverse real": lambda x: np.sum(np.fft.irfft(x[:3] + 1j * x[3:], 5) * np.arange(5)),
    "inverse even": lambda x: np.sum(np.fft.irfft(x[:3] + 1j * x[3:]) * np.arange(4)),
    "orthonormal": lambda x: np.sum(np.abs(np.fft.fftn(x.reshape(2, 3), norm="ortho"))),
    "two axes": lambda x: np.sum(np.abs(np.fft.fft2(x.reshape(2, 3)))[:, 1]),
    "there and back": lambda x: np.sum(np.fft.ifft2(np.fft.fft2(x.reshape(3, 2))).real ** 3),
    "real, two axes": lambda x: np.sum(np.abs(np.fft.rfft2(x.reshape(2, 3)))),
    "back, two axes": lambda x: np.sum(np.fft.irfftn(np.fft.rfftn(x.reshape(2, 3)), (2, 3), (0, 1)) ** 2),
    "shifted": lambda x: np.abs(np.fft.fftshift(np.fft.fft(x)))[1] + np.fft.ifftshift(x)[0],
    "exponential": lambda x: np.sum(np.exp(1j * x).real * x),
    "phasor": lambda x: abs(np.sum(x * np.exp(2j * np.pi * np.arange(6) / 6))) ** 2,
    "constant": lambda x: np.abs(np.vdot(KERNEL, x)) + np.sum((KERNEL * x).imag),
    "rational": lambda x: ((x[0] + 1j * x[1]) ** 3 / (x[2] - 2j)).imag,
    "powers": lambda x: ((x[0] + 1j) ** -2).real + ((x[1] + 1j) ** 0.5).imag + (2 ** (1j * x[2])).real,
    "roots": lambda x: np.abs(np.sqrt(x[0] - 1j * x[1]) * np.log(x[3] + 2j)),
    "negative root": lambda x: np.sqrt(-x[0] + 1j * x[1]).imag + np.sqrt(-x[1] - 1j * x[0]).imag,
    "angles": lambda x: np.angle(x[0] + 1j * x[1]) + np.angle(x[2] - 1j, deg=True),
    "circular": lambda x: (np.sin(x[0] + 1j) * np.cosh(1j * x[1]) / np.tanh(x[2] + 1j)).real,
    "cmath": lambda x: cmath.exp(1j * x[0]).real + cmath.phase(complex(x[1], x[2])) + cmath.polar(x[3] + 1j)[0],
    "filled": filled,
    "branches": branches,
    "where": lambda x: np.sum(np.where(x > 0.4, x * 1j, x + 2j).imag ** 2 * x),
    "joined": lambda x: np.abs(np.concatenate([x * 1j, x + 0j]).sum()) + np.stack([x * 1j, x]).imag.sum(),
    "rearranged": lambda x: np.sum((x * 1j + x).reshape(2, 3).T[1].conj().imag * 2.0),
    "products": lambda x: np.abs(np.outer(x * 1j, x) @ (x + 1j)).sum() + np.dot(x * 1j, x).imag,
    "norm": lambda x: np.linalg.norm(x + 1j * x[::-1]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients(name):
    loss = LOSSES[name]
    step, numerical = 1e-6, np.zeros(6)
    for i in range(6):
        ahead, behind = X.copy(), X.copy()
        ahead[i] += step
        behind[i] -= step
        numerical[i] = (loss(ahead) - loss(behind)) / (2 * step)
    np.testing.assert_allclose(st.gradient(loss)(X), numerical, rtol=1e-7, atol=1e-7)
    trace = trace_function(st.value_and_gradient(loss), (X,))
    for engine in (Interpreter(), Native(), Torch()):
        _, (value, gradient) = engine.compile([trace.graph])([X, *trace.captured_arrays()])
        np.testing.assert_allclose(value, loss(X), rtol=1e-13)
        np.testing.assert_allclose(gradient, st.gradient(loss)(X), rtol=1e-10, atol=1e-12)
    direction = np.cos(np.arange(6.0))
    pushed = st.pushforward(loss, (X,), (direction,))[1]
    np.testing.assert_allclose(pushed, st.gradient(loss)(X) @ direction, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        (lambda x: np.fft.fft(x), "take .real, .imag or np.abs"),
        (lambda x: np.sum(np.spacing(x * 1j)).real, "np.spacing of complex numbers"),
        (lambda x: np.sort(x * 1j)[0].real, "np.sort of complex numbers"),
        (lambda x: np.linalg.det(np.outer(x * 1j, x)).real, "np.det of complex numbers"),
        (lambda x: np.sin(x) * (x * 1j).argmax(), ".argmax of complex"),
    ],
)
def test_what_cannot_be_recorded_is_refused(loss, hint):
    with pytest.raises(TypeError, match=hint.replace(".", r"\.")) as caught:
        st.trace(loss, X)
    assert "test_complex.py" in str(caught.value)


def test_print_shows_complex_values(capsys):
    st.trace(lambda x: (print(x[0] * 1j, np.fft.fft(x)[:2]), x.sum())[1], X)
    assert capsys.readouterr().out == f"{X[0] * 1j} {np.fft.fft(X)[:2]}\n"
