"""The verdict on classes: shares and confusions, against counts by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from stand import Stand

from embedlens.metrics import proportion_interval
from embedlens.results import judge_classes


def results_of(said, repeats=1):
    """Results in which pictures of each class were named as ``said`` lists."""
    labels = [label for label, names in said.items() for _ in names]
    names = [name for names in said.values() for name in names]
    rows = [
        {
            "backbone": "a", "stage": stage, "head": head, "repeat": repeat, "picture": picture,
            "predicted": name, "confidence": 0.9,
        }
        for repeat in range(repeats)
        for picture, name in enumerate(names)
        for head, stage in (("linear_probe", "pretrained"), ("knn", "pretrained"))
    ]  # fmt: skip
    return Stand(predictions=pd.DataFrame(rows), pictures=pd.DataFrame({"label": labels}))


SAID = {
    "rose": ["rose"] * 6 + ["tulip"] * 3 + ["daisy"],
    "tulip": ["tulip"] * 8 + ["rose"] * 2,
    "daisy": ["daisy"] * 10,
}


def test_each_class_has_its_share_the_worst_first():
    shares = judge_classes(results_of(SAID), "a").shares
    assert [(each.name, each.pictures, each.accuracy) for each in shares] == [
        ("rose", 10, 0.6), ("tulip", 10, 0.8), ("daisy", 10, 1.0),
    ]  # fmt: skip
    expected = proportion_interval([1] * 6 + [0] * 4)
    assert (shares[0].low, shares[0].high) == (expected.low, expected.high)


def test_two_classes_are_confused_both_ways():
    judged = judge_classes(results_of(SAID), "a")
    assert judged.mistakes == 6
    first, second = judged.confusions
    assert (first.names, first.mistakes, first.forth, first.back) == ("rose and tulip", 5, 3, 2)
    assert (second.names, second.mistakes) == ("daisy and rose", 1)
    expected = proportion_interval([1] * 5 + [0])
    assert (first.share, first.low, first.high) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )


def test_a_picture_that_is_wrong_in_every_split_is_one_picture():
    once, often = (judge_classes(results_of(SAID, repeats), "a") for repeats in (1, 5))
    assert often.mistakes == 5 * once.mistakes
    for one, other in zip(once.shares, often.shares, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high))
    assert often.confusions[0].low == pytest.approx(once.confusions[0].low, abs=0.05)


def test_the_sentence_names_the_pair_and_the_class():
    sentence = judge_classes(results_of(SAID), "a").sentence()
    assert "rose and tulip: 5 of 6 mistakes (" in sentence
    assert "daisy and rose: 1 (" in sentence
    assert "Named rightly least often: rose, 60.0% (" in sentence


def test_without_a_mistake_there_is_nothing_to_say():
    judged = judge_classes(results_of({"cat": ["cat"] * 3, "dog": ["dog"] * 3}), "a")
    assert judged.sentence() == ""
    assert judged.confusions == ()


def test_its_record_is_json():
    record = json.loads(json.dumps(judge_classes(results_of(SAID), "a").record()))
    assert record["confusions"][0]["first"] == "rose"
