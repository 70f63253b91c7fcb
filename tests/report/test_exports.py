"""Files for other tools, read back as those tools read them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from PIL import Image

from embedlens.errors import StudyError
from embedlens.report import export_csv, export_parquet, export_tensorboard
from embedlens.report import tensorboard as tensorboard_module


def entries_of(config):
    """The embeddings of a projector_config.pbtxt as dicts."""
    text = config.read_text()
    return [
        {
            "name": re.search(r'tensor_name: "(.*)"', entry)[1],
            "shape": tuple(map(int, re.findall(r"tensor_shape: (\d+)", entry))),
            "tensor": re.search(r'tensor_path: "(.*)"', entry)[1],
            "side": (re.findall(r"single_image_dim: (\d+)", entry) or [None])[0],
        }
        for entry in text.split("embeddings {")[1:]
    ]


def test_tensorboard_gets_features_and_maps_of_every_backbone(reported, tmp_path):
    config = export_tensorboard(reported.folder, tmp_path / "out")
    read = {
        each["name"]: np.fromfile(config.parent / each["tensor"], "<f4").reshape(each["shape"])
        for each in entries_of(config)
    }
    for (backbone, _), maps in reported.results.maps.items():
        np.testing.assert_array_equal(read[f"{backbone}: PCA"], maps["pca"])
        np.testing.assert_array_equal(read[f"{backbone}: t-SNE"], maps["tsne"])
        values = np.load(reported.folder / "features" / backbone / "features.npy")
        np.testing.assert_array_equal(read[f"{backbone}: features"], values)
    metadata = pd.read_csv(config.parent / "metadata.tsv", sep="\t")
    assert metadata["path"].tolist() == reported.results.pictures["path"].tolist()
    assert metadata["class"].tolist() == reported.results.pictures["label"].tolist()


def test_tensorboards_sprite_has_picture_i_in_cell_i(reported, tmp_path):
    config = export_tensorboard(reported.folder, tmp_path)
    side = int(entries_of(config)[0]["side"])
    sprite = Image.open(tmp_path / "sprite.jpg")
    assert sprite.size == (8 * side, 8 * side)  # 60 pictures
    y, x = divmod(45, 8)
    cell = sprite.crop((x * side, y * side, (x + 1) * side, (y + 1) * side))
    with Image.open(reported.pictures / reported.results.pictures["path"][45]) as picture:
        square = picture.convert("RGB").crop((2, 0, 22, 20))
    box = Image.Resampling.BOX
    difference = np.subtract(*(np.asarray(i.resize((1, 1), box), int) for i in (cell, square)))
    assert np.abs(difference).max() < 8


def test_a_sprite_is_no_larger_than_tensorboard_takes(reported, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard_module, "SPRITE_LIMIT", 200)
    export_tensorboard(reported.folder, tmp_path)
    assert max(Image.open(tmp_path / "sprite.jpg").size) <= 200
    monkeypatch.setattr(tensorboard_module, "SPRITE_LIMIT", 100)  # 12 pixels a picture
    config = export_tensorboard(reported.folder, tmp_path)
    assert not (tmp_path / "sprite.jpg").exists()
    assert entries_of(config)[0]["side"] is None


def test_names_with_tabs_and_quotes_do_not_break_the_files(study, tmp_path):
    made = study(classes=["a\tb", 'say "x"'], backbones={"A": 0.9})
    config = export_tensorboard(made.folder, tmp_path / "out")
    lines = (config.parent / "metadata.tsv").read_text().splitlines()
    assert len(lines) == 41
    assert {line.count("\t") for line in lines} == {2}


def test_parquet_has_a_row_a_picture(reported, tmp_path):
    results = reported.results
    table = pd.read_parquet(export_parquet(reported.folder, tmp_path / "new" / "out"))
    assert table["path"].tolist() == results.pictures["path"].tolist()
    assert table["class"].tolist() == results.pictures["label"].tolist()
    for axis, values in zip("xyz", results.maps["Worse", "pretrained"]["tsne"].T, strict=True):
        np.testing.assert_array_equal(table[f"Worse.tsne.{axis}"], values)
    own = results.silhouettes.query("backbone == 'Worse'")
    np.testing.assert_array_equal(table["Worse.silhouette.pca"], own["pca"])
    rows = results.predictions.query("backbone == 'Worse' and head == 'knn' and repeat == 0")
    said = table["Worse.knn.predicted"]
    assert said[rows["picture"]].tolist() == rows["predicted"].tolist()
    assert said.drop(rows["picture"]).isna().all()
    assert (said.notna() == (table["split"] == "test")).all()


def test_csv_is_the_same_table(reported, tmp_path):
    path = export_csv(reported.folder, tmp_path / "new" / "out")
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    same = pd.read_parquet(export_parquet(reported.folder, tmp_path))
    assert list(table) == list(same)
    assert table["path"].to_list() == same["path"].to_list()
    assert table["class"].to_list() == same["class"].to_list()


def test_parquet_has_the_features_where_they_are_asked_for(reported, tmp_path):
    path = export_parquet(reported.folder, tmp_path, features=True)
    column = pyarrow.parquet.read_table(path)["Worse.features"]
    values = np.load(reported.folder / "features" / "Worse" / "features.npy")
    np.testing.assert_array_equal(np.array(column.to_pylist(), np.float32), values)


def test_features_that_are_gone_are_said_to_be(study, tmp_path):
    made = study(backbones={"A": 0.9})
    (made.folder / "features" / "A" / "ids.txt").write_text("others")
    with pytest.raises(StudyError, match="has no features of A any more"):
        export_parquet(made.folder, tmp_path, features=True)


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    for export in (export_csv, export_parquet, export_tensorboard):
        with pytest.raises(StudyError, match="is not a study folder"):
            export(tmp_path, tmp_path / "out")
        assert not (tmp_path / "out").exists()
