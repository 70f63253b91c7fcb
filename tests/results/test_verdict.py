"""The verdict ranks, and says what chance may explain."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from stand import Stand

from embedlens.results import costs_of, gain_of_all, judge


def results_of(hits, speed=None, pretrained=None, repeats=1, cost=None, curves=()):
    """Results in which each backbone is right on the pictures that its row of ``hits`` says."""
    names = list(hits)
    pictures = len(next(iter(hits.values())))
    rows = [
        {
            "backbone": name, "stage": "pretrained", "head": "linear_probe", "repeat": repeat,
            "picture": i, "predicted": "cat" if hits[name][i] else "dog", "confidence": 0.9,
        }
        for name in names
        for repeat in range(repeats)
        for i in range(pictures)
    ]  # fmt: skip
    columns = ["backbone", "stage", "draw", "labels", "picture", "hits", "shown"]
    return Stand(
        label_sets=None,
        settings=Stand(seed=0),
        curves=pd.concat([pd.DataFrame(columns=columns), *curves], ignore_index=True),
        predictions=pd.DataFrame(rows),
        # The last picture is trained on.
        pictures=pd.DataFrame({"label": ["cat"] * (pictures + 1), "kept": True}),
        backbones=pd.DataFrame(
            {
                "backbone": names,
                "pictures_per_second": [(speed or {}).get(n, 100.0) for n in names],
                "pretrained": [(pretrained or {}).get(n, True) for n in names],
            }
        ),
        costs=None if cost is None else costs(cost),
    )


def costs(milliseconds):
    """Five rounds of turns, the machine twice as slow in the last two."""
    return pd.DataFrame(
        [
            {"backbone": name, "round": number, "milliseconds": each * slow, "operations": 1e9}
            for number, slow in enumerate((1.0, 1.01, 1.02, 2.0, 2.1))
            for name, each in milliseconds.items()
        ]
    )


def first(count, of=200):
    return [i < count for i in range(of)]


def test_backbones_are_ranked_by_accuracy():
    verdict = judge(results_of({"b": first(120), "a": first(180), "c": first(150)}))
    assert [s.backbone for s in verdict.standings] == ["a", "c", "b"]
    assert [s.accuracy for s in verdict.standings] == [0.9, 0.75, 0.6]


def test_a_far_worse_backbone_does_not_tie_and_an_equal_one_does():
    verdict = judge(results_of({"a": first(190), "b": first(189), "c": first(100)}))
    assert [s.ties_with_best for s in verdict.standings] == [True, True, False]


def test_the_interval_is_that_of_a_share_of_so_many_pictures():
    (standing,) = judge(results_of({"a": first(160)})).standings
    spread = 1.96 * np.sqrt(0.8 * 0.2 / 200)
    assert standing.low == pytest.approx(0.8 - spread, abs=0.01)
    assert standing.high == pytest.approx(0.8 + spread, abs=0.01)


def test_repeats_of_the_same_pictures_do_not_narrow_the_interval():
    """A picture tested five times is one picture."""
    once, often = (judge(results_of({"a": first(160)}, repeats=r)).standings[0] for r in (1, 5))
    assert (once.low, once.high) == pytest.approx((often.low, often.high), abs=1e-9)


def test_pairing_tells_apart_what_separate_intervals_would_not():
    """Right on the same pictures but ten, whose errors are all on one side."""
    best, second = judge(results_of({"a": first(160), "b": first(150)})).standings
    assert second.low < best.low < second.high
    assert not second.ties_with_best


def test_random_weights_never_win():
    verdict = judge(results_of({"a": first(190), "b": first(150)}, pretrained={"a": False}))
    assert verdict.standings[0].backbone == "b"
    assert verdict.sentence().startswith("Take b")


def test_with_random_weights_alone_nothing_is_recommended():
    sentence = judge(results_of({"a": first(190)}, pretrained={"a": False})).sentence()
    assert "random weights" in sentence
    assert "Take" not in sentence


def test_of_random_weights_nothing_is_expected_that_would_have_to_be_explained():
    grows = {20: 0.45, 40: 0.57, 80: 0.68, 160: 0.8}
    results = results_of({"a": first(160)}, pretrained={"a": False}, curves=curve("a", grows))
    assert judge(results).explanation() == "a got 80.0% of the held-out pictures right."


def test_the_sentence_says_what_is_as_good_and_what_it_costs_and_what_is_worse():
    hits = {"a": first(190), "b": first(189), "c": first(100)}
    sentence = judge(results_of(hits, cost={"a": 10.0, "b": 9.0, "c": 1.0})).sentence()
    assert sentence.startswith("Take a: expect it to get ")
    assert "% of new pictures right (95% interval " in sentence
    assert "b cannot be told apart from it (94.5%) and costs as much." in sentence
    assert sentence.endswith("Surely worse: c (by 45.0 points).")


def test_of_those_that_cannot_be_told_apart_the_cheapest_is_taken():
    hits = {"a": first(190), "b": first(189), "c": first(100)}
    verdict = judge(results_of(hits, cost={"a": 40.0, "b": 10.0, "c": 1.0}))
    assert verdict.standings[0].backbone == "a"
    assert verdict.take.backbone == "b"
    # It was chosen for being near the best: of it no more is expected than of the best.
    best = judge(results_of(hits))
    assert best.take.backbone == "a"
    assert verdict.expected == min(best.expected, verdict.take.accuracy)
    assert verdict.expected_low <= best.expected_low
    assert verdict.expected_low < verdict.expected < verdict.expected_high == verdict.take.high
    sentence = verdict.sentence()
    assert sentence.startswith(f"Take b: expect it to get {verdict.expected:.1%} of new pictures")
    assert "a's 95.0% is no sure gain and costs 4.0 times the computing." in sentence
    assert sentence.endswith("Surely worse than a: c (by 45.0 points).")


def test_few_pictures_that_tell_nothing_apart_are_no_reason_to_take_the_cheapest():
    hits = {"a": first(24, of=30), "b": first(23, of=30), "c": first(19, of=30)}
    cost = {"a": 20.0, "b": 10.0, "c": 1.0}
    verdict = judge(results_of(hits, cost=cost))
    assert all(each.ties_with_best for each in verdict.standings)
    assert verdict.take.backbone == "a"
    sentence = verdict.sentence()
    assert "c cannot be told apart from it (63.3%) and costs 5% of the computing." in sentence


def test_costs_that_hardly_differ_leave_the_more_accurate_first():
    hits = {"a": first(190), "b": first(189)}
    assert judge(results_of(hits, cost={"a": 11.0, "b": 10.0})).take.backbone == "a"


def test_without_a_measured_cost_the_most_accurate_is_taken():
    hits = {"a": first(190), "b": first(189)}
    assert judge(results_of(hits)).take.backbone == "a"
    assert judge(results_of(hits, cost={"b": 10.0})).take.backbone == "a"
    assert "cannot be told apart from it (94.5%)." in judge(results_of(hits)).sentence()


def test_a_ratio_of_costs_does_not_change_when_the_machine_is_slow_for_a_while():
    found = costs_of(costs({"a": 40.0, "b": 10.0}))
    assert found["a"].over(found["b"]) == pytest.approx(4.0)
    assert found["a"].milliseconds == pytest.approx(40.8)
    assert (found["a"].low, found["a"].high) == pytest.approx((40.4, 80.0))
    assert found["a"].operations == 1_000_000_000


def test_random_weights_are_not_taken_though_they_cost_nothing():
    hits = {"a": first(190), "b": first(189)}
    cost = {"a": 40.0, "b": 0.1}
    verdict = judge(results_of(hits, pretrained={"b": False}, cost=cost))
    assert verdict.take.backbone == "a"


def test_what_is_expected_of_the_best_of_many_is_less_than_what_it_got():
    rng = np.random.default_rng(0)
    hits = {f"n{i}": (rng.random(150) < 0.8).tolist() for i in range(12)}
    verdict = judge(results_of(hits))
    assert verdict.take is verdict.standings[0]
    assert verdict.expected < verdict.take.accuracy - 0.02
    assert f"got {verdict.take.accuracy:.1%} of the held-out" in verdict.explanation()
    assert f"{verdict.expected:.1%} of new pictures" in verdict.sentence()


def curve(backbone, shares, pictures=200, draws=4):
    """Held-out pictures that a backbone gets right by the number of labels, in several draws."""
    hard = np.random.default_rng(0).random((draws, pictures))
    return [
        pd.DataFrame(
            {
                "backbone": backbone, "stage": "pretrained", "draw": draw, "labels": labels,
                "picture": np.arange(pictures), "hits": hard[draw] < share, "shown": 1,
            }
        ).astype({"hits": int})
        for draw in range(draws)
        for labels, share in shares.items()
    ]  # fmt: skip


def test_what_learning_from_the_held_out_pictures_too_gains_is_expected():
    grows = {20: 0.45, 40: 0.57, 80: 0.68, 160: 0.8}
    plain = judge(results_of({"a": first(160)}))
    results = results_of({"a": first(160)}, curves=curve("a", grows))
    gain, verdict = gain_of_all(results, "a"), judge(results)
    assert (gain.learned, gain.labelled) == (160, 201)
    assert 0 < gain.gain.low < gain.gain.estimate < gain.gain.high
    assert verdict.expected == pytest.approx(plain.expected + gain.gain.estimate)
    assert verdict.expected - verdict.expected_low >= plain.expected - plain.expected_low
    assert verdict.expected_high - verdict.expected >= plain.expected_high - plain.expected
    assert verdict.explanation() == (
        "a got 80.0% of the held-out pictures right. Added: "
        f"{100 * gain.gain.estimate:.1f} points, by its learning curve, for the classifier learns "
        "from all 201 labelled pictures, and the heads that were tested from 160."
    )
    assert verdict.record()["gain_of_all"]["labelled"] == 201
    json.dumps(verdict.record())


def test_the_gain_is_that_of_the_linear_probe_of_the_backbone_that_is_taken():
    grows = {20: 0.45, 40: 0.57, 80: 0.68, 160: 0.8}
    of_another = results_of({"a": first(160), "b": first(90)}, curves=curve("b", grows))
    assert judge(of_another).gain is None
    results = results_of({"a": first(160)}, curves=curve("a", grows))
    results.predictions["head"] = "knn"
    assert judge(results, "knn").gain is None
    assert judge(results, "knn").expected == pytest.approx(0.8)


def test_luck_and_gain_are_told_apart():
    rng = np.random.default_rng(0)
    hits = {f"n{i}": (rng.random(150) < 0.8).tolist() for i in range(12)}
    lucky = judge(results_of(hits))
    grows = {15: 0.5, 30: 0.62, 60: 0.74, 120: 0.86}
    both = judge(results_of(hits, curves=curve(lucky.take.backbone, grows, pictures=150)))
    luck, gain = lucky.take.accuracy - lucky.expected, both.gain.gain.estimate
    assert both.expected == pytest.approx(lucky.expected + gain)
    assert f"Taken off: {100 * luck:.1f} points, the luck" in both.explanation()
    assert f"Added: {100 * gain:.1f} points" in both.explanation()


def test_no_gain_is_expected_beyond_all_or_beyond_twice_the_labels():
    right = {5: 0.4, 10: 0.55, 20: 0.7, 40: 0.85}
    far = gain_of_all(results_of({"a": first(160)}, curves=curve("a", right)), "a")
    assert far.labelled == 80
    certain = dict.fromkeys((20, 40, 80, 160), 1.0)
    sure = judge(results_of({"a": first(200)}, curves=curve("a", certain)))
    assert (sure.expected, sure.expected_high, sure.explanation()) == (1.0, 1.0, "")


def test_where_all_are_right_no_gain_is_left_and_none_of_it_is_called_luck():
    grows = {20: 0.45, 40: 0.57, 80: 0.68, 160: 0.8}
    verdict = judge(results_of({"a": first(200)}, curves=curve("a", grows)))
    assert verdict.gain.gain.estimate > 0.01
    assert (verdict.expected, verdict.luck, verdict.foretold) == (1.0, 0.0, 0.0)
    assert verdict.explanation() == ""


def test_a_curve_of_too_few_points_foretells_nothing():
    results = results_of({"a": first(160)}, curves=curve("a", {40: 0.6, 80: 0.7, 160: 0.8}))
    assert gain_of_all(results, "a") is None
    assert judge(results).expected == pytest.approx(0.8)


def test_a_lone_backbone_needs_no_explanation():
    verdict = judge(results_of({"a": first(160)}))
    assert verdict.expected == pytest.approx(0.8)
    assert verdict.explanation() == ""


def test_the_record_is_json_and_says_what_the_sentence_says():
    hits = {"a": first(190), "b": first(189), "c": first(100)}
    results = results_of(hits, speed={"a": np.nan}, cost={"a": 40.0, "b": 10.0, "c": 1.0})
    verdict = judge(results)
    record = json.loads(json.dumps(verdict.record(), allow_nan=False))
    assert record["take"] == "b"
    assert record["sentence"] == verdict.sentence()
    assert [each["ties_with_best"] for each in record["backbones"]] == [True, True, False]
    assert record["backbones"][0]["cost"]["milliseconds"] == pytest.approx(40.8)


def test_random_weights_that_happen_to_be_right_are_set_apart():
    sentence = judge(results_of({"a": first(190), "b": first(150)}, pretrained={"a": False}))
    assert sentence.sentence().endswith("Random weights, for comparison only: a (95.0%).")


@pytest.mark.parametrize("pictures", [6, 20, 200])
def test_intervals_have_a_width_where_all_pictures_are_right(pictures):
    best, second = judge(
        results_of({"a": first(pictures, pictures), "b": first(pictures, pictures)})
    ).standings
    assert best.accuracy == best.high == 1
    assert best.low == pytest.approx(0.05 ** (1 / pictures))
    assert second.behind_low < 0 < second.behind_high
    assert second.ties_with_best


def test_only_splits_in_which_all_were_tested_are_compared():
    """A backbone that lacks a split is not compared on other pictures than the rest."""
    results = results_of({"a": first(160), "b": first(150)}, repeats=2)
    rows = results.predictions
    lacking = (rows["backbone"] == "b") & (rows["repeat"] == 1)
    results.predictions = rows[~lacking]
    best, second = judge(results).standings
    assert (best.accuracy, second.accuracy) == (0.8, 0.75)


def test_a_group_of_pictures_is_one_picture():
    """Four shots of each patient say no more of new patients than one."""
    alone = judge(results_of({"a": first(40, 50), "b": first(38, 50)}))
    shots = results_of({"a": first(160), "b": first(152)})
    shots.pictures["group"] = [f"patient {i // 4}" for i in range(len(shots.pictures))]
    together = judge(shots)
    assert together.pictures == 200
    for one, other in zip(alone.standings, together.standings, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.01)
        assert one.behind_high == pytest.approx(other.behind_high, abs=0.01)
