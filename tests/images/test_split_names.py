from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.errors import ImageSetError
from embedlens.images import SPLITS
from embedlens.images.split_names import (
    has_splits,
    split_named,
    splits_hinted,
    splits_named,
    splits_of_rows,
)

UNDERSTOOD = {
    "train": ["train", "TRAIN", " Train ", "training", "trn", "tr", "training_set", "Training Set",
              "train_images", "images_train", "train2017", "train-1", "trainset", "TrainData",
              "X_train", "train (1)", "trainval", "train_val", "data/train"],
    "validation": ["val", "Valid", "validation", "dev", "eval", "evaluation", "val2017", "devset",
                   "valid.images", "val_1", "validation_split"],
    "test": ["test", "Test ", "testing", "tst", "holdout", "hold-out", "held out", "hold_out set",
             "test_set", "PublicTest", "test2019", "testdata"],
    "": ["", "extra", "0", "1.0", "none", "unlabelled", "tset", "train/test", "train_test_split",
         "latest", "contest", "trainer", "trains", "valley", "device", "cat", "test tube",
         "training shoes", "unsupervised", "fold1"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "split"), [(n, s) for s, names in UNDERSTOOD.items() for n in names]
)
def test_a_name_is_understood_or_not(name, split):
    assert split_named(name) == split


def test_words_that_folders_share_say_nothing():
    names = ["flowers_train", "flowers_test", "flowers_pred"]
    assert list(splits_named(names, alike=True).values()) == ["train", "test", ""]
    assert set(splits_named(names).values()) == {""}


def test_eval_is_the_test_split_beside_another_validation_split():
    assert splits_named(["train", "dev", "eval"])["eval"] == "test"
    assert splits_named(["train", "dev", "eval", "test"])["eval"] == "validation"
    assert splits_named(["train", "eval"])["eval"] == "validation"


def test_a_word_anywhere_is_a_hint():
    names = ["dogs for train", "my test pictures", "train and test", "other"]
    assert list(splits_hinted(names).values()) == ["train", "test", "", ""]


def test_splits_are_of_use_with_training_and_another():
    assert has_splits(["train", "test", ""])
    assert not has_splits(["train", "", "train"])
    assert not has_splits(["test", "validation"])


class TestRows:
    def test_all_spellings_become_one(self):
        given = ["Train", "TESTING", " val", "train"]
        assert splits_of_rows(given, "f") == ["train", "test", "validation", "train"]

    def test_no_splits_are_none(self):
        assert splits_of_rows(["", ""], "f") == ["", ""]

    @pytest.mark.parametrize("wrong", ["", "tset", "0", "nan"])
    def test_the_first_that_is_none_is_named_with_its_row(self, wrong):
        with pytest.raises(ImageSetError, match=f"f: split '{wrong}' in row 2 is not train"):
            splits_of_rows(["train", wrong, "test"], "f")

    def test_splits_without_training_are_an_error(self):
        with pytest.raises(ImageSetError, match="no row has split train"):
            splits_of_rows(["test", "val"], "f")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5, unique=True), st.booleans())
def test_any_names_give_splits_or_nothing(names, alike):
    found = splits_named(names, alike=alike)
    assert set(found) == set(names)
    assert set(found.values()) <= {*SPLITS, ""}


@given(st.sampled_from([(n, s) for s in SPLITS for n in UNDERSTOOD[s]]), st.booleans())
def test_case_and_spaces_do_not_matter(case, upper):
    name, split = case
    # "TrainData" is two words by its capitals alone.
    if name.lower() == name:
        assert split_named(f" {name.upper() if upper else name}\t") == split
