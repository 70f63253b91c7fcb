"""Thumbnails, from pictures that are still what the study saw."""

from __future__ import annotations

import base64
import io
import shutil
import zipfile
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from embedlens.report.thumbnails import SIDE, Thumbnails, spread_rows


def opened(address: str) -> Image.Image:
    head, _, data = address.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def looking_at(results, place):
    return replace(results, settings=replace(results.settings, pictures=str(place)))


def test_a_thumbnail_is_a_small_square_of_the_picture(reported):
    results = reported.results
    made = Thumbnails(results).make([0, 59])
    assert set(made) == {0, 59}
    assert opened(made[0]).size == (SIDE, SIDE)
    with Image.open(reported.pictures / results.pictures["path"][59]) as original:
        wanted = original.convert("RGB").crop((2, 0, 22, 20)).resize((1, 1), Image.Resampling.BOX)
    shown = opened(made[59]).convert("RGB").resize((1, 1), Image.Resampling.BOX)
    pairs = zip(shown.getpixel((0, 0)), wanted.getpixel((0, 0)), strict=True)
    assert max(abs(a - b) for a, b in pairs) < 12


@pytest.mark.parametrize("kind", ["zip", "csv"])
def test_pictures_are_found_where_a_zip_or_table_has_them(reported, tmp_path, kind):
    results, place = reported.results, tmp_path / f"set.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(place, "w") as file:
            for path in reported.pictures.rglob("*.png"):
                file.write(path, path.relative_to(reported.pictures))
    else:
        shutil.copytree(reported.pictures, tmp_path, dirs_exist_ok=True)
        pd.DataFrame({"path": results.pictures["path"]}).to_csv(place, index=False)
    assert set(Thumbnails(looking_at(results, place)).make([0, 30])) == {0, 30}


def test_pictures_that_are_gone_or_changed_are_left_out(reported, tmp_path):
    results, place = reported.results, tmp_path / "copy"
    shutil.copytree(reported.pictures, place)
    (place / results.pictures["path"][1]).unlink()
    Image.new("RGB", (9, 9)).save(place / results.pictures["path"][2])
    (place / results.pictures["path"][3]).write_bytes(b"")
    assert set(Thumbnails(looking_at(results, place)).make([0, 1, 2, 3])) == {0}


def test_without_the_folder_there_is_none(reported, tmp_path):
    assert Thumbnails(looking_at(reported.results, tmp_path / "gone")).make([0, 1]) == {}


def test_rows_are_spread_over_each_class(reported):
    results = reported.results
    rows = spread_rows(results, 4)
    assert list(rows) == ["ant", "bee", "cow"]
    assert rows["ant"] == [0, 6, 13, 19]
    for name, chosen in rows.items():
        assert set(results.pictures["label"][chosen]) == {name}
    assert len(spread_rows(results, 100)["bee"]) == 20
