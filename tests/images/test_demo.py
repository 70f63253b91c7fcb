"""The pictures that come with the install."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet
from embedlens.images.demo import PHOTOGRAPHS, write_demo_pictures


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    return write_demo_pictures(tmp_path_factory.mktemp("demo") / "patches")


def test_there_is_a_class_a_photograph_in_three_given_splits(patches):
    images = ImageSet.read(patches)
    assert images.classes == tuple(sorted(PHOTOGRAPHS))
    assert set(images.given_splits) == {"train", "validation", "test"}
    assert images.counts().to_numpy().min() >= 5
    assert images.problems == ()


def test_no_pixel_of_a_photograph_is_in_two_tiles(patches):
    """Rows of pixels of a tile appear in no other (black ones around a retina apart)."""
    images = ImageSet.read(patches)
    for name in ("brick", "retina"):
        rows = [
            hashlib.sha256(line.tobytes()).digest()
            for i in np.flatnonzero(images.labels == name)
            for line in images.pixels(i, None)
            if len(np.unique(line)) > 12
        ]
        assert len(set(rows)) == len(rows)


def test_the_same_seed_writes_the_same_pictures(patches, tmp_path):
    again = write_demo_pictures(tmp_path / "again")
    other = write_demo_pictures(tmp_path / "other", seed=1)
    fingerprints = [ImageSet.read(folder).fingerprint for folder in (patches, again, other)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_an_earlier_demo_is_replaced(tmp_path):
    (tmp_path / "demo" / "train" / "old").mkdir(parents=True)
    write_demo_pictures(tmp_path / "demo")
    assert not (tmp_path / "demo" / "train" / "old").exists()


def test_digits_are_all_of_scikit_learns(tmp_path):
    images = ImageSet.read(write_demo_pictures(tmp_path / "digits", "digits"))
    assert len(images) == 1797
    assert images.classes == tuple("0123456789")


def test_other_data_is_refused(tmp_path):
    with pytest.raises(ImageSetError, match="no demo data 'cats'"):
        write_demo_pictures(tmp_path, "cats")
