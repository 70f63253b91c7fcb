from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from embedlens.curation import Relabelling, relabel
from embedlens.curation.relabelling import _with_imagenet_top
from embedlens.errors import BackboneError, ImageSetError
from embedlens.images import ImageSet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs of a cat and of a cup of coffee, filed as one class, and something else."""
    root = tmp_path_factory.mktemp("things")
    for label in ("thing", "other"):
        (root / label).mkdir()
    for name in ("chelsea", "coffee"):
        picture = Image.fromarray(getattr(data, name)())
        for i in range(3):
            cut = picture.crop((10 * i, 5 * i, picture.width - 5 * i, picture.height))
            cut.save(root / "thing" / f"{name}{i}.jpg")
    Image.effect_noise((64, 64), 60).save(root / "thing" / "noise.png")
    for i in range(3):
        Image.effect_noise((64, 64), 20 + 30 * i).save(root / "other" / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def found(folder):
    return relabel(
        ImageSet.read(folder), {"cat": "cat", "coffee": "espresso+cup"}, label="thing",
        backbone="EfficientNetLite0",
    )  # fmt: skip


def test_each_picture_gets_the_name_of_what_it_shows(found):
    proposals = found.proposals.set_index("path")
    for path in proposals.index.drop("thing/noise.png"):
        assert proposals.at[path, "proposed"] == ("cat" if "chelsea" in path else "coffee")
        assert proposals.at[path, "sure"]


def test_a_picture_of_neither_is_unsure(found):
    assert found.unsure["path"].tolist() == ["thing/noise.png"]


def test_the_new_image_set_points_at_the_same_files(found, folder, tmp_path):
    for place in (tmp_path / "far", folder.parent / "beside"):
        images = ImageSet.read(found.write(place))
        assert images.classes == ("cat", "coffee", "other")
        assert images.counts().sum(axis=1).tolist() == [3, 3, 3]
        old = ImageSet.read(folder)
        assert set(images.ids) == set(old.ids) - {old.ids[old.paths == "thing/noise.png"][0]}
        assert len(pd.read_csv(place / "proposals.csv")) == 7
        assert len(pd.read_csv(place / "unsure.csv")) == 1


def test_given_splits_are_kept(found, tmp_path):
    from dataclasses import replace

    whole = found.whole
    splits = np.where(np.arange(len(whole)) % 2, "train", "test")
    table = replace(found, whole=replace(whole, given_splits=splits)).table(tmp_path)
    kept = ~np.isin(whole.paths, ["thing/noise.png"])
    assert table["split"].tolist() == splits[kept].tolist()


@pytest.mark.parametrize(
    ("into", "label", "error", "message"),
    [
        (["cat", "dog"], "wild", ImageSetError, "no class 'wild'; its classes are other, thing"),
        (["cat"], "thing", ImageSetError, "two or more names"),
        (["cat", "zebbra"], "thing", BackboneError, "Did you mean zebra"),
        (["cat", "tabby"], "thing", ImageSetError, "both stand for ImageNet's 'tabby'"),
    ],
)
def test_a_mistake_gets_a_sentence(folder, into, label, error, message):
    with pytest.raises(error, match=message):
        relabel(ImageSet.read(folder), into, label=label)


def test_pictures_in_an_archive_are_refused(folder, tmp_path):
    path = tmp_path / "things.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in folder.rglob("*.*"):
            packed.write(file, file.relative_to(folder))
    with pytest.raises(ImageSetError, match="no table can point into it; unpack it"):
        relabel(ImageSet.read(path), ["cat", "dog"], label="thing")


def test_pictures_of_several_folders_are_pointed_at(folder, tmp_path):
    more = tmp_path / "more" / "other" / "0.png"
    more.parent.mkdir(parents=True)
    Image.effect_noise((64, 64), 45).save(more)
    images = ImageSet.read([folder, tmp_path / "more"])
    rows = np.array([0])
    proposals = pd.DataFrame({"proposed": ["new"], "sure": [True]})
    found = Relabelling(images.subset(rows), rows, images, {}, proposals)
    table = found.table(tmp_path / "new")
    files = {(tmp_path / "new" / path).resolve() for path in table["path"]}
    assert files == {*folder.glob("*/*.*"), more}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("EfficientNetLite2", "predictions"),
        ("convnexttiny", "convnext_tiny_head_dense"),
        ("Xception@avg_pool", "avg_pool"),
    ],
)
def test_the_top_is_the_network_s_own_layer_unless_one_is_named(name, layer):
    assert _with_imagenet_top(name).layer == layer
