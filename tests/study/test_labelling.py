"""Proposals for labelling, from pictures to a table and back."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.curation import Labelling, propose_labels
from embedlens.errors import ImageSetError
from embedlens.images import ImageSet
from embedlens.images.table import Wanted, other_columns
from embedlens.report import write_labelling


def write(folder, names, seed=0):
    rng = np.random.default_rng(seed)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).save(path)


def features_of(images, seed=0):
    return np.random.default_rng(seed).normal(size=(len(images), 8)).astype(np.float32)


def proposed(images, budget=3, **more):
    sets = [images, *more.values()]
    return propose_labels(sets, [features_of(each) for each in sets], budget)


def test_pictures_in_no_class_folder_have_no_label(tmp_path):
    write(tmp_path, ["cat/a.png", "dog/b.png", "new.png", "x.png"])
    images = ImageSet.read_partly_labelled(tmp_path)
    assert dict(zip(images.paths, images.labels, strict=True)) == {
        "cat/a.png": "cat", "dog/b.png": "dog", "new.png": "", "x.png": "",
    }  # fmt: skip
    assert images.classes == ("cat", "dog")
    assert images.problems == ()


def test_a_folder_without_class_folders_has_no_label_at_all(tmp_path):
    write(tmp_path, ["a.png", "b.png"])
    assert ImageSet.read_partly_labelled(tmp_path).labels.tolist() == ["", ""]


@pytest.mark.parametrize("table", ["path\na.png\nb.png\n", "path,label\na.png,\nb.png, \n"])
def test_a_table_may_lack_labels_or_the_column(tmp_path, table):
    write(tmp_path, ["a.png", "b.png"])
    (tmp_path / "t.csv").write_text(table)
    assert ImageSet.read_partly_labelled(tmp_path / "t.csv").labels.tolist() == ["", ""]


def test_a_copy_needs_one_label(tmp_path):
    write(tmp_path, ["cat/a.png", "dog/b.png", "c.png"])
    for name in ("c2.png", "c3.png"):
        (tmp_path / name).write_bytes((tmp_path / "c.png").read_bytes())
    (tmp_path / "a2.png").write_bytes((tmp_path / "cat/a.png").read_bytes())
    images = ImageSet.read_partly_labelled(tmp_path)
    assert sorted(images.paths) == ["c.png", "cat/a.png", "dog/b.png"]


def test_unreadable_files_are_set_aside_and_told(tmp_path):
    write(tmp_path, ["a.png", "b.png"])
    (tmp_path / "c.png").write_bytes(b"no picture")
    images = ImageSet.read_partly_labelled(tmp_path)
    assert len(images) == 2
    assert [each.path for each in images.problems] == ["c.png"]
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ImageSetError, match="no picture can be read"):
        ImageSet.read_partly_labelled(tmp_path)


@pytest.mark.parametrize(("name", "sentence"), [("none", "no such file"), ("a.zip", "no pictures")])
def test_what_is_no_place_gets_a_sentence(tmp_path, name, sentence):
    (tmp_path / "a.zip").write_bytes(b"PK\5\6" + bytes(18))
    with pytest.raises(ImageSetError, match=sentence):
        ImageSet.read_partly_labelled(tmp_path / name)


def test_the_table_holds_every_picture_and_the_proposals_first(tmp_path):
    write(tmp_path / "photos", ["cat/a.png", "dog/b.png", *(f"{i}.png" for i in range(8))])
    found = proposed(ImageSet.read_partly_labelled(tmp_path / "photos"))
    path = found.write(tmp_path / "to-label")
    table = pd.read_csv(path, keep_default_na=False)
    assert table.columns.tolist() == ["path", "label", "proposed"]
    assert table["proposed"].tolist()[:4] == ["1", "2", "3", ""]
    assert table["label"].tolist() == ["", "", "", "cat", "dog", *[""] * 5]
    assert table["path"][0].startswith("../photos/")
    assert len(set(table["path"])) == 10


def test_filled_in_it_is_an_image_set_and_the_next_round_goes_on(tmp_path):
    write(tmp_path / "photos", [f"{i}.png" for i in range(12)])
    path = proposed(ImageSet.read_partly_labelled(tmp_path / "photos"), 6).write(tmp_path / "one")
    table = pd.read_csv(path, keep_default_na=False)
    table.loc[:5, "label"] = ["cat", "dog", "NA"] * 2
    table.to_csv(path, index=False)
    study = ImageSet.read(path)
    assert (len(study), study.classes) == (6, ("NA", "cat", "dog"))
    again = proposed(ImageSet.read_partly_labelled(path), 4)
    assert (again.labelled, again.unlabelled) == (6, 6)
    asked = {path for _, path in again.paths()}
    assert asked.isdisjoint(table["path"][:6])
    with pytest.raises(ImageSetError, match="is there already, perhaps with labels"):
        again.write(tmp_path / "one")
    assert pd.read_csv(path, keep_default_na=False)["label"][0] == "cat"


def test_other_columns_of_a_parquet_table_come_along_too(tmp_path):
    """Numbers and days as well; what no cell of a CSV can hold stays behind."""
    pd.DataFrame({
        "path": ["a.png", "b.png"], "label": ["cat", None], "patient": [7, 8],
        "weight": [1.5, None], "seen": pd.to_datetime(["2024-01-01", "2024-01-02"]).date,
        "note": ["x", ""], "box": [[1, 2], [3]], "bytes": [b"\xff", b"\xfe"],
    }).to_parquet(tmp_path / "t.parquet")  # fmt: skip
    assert other_columns(tmp_path / "t.parquet") == {
        "patient": {"a.png": "7", "b.png": "8"},
        "weight": {"a.png": "1.5", "b.png": ""},
        "seen": {"a.png": "2024-01-01", "b.png": "2024-01-02"},
        "note": {"a.png": "x", "b.png": ""},
    }


def test_other_columns_of_a_table_come_along(tmp_path):
    write(tmp_path, [*(f"{each}.png" for each in "abcd"), "new/a.png"])
    (tmp_path / "t.csv").write_text(
        "\ufefffile;Class;Patient;taken;fold;note;\r\n"
        'a.png;cat;007;2024-01-01;1;"x; ""y""";\r\nb.png;dog;8;;2;;\r\n'
        "c.png;;NA;2024-01-03;1;;\r\n./d.png;;8;2024-01-04;2;;\r\n",
        encoding="utf-8",
    )
    others = other_columns(tmp_path / "t.csv")
    assert set(others) == {"Patient", "taken", "note"}
    assert "fold" in other_columns(tmp_path / "t.csv", Wanted(group="Fold"))
    more = ImageSet.read_partly_labelled(tmp_path / "new")
    found = proposed(ImageSet.read_partly_labelled(tmp_path / "t.csv"), 2, more=more)
    table = pd.read_csv(
        replace(found, others=others).write(tmp_path / "out"), dtype=str, keep_default_na=False
    ).set_index("path")
    assert table.columns.tolist() == ["label", "proposed", "Patient", "taken", "note"]
    assert table.loc["../a.png"].tolist() == ["cat", "", "007", "2024-01-01", 'x; "y"']
    assert table.loc["../c.png", "Patient"] == "NA"
    assert table.loc["../d.png", "taken"] == "2024-01-04"
    assert table.loc["../new/a.png", "Patient"] == ""
    assert set(table.loc[table["proposed"] == "", "label"]) >= {"cat", "dog"}


@pytest.mark.parametrize(("disk", "cell"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_accents_of_a_path_may_be_composed_or_not(tmp_path, disk, cell):
    names = [unicodedata.normalize(disk, f"caf\u00e9/{i}.png") for i in range(4)]
    write(tmp_path, names)
    rows = [f"{unicodedata.normalize(cell, each)},{label},{label}!"
            for each, label in zip(names, ("a", "b", "a", ""), strict=True)]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(["path,label,note", *rows]), encoding="utf-8")
    assert sorted(ImageSet.read(tmp_path / "t.csv").paths) == names[:3]
    part = proposed(ImageSet.read_partly_labelled(tmp_path / "t.csv"), 1)
    table = replace(part, others=other_columns(tmp_path / "t.csv")).table(tmp_path)
    assert dict(zip(table["path"], table["note"], strict=True)) == dict(
        zip(names, ("a!", "b!", "a!", "!"), strict=True)
    )


def test_given_splits_stay_and_proposals_train(tmp_path):
    write(tmp_path, ["a.png", "b.png", "c.png", "d.png"])
    (tmp_path / "t.csv").write_text(
        "path,label,split\na.png,cat,train\nb.png,dog,test\nc.png,,train\nd.png,,train\n"
    )
    found = proposed(ImageSet.read_partly_labelled(tmp_path / "t.csv"), 1)
    table = found.table(tmp_path).set_index("path")["split"]
    assert table.to_dict() == {"a.png": "train", "b.png": "test", "c.png": "train",
                               "d.png": "train"}  # fmt: skip


def test_where_all_have_a_label_there_is_a_sentence(tmp_path):
    write(tmp_path, ["cat/a.png", "dog/b.png"])
    with pytest.raises(ImageSetError, match=r"every picture has a label.*--unlabelled FOLDER"):
        proposed(ImageSet.read_partly_labelled(tmp_path))


def test_the_sheet_shows_each_proposal(tmp_path):
    write(tmp_path / "photos", ["cat/a.png", "dog/b.png", "<b>.png", "x.png"])
    found = proposed(ImageSet.read_partly_labelled(tmp_path / "photos"), 2)
    assert isinstance(found, Labelling)
    page = write_labelling(found, tmp_path / "out").read_text()
    assert page.count("data:image/webp") == 2
    assert "&lt;b&gt;.png" in page
    assert "<b>.png" not in page


def test_pictures_of_several_folders_are_pointed_at(tmp_path):
    write(tmp_path, ["one/cat/a.png", "one/dog/b.png", "two/cat/c.png", "two/dog/d.png"])
    write(tmp_path / "new", ["e.png"], seed=1)
    images = ImageSet.read([tmp_path / "one", tmp_path / "two"])
    found = proposed(images, 1, new=ImageSet.read_partly_labelled(tmp_path / "new"))
    table = found.table(tmp_path / "out")
    files = {(tmp_path / "out" / path).resolve() for path in table["path"]}
    assert files == set(tmp_path.rglob("*.png"))
