"""The picture of a graph."""

import numpy as np

import steepest as st


def test_draw_writes_svg_with_values_and_gradients(tmp_path):
    graph = st.trace(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    text = graph.draw(tmp_path / "graph.svg", np.array([1.0, 2.0])).read_text()
    assert text.startswith("<svg")
    assert "gradient [2., 4.]" in text
    assert "value 5.0" in text
    assert not list(tmp_path.glob(".*"))
