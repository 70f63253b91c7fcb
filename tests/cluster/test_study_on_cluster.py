"""A study on two nodes: of all pictures what one machine would measure, and a study of a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens import ImageSet, Study
from embedlens import embed as embed_here
from embedlens.cluster.study import study_of
from embedlens.errors import StudyError
from embedlens.metrics import silhouette_samples
from embedlens.reduce import PCA

SETTINGS = {
    "transforms": "32 squash bilinear none",
    "repeats": 1,
    "maps": ["pca"],
    "scores": False,
}
GIVEN = {**SETTINGS, "sample": 60, "shard_rows": 32, "part_shards": 3, "cpus": 2}


@pytest.fixture(scope="module")
def network(backbone):
    return str(backbone.path)


@pytest.fixture(scope="module")
def made(cluster, photos, network, tmp_path_factory):
    return study_of(photos, [network], out=tmp_path_factory.mktemp("many") / "out", **GIVEN)


@pytest.fixture(scope="module")
def images(photos):
    return ImageSet.read(photos)


def test_the_results_are_those_that_one_machine_gets_of_the_sample(made, network, tmp_path):
    one_machine = Study(made.folder / "sample.csv", [network], out=tmp_path, **SETTINGS)
    ours, theirs = made.results(), one_machine.run(lambda *_: None)
    assert theirs.whole is None
    assert ours.pictures["label"].value_counts().to_dict() == {"cat": 30, "dog": 30}
    for name in ("pictures", "measures", "predictions", "calibrations", "retrievals", "curves"):
        tables = getattr(ours, name), getattr(theirs, name)
        without = [column for column in ("study", "seconds") if column in tables[0]]
        pd.testing.assert_frame_equal(*(table.drop(columns=without) for table in tables))
    for stage, maps in theirs.maps.items():
        assert ours.maps[stage].keys() == maps.keys()
        assert all(np.array_equal(ours.maps[stage][key], maps[key]) for key in maps)


def test_what_is_of_all_pictures_is_what_one_machine_measures(made, images, backbone):
    values = np.asarray(embed_here(images, backbone).values)
    whole = made.results().whole
    assert (whole.pictures, whole.sample) == (len(images), 60)
    measured = whole.measures.set_index("metric")["value"]
    assert measured["pictures"] == len(images)
    pca = PCA(3).fit(values)
    assert measured["pca.variance_kept"] == pytest.approx(pca.explained_variance_ratio_.sum())
    (table,) = Path(whole.store).glob("*.parquet")
    each = pd.read_parquet(table).set_index("id").loc[images.ids]
    assert len(each) == len(images)
    scores = pca.transform(values)
    np.testing.assert_allclose(each[["x", "y", "z"]], scores, atol=1e-4 * np.abs(scores).max())
    for metric in ("sqeuclidean", "cosine"):
        expected = silhouette_samples(values, images.labels, metric=metric)
        np.testing.assert_allclose(each[metric], expected, atol=1e-6)
        assert measured[f"silhouette.{metric}"] == pytest.approx(expected.mean(), abs=1e-7)
        means = [expected[images.labels == name].mean() for name in images.classes]
        assert measured[f"silhouette.{metric}.macro"] == pytest.approx(np.mean(means), abs=1e-7)
        for name, mean in zip(images.classes, means, strict=True):
            assert measured[f"silhouette.{metric}.class.{name}"] == pytest.approx(mean, abs=1e-7)


def test_nothing_is_left_to_do_and_nothing_is_done_again(made, photos, network, monkeypatch):
    """Heads and maps were computed by workers, and found here."""

    def fail(*_, **__):
        pytest.fail("it was computed again")

    for name in ("measure_heads", "measure_spaces"):
        monkeypatch.setattr(f"embedlens.study.backbone_steps.{name}", fail)
    before = sorted(Path(made.folder, "cluster").rglob("*.arrow"))
    study_of(photos, [network], out=made.folder, **GIVEN)
    assert sorted(Path(made.folder, "cluster").rglob("*.arrow")) == before


def test_report_summary_and_tables_name_the_sample(made, images):
    sentence = (
        f"Heads, neighbours, maps and scores are of 60 of {len(images)} pictures, drawn by class."
    )
    assert made.results().whole.sentence() == sentence
    assert sentence in made.report().read_text(encoding="utf-8")
    assert sentence in (made.folder / "summary.md").read_text(encoding="utf-8")
    table = pd.read_csv(made.folder / "tables" / "whole.csv")
    assert table["pictures"].tolist() == [len(images)]
    assert table["silhouette_cosine"].notna().all()


def test_what_is_for_one_machine_and_another_set_are_refused(made, network, tmp_path):
    with pytest.raises(StudyError, match="finetune is for one machine"):
        study_of(tmp_path, [network], out=tmp_path / "out", finetune=True)
    for name in ("a/1.png", "b/1.png"):
        (tmp_path / "other" / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "other" / name)
    with pytest.raises(StudyError, match="these are other pictures"):
        study_of(tmp_path / "other", [network], out=made.folder, **SETTINGS)
