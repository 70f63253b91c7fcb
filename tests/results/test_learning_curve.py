"""What is said of more labels, of few, and of how sure a probe is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from stand import Stand

from embedlens.metrics.calibration import expected_calibration_error
from embedlens.results import (
    best_with_few_labels,
    calibration_sentence,
    judge_calibration,
    judge_learning_curves,
    learning_curve_sentence,
)

SIZES = (20, 50, 100, 200, 400)


def results_of(shares, pretrained=None, pictures=200, draws=5, sizes=SIZES):
    """Results in which each backbone gets so large a share right by the number of labels."""
    rng = np.random.default_rng(0)
    hard = rng.random((draws, pictures))
    rows = [
        pd.DataFrame(
            {
                "backbone": name, "stage": "pretrained", "draw": draw, "labels": labels,
                "picture": np.arange(pictures), "hits": (hard[draw] < share).astype(int),
                "shown": 1,
            }
        )
        for name, own in shares.items()
        for draw in range(draws)
        for labels, share in zip(sizes, own, strict=True)
    ]  # fmt: skip
    return Stand(
        curves=pd.concat(rows, ignore_index=True),
        settings=Stand(seed=0),
        label_sets=None,
        pictures=pd.DataFrame({"label": ["a", "b", "c", "d"] * 50, "kept": True}),
        backbones=pd.DataFrame(
            {
                "backbone": list(shares),
                "pretrained": [(pretrained or {}).get(name, True) for name in shares],
            }
        ),
    )


GOOD = (0.60, 0.70, 0.78, 0.84, 0.88)
EARLY = (0.75, 0.80, 0.82, 0.83, 0.84)


def test_the_sentence_gives_the_range_of_twice_the_labels():
    results = results_of({"x": GOOD})
    then = judge_learning_curves(results)["x"].expect(800)
    sentence = learning_curve_sentence(results, "x")
    assert f"expect x to get {then.low:.1%} to {then.high:.1%} right" in sentence
    assert "(800 to learn from instead of 400)" in sentence
    gain = judge_learning_curves(results)["x"].gain(800)
    assert f"the gain is {100 * gain.low:.1f} to {100 * gain.high:.1f} points" in sentence
    assert 0 < gain.low < then.estimate - 0.88 + 0.02 < gain.high + 0.02
    assert "With few labels" not in sentence
    assert then.low < 0.905 < then.high


def test_another_backbone_that_is_surely_better_with_few_labels_is_named():
    few = best_with_few_labels(results_of({"x": GOOD, "y": EARLY}), "x")
    assert (few.backbone, few.labels, few.per_class) == ("y", 100, 25)
    assert "With few labels y is better: with 25 a class" in learning_curve_sentence(
        results_of({"x": GOOD, "y": EARLY}), "x"
    )


def test_what_chance_may_explain_is_not_named():
    near = (*(share + 0.005 for share in GOOD[:-1]), 0.87)
    assert best_with_few_labels(results_of({"x": GOOD, "y": near}), "x") is None


def test_neither_random_weights_nor_the_recommended_one_are_named():
    results = results_of({"x": GOOD, "y": EARLY}, pretrained={"y": False})
    assert best_with_few_labels(results, "x") is None
    assert best_with_few_labels(results_of({"y": EARLY, "x": GOOD}), "y") is None


def test_three_numbers_of_labels_promise_nothing():
    results = results_of({"x": GOOD[:3]}, sizes=SIZES[:3])
    assert "too few to say what more would give" in learning_curve_sentence(results, "x")


def test_a_study_without_curves_says_nothing():
    results = results_of({"x": GOOD})
    results.curves = results.curves.iloc[:0]
    assert learning_curve_sentence(results, "x") == ""
    assert best_with_few_labels(results, "x") is None


@pytest.fixture
def calibrated():
    rng = np.random.default_rng(0)
    pictures, repeats = 300, 2
    sure = rng.uniform(0.5, 1, pictures * repeats)
    right = rng.random(len(sure)) < sure
    rows = pd.DataFrame(
        {
            "backbone": "x", "stage": "pretrained", "head": "linear_probe",
            "repeat": np.repeat(np.arange(repeats), pictures),
            "picture": np.tile(np.arange(pictures), repeats), "right": right,
            "confidence": np.minimum(1, sure + 0.2), "calibrated": sure,
            "in_set": np.arange(len(sure)) % 10 > 0,
            "set_size": np.where(np.arange(len(sure)) % 4, 1, 2),
        }
    )  # fmt: skip
    return Stand(
        calibrations=rows,
        backbones=pd.DataFrame({"backbone": ["x", "other"]}),
        pictures=pd.DataFrame({"label": ["cat"] * pictures}),
        mean=lambda metric, split: pd.Series({"x": 1.5}),
    )


def test_calibration_is_that_of_all_splits_together(calibrated):
    (found,) = judge_calibration(calibrated)
    rows = calibrated.calibrations
    for told, column in ((found.before, "confidence"), (found.after, "calibrated")):
        bins = len(told.count)
        error = expected_calibration_error(rows[column], rows["right"], bins)
        assert told.error == pytest.approx(error)
    assert found.after.error < 2 * found.by_chance < found.before.error
    assert found.held.estimate == pytest.approx(0.9)
    assert found.held.low < 0.9 < found.held.high
    assert (found.size, found.empty) == (1.25, 0)


def test_few_pictures_are_compared_in_few_bins(calibrated):
    assert len(judge_calibration(calibrated)[0].after.count) == 10
    calibrated.calibrations = calibrated.calibrations.query("picture < 20")
    assert len(judge_calibration(calibrated)[0].after.count) == 1


def test_the_sentence_gives_errors_and_sets(calibrated):
    sentence = calibration_sentence(calibrated, "x")
    assert "linear probe on x is off by" in sentence
    assert "at temperature 1.50" in sentence
    assert "held 90.0%" in sentence
    assert "name 1.25 classes on average." in sentence
    assert calibration_sentence(calibrated, "other") == ""
