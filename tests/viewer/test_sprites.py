"""Sheets of thumbnails."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from embedlens.results.pictures import Pictures
from embedlens.viewer.sprites import Sheets, bytes_a_picture
from embedlens.viewer.study_scene import study_sheets
from embedlens.viewer.whole_scene import fitting_sheets


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def coloured(row, side):
    return None if row == 3 else np.full((side, side, 3), (row * 7) % 256, np.uint8)


@pytest.mark.parametrize(("count", "number"), [(1, 1), (256, 1), (257, 2), (600, 3)])
def test_picture_i_is_cell_i_modulo_the_cells_of_a_sheet(count, number):
    sheets = Sheets(count, side=16)
    assert sheets.number == number
    drawn = [opened(sheets.draw(coloured, sheet)) for sheet in range(number)]
    assert {each.shape for each in drawn} == {(256, 256, 3)}
    for row in range(count):
        sheet, cell = divmod(row, 256)
        y, x = divmod(cell, 16)
        middle = drawn[sheet][16 * y + 2 : 16 * y + 14, 16 * x + 2 : 16 * x + 14]
        assert abs(middle.mean() - (200 if row == 3 else (row * 7) % 256)) < 3


def test_a_dark_picture_beside_a_bright_one_stays_dark_to_its_edge():
    checks = Sheets(4, side=16, across=2)
    drawn = opened(
        checks.draw(
            lambda row, side: np.full((side,) * 2 + (3,), 255 * (row in (0, 3)), np.uint8), 0
        )
    )
    assert drawn[:16, 16:].max() < 12
    assert drawn[:16, :16].min() > 243


def test_thumbnails_of_a_study_are_its_pictures_and_are_kept(study):
    pictures = Pictures.of_study(study.results)
    sheets = Sheets(len(pictures))
    first = study_sheets(study.folder, sheets, pictures)(0)
    with Image.open(study.pictures / study.results.pictures["path"][20]) as image:
        colour = image.convert("RGB").getpixel((0, 0))
    cell = opened(first)[64:128, 4 * 64 : 5 * 64]
    np.testing.assert_allclose(cell.mean(axis=(0, 1)), colour, atol=4)
    for path in study.pictures.rglob("*.png"):
        path.unlink()
    assert study_sheets(study.folder, sheets, Pictures.of_study(study.results))(0) == first


def test_pictures_that_have_changed_are_blank(study):
    path = study.pictures / study.results.pictures["path"][0]
    Image.new("RGB", (24, 20), "red").save(path)
    pictures = Pictures.of_study(study.results)
    assert pictures.pixels(0, 64) is None
    assert pictures.pixels(1, 64).shape == (64, 64, 3)


def test_a_path_in_the_table_that_leads_elsewhere_shows_nothing(study, tmp_path):
    """The bytes must be those that the study saw."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (24, 20), "blue").save(secret)
    results = study.results
    results.pictures.loc[0, "path"] = str(secret)
    assert Pictures.of_study(results).pixels(0, 64) is None


def test_thumbnails_are_as_large_as_there_is_room_for():
    rng = np.random.default_rng(0)
    noise = lambda row, side: rng.integers(0, 256, (side, side, 3), np.uint8)  # noqa: E731
    for side in (64, 48, 32):
        limit = int(105 * bytes_a_picture(noise, 100, side))
        assert fitting_sheets(noise, 100, limit).side == side
    assert fitting_sheets(noise, 100, limit // 2) is None
