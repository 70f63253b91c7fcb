"""Figures as files and as elements of the page."""

from __future__ import annotations

import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from embedlens.report.accuracy_figure import draw_accuracy, draw_speed
from embedlens.report.figure import inline_svg, write_figure
from embedlens.report.map_figure import draw_one, draw_side_by_side, printable
from embedlens.report.viewpoint import Viewpoint
from embedlens.results import Standing


def a_map(classes, each=20, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array(classes), each)
    centres = rng.normal(size=(len(classes), 3)) * 4
    return np.repeat(centres, each, axis=0) + rng.normal(size=(len(labels), 3)), labels


def one(classes, points, labels):
    return draw_one("pca", points, labels, classes, Viewpoint())


def standing(name, accuracy=0.9, speed=50.0, *, behind=0.0, pretrained=True):
    return Standing(
        name, accuracy, accuracy - 0.03, accuracy + 0.03, behind, behind - 0.01, behind + 0.01,
        speed, pretrained,
    )  # fmt: skip


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_map_names_its_classes_as_they_are():
    classes = ["$x_1$ & <b>", "_hidden", "ж"]
    svg = inline_svg(one(classes, *a_map(classes)), "m")
    assert {*classes, "PC1", "PC2", "PC3"} == set(texts(svg))
    assert "<b>" not in svg


def test_a_map_of_many_classes_leaves_the_names_to_the_legend():
    classes = [f"class {i:02}" for i in range(60)]
    points, labels = a_map(classes, each=3)
    assert texts(inline_svg(one(classes, points, labels), "m")) == ["PC1", "PC2", "PC3"]


def test_points_are_one_picture_in_the_drawing_however_many():
    classes = ["a", "b"]
    few, many = (inline_svg(one(classes, *a_map(classes, each=n)), "m") for n in (10, 20_000))
    assert few.count("<image") == many.count("<image") == 1
    assert many.count("<path") == few.count("<path")
    assert len(many) < 1_000_000


def test_nearer_points_cover_farther_ones():
    """Of two points in one line of sight the nearer shows, whatever their classes' order."""
    view = Viewpoint(azimuth=0, elevation=0)  # from the far end of the first axis
    for near, colour in (("a", (0, 114, 178)), ("b", (230, 159, 0))):
        far = "b" if near == "a" else "a"
        points = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 5, 5], [0, -5, -5]])
        figure = draw_one("pca", points, np.array([near, far, "c", "c"]), ["a", "b", "c"], view)
        for text in figure.axes[0].texts:
            text.set_visible(False)
        figure.set_dpi(100)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())
        middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, :3].astype(int)
        assert np.abs(middle - colour).max() < 40


@pytest.mark.parametrize(
    "points",
    [np.zeros((4, 3)), np.eye(4, 3), np.c_[np.arange(4.0), np.zeros((4, 2))], np.full((4, 3), 1e9)],
)
def test_a_flat_map_is_drawn_without_complaint(points):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "<image" in inline_svg(one(["a", "b"], points, np.repeat(["a", "b"], 2)), "m")


def test_drawings_follow_the_colours_of_the_page():
    svg = inline_svg(one(["a", "b"], *a_map(["a", "b"])), "m")
    assert "var(--ink)" in svg
    assert "var(--faint)" in svg
    assert "#1b2129" not in svg


def test_equal_results_give_equal_drawings_and_names_keep_ids_apart():
    first, again, other = (
        inline_svg(draw_accuracy([standing("A")]), name) for name in ("a", "a", "b")
    )
    assert first == again

    def ids(svg):
        return {node.get("id") for node in ElementTree.fromstring(svg).iter()} - {None}

    assert ids(first)
    assert ids(first).isdisjoint(ids(other))


def test_figures_are_written_as_png_and_svg(tmp_path):
    classes = ["_a", "漢字", "c$d$"]
    points, labels = a_map(classes)
    figure = draw_side_by_side(
        "Name_1", {"pca": points, "tsne": points}, labels, classes,
        {"pca": Viewpoint(), "tsne": Viewpoint()},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_figure(figure, tmp_path, "map-Name_1")
    with Image.open(tmp_path / "map-Name_1.png") as image:
        assert image.size == (2520, image.height)
    svg = (tmp_path / "map-Name_1.svg").read_text(encoding="utf-8")
    shown = texts(svg)
    assert {"Name_1", "PCA", "t-SNE", *classes} <= set(shown)


def test_more_classes_than_looks_have_no_legend():
    classes = [f"{i:03}" for i in range(100)]
    points, labels = a_map(classes, each=2)
    figure = draw_side_by_side("A", {"pca": points}, labels, classes, {"pca": Viewpoint()})
    assert not figure.legends


def test_names_are_shortened_to_one_visible_line():
    assert printable("a\nb\tc") == "a b c"
    assert printable("x" * 50) == "x" * 27 + "…"


def test_accuracy_shows_every_backbone_with_its_interval():
    shown = texts(inline_svg(draw_accuracy([standing("A_1"), standing("B", 0.8)]), "a"))
    assert {"A_1", "B"} <= set(shown)
    assert any(text.split() == ["90.0%", "[87.0,", "93.0]"] for text in shown)


def test_random_weights_are_named_in_both_figures():
    standings = [standing("A"), standing("B", 0.5, 20.0, behind=0.4, pretrained=False)]
    for figure in (draw_accuracy(standings), draw_speed(standings)):
        assert "B (random weights)" in texts(inline_svg(figure, "a"))


def test_speed_is_left_out_where_it_was_not_measured():
    assert draw_speed([standing("A"), standing("B", speed=float("nan"))]) is None
    assert draw_speed([standing("A")]) is None


def test_names_beside_points_do_not_cover_each_other():
    standings = [standing(f"Backbone{i}", 0.9 - i / 500, 50.0 + i) for i in range(12)]
    figure = draw_speed(standings)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert 1 <= len(boxes) < 12
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_figures_leave_matplotlib_s_global_state_alone():
    code = (
        "import sys, embedlens.report as r\n"
        "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
        "from embedlens.report.figure import new_figure, inline_svg\n"
        "inline_svg(new_figure(1, 1), 'a')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
