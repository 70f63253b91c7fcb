"""What a run says that it took over."""

from __future__ import annotations

import json

import pytest

from embedlens.study.reuse import Stored


@pytest.mark.parametrize(
    ("ids", "embedded", "sentence"),
    [
        ("abcd", 4, "features computed"),
        ("aabcda", 4, "features computed"),
        ("aabcda", 3, "features of 1 of 4 different pictures reused, the others computed"),
        ("abcd", 3, "features of 1 of 4 pictures reused, the others computed"),
        ("abcd", 0, "features of all 4 pictures reused, which an earlier run had computed"),
    ],
)
def test_copies_within_the_set_are_no_reuse(tmp_path, ids, embedded, sentence):
    stored = Stored.of(tmp_path / "none")
    assert stored.explain({"embedded": embedded}, list(ids), analysed=False) == sentence


def test_finished_features_are_reused_as_a_whole(tmp_path):
    (tmp_path / "meta.json").write_text(json.dumps({"key": "k", "embedded": 3}))
    said = Stored.of(tmp_path).explain({"key": "k", "embedded": 3}, list("aabc"), analysed=True)
    assert said == ("features reused: same pictures, weights, settings and versions; results too")
