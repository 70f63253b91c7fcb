"""Learning curves of studies of several labels a picture, and what they add to the verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from stand import Stand

from embedlens.metrics.held_out_precision import held_out_precision
from embedlens.results import gain_of_all, judge_learning_curves, learning_curve_sentence
from embedlens.results.label_set_learning_curve import label_set_curve

SIZES = (10, 20, 50, 100, 240)
PICTURES, DRAWS = 300, 5


def made(seed=0, noises=(4.0, 2.6, 1.8, 1.4, 1.2)):
    """Labels of pictures, and rows of scores that hold them the better the more was learned."""
    rng = np.random.default_rng(seed)
    members = rng.random((PICTURES, 3)) < [0.5, 0.2, 0.005]
    members[:4, 2], members[4:, 2] = True, False
    tables = []
    for draw in range(DRAWS):
        test = np.sort(rng.choice(PICTURES, 60, replace=False))
        for size, noise in zip(SIZES, noises, strict=True):
            scores = members[test] + noise * rng.normal(size=(60, 3))
            tables.append(
                pd.DataFrame(
                    {"draw": draw, "labels": size, "picture": test, "scores": list(scores)}
                )
            )
    return members, pd.concat(tables, ignore_index=True)


def test_a_point_is_the_mean_over_labels_that_are_judged_of_what_the_verdict_tells():
    members, rows = made()
    units = np.arange(PICTURES)
    curve = label_set_curve(rows, members, units, 0)
    assert curve.labels.tolist() == list(SIZES)
    for size, told in zip(SIZES, curve.intervals, strict=True):
        own = rows[rows["labels"] == size]
        scores, pictures = np.stack(own["scores"].to_list()), own["picture"].to_numpy()
        expected = [
            held_out_precision(
                members[pictures, label], scores[:, label], own["draw"], units[pictures]
            ).estimate
            for label in (0, 1)  # fewer than a handful have the third
        ]
        assert told.estimate == pytest.approx(np.mean(expected))
        assert told.low < told.estimate < told.high


def test_labels_that_none_or_few_have_make_no_curve():
    members, rows = made()
    members[:, :2] = True
    assert label_set_curve(rows, members, np.arange(PICTURES), 0) is None


def test_pictures_that_go_together_make_wider_intervals():
    members, rows = made()
    alone = label_set_curve(rows, members, np.arange(PICTURES), 0)
    members = np.repeat(members[:30], 10, axis=0)
    together = label_set_curve(rows, members, np.repeat(np.arange(30), 10), 0)
    widths = [each.intervals[-1].high - each.intervals[-1].low for each in (alone, together)]
    assert widths[1] > widths[0]


@pytest.fixture
def results():
    members, rows = made()
    return Stand(
        settings=Stand(seed=0),
        pictures=pd.DataFrame({"label": "", "kept": np.ones(PICTURES, bool)}),
        backbones=pd.DataFrame({"backbone": ["x"], "pretrained": [True]}),
        label_sets=pd.DataFrame(members, columns=["cat", "dog", "few"]),
        label_curves=rows.assign(backbone="x", stage="pretrained"),
    )


def test_what_all_pictures_add_is_the_laws_gain_up_to_their_number(results):
    curve = judge_learning_curves(results)["x"]
    found = gain_of_all(results, "x")
    assert (found.learned, found.labelled) == (240, PICTURES)
    assert found.gain == curve.gain(PICTURES)
    assert 0 < found.gain.estimate < 0.2


def test_the_sentence_tells_precision_of_twice_the_pictures(results):
    said = learning_curve_sentence(results, "x")
    assert said.startswith(
        "With twice the pictures (480 to learn from instead of 240) expect x to reach a mean "
        "average precision of 0."
    )
    assert "right" not in said


def test_few_numbers_of_pictures_bear_no_law(results):
    rows = results.label_curves
    results.label_curves = rows[rows["labels"].isin(SIZES[-2:])]
    assert gain_of_all(results, "x") is None
    assert learning_curve_sentence(results, "x").startswith("240 pictures make 2 points")
