"""Pictures without a label in a study: on its maps, predicted, in no figure."""

from __future__ import annotations

import importlib
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from tests.study.conftest import stripes

from embedlens.classify.placing import PlacedMaps
from embedlens.classify.prediction import predict, read_predictions
from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.features.store import read_features
from embedlens.images import ImageSet
from embedlens.study import Study
from embedlens.study.unlabelled import new_to, read_pictures_without_label
from embedlens.viewer import served_study
from embedlens.viewer.decisions import Decisions
from embedlens.viewer.labels import WrittenLabels
from embedlens.viewer.whole_scene import whole_study_scene

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
    bare = [rows[row].split(",")[0] for row in (3, 27)]
    rows[3], rows[27] = (f"{path}," for path in bare)
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,label", *rows]))
    found = read_pictures_without_label(table, table, {}, lambda *_: None)
    assert found.paths.tolist() == bare
    assert len(new_to(found, ImageSet.read(table))) == 2


def test_the_report_says_what_is_grey_and_its_viewer_shows_them(both):
    _, study, results = both
    page = study.report().read_text(encoding="utf-8")
    assert results.unlabelled.sentence() in page
    scene = whole_study_scene(study.folder, results)
    assert (scene.count, scene.thumbnails is not None) == (64, True)
    nearest = scene.neighbours[BACKBONE]
    indices = np.frombuffer(scene.blob(nearest.indices), "<u4").reshape(64, nearest.k)
    assert indices[60:].tolist() == results.unlabelled.nearest[BACKBONE, "pretrained"][1].tolist()


def test_where_there_is_none_that_is_said(pictures_once, tmp_path):
    with pytest.raises(ImageSetError, match="all its pictures have a label"):
        study_of(pictures_once, tmp_path / "s", unlabelled=pictures_once).run()
    (tmp_path / "copies").mkdir()
    shutil.copy(pictures_once / "down" / "3.png", tmp_path / "copies")
    with pytest.raises(ImageSetError, match="among the labelled ones"):
        study_of(pictures_once, tmp_path / "s", unlabelled=tmp_path / "copies").run()
    with pytest.raises(ImageSetError, match="no such file"):
        study_of(pictures_once, tmp_path / "s", unlabelled=tmp_path / "gone").run()


def test_a_picture_dropped_on_the_viewer_is_told_as_by_the_study(both, new):
    _, study, results = both
    served = served_study(study.folder)
    assert served.manifest()["drops"] == [BACKBONE]
    bare, count = results.unlabelled, len(results.pictures)
    for row, path in enumerate(bare.kept["path"][:2]):
        told = served.drops[BACKBONE]((new / path).read_bytes())
        said, share = re.fullmatch(r"(.+) \((.+)%\)", dict(told["answers"])["predicted"]).groups()
        assert said == bare.predictions["class"][row]
        assert float(share) == pytest.approx(100 * bare.predictions["probability"][row], abs=0.06)
        assert dict(told["answers"])["by a classifier on"] == BACKBONE
        assert bool(told["warning"]) == bare.predictions["unknown"][row]
        distances, rows = bare.nearest[BACKBONE, "pretrained"]
        assert told["indices"] == rows[row].tolist()
        np.testing.assert_allclose(told["distances"], distances[row], rtol=1e-4)
        for shown in served.scene.maps:
            blob = np.frombuffer(served.scene.blob(shown.blob), "<f4").reshape(-1, 3)
            span = np.ptp(blob, axis=0).max()
            np.testing.assert_allclose(
                told["places"][shown.id], blob[count + row], atol=0.01 * span
            )
    with pytest.raises(EmbedlensError):
        served.drops[BACKBONE](b"no picture")


def test_labels_given_in_the_viewer_make_an_image_set(both, pictures_once, new, tmp_path):
    _, study, results = both
    shutil.copytree(study.folder, tmp_path / "s")
    before = sorted(each.read_bytes() for each in pictures_once.rglob("*.png"))
    labels = WrittenLabels.of_study(tmp_path / "s", results)
    count = len(results.pictures)
    labels.write(Decisions(labelled={" new class ": (0, 1, count)}, aside=(2, 3)))
    told = labels.write(Decisions(labelled={"down": (3, 4)}))
    assert (told["labelled"], told["aside"]) == (5, 1)
    again = WrittenLabels.of_study(tmp_path / "s", results)
    assert again.write(Decisions(undecided=(1,)))["labelled"] == 4
    read = ImageSet.read(told["path"])
    paths = [str((tmp_path / "s" / each).resolve()) for each in read.paths]
    found = dict(zip(paths, read.labels, strict=True))
    where = [str(pictures_once / each) for each in results.pictures["path"]]
    expected = dict(zip(where, results.pictures["label"], strict=True))
    expected |= {where[0]: "new class", where[3]: "down", where[4]: "down"}
    expected[str(new / results.unlabelled.kept["path"].iloc[0])] = "new class"
    del expected[where[2]]
    assert found == expected
    # What has no label yet can be asked for.
    rest = ImageSet.read_partly_labelled(told["path"])
    assert (rest.labels == "").sum() == 4
    assert before == sorted(each.read_bytes() for each in pictures_once.rglob("*.png"))


def test_a_table_of_the_user_s_is_left_alone(both, tmp_path):
    _, study, results = both
    shutil.copytree(study.folder, tmp_path / "s")
    (tmp_path / "s" / "labels.csv").write_text("path,label\na,b\n")
    with pytest.raises(EmbedlensError, match="was not written by the viewer"):
        WrittenLabels.of_study(tmp_path / "s", results).write(Decisions(kept=(0,)))
    assert (tmp_path / "s" / "labels.csv").read_text() == "path,label\na,b\n"
