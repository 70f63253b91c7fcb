"""The notebook widget: its traits, as the browser's side reads and writes them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import embedlens as el
from embedlens.errors import EmbedlensError
from embedlens.study import Study

pytest.importorskip("anywidget")


@pytest.fixture
def widget(built):
    points = np.random.default_rng(0).normal(size=(6, 3))
    images = [np.full((9, 12), 40 * i, np.uint8) for i in range(6)]
    return el.view(points, list("aabbcc"), images, title="six", height=300)


def test_it_carries_the_scene_and_every_blob(widget, built):
    state = widget.get_state()
    assert state["_esm"] == built
    assert (state["height"], state["scene"]["title"], state["scene"]["count"]) == (300, "six", 6)
    named = {each["blob"] for each in state["scene"]["columns"] + state["scene"]["maps"]}
    assert named | set(state["scene"]["thumbnails"]["sheets"]) == set(state["blobs"])
    assert all(isinstance(blob, bytes) for blob in state["blobs"].values())
    assert np.frombuffer(state["blobs"]["column-0"], "<u2").tolist() == [0, 0, 1, 1, 2, 2]


def test_a_selection_in_the_browser_is_readable_from_python(widget):
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "selection")
    widget.set_state({"selection": [4, 1]})
    assert widget.selection == [4, 1]
    assert seen == [[4, 1]]
    widget.selection = [2]
    assert widget.get_state("selection") == {"selection": [2]}


def test_a_study_is_shown_with_its_neighbours(finished, built, monkeypatch):
    monkeypatch.setattr(Study, "_look_up", lambda self: [])
    widget = Study.open(finished.folder).view(height=200)
    assert widget.scene["count"] == 45
    assert set(widget.scene["neighbours"]) == {"A", "A tuned", "B/2"}
    assert widget.height == 200


def test_without_anywidget_there_is_a_hint(built, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(EmbedlensError, match=r'pip install "embedlens\[notebook\]"'):
        el.view(np.zeros((2, 2)))
