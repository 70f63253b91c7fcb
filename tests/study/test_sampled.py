"""A study of so many pictures that a sample stands for all where the work grows too fast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from embedlens.metrics import silhouette_samples
from embedlens.metrics.stratified import sample_by_content
from embedlens.results.folder import StudyFolder
from embedlens.study import Study

from .conftest import BACKBONE

SAMPLE, COMPARED, DISTORTION = 45, 30, 20
LIMITS = {
    "embedlens.metrics.stratified.SAMPLE": SAMPLE,
    "embedlens.study.analysis.SAMPLE": SAMPLE,
    "embedlens.study.maps.SAMPLE": SAMPLE,
    "embedlens.study.scores.SAMPLE": SAMPLE,
    "embedlens.results.samples.SAMPLE": SAMPLE,
    "embedlens.curation.checks.SAMPLE": SAMPLE,
    "embedlens.study.maps.COMPARED": COMPARED,
    "embedlens.curation.checks.COMPARED": COMPARED,
    "embedlens.study.maps.DISTORTION_SAMPLE": DISTORTION,
    "embedlens.study.geometry.GRAM_LIMIT": 0,
}


@pytest.fixture(scope="module")
def made(pictures_once, tmp_path_factory):
    """A study with its report, of which 45 of 60 pictures are a sample."""
    out = tmp_path_factory.mktemp("sampled") / "study"
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in LIMITS.items():
            patch.setattr(name, limit)
        study = Study(pictures_once, [BACKBONE], out=out, size=64, repeats=2)
        study.run(lambda step, done, total: None)
        study.report()
    return study


@pytest.fixture(scope="module")
def results(made):
    return made.results()


@pytest.fixture(scope="module")
def sample(results):
    return set(sample_by_content(results.pictures["label"], results.pictures["id"], SAMPLE))


@pytest.mark.parametrize("name", ["predictions", "retrievals", "curves", "calibrations"])
def test_heads_are_tested_on_pictures_of_the_sample_told_by_their_rows(results, sample, name):
    table = getattr(results, name)
    assert len(table)
    assert set(table["picture"]) <= sample
    first = table[table["repeat"] == 0] if "repeat" in table else table[:0]
    assert (results.pictures["split"].iloc[first["picture"]] == "test").all()


def test_what_was_predicted_is_right_as_often_as_is_said(results):
    rows = results.predictions.query("head == 'knn' and repeat == 0")
    labels = results.pictures["label"].to_numpy()[rows["picture"]]
    assert results.first("knn.accuracy")[BACKBONE] == (rows["predicted"] == labels).mean()


def test_silhouettes_are_those_of_a_sample_among_themselves(results, sample):
    values = results.silhouettes.set_index("picture")
    known = values.index[values["pca"].notna()]
    assert len(known) == COMPARED
    assert set(known) <= sample
    points = results.maps[BACKBONE, "pretrained"]["pca"][known]
    labels = results.pictures["label"].to_numpy()[known]
    np.testing.assert_allclose(values["pca"][known], silhouette_samples(points, labels), atol=1e-5)


def test_every_picture_has_a_place_on_every_map(results, sample):
    maps = results.maps[BACKBONE, "pretrained"]
    assert set(maps) == {"pca", "tsne", "silhouette_projection"}
    assert all(len(each) == 60 and np.isfinite(each).all() for each in maps.values())
    # Each of the others has coordinates of pictures of the sample.
    known, rest = sorted(sample), sorted(set(range(60)) - sample)
    assert all(
        np.isin(maps["tsne"][rest, axis], maps["tsne"][known, axis]).all() for axis in range(3)
    )


def test_the_sample_is_named_wherever_its_figures_are_shown(made):
    folder = StudyFolder(made.folder)
    page = folder.report.read_text(encoding="utf-8")
    summary = (folder.path / "summary.md").read_text(encoding="utf-8")
    for text in (page, summary):
        assert "Of a stratified sample of the 60 pictures: " in text
        assert "eads, retrieval and learned maps of 45" in text
        assert "ilhouettes of 30" in text
        assert "hat maps keep of 20" in text
    for name in ("accuracy", "maps", "silhouettes", "classes"):
        assert "sample of the 60 pictures" in (folder.tables / f"{name}.md").read_text()
    assert "silhouettes of a stratified sample of 30 pictures" in page  # the viewer's maps
    findings = pd.read_parquet(folder.findings)
    assert findings["path"][findings["kind"] == "sample"].tolist() == ["45 of 60 pictures"]


def test_all_labels_are_one_place_on_the_learning_curve(results):
    """Though each split of the sample trains on more or fewer."""
    own = results.predictions.query("head == 'linear_probe'")
    assert own.groupby("repeat")["picture"].nunique().nunique() == 2
    assert results.curves.groupby("draw")["labels"].max().nunique() == 1
