"""Splits that cannot be trained or tested are refused before anything is embedded."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from PIL import Image

from embedlens.errors import StudyError
from embedlens.study import Study

STEPS = importlib.import_module("embedlens.study.backbone_steps")


def write(folder, counts):
    """Write so many distinct pictures into each folder."""
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def nothing_embedded(monkeypatch):
    monkeypatch.setattr(STEPS, "embed", lambda *_, **__: pytest.fail("pictures were embedded"))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"a": 1, "b": 1}, "2 pictures of 2 classes (2 train, 0 validation, 0 test) has no"),
        ({"a": 1, "b": 1, "c": 1}, "has no picture to test on"),
        ({"train/a": 6, "test/a": 2, "test/b": 2}, "trains on one class only, a;"),
        ({"train/a": 6, "validation/b": 3, "test/b": 2}, "trains on one class only, a;"),
    ],
)
def test_what_cannot_be_trained_or_tested_is_a_sentence(counts, said, tmp_path, nothing_embedded):
    study = Study(write(tmp_path / "pictures", counts), ["EfficientNetLite0"], out=tmp_path / "out")
    with pytest.raises(StudyError) as error:
        study.run()
    assert said in str(error.value)


@pytest.mark.parametrize(
    "counts",
    [
        {"a": 2, "b": 2},
        {"a": 1, "b": 2, "c": 3},
        {"train/a": 4, "train/b": 4, "test/c": 2},
        {"train/a": 4, "train/b": 4, "test/a": 1},
    ],
)
def test_what_can_be_trained_and_tested_goes_on(counts, tmp_path, monkeypatch):
    class Embedding(Exception):
        pass

    def embed(*_, **__):
        raise Embedding

    monkeypatch.setattr(STEPS, "embed", embed)
    study = Study(write(tmp_path / "pictures", counts), ["EfficientNetLite0"], out=tmp_path / "out")
    with pytest.raises(Embedding):
        study.run()
