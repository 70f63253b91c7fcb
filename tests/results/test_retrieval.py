"""What is said of search by a picture."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from embedlens.metrics.proportion import proportion_interval
from embedlens.results import judge_retrieval, retrieval_sentence

PICTURES, REPEATS = 200, 3


def results_of(first, group=None):
    """Results in which pictures find their class at such a place, the same in every split."""
    rows = pd.DataFrame(
        {
            "backbone": "x", "stage": "pretrained",
            "repeat": np.repeat(np.arange(REPEATS), PICTURES),
            "picture": np.tile(np.arange(PICTURES), REPEATS),
            "first": np.tile(first, REPEATS),
            "average_precision": np.tile(np.where(first > 0, 1 / np.maximum(first, 1), 0), REPEATS),
        }
    )  # fmt: skip
    pictures = {"label": ["a", "b"] * (PICTURES // 2)} | ({} if group is None else {"group": group})
    return SimpleNamespace(
        retrievals=rows,
        backbones=pd.DataFrame({"backbone": ["other", "x"]}),
        pictures=pd.DataFrame(pictures),
    )


@pytest.fixture
def first():
    return np.random.default_rng(0).choice([0, 1, 2, 5, 6, 10, 11], PICTURES)


def test_a_picture_in_several_splits_counts_once(first):
    (found,) = judge_retrieval(results_of(first))
    assert (found.backbone, found.queries) == ("x", PICTURES)
    for k, share in found.recall.items():
        once = proportion_interval((first > 0) & (first <= k))
        assert (share.low, share.high) == pytest.approx((once.low, once.high), abs=0.005)
        assert share.estimate == pytest.approx(once.estimate)
    precision = np.where(first > 0, 1 / np.maximum(first, 1), 0)
    mean = found.average_precision
    assert mean.estimate == pytest.approx(precision.mean())
    half = 1.96 * precision.std() / np.sqrt(PICTURES)
    assert mean.high - mean.low == pytest.approx(2 * half, rel=0.05)


def test_a_group_counts_once(first):
    alone = judge_retrieval(results_of(np.repeat(first[::10], 10)))[0]
    group = np.repeat(np.arange(PICTURES // 10), 10).astype(str)
    together = judge_retrieval(results_of(np.repeat(first[::10], 10), group))[0]
    for one, other in (
        (alone.recall[1], together.recall[1]),
        (alone.average_precision, together.average_precision),
    ):
        assert other.estimate == pytest.approx(one.estimate)
        assert other.high - other.low > 2 * (one.high - one.low)


def test_the_sentence_gives_all_four_figures(first):
    results = results_of(first)
    (found,) = judge_retrieval(results)
    sentence = retrieval_sentence(results, "x")
    assert f"same class for {found.recall[1].estimate:.1%} of new pictures" in sentence
    assert f"of 5 one for {found.recall[5].estimate:.1%}" in sentence
    assert f"mean average precision is {found.average_precision.estimate:.3f}" in sentence
    assert retrieval_sentence(results, "other") == ""
    assert found.record()["recall"]["10"]["estimate"] == found.recall[10].estimate


def test_a_study_of_an_earlier_version_says_nothing(first):
    results = results_of(first)
    results.retrievals = results.retrievals.iloc[:0]
    assert judge_retrieval(results) == ()
    assert retrieval_sentence(results, "x") == ""
