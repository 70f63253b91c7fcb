"""The folder of a check in the viewer: a map of its features, its findings, and the table."""

from __future__ import annotations

import shutil
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from embedlens.backbones import get_backbone
from embedlens.curation import Check
from embedlens.curation.checks import FEATURES, FINDINGS, IMAGES
from embedlens.curation.file_facts import FileFacts
from embedlens.curation.finding import Finding
from embedlens.errors import StudyError
from embedlens.features.store import FeatureStore
from embedlens.images import ImageSet
from embedlens.images.location import resolved
from embedlens.results.checked import is_check, read_check
from embedlens.results.provenance import Provenance, claim, content_of
from embedlens.viewer.decisions import Decisions
from embedlens.viewer.server import served_check

BACKBONE = get_backbone("EfficientNetLite0", weights="random")


def features_of(images):
    made = np.random.default_rng(0).normal(size=(len(images), 7)).astype(np.float32)
    return made + 3 * images.codes[:, None]


def write_check_folder(images, folder, place):
    """Write what ``embedlens check`` writes, with features of no network."""
    paths = images.paths.tolist()
    found = [
        Finding("two labels", paths[0], "alike", "give one", "0", "train", paths[6], "1", "train"),
        Finding("suspect label", paths[7], "wrong", "move it", "1", "train", suggested="0"),
        Finding("small class", "0", "few", "add some"),
    ]
    table = pd.DataFrame(map(asdict, found), columns=[each.name for each in fields(Finding)])
    Check(images, BACKBONE.name, table, FileFacts(0.5, 0.5, {}, {})).write(folder)
    values = features_of(images)
    store = FeatureStore(folder / FEATURES, "key", images.ids.tolist())
    writer = store.writer(values.shape[1])
    for row in writer.missing:
        writer.write(row, values[row])
    writer.close()
    store.finish({"backbone": BACKBONE.describe()})
    claim(folder, Provenance("check", resolved(place), content_of(images.ids)))


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A check of twelve pictures in class folders."""
    from PIL import Image

    parent = tmp_path_factory.mktemp("checked")
    for i in range(12):
        (parent / "photos" / str(i // 6)).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(parent / "photos" / str(i // 6) / f"{i}.png")
    images = ImageSet.read(parent / "photos")
    write_check_folder(images, parent / "check", parent / "photos")
    return parent / "check", images


@pytest.fixture
def folder(checked, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(checked[0], tmp_path / "check")


def test_it_is_a_map_of_the_features_coloured_by_what_was_found(checked):
    folder, images = checked
    served = served_check(folder)
    scene = served.scene
    (shown,) = scene.maps
    assert (shown.method, shown.pretrained, scene.count) == ("pca", False, 12)
    expected = PCA(3).fit_transform(features_of(images).astype(np.float64))
    points = np.frombuffer(scene.blob(shown.blob), "<f4").reshape(-1, 3)
    # Axes may be mirrored, and the middle of the box is the origin.
    apart = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (points, expected)]
    np.testing.assert_allclose(*apart, atol=1e-4)
    column = next(each for each in scene.columns if each.role == "finding")
    assert scene.manifest()["openingColour"] == column.id
    codes = np.frombuffer(scene.blob(column.blob), "<u2")
    named = {row: column.categories[codes[row]] for row in np.flatnonzero(codes < 65_535)}
    assert named == {0: "two labels", 6: "two labels", 7: "suspect label"}
    assert served.picture(3).shape == (40, 40, 3)
    nearest = served.neighbors(shown.backbone).of(0, 1)[1]
    assert images.codes[nearest].tolist() == [0]
    assert len(bytes(scene.blob(scene.thumbnails.sheets[0]))) > 0


def test_decisions_are_an_image_set_in_its_folder_and_there_again(checked):
    folder, images = checked
    told = served_check(folder).labels.write(Decisions((0,), {"new": (7,)}, (6,)))
    assert told["path"] == str((folder / "labels.csv").resolve())
    again = served_check(folder).manifest()["decisions"]
    assert again == {"kept": (0,), "labelled": {"new": (7,)}, "aside": (6,), "undecided": ()}
    read = ImageSet.read(told["path"])
    found = {
        (folder / path).resolve(): str(label)
        for path, label in zip(read.paths, read.labels, strict=True)
    }
    expected = dict(zip(images.paths.tolist(), images.labels.tolist(), strict=True))
    expected[images.paths[7]] = "new"
    del expected[images.paths[6]]
    photos = folder.parent / "photos"
    assert found == {(photos / path).resolve(): label for path, label in expected.items()}


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (IMAGES, "earlier version"),
        (FINDINGS, "did not run to the end"),
        (f"{FEATURES}/features.npy", "does not hold the features"),
        (f"{FEATURES}/meta.json", "does not hold the features"),
    ],
)
def test_a_folder_that_lacks_something_says_what_to_run(checked, folder, gone, sentence):
    (folder / gone).unlink()
    assert is_check(folder)
    with pytest.raises(StudyError, match=sentence) as refused:
        read_check(folder)
    place = resolved(checked[0].parent / "photos")
    assert f"`embedlens check {place} --out {folder.resolve()}`" in str(refused.value)


@pytest.mark.parametrize("damaged", [IMAGES, FINDINGS, f"{FEATURES}/features.npy"])
def test_a_damaged_file_is_told(folder, damaged):
    content = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(content[: len(content) // 2])
    with pytest.raises(StudyError, match="Run `embedlens check"):
        read_check(folder)


def test_features_of_other_pictures_are_not_shown(folder):
    table = pd.read_parquet(folder / IMAGES)
    table.iloc[::-1].to_parquet(folder / IMAGES)
    with pytest.raises(StudyError, match="features of other pictures"):
        read_check(folder)


def test_a_folder_that_was_written_from_python_says_what_to_run(folder):
    (folder / "source.json").unlink()
    assert is_check(folder)
    with pytest.raises(StudyError, match="embedlens check PHOTOS --out"):
        read_check(folder)


def test_a_study_is_no_check(tmp_path):
    assert not is_check(tmp_path)
    claim(tmp_path, Provenance("study", "/photos"))
    assert not is_check(tmp_path)
