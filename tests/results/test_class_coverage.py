"""Classes that no split tests or trains on are named wherever a verdict is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from stand import Stand

from embedlens.results import class_coverage, judge


def results_of(labels, tests):
    """Results of one backbone that gets all right; ``tests`` are the test rows of each split."""
    labels = np.array(labels)
    rows = [
        {
            "backbone": "a", "stage": "pretrained", "head": "linear_probe", "repeat": repeat,
            "picture": i, "predicted": labels[i], "confidence": 0.9,
        }
        for repeat, test in enumerate(tests)
        for i in test
    ]  # fmt: skip
    backbones = pd.DataFrame(
        {"backbone": ["a"], "pictures_per_second": [9.0], "pretrained": [True]}
    )
    return Stand(
        predictions=pd.DataFrame(rows),
        pictures=pd.DataFrame({"label": labels, "kept": True}),
        backbones=backbones,
        costs=None,
        label_sets=None,
        curves=pd.DataFrame(columns=["backbone", "stage"]),
    )


THREE = ["cat"] * 4 + ["dog"] * 4 + ["fox"] * 4


def test_of_classes_that_are_all_trained_and_tested_nothing_is_said():
    verdict = judge(results_of(THREE, [(0, 4, 8), (1, 5, 9)]))
    assert verdict.coverage.sentence() == verdict.coverage.clause() == ""
    assert verdict.sentence().endswith("to 100.0%).")


def test_a_class_without_test_pictures_is_named_in_the_headline_and_after_it():
    sentence = judge(results_of(THREE, [(0, 4), (1, 5)])).sentence()
    assert "; they are of the 2 classes of 3 that could be tested." in sentence
    assert "Not tested: 1 class of 3 has no test picture in any split (fox)." in sentence


def test_where_one_class_alone_is_tested_nothing_is_recommended():
    sentence = judge(results_of(THREE, [(8, 9, 10)])).sentence()
    assert "Take" not in sentence
    assert sentence.startswith("Nothing can be recommended: all held-out pictures are of one class")
    assert "2 classes of 3 have no test picture in the split (cat, dog)" in sentence


def test_a_class_that_some_splits_test_is_named_with_their_number():
    sentence = judge(results_of(THREE, [(0, 4, 8), (1, 5)])).sentence()
    assert "Tested in some of the 2 splits only: fox in 1." in sentence


def test_a_class_that_is_in_test_alone_was_never_trained_on():
    sentence = judge(results_of(THREE, [(0, 4, 8, 9, 10, 11)])).sentence()
    assert "Never trained on: 1 class of 3 is only among the test pictures (fox)" in sentence
    part = class_coverage(results_of(THREE, [(0, 4, 8, 9, 10, 11), (0, 4, 8)]))
    assert part.untrained == {"fox": 1}
    assert "Tested without being trained on, in some splits: fox in 1." in part.sentence()


def test_of_many_classes_the_first_are_named_and_the_others_counted():
    labels = [f"c{i:02}" for i in range(20)] + ["x", "x", "y", "y"]
    sentence = class_coverage(results_of(labels, [(20, 22)])).sentence()
    assert "20 classes of 22 have no test picture" in sentence
    assert "(c00, c01, c02, c03, c04 and 15 more)" in sentence
