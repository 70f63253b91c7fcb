from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from embedlens.images import ImageSet
from embedlens.images.problem import Problem
from embedlens.study.findings import _key


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(3):
            noise = Image.fromarray(rng.integers(0, 256, (40, 40), np.uint8))
            noise.save(tmp_path / label / f"{i}.png")
    return ImageSet.read(tmp_path)


def test_findings_of_the_same_files_are_kept(images):
    assert _key(ImageSet.read(images.root), "features", 0) == _key(images, "features", 0)


CHANGES = {
    "a file renamed": lambda images: (images.root / "a/2.png").rename(images.root / "a/3.png"),
    "a file added": lambda images: (images.root / "a/x.jpg").write_text("junk"),
    "a file removed": lambda images: (images.root / "b/2.png").unlink(),
    "a file moved": lambda images: (images.root / "a/2.png").rename(images.root / "b/3.png"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_the_folder_makes_other_findings(images, change):
    CHANGES[change](images)
    assert _key(ImageSet.read(images.root), "features", 0) != _key(images, "features", 0)


def test_other_splits_problems_features_or_seeds_make_other_findings(images):
    others = [
        _key(replace(images, splits=np.full(6, "train")), "features", 0),
        _key(replace(images, given_splits=np.full(6, "train")), "features", 0),
        _key(replace(images, problems=(Problem("a", "loose", "why", False),)), "features", 0),
        _key(images, "others", 0),
        _key(images, "features", 1),
    ]
    assert len({*others, _key(images, "features", 0)}) == 6
