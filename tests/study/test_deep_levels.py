"""Deep pictures beside a study's: the study's black and white are theirs, in every command."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from tests.study.conftest import stripes

from embedlens.classify.prediction import predict, read_predictions
from embedlens.features import Recipe
from embedlens.study import Study, label_pictures, label_study
from embedlens.viewer import served_study

BACKBONE = "EfficientNetLite0"
KINDS = ("across", "down", "plain")
# Numbers in files of one format: two exposures of twelve bits in sixteen, and floats up to 1.
SHORT, LONG, REAL = (250 / 255, "u2"), (4000 / 255, "u2"), (1 / 255, "f4")
LEVELS = {"16-bit TIFF": (0, 4095), "float 32-bit TIFF": (0, 1)}


def write(path, kind, rng, scale):
    path.parent.mkdir(parents=True, exist_ok=True)
    factor, numbers = scale
    Image.fromarray((stripes(kind, rng) * factor).astype(numbers)).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three classes of nine TIFFs, three of each exposure and kind."""
    folder, rng = tmp_path_factory.mktemp("deep") / "photos", np.random.default_rng(0)
    for kind in KINDS:
        for i in range(9):
            write(folder / kind / f"{i}.tif", kind, rng, (SHORT, LONG, REAL)[i % 3])
    return folder


@pytest.fixture(scope="module")
def new(tmp_path_factory, photos):
    """Dark TIFFs that alone would have another white, and copies of labelled ones."""
    folder, rng = tmp_path_factory.mktemp("deep") / "new", np.random.default_rng(1)
    for kind in KINDS:
        write(folder / f"{kind}.tif", kind, rng, SHORT)
    write(folder / "real.tif", "down", rng, (0.2 / 255, "f4"))
    for i in range(3):
        shutil.copy(photos / "down" / f"{i}.tif", folder / f"copy{i}.tif")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory, photos, new):
    one = Study(
        photos, [BACKBONE], out=tmp_path_factory.mktemp("study") / "s", repeats=1, size=64,
        maps="pca", unlabelled=new,
    )  # fmt: skip
    one.run()
    return one


def test_a_classifier_has_seen_its_own_pictures_of_both_kinds(study, photos, tmp_path):
    classifier = study.classifier()
    assert classifier.training.levels == LEVELS
    told = read_predictions(predict(classifier, str(photos), tmp_path / "p.csv").table)
    assert (len(told), told["seen"].sum()) == (27, 27)
    assert told["nearest_1"].tolist() == told["path"].tolist()


def test_pictures_without_a_label_are_predicted_as_by_predict_and_copies_are_none(
    study, new, tmp_path
):
    found = study.results().unlabelled
    assert sorted(found.kept["path"]) == ["across.tif", "down.tif", "plain.tif", "real.tif"]
    table = read_predictions(predict(study.classifier(), str(new), tmp_path / "p.csv").table)
    told = table.set_index("path")
    assert told.index[told["seen"]].tolist() == ["copy0.tif", "copy1.tif", "copy2.tif"]
    told = told.loc[found.kept["path"]]
    assert found.predictions["class"].tolist() == told["class"].tolist()
    np.testing.assert_allclose(found.predictions["probability"], told["probability"], atol=1e-5)


def test_a_search_sees_a_picture_as_the_study_sees_it(study, photos, new):
    found = study.results().unlabelled
    distances, rows = found.nearest[BACKBONE, "pretrained"]
    paths = study.results().pictures["path"]
    for row, path in enumerate(found.kept["path"]):
        nearest = study.search(new / path, 3)
        assert nearest["path"].tolist() == paths[rows[row, :3]].tolist()
        np.testing.assert_allclose(nearest["distance"], distances[row, :3], rtol=1e-4)
    for path in paths[:3]:
        nearest = study.search(photos / path, 1)
        assert (nearest["path"].item(), nearest["distance"].item()) == (path, 0)


def test_what_to_label_next_is_chosen_as_the_study_sees_it(study, new):
    found = label_study(study.folder, 100, unlabelled=new)
    assert [each.shared_levels for each in found.images] == [LEVELS, LEVELS]
    assert sorted(path for _, path in found.paths()) == [
        "across.tif", "down.tif", "plain.tif", "real.tif",
    ]  # fmt: skip


def test_without_a_study_others_have_the_levels_of_the_pictures_with_labels(photos, new):
    found = label_pictures(photos, Recipe.of(BACKBONE, size=64), 100, unlabelled=new)
    assert [each.shared_levels for each in found.images] == [LEVELS, LEVELS]
    assert not any("copy" in path for _, path in found.paths())


def test_a_picture_dropped_on_the_viewer_is_seen_as_by_the_study(study, new):
    drop = served_study(study.folder).drops[BACKBONE]
    found = study.results().unlabelled
    distances, rows = found.nearest[BACKBONE, "pretrained"]
    for row, path in enumerate(found.kept["path"]):
        told = drop((new / path).read_bytes())
        assert told["indices"] == rows[row].tolist()
        np.testing.assert_allclose(told["distances"], distances[row], rtol=1e-4)
