"""What a layout of folders is taken for, and what is said of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens.errors import ImageSetError
from embedlens.images import KINDS, ImageSet
from embedlens.images.folders import list_folders

WHERE = Path("photos")


def crossed(tops, inner, pictures=3):
    """Names of pictures in folders within folders."""
    return [f"{a}/{b}/{i}.png" for a, b in itertools.product(tops, inner) for i in range(pictures)]


def read(names):
    """Classes, splits and what is told of the layout."""
    entries, problems = list_folders(sorted(names), WHERE)
    classes = sorted({entry.label for entry in entries})
    splits = sorted({entry.split for entry in entries})
    return classes, splits, [each.reason for each in problems if each.kind == "layout"]


class TestSplitFolders:
    @pytest.mark.parametrize(
        "tops",
        [
            ("training_set", "test_set"), ("seg_train", "seg_test"), ("train_images", "val_images"),
            ("train2017", "val2017"), ("train", "holdout"), ("train", "eval"), ("Train", "Test "),
            ("train_data", "test_data"), ("images_train", "images_test"), ("trn", "tst"),
            ("train_1", "train_2", "test"), ("Training", "Validation"), ("trainset", "testset"),
            ("flowers-train", "flowers-dev"), ("train", "val", "test"), ("1_train", "2_test"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("above", ["", "archive/", "a/b/"])
    def test_they_give_splits_and_not_classes(self, tops, above):
        classes, splits, _ = read(crossed([above + top for top in tops], ["cat", "dog"]))
        assert classes == ["cat", "dog"]
        assert "train" in splits
        assert len(splits) > 1
        assert "" not in splits

    def test_unusual_names_are_told_and_usual_ones_are_not(self):
        assert read(crossed(["Train", "val", "test"], ["cat", "dog"]))[2] == []
        told = read(crossed(["seg_train", "seg_test"], ["cat", "dog"]))[2]
        assert told == ["read 'seg_test' as test, 'seg_train' as train"]

    def test_a_class_may_lack_in_a_split(self):
        names = crossed(["a train", "b test"], ["cat", "dog", "elk", "fox", "owl"])
        classes, splits, _ = read([name for name in names if not name.startswith("b test/owl")])
        assert classes == ["cat", "dog", "elk", "fox", "owl"]
        assert splits == ["test", "train"]

    def test_a_folder_between_split_and_class_is_looked_through(self):
        doubled = crossed(["seg_train/seg_train", "seg_test/seg_test"], ["cat", "dog"])
        assert read([*doubled, "seg_pred/seg_pred/1.png"])[:2] == (
            ["cat", "dog"],
            ["test", "train"],
        )
        assert read(crossed(["train/images", "val/images"], ["cat", "dog"]))[0] == ["cat", "dog"]

    def test_all_of_one_split_give_none(self):
        classes, splits, told = read(crossed(["train_1", "train_2"], ["cat", "dog"]))
        assert (classes, splits) == (["cat", "dog"], [""])
        assert "no split from train_1 and train_2" in told[0]

    def test_an_unknown_one_beside_a_known_one_is_refused(self):
        with pytest.raises(ImageSetError, match="extra is not train, validation or test; rename"):
            read(crossed(["train", "extra"], ["cat", "dog"]))

    def test_a_loose_picture_above_them_is_set_aside(self):
        names = ["cover.png", "images/x.png", *crossed(["images/train", "images/test"], "ab")]
        entries, problems = list_folders(sorted(names), WHERE)
        assert {entry.split for entry in entries} == {"train", "test"}
        assert [each.path for each in problems] == ["cover.png", "images/x.png"]


class TestClassesThatHoldSplits:
    @pytest.mark.parametrize(
        "splits", [("train", "test"), ("Training", "Val "), ("a_trn", "a_tst")]
    )
    def test_the_splits_within_them_are_taken_and_told(self, splits):
        classes, found, told = read(crossed(["cat", "dog"], splits))
        assert classes == ["cat", "dog"]
        assert len(found) == 2
        assert "" not in found
        assert told[0].startswith("cat and dog are taken as the classes, and as splits")

    def test_what_lies_beside_the_splits_is_set_aside(self):
        names = [*crossed(["cat", "dog"], ["train", "test"]), "cat/old/1.png", "dog/1.png"]
        _, problems = list_folders(sorted(names), WHERE)
        assert [(each.path, each.kind) for each in problems][:2] == [
            ("cat/old/1.png", "loose"),
            ("dog/1.png", "loose"),
        ]


class TestEqualFolders:
    @pytest.mark.parametrize(
        "tops",
        [
            ("fold1", "fold2"), ("fold_0", "fold_1", "fold_2"), ("camera1", "camera2"), ("1", "2"),
            ("site north", "site south"), ("2019", "2020"), ("batch-a", "batch-b"),
            ("Hospital A", "Hospital B"),
        ],
    )  # fmt: skip
    def test_shares_of_the_pictures_are_no_classes_and_no_splits(self, tops):
        classes, splits, told = read(crossed(tops, ["cat", "dog"]))
        assert (classes, splits) == (["cat", "dog"], [""])
        assert "cat and dog are taken as the classes, and no split from" in told[0]

    @pytest.mark.parametrize("inner", [("indoor", "outdoor"), ("1", "2", "3"), ("day1", "day2")])
    def test_classes_may_hold_equal_folders_and_it_is_told(self, inner):
        classes, splits, told = read(crossed(["cat", "dog"], inner))
        assert (classes, splits) == (["cat", "dog"], [""])
        assert "cat and dog are taken as the classes; if" in told[0]
        assert "photos/cat,photos/dog" in told[0]

    def test_the_more_numerous_are_the_classes(self):
        animals = ["ape", "bee", "cat", "dog", "elk", "fox", "gnu"]
        assert read(crossed(["art", "photo", "sketch"], animals))[0] == animals
        assert read(crossed(animals, ["art", "photo", "sketch"]))[0] == animals

    def test_other_folders_within_classes_are_no_matter(self):
        names = ["cat/old/1.png", "cat/2.png", "dog/new/1.png", "dog/2.png"]
        assert read(names) == (["cat", "dog"], [""], [])

    def test_a_class_of_trains_with_equal_folders_is_refused_rather_than_guessed(self):
        with pytest.raises(ImageSetError, match="bus and car is not train"):
            read(crossed(["bus", "car", "train"], ["day", "night"]))


class TestClassNames:
    @pytest.mark.parametrize(
        ("one", "two"), [("Cat", "cat"), ("sea_lion", "sea lion"), ("ca\u00adt", "cat")]
    )
    def test_two_that_look_alike_are_told(self, one, two):
        entries, problems = list_folders([f"{one}/1.png", f"{two}/1.png"], WHERE)
        assert len({entry.label for entry in entries}) == 2
        assert [each.kind for each in problems] == ["class names"]
        assert "are read as 2 classes; rename them if they are one" in problems[0].reason

    @pytest.mark.parametrize(("one", "two"), [("cat ", "cat"), ("caf\u00e9", "cafe\u0301")])
    def test_two_that_cannot_be_told_apart_are_one_and_told(self, one, two):
        entries, problems = list_folders([f"{one}/1.png", f"{two}/1.png", "dog/1.png"], WHERE)
        assert len({entry.label for entry in entries}) == 2
        assert "written in 2 ways, read as one" in problems[0].reason
        problems[0].reason.encode("ascii")


def test_a_layout_is_told_in_the_set(write, picture):
    names = crossed(["camera1", "camera2"], ["cat", "dog"])
    images = ImageSet.read(write({name: picture(i) for i, name in enumerate(names)}))
    assert [note.kind for note in images.notes] == ["layout"]
    assert images.classes == ("cat", "dog")
    assert images.to_frame()["kept"].all()


folder = st.sampled_from(["train", "test ", "val", "cat", "Cat", "dog", "fold1", "x", "images"])


@settings(max_examples=300)
@given(st.lists(st.lists(folder, max_size=3), min_size=1, max_size=8))
def test_every_picture_is_taken_or_told(folders):
    names = sorted({"/".join([*each, f"{i}.png"]) for i, each in enumerate(folders)})
    try:
        entries, problems = list_folders(names, WHERE)
    except ImageSetError:
        return
    aside = [each.path for each in problems if not each.kept]
    assert sorted([*(entry.name for entry in entries), *aside]) == names
    assert all(entry.label for entry in entries)
    assert {each.kind for each in problems} <= set(KINDS)
