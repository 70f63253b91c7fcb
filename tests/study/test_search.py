"""The nearest pictures of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    rng = np.random.default_rng(0)
    for name, shade in {"dark": 40, "light": 200}.items():
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(8):
            pixels = np.clip(rng.normal(shade, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i}.png")
    made = Study(
        folder / "photos",
        ["EfficientNetLite0"],
        out=folder / "study",
        size=32,
        repeats=1,
        maps="pca",
    )
    made.run()
    return made


def features(study):
    return np.load(study.folder / "features" / "EfficientNetLite0" / "features.npy").astype(float)


def test_a_picture_of_the_study_finds_itself_and_then_the_nearest(study):
    pictures, values = study.results().pictures, features(study)
    row = 3
    found = study.search(study.settings.pictures + "/" + pictures["path"][row], 5)
    distances = np.linalg.norm(values - values[row], axis=1)
    order = np.argsort(distances, kind="stable")[:5]
    assert found["path"].tolist() == pictures["path"][order].tolist()
    assert found["label"].tolist() == pictures["label"][order].tolist()
    np.testing.assert_allclose(found["distance"], distances[order], rtol=1e-6, atol=1e-9)
    lengths = np.linalg.norm(values, axis=1)
    np.testing.assert_allclose(
        found["similarity"], (values @ values[row] / lengths / lengths[row])[order]
    )


def test_a_new_picture_is_embedded_as_the_study_embeds(study, tmp_path):
    """The same pixels in another file: another id, the same features."""
    path = study.results().pictures["path"][5]
    with Image.open(f"{study.settings.pictures}/{path}") as image:
        image.save(tmp_path / "new.bmp")
    found = study.search(tmp_path / "new.bmp", 1000)
    assert len(found) == 16
    assert found["path"][0] == path
    assert found["distance"][0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "k", "backbone", "sentence"),
    [
        ("none.png", 3, None, "no such file"),
        ("text.png", 3, None, "no picture can be read"),
        ("dark", 3, None, "holds 8 pictures; give one"),
        ("dark/0.png", 0, None, "k is 0"),
        ("dark/0.png", 3, "Xception", "has no backbone 'Xception'; it has EfficientNetLite0"),
    ],
)
def test_what_cannot_be_searched_for_gets_a_sentence(study, name, k, backbone, sentence):
    photos = Path(study.settings.pictures)
    (photos / "text.png").write_bytes(b"text")
    with pytest.raises(EmbedlensError, match=sentence):
        study.search(photos / name, k, backbone=backbone)
    assert (
        study.search(photos / "dark/0.png", 1, backbone="efficientnetlite0")["label"][0] == "dark"
    )
