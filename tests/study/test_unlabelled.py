"""Pictures without a label in a study: on its maps, predicted, in no figure."""

from __future__ import annotations

import importlib
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from tests.study.conftest import stripes

from embedlens.classify.placing import PlacedMaps
from embedlens.classify.prediction import predict, read_predictions
from embedlens.errors import ImageSetError
from embedlens.features.store import read_features
from embedlens.study import Study

BACKBONE = "EfficientNetLite0"


@pytest.fixture(scope="module")
def new(tmp_path_factory, pictures_once):
    """Four new pictures, one that has a label in the study, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("new") / "photos"
    (folder / "across").mkdir(parents=True)
    rng = np.random.default_rng(7)
    for i, kind in enumerate(("across", "down", "plain", "down")):
        Image.fromarray(stripes(kind, rng)).save(folder / "across" / f"{i}.png")
    shutil.copy(pictures_once / "down" / "3.png", folder / "copy.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def study_of(pictures, folder, **settings):
    return Study(pictures, [BACKBONE], out=folder, repeats=1, size=64, **settings)


@pytest.fixture(scope="module")
def both(tmp_path_factory, pictures_once, new):
    """The results without them, the study with them, and its results."""
    folder = tmp_path_factory.mktemp("study") / "s"
    plain = study_of(pictures_once, folder).run()
    study = study_of(pictures_once, folder, unlabelled=new)
    return plain, study, study.run()


def test_they_are_in_no_table_of_the_study(both):
    plain, _, results = both
    for name in ("pictures", "measures", "predictions", "silhouettes", "calibrations"):
        pd.testing.assert_frame_equal(getattr(plain, name), getattr(results, name))
    assert plain.unlabelled is None
    found = results.unlabelled
    assert len(found) == 4
    assert sorted(found.pictures.query("kept")["path"]) == [f"across/{i}.png" for i in range(4)]
    assert found.pictures.query("not kept")["path"].tolist() == ["broken.png"]
    assert set(found.pictures["label"]) == {""}
    assert "4 pictures without a label are grey in the viewer" in found.sentence()


def test_they_are_predicted_as_by_predict(both, new, tmp_path):
    _, study, results = both
    told = read_predictions(predict(study.classifier(), str(new), tmp_path / "p.csv").table)
    told = told.set_index("path").loc[results.unlabelled.pictures.query("kept")["path"]]
    found = results.unlabelled.predictions
    assert found["class"].tolist() == told["class"].tolist() == ["across", "down", "plain", "down"]
    np.testing.assert_allclose(found["probability"], told["probability"], atol=1e-5)
    assert found["nearest_1"].tolist() == told["nearest_1"].tolist()


def test_they_lie_on_every_map_and_where_their_like_do(both):
    _, _, results = both
    maps = results.maps[BACKBONE, "pretrained"]
    placed = results.unlabelled.maps[BACKBONE, "pretrained"]
    assert placed.keys() == maps.keys() == {"pca", "tsne", "silhouette_projection"}
    labels = results.pictures["label"].to_numpy()
    for key, places in placed.items():
        far = np.linalg.norm(places[:, None] - maps[key][None], axis=2)
        assert labels[far.argmin(axis=1)].tolist() == ["across", "down", "plain", "down"], key
    distances, rows = results.unlabelled.nearest[BACKBONE, "pretrained"]
    assert labels[rows[:, 0]].tolist() == ["across", "down", "plain", "down"]
    assert (np.diff(distances, axis=1) >= 0).all()


def test_maps_move_new_pictures_as_they_moved_the_others(both):
    _, study, results = both
    values = np.asarray(read_features(study.folder / "features" / BACKBONE))
    maps = results.maps[BACKBONE, "pretrained"]
    ready = PlacedMaps(values, maps, study.folder / "maps" / BACKBONE / "silhouette_projection.npz")
    again = ready.place(values)
    for key in ("pca", "silhouette_projection"):
        np.testing.assert_allclose(again[key], maps[key], atol=2e-3 * np.abs(maps[key]).max())
    rng = np.random.default_rng(0)
    new = values[:5] + rng.normal(0, 0.1, (5, values.shape[1])).astype(np.float32)
    peer = PCA(3).fit(values.astype(np.float64)).transform(new)
    signs = np.sign((peer * ready.place(new)["pca"]).sum(axis=0))
    np.testing.assert_allclose(ready.place(new)["pca"] * signs, peer, atol=1e-3)
    # A point of the map settles beside itself.
    span = np.ptp(maps["tsne"], axis=0).max()
    assert np.median(np.linalg.norm(again["tsne"] - maps["tsne"], axis=1)) < 0.1 * span


def test_a_rerun_computes_nothing(both, new, pictures_once, monkeypatch):
    _, study, results = both
    module = importlib.import_module("embedlens.study.unlabelled")
    monkeypatch.setattr(module, "answer_rows", lambda *_: pytest.fail("predicted again"))
    again = study.run()
    pd.testing.assert_frame_equal(again.unlabelled.predictions, results.unlabelled.predictions)


def test_rows_of_the_table_without_a_label_are_taken_when_asked(pictures_once, tmp_path):
    rows = [f"{path},{path.parent.name}" for path in sorted(pictures_once.glob("*/*.png"))]
    rows[3], rows[27] = rows[3].split(",")[0] + ",", rows[27].split(",")[0] + ","
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,label", *rows]))
    results = study_of(table, tmp_path / "s", unlabelled=table).run()
    assert results.pictures["kept"].sum() == 58
    assert results.unlabelled.predictions["class"].tolist() == ["across", "down"]


def test_where_there_is_none_that_is_said(pictures_once, tmp_path):
    with pytest.raises(ImageSetError, match="all its pictures have a label"):
        study_of(pictures_once, tmp_path / "s", unlabelled=pictures_once).run()
    (tmp_path / "copies").mkdir()
    shutil.copy(pictures_once / "down" / "3.png", tmp_path / "copies")
    with pytest.raises(ImageSetError, match="among the labelled ones"):
        study_of(pictures_once, tmp_path / "s", unlabelled=tmp_path / "copies").run()
    with pytest.raises(ImageSetError, match="no such file"):
        study_of(pictures_once, tmp_path / "s", unlabelled=tmp_path / "gone").run()
