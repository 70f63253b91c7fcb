"""A learned map that is worse than PCA is said to be, on pictures it did not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.metrics import is_flat
from embedlens.results.learned_map import LearnedMap, learned_map_sentence


def learned(silhouette, pca, accuracy=0.9, pca_accuracy=0.9, tested=100):
    return LearnedMap(
        "Net", "pretrained", "silhouette_projection", tested, silhouette, pca, accuracy,
        pca_accuracy,
    )  # fmt: skip


def test_a_map_that_parts_held_out_classes_less_than_pca_is_named_with_its_figures():
    said = learned_map_sentence((learned(-0.431, 0.1, 0.35, 0.5),))
    assert "silhouette projection is worse than PCA" in said
    assert "split 1" in said
    assert "Net (silhouette −0.431, PCA 0.100; k-NN 35.0%, PCA 50.0%)" in said


def test_a_better_map_is_not_named():
    assert learned_map_sentence((learned(0.5, 0.1),)) == ""


def test_neighbours_that_chance_may_explain_do_not_make_a_map_fail():
    assert not learned(0.5, 0.1, 0.88, 0.9).fails
    assert learned(0.5, 0.1, 0.6, 0.9).fails
    assert not learned(np.nan, np.nan, np.nan, np.nan).fails


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_a_map_of_fewer_axes_than_three_is_flat_however_it_is_turned(axes):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3)) * (np.arange(3) < axes)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert is_flat(points @ turn)
    assert not is_flat(rng.normal(size=(50, 3)) * (1, 1, 0.05) @ turn)
