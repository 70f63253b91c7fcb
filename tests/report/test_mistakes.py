"""Which pictures a head gets wrong."""

from __future__ import annotations

from embedlens.report.mistakes import find_mistakes


def test_mistakes_are_those_of_the_first_split_the_surest_first(reported):
    results = reported.results
    found = find_mistakes(results, "Worse", "linear_probe")
    right = results.measures.query(
        "backbone == 'Worse' and metric == 'linear_probe.accuracy' and repeat == 0"
    )["value"].item()
    assert found.tested == 12
    assert len(found.wrong) == round(12 * (1 - right))
    assert len(found.wrong) > 0
    sure = [each.confidence for each in found.wrong]
    assert sure == sorted(sure, reverse=True)
    for each in found.wrong:
        assert results.pictures["path"][each.row] == each.path
        assert results.pictures["split"][each.row] == "test"
        assert each.label == each.path.split("/")[0] != each.predicted


def test_a_head_that_is_always_right_has_none(study):
    made = study(backbones={"A": 1.1})
    found = find_mistakes(made.results, "A", "knn")
    assert (found.tested, found.wrong) == (12, ())
