"""Pictures as people have them: thumbnails of the right brightness, or a no."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.viewer import arrays_scene


def cells(images):
    """The middle of each thumbnail, RGB."""
    scene = arrays_scene(np.arange(2 * len(images)).reshape(-1, 2), images=images)
    sheets, found = scene.thumbnails, []
    for row in range(len(images)):
        sheet = Image.open(io.BytesIO(bytes(scene.blob(sheets.sheets[row // sheets.columns**2]))))
        y, x = (sheets.size * part for part in divmod(row, sheets.columns))
        box = np.asarray(sheet.convert("RGB"))[y : y + sheets.size, x : x + sheets.size]
        found.append(box[20:44, 20:44].mean(axis=(0, 1)).round(0))
    return np.array(found)


def flat(value, shape=(2, 8, 8, 3), dtype=None):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("images", "brightness"),
    [
        (flat(255, dtype=np.uint8), 255),
        (flat(1.0), 255),
        (flat(0.7), 178.5),
        (flat(0.7, dtype=np.float32), 178.5),
        (flat(0.5, dtype=np.float16), 127.5),
        (flat(1.0 + 1e-7), 255),
        (flat(200.0), 200),
        (flat(200, dtype=np.int64), 200),
        (flat(1, dtype=np.uint8), 1),
        (flat(65535, dtype=np.uint16), 255),
        (flat(32768, dtype=np.uint16), 127.5),
        (flat(4095, dtype=np.uint16), 255),
        (flat(1023, dtype=">u2"), 255),
        (flat(200, dtype=np.uint16), 200),
        (flat(True), 255),
        (flat(0.7, (2, 8, 8)), 178.5),
        (flat(0.7, (2, 8, 8, 1)), 178.5),
        (flat(0.7, (2, 9, 12)), 178.5),
        ([flat(90, (8, 8), np.uint8), flat(90, (30, 7, 3), np.uint8)], 90),
        ([Image.new("L", (8, 5), 90), Image.new("RGB", (3, 8), (90, 90, 90))], 90),
        ([Image.new("1", (8, 8), 1)] * 2, 255),
        ([Image.fromarray(flat(65535, (8, 8), np.uint16))] * 2, 255),
        ([Image.fromarray(flat(65535, (8, 8), np.int32))] * 2, 255),
        ([Image.fromarray(flat(0.5, (8, 8), np.float32))] * 2, 127.5),
        ([[[90] * 8] * 8] * 2, 90),
    ],
)
def test_pictures_are_as_bright_as_they_are(images, brightness):
    np.testing.assert_allclose(cells(images), brightness, atol=2)


def test_one_white_holds_for_all_pictures_of_a_kind():
    floats = np.stack([flat(1.0, (8, 8)), flat(128.0, (8, 8)), flat(255.0, (8, 8))])
    np.testing.assert_allclose(cells(floats)[:, 0], [1, 128, 255], atol=2)
    wide = np.stack([flat(100, (8, 8), np.uint16), flat(65535, (8, 8), np.uint16)])
    np.testing.assert_allclose(cells(wide)[:, 0], [0, 255], atol=2)


def test_alpha_is_laid_over_white():
    clear = np.zeros((2, 8, 8, 4), np.uint8)
    clear[1, ..., 3] = 255
    np.testing.assert_allclose(cells(clear)[:, 0], [255, 0], atol=2)
    np.testing.assert_allclose(cells(clear / 255.0)[:, 0], [255, 0], atol=2)
    np.testing.assert_allclose(cells([Image.fromarray(each) for each in clear])[:, 0], [255, 0],
                               atol=2)  # fmt: skip


def test_paths_and_missing_pictures(tmp_path):
    path = tmp_path / "é.png"
    Image.new("RGB", (9, 9), (10, 90, 200)).save(path)
    for images in ([path, None], pd.Series([str(path), None], index=[5, 3])):
        np.testing.assert_allclose(cells(images), [[10, 90, 200], [200, 200, 200]], atol=3)
    with pytest.raises(
        EmbedlensError, match=r"None of the 2 pictures is there; the first is no\.p"
    ):
        cells(["no.png", "nor this.png"])


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (flat(300), "int64 numbers from 300 to 300"),
        (flat(-1, dtype=np.int8), "from -1 to -1"),
        (flat(256.5), "float numbers from 256.5"),
        (np.linspace(-1, 1, 2 * 64).reshape(2, 8, 8), "float numbers from -1 to 1"),
        (flat(np.nan), "NaN or infinity"),
        (flat(1j), "complex128"),
        (flat(1.0, (2, 3, 8, 8)), "channels come last"),
        (flat(1.0, (2, 8, 8, 2)), r"images\[0\] has the shape \(8, 8, 2\)"),
        (flat(1.0, (2, 8, 3)), "one picture"),
        (flat(1.0, (2, 8)), r"images has the shape \(2, 8\)"),
        (flat(1.0, (2, 1, 8, 8, 3)), "images has the shape"),
        (flat(1.0, (2, 0, 8, 3)), r"images\[0\] has the shape \(0, 8, 3\)"),
        (flat(1.0, (3, 8, 8, 3)), "images has 3 entries for 2 points"),
        ("photos", "images is a str"),
        ({"a": 1, "b": 2}, "images is a dict"),
        ([object(), object()], r"images\[0\] is a object"),
    ],
)
def test_pictures_that_are_none_are_refused(images, sentence):
    with pytest.raises(EmbedlensError, match=sentence):
        arrays_scene([[0, 0], [1, 1]], images=images)
