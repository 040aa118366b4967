"""Films of descents."""

import shutil

import numpy as np
import pytest
from PIL import Image

import steepest as st

RUN = st.minimize(
    lambda x: np.sum((x - 1) ** 2), np.zeros(2), method=st.GradientDescent(0.2),
    stop=st.MaxIterations(4),
)  # fmt: skip


def test_a_gif_has_a_frame_for_each_point(tmp_path):
    path = RUN.animate(tmp_path / "film.gif", seconds=2)
    with Image.open(path) as film:
        assert film.n_frames == 5
        total = sum(film.seek(i) or film.info["duration"] for i in range(5))
    assert 1500 < total < 2500
    assert [file.name for file in tmp_path.iterdir()] == ["film.gif"]


def test_a_page_needs_no_other_file(tmp_path):
    losses = []
    X = np.random.default_rng(0).normal(size=(20, 18))
    run = st.minimize(
        lambda w, X: np.mean((X @ w - 1) ** 2),
        np.zeros(18),
        args=(X,),
        batches=st.Batches(size=10, epochs=2, seed=0),
        callback=lambda state: losses.append(state.loss),
    )
    page = run.animate(tmp_path / "film.html", metric=losses, name="loss of all").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "data:image/png;base64" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "fa-" not in page


def test_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ImportError, match=r"an mp4 needs the program ffmpeg.*\.gif or \.html"):
        RUN.animate(tmp_path / "film.mp4")


def test_what_cannot_be_shown(tmp_path):
    with pytest.raises(ValueError, match=r"may end in \.gif, \.html, \.mp4"):
        RUN.animate(tmp_path / "film.avi")
    with pytest.raises(ValueError, match="seconds must be positive"):
        RUN.animate(tmp_path / "film.gif", seconds=0)
    with pytest.raises(ValueError, match="no history to show"):
        st.minimize(np.sum, np.zeros(2), record=None, stop=st.MaxIterations(3)).animate("x.gif")
