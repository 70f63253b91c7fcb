"""The zero-shot baseline stands beside the probes, says what it is, and ranks nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from embedlens.report import tables, write_report
from embedlens.results import (
    further_record,
    further_sentences,
    judge,
    judge_zero_shot,
    read_results,
)


@pytest.fixture
def made(study):
    """A study of two backbones, the worse of which has text and names nearly all rightly."""
    made = study(per_class=8, repeats=2)
    before = judge(made.results), tables(made.results)["accuracy"].frame
    file = made.folder / "results" / "measures.parquet"
    measures = pd.read_parquet(file)
    like = measures[(measures["backbone"] == "Worse") & (measures["metric"] == "knn.accuracy")]
    rows = [
        like.assign(metric=f"zero_shot.{name}", value=[0.97, 0.99])
        for name in ("accuracy", "balanced_accuracy")
    ]
    pd.concat([measures, *rows], ignore_index=True).to_parquet(file)
    return made, before


def test_it_is_told_and_ranks_nothing(made):
    made, (verdict, accuracy) = made
    write_report(made.folder)
    results = read_results(made.folder)
    (found,) = judge_zero_shot(results)
    assert (found.backbone, found.accuracy) == ("Worse", pytest.approx(0.98))
    assert found.probe == results.mean("linear_probe.accuracy", "test")["Worse"]
    sentence = further_sentences(results, "Better_2")[-1]
    assert sentence.startswith("Zero-shot baseline, no part of the ranking: from the names")
    assert f"Worse 98.0% (its linear probe {found.probe:.1%})." in sentence
    assert further_record(results, "Better_2")["zero_shot"]["sentence"] == sentence
    assert sentence in made.page.text
    table = pd.read_csv(made.folder / "tables" / "zero_shot.csv")
    assert table[["backbone", "zero-shot"]].to_numpy().tolist() == [["Worse", pytest.approx(0.98)]]
    assert judge(results).record() == verdict.record()
    pd.testing.assert_frame_equal(tables(results)["accuracy"].frame, accuracy)


def test_without_text_nothing_is_said(study):
    results = study(per_class=8, repeats=1).results
    assert not judge_zero_shot(results)
    assert "zero_shot" not in tables(results)
    assert not any("Zero-shot" in each for each in further_sentences(results, "Better_2"))
