"""The picture of a graph: what it shows, where, and in which formats."""

from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import steepest as st
from steepest.show.graphs.boxes import Wording
from steepest.show.graphs.folding import MOST_BOXES, boxes_of
from steepest.show.graphs.layout import layout
from steepest.show.graphs.style import size_of

DATA = np.arange(12.0).reshape(4, 3)


def neuron(weights, bias, inputs):
    total = bias
    for weight, value in zip(weights, inputs, strict=True):
        total = total + weight * value
    return np.tanh(total)


def network(p):
    """A network of 26 parameters, number by number."""
    loss = 0.0
    for row in DATA:
        hidden = [neuron(p[4 * i : 4 * i + 3], p[4 * i + 3], row) for i in range(5)]
        loss = loss + (neuron(p[20:25], p[25], hidden) - 1) ** 2
    return loss


def separate(p, x):
    """The same of 26 arguments, for one datum."""
    hidden = [neuron(p[4 * i : 4 * i + 3], p[4 * i + 3], x) for i in range(5)]
    return neuron(p[20:25], p[25], hidden)


def branching(x, y):
    z = x[1:] * 2 if x[0] > 0 else x[1:]
    return np.sum((DATA @ x - y) ** 2) + np.sum(z) * x[-1] + np.sum(x[::-1])


def recurrence(x):
    for i in range(60):  # in no order that repeats itself
        if i * i % 7 % 3:
            x = np.sin(x)
        if i * i % 11 % 2:
            x = x + np.cos(x)
    return np.sum(x)


GRAPHS = {
    "branching": st.trace(branching, np.ones(3), np.ones(4)),
    "network": st.trace(network, np.linspace(-1, 1, 26)),
    "separate": st.trace(separate, [np.float64(i) for i in range(26)], DATA[0]),
    "recurrence": st.trace(recurrence, np.ones(2)),
    "nested": st.trace(lambda p: p["w"] @ p["b"], {"w": np.ones(3), "b": np.ones(3)}),
    "hundred": st.trace(lambda ps: sum(p**2 for p in ps), [np.ones(2) for _ in range(100)]),
    "constant": st.trace(lambda x: np.ones(2), np.ones(2)),
}


def boxes_in(name):
    return boxes_of(Wording.of(GRAPHS[name], {}))


def texts(name):
    return {box.lines[0]: box for box in boxes_in(name)}


def test_draw_writes_svg_with_values_and_gradients(tmp_path):
    graph = st.trace(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    text = graph.draw(tmp_path / "graph.svg", np.array([1.0, 2.0])).read_text()
    assert text.startswith("<svg")
    assert "gradient [2., 4.]" in text
    assert "value 5.0" in text
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_draw_writes_what_the_suffix_says(suffix, start, tmp_path):
    assert GRAPHS["branching"].draw(tmp_path / f"g.{suffix}").read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"may end in \.svg, \.png or \.pdf"):
        GRAPHS["branching"].draw(tmp_path / "g.jpg")


def test_items_show_their_index():
    shown = " ".join(texts("branching"))
    for item in ("x[1:]", "x[2]", "x[::-1]"):
        assert item in shown
    assert "getitem" not in shown


def test_data_are_told_from_parameters():
    kinds = {line: box.kind for line, box in texts("branching").items()}
    assert (kinds["x"], kinds["y"], kinds["DATA"]) == ("parameter", "data", "data")
    assert {box.kind for box in boxes_in("nested")} == {"parameter", "operation", "result"}
    numbers = boxes_of(Wording.of(st.trace(lambda a, b: a * b, 1.0, 2.0), {}))
    assert [box.kind for box in numbers[:2]] == ["parameter", "parameter"]


def test_branches_say_that_there_are_other_paths():
    (branch,) = [box for box in boxes_in("branching") if box.kind == "branch"]
    assert branch.lines[1:] == ("here: True", "otherwise: another path")
    assert branch.operands == (GRAPHS["branching"].inputs[0],)


@pytest.mark.parametrize("name", GRAPHS)
def test_pictures_are_small_and_edges_go_around_boxes(name):
    boxes = boxes_in(name)
    assert len(boxes) <= MOST_BOXES
    sizes = {box.key: size_of(box) for box in boxes}
    places = layout(sizes, {box.key: box.operands for box in boxes})
    assert places.width <= 1600
    rectangles = {}
    for key, (x, y) in places.centers.items():
        width, height = sizes[key]
        rectangles[key] = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        assert rectangles[key][0] >= 0
        assert rectangles[key][2] <= places.width
        assert rectangles[key][3] <= places.height
    for one, two in combinations(rectangles.values(), 2):
        assert not _overlap(one, two)
    for (start, end), points in places.routes.items():
        assert places.centers[start][1] < places.centers[end][1]
        for (x0, y0), (x1, y1) in pairwise(points):  # a curve stays between its ends
            around = min(x0, x1), min(y0, y1) + 0.1, max(x0, x1), max(y0, y1) - 0.1
            others = [r for key, r in rectangles.items() if key not in (start, end)]
            crossed = [other for other in others if _overlap(around, other)]
            assert crossed == []


def _overlap(one, two):
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def test_many_operations_are_folded_by_line_and_by_loop():
    boxes = boxes_in("network")
    folded = [box for box in boxes if "operations" in box.lines[-1]]
    assert sum(int(box.lines[-1].split()[0]) for box in folded) > 200
    titles = [box.lines[0] for box in folded]
    assert titles.count("total = total + weight * value") == 2  # of the hidden layer, of the last
    assert [box.kind for box in boxes_in("recurrence")] == ["parameter", "folded", "result"]
    assert boxes_in("recurrence")[1].lines[0] == "recurrence"
    assert boxes_in("hundred")[0].lines == ("ps[0] to ps[99]", "100 times parameter")


def test_notes_and_texts_are_in_the_file():
    root = ElementTree.fromstring(GRAPHS["network"]._repr_svg_())
    space = "{http://www.w3.org/2000/svg}"
    notes = [title.text for title in root.iter(f"{space}title")]
    assert any("test_picture.py" in note and "multiply" in note for note in notes)
    shown = [text.text for text in root.iter(f"{space}text")]
    assert "parameter f64[26]" in shown
