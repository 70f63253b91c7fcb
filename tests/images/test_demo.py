"""The pictures that come with the install."""

from __future__ import annotations

import pytest
from PIL import Image

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet
from embedlens.images.demo import write_demo_pictures


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    return write_demo_pictures(tmp_path_factory.mktemp("demo") / "clothes")


def test_there_are_forty_photographs_of_each_of_eight_classes(clothes):
    images = ImageSet.read(clothes)
    assert images.classes == (
        "dress", "hat", "long sleeve", "pants", "shirt", "shoes", "skirt", "t-shirt",
    )  # fmt: skip
    assert images.counts().to_numpy().sum() == 320
    assert not any(images.given_splits)
    assert images.problems == ()


def test_they_are_coloured_and_large_enough_for_a_person(clothes):
    for path in clothes.glob("*/*.jpg"):
        with Image.open(path) as picture:
            assert picture.mode == "RGB"
            assert min(picture.size) >= 180


def test_test_pictures_are_drawn_from_the_same_as_training_pictures(clothes):
    """Each class is split in the same shares, by lot."""
    counts = ImageSet.read(clothes).counts()
    assert (counts["test"] == 8).all()


def test_an_earlier_demo_is_replaced(tmp_path):
    (tmp_path / "demo" / "old").mkdir(parents=True)
    write_demo_pictures(tmp_path / "demo")
    assert not (tmp_path / "demo" / "old").exists()


def test_digits_are_all_of_scikit_learns(tmp_path):
    images = ImageSet.read(write_demo_pictures(tmp_path / "digits", "digits"))
    assert len(images) == 1797
    assert images.classes == tuple("0123456789")


def test_other_data_is_refused(tmp_path):
    with pytest.raises(ImageSetError, match="no demo data 'cats'"):
        write_demo_pictures(tmp_path, "cats")
