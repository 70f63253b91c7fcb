"""Fine-tuning is compared with the best head that needs none, on the same pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from embedlens.results import judge_tuning, tuning_sentence


def results_of(right, repeats=1, tuned_repeats=1, of=200):
    """Results in which each (stage, head) gets the first so many pictures right."""
    rows = [
        {
            "backbone": "a", "stage": stage, "head": head, "repeat": repeat, "picture": i,
            "predicted": "cat" if i < count + 10 * repeat else "dog", "confidence": 0.9,
        }
        for (stage, head), count in right.items()
        for repeat in range(tuned_repeats if stage == "tuned" else repeats)
        for i in range(of)
    ]  # fmt: skip
    return SimpleNamespace(
        predictions=pd.DataFrame(rows),
        pictures=pd.DataFrame({"label": ["cat"] * of, "kept": True}),
        backbones=pd.DataFrame({"backbone": ["a"], "pretrained": [True]}),
    )


def test_a_top_that_reaches_what_the_probe_had_before_does_not_help():
    right = {
        ("pretrained", "top"): 134, ("pretrained", "linear_probe"): 141, ("pretrained", "knn"): 120,
        ("tuned", "top"): 141, ("tuned", "linear_probe"): 150,
    }  # fmt: skip
    (change,) = judge_tuning(results_of(right))
    assert (change.before, change.after, change.frozen) == pytest.approx((0.67, 0.705, 0.705))
    assert change.frozen_head == "linear_probe"
    assert change.low > 0
    assert change.beyond_low < 0 < change.beyond_high
    said = tuning_sentence((change,))
    assert said.startswith("Fine-tuning makes no sure difference to a (")
    assert "67.0% before, 70.5% after" in said
    assert "a linear probe gets 70.5%: tuned against that +0.0 points" in said


@pytest.mark.parametrize(("tuned", "says"), [(170, "helps a"), (110, "is worse than no tuning")])
def test_beyond_chance_it_helps_or_is_worse(tuned, says):
    right = {
        ("pretrained", "top"): 134, ("pretrained", "linear_probe"): 141, ("tuned", "top"): tuned
    }  # fmt: skip
    assert says in judge_tuning(results_of(right))[0].words()


def test_splits_that_were_not_tuned_count_on_neither_side():
    right = {
        ("pretrained", "top"): 100, ("pretrained", "linear_probe"): 90, ("tuned", "top"): 120
    }  # fmt: skip
    (change,) = judge_tuning(results_of(right, repeats=5))
    assert (change.splits, change.before, change.frozen) == (1, 0.5, 0.5)
    assert change.frozen_head == "top"
    assert "no other head gets more without tuning" in change.words()


def test_where_all_are_right_before_and_after_the_interval_has_a_width():
    right = {("pretrained", "top"): 20, ("tuned", "top"): 20}
    (change,) = judge_tuning(results_of(right, of=20))
    assert change.low < 0 < change.high
    assert change.words().startswith("makes no sure difference")
