"""Sets in which nothing, or everything, looks alike."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from embedlens.curation import check
from embedlens.images import ImageSet


def photograph(rng, side=96):
    spots = rng.integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(spots).resize((side, side), Image.Resampling.BICUBIC)


def save(folder, name, picture, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


def rows(found, kind):
    return found.findings[found.findings["kind"] == kind]


@pytest.fixture
def ordinary(tmp_path):
    """Two classes of 15 different pictures."""
    rng = np.random.default_rng(0)
    for label in "ab":
        for i in range(15):
            save(tmp_path, f"{label}/{i:02}.png", photograph(rng))
    return tmp_path


def test_pictures_that_are_all_but_black_white_or_flat_are_named(ordinary):
    rng = np.random.default_rng(1)
    twelve_bits = np.asarray(photograph(rng).convert("L")).astype(np.uint16) * 16
    blanks = {
        "a/black.png": (Image.new("RGB", (64, 64)), "black"),
        "a/dark.png": (Image.fromarray(twelve_bits), "black"),
        "b/white.png": (Image.new("L", (20, 20), 255), "white"),
        "b/flat.jpg": (Image.new("RGB", (64, 64), (90, 140, 30)), "of one shade"),
    }
    for name, (picture, _) in blanks.items():
        save(ordinary, name, picture)
    images = ImageSet.read(ordinary)
    found = rows(check(images, rng.normal(size=(len(images), 16))), "blank")
    told = dict(zip(found["path"], found["reason"], strict=True))
    # How 12 bits in 16 are read is not for this test to say.
    told.pop("a/dark.png", None), blanks.pop("a/dark.png")
    assert told == {name: f"it is all but {what}" for name, (_, what) in blanks.items()}


def test_black_pictures_alone_are_named_and_are_no_copies(tmp_path):
    for i in range(6):
        for k, label in enumerate("ab"):
            save(tmp_path, f"{label}/{i}.png", Image.new("RGB", (64 + i + 9 * k, 64)))
    found = check(ImageSet.read(tmp_path), np.ones((12, 8)))
    assert found.counts()["blank"] == 12
    assert not {"leak", "duplicate", "two labels", "look-alike"} & set(found.counts())


def test_features_that_are_all_alike_make_no_copies(ordinary):
    """As those of random weights: every cosine is .99 or more."""
    rng = np.random.default_rng(0)
    features = 1 + 0.01 * rng.normal(size=(30, 64))
    found = check(ImageSet.read(ordinary), features)
    assert not {"leak", "duplicate", "two labels", "suspect label", "alike"} & set(found.counts())


def test_a_likeness_of_features_alone_is_a_look_alike_and_nothing_is_to_be_removed(ordinary):
    features = np.random.default_rng(0).normal(size=(30, 64))
    features[17] = features[3] + 0.01
    found = check(ImageSet.read(ordinary), features)
    pair = rows(found, "look-alike")
    assert {*pair["path"], *pair["other"]} == {"a/03.png", "b/02.png"}
    assert not pair["action"].str.contains("remove").any()
    assert not {"leak", "duplicate", "two labels"} & set(found.counts())


def test_a_mirrored_copy_that_the_features_find_is_a_copy(ordinary):
    original = Image.open(ordinary / "a" / "03.png")
    save(ordinary, "a/mirrored.png", original.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    images = ImageSet.read(ordinary)
    features = np.random.default_rng(0).normal(size=(31, 64))
    at = images.paths.tolist().index
    features[at("a/mirrored.png")] = features[at("a/03.png")] + 0.01
    found = check(images, features)
    pairs = found.findings[found.findings["kind"].isin(["leak", "duplicate"])]
    assert len(pairs) == 1
    assert {*pairs["path"], *pairs["other"]} == {"a/03.png", "a/mirrored.png"}


def test_pictures_of_one_camera_are_told_as_such_and_not_as_copies(tmp_path):
    rng = np.random.default_rng(0)
    base = np.asarray(Image.fromarray(data.coins()).convert("RGB").resize((160, 128))).astype(int)
    for label in ("good", "scratched"):
        for i in range(12):
            picture = np.clip(base + rng.integers(-12, 13, base.shape), 0, 255).astype(np.uint8)
            save(tmp_path, f"{label}/{i:02}.png", Image.fromarray(picture))
    features = 1 + 0.01 * rng.normal(size=(24, 32))
    found = check(ImageSet.read(tmp_path), features)
    assert not {"leak", "duplicate", "two labels"} & set(found.counts())
    (row,) = rows(found, "alike").itertuples()
    assert row.reason.startswith("24 pictures (good, scratched) are as alike as copies")
    assert "remove" not in row.action


def test_one_test_picture_is_one(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("test", 1)):
        for label in "ab":
            for i in range(count):
                save(tmp_path, f"{split}/{label}/{i}.png", photograph(rng))
    images = ImageSet.read(tmp_path)
    found = rows(check(images, rng.normal(size=(len(images), 8))), "small class")
    assert found["reason"].str.startswith("1 test picture of 5: ").all()


@pytest.mark.parametrize("missing", ["test", "train"])
def test_a_class_that_the_given_split_never_tests_or_never_shows_is_told(tmp_path, missing):
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for label in "ab":
            if (split, label) != (missing, "b"):
                for i in range(4):
                    save(tmp_path, f"{split}/{label}/{i}.png", photograph(rng))
    images = ImageSet.read(tmp_path)
    found = rows(check(images, rng.normal(size=(len(images), 8))), "small class")
    reason = found.set_index("path").at["b", "reason"]
    told = {"test": "no test picture among 8", "train": "no training picture among 8"}
    assert reason.startswith(told[missing])
