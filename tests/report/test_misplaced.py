"""Pictures that sit among another class."""

from __future__ import annotations

import numpy as np

from embedlens.metrics import nearest_neighbors
from embedlens.report import write_report
from embedlens.report.misplaced import find_misplaced


def test_they_have_more_of_another_class_among_their_nearest_than_of_their_own(reported):
    results = reported.results
    labels = results.pictures["label"].to_numpy(str)
    values = np.load(reported.folder / "features" / "Better_2" / "features.npy")
    nearest = nearest_neighbors(values, 12)[1]
    found = {each.row: each for each in find_misplaced(results, "Better_2", nearest)}
    assert 0 < len(found) < len(labels)
    for row, label in enumerate(labels):
        near = list(labels[nearest[row]])
        others = {name: near.count(name) for name in sorted(set(labels) - {label})}
        most = max(others.values())
        assert (row in found) == (most > near.count(label))
        if row in found:
            each = found[row]
            assert (each.label, each.own, each.most) == (label, near.count(label), most)
            assert others[each.among] == most
            assert each.nearest == tuple(nearest[row])


def test_those_with_the_fewest_of_their_own_come_first(reported):
    values = np.load(reported.folder / "features" / "Worse" / "features.npy")
    found = find_misplaced(reported.results, "Worse", nearest_neighbors(values, 12)[1])
    keys = [(each.own, each.silhouette) for each in found]
    assert keys == sorted(keys)


def test_the_page_shows_them_with_their_nearest(reported):
    page = reported.page
    assert "Pictures that sit among another class" in page.text
    assert "In the features of Better_2," in page.text
    assert any(each.get("class") == "near" for each in page.all("div"))


def test_without_features_the_section_is_left_out(study):
    made = study(backbones={"A": 0.9})
    (made.folder / "features" / "A" / "features.npy").unlink()
    (made.folder / "features" / "A" / "ids.txt").unlink()
    write_report(made.folder)
    assert "sit among another class" not in made.page.text
