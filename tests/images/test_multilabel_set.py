"""Tables of several labels a picture, in every file that can hold them, as one image set."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet, MultilabelSet

SETS = [("cat", "dog"), ("cat",), (), ("dog",), ("bird", "cat"), ("dog",)] * 2
NAMES = [f"{i}.png" for i in range(len(SETS))]
MEMBERS = np.array([[name in own for name in ("bird", "cat", "dog")] for own in SETS])


@pytest.fixture
def folder(write, picture):
    return write({name: picture(i) for i, name in enumerate(NAMES)})


def in_csv(folder, picture):
    frame = pd.DataFrame({"path": NAMES, "labels": ["; ".join(own) for own in SETS]})
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv", ()


def in_csv_of_semicolons(folder, picture):
    frame = pd.DataFrame({"path": NAMES, "tags": ["|".join(own) for own in SETS]})
    frame.to_csv(folder / "t.csv", index=False, sep=";")
    return folder / "t.csv", ()


def in_lists(folder, picture):
    pd.DataFrame({"path": NAMES, "labels": list(map(list, SETS))}).to_parquet(folder / "t.parquet")
    return folder / "t.parquet", ()


def in_columns(folder, picture):
    columns = dict(zip(("bird", "cat", "dog"), MEMBERS.T.astype(int), strict=True))
    pd.DataFrame({"path": NAMES, "age": 3, **columns}).to_parquet(folder / "t.parquet")
    return folder / "t.parquet", ("bird", "cat", "dog")


def in_a_column_of_any_name(folder, picture):
    frame = pd.DataFrame({"path": NAMES, "label": "x", "seen": [";".join(own) for own in SETS]})
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv", ("seen",)


def in_metadata(folder, picture):
    rows = [{"file_name": n, "labels": own} for n, own in zip(NAMES, SETS, strict=True)]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder, ()


def with_pictures_inside(folder, picture):
    """Two files, of which the second has one label a row at most, numbers with names."""
    place = folder / "parquet"
    place.mkdir()
    codes = [[("bird", "cat", "dog").index(name) for name in own] for own in SETS]
    feature = {"feature": {"names": ["bird", "cat", "dog"], "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": {"labels": feature}}})}
    order = sorted(range(len(SETS)), key=lambda i: -len(SETS[i]))
    for part, rows in enumerate((order[:6], order[6:])):
        table = pa.table({
            "image": pa.array([picture(i) for i in rows], pa.binary()),
            "labels": pa.array([codes[i] for i in rows], pa.list_(pa.int64())),
        })  # fmt: skip
        pq.write_table(table.replace_schema_metadata(about), place / f"{part}.parquet")
    return place, ()


@pytest.mark.parametrize(
    "written",
    [
        in_csv, in_csv_of_semicolons, in_lists, in_columns, in_a_column_of_any_name, in_metadata,
        with_pictures_inside,
    ],
)  # fmt: skip
def test_every_file_says_the_same(folder, picture, written):
    place, columns = written(folder, picture)
    found = MultilabelSet.read(place, columns)
    assert found.names == ("bird", "cat", "dog")
    told = {
        content: own.tolist() for content, own in zip(found.images.ids, found.members, strict=True)
    }
    frame = pd.DataFrame({"path": NAMES, "label": "x"})
    frame.loc[0, "label"] = "y"
    frame.to_csv(folder / "one.csv", index=False)
    plain = ImageSet.read(folder / "one.csv")
    expected = dict(zip(NAMES, MEMBERS.tolist(), strict=True))
    assert told == {
        content: expected[path] for content, path in zip(plain.ids, plain.paths, strict=True)
    }
    assert sorted(found.images.labels[:]) == sorted("; ".join(own) for own in SETS)
    if columns != ("seen",):  # which has a column label besides
        with pytest.raises(ImageSetError, match=r"several labels|no column label"):
            ImageSet.read(place)


def test_splits_that_are_given_stay_and_others_are_drawn(folder):
    frame = pd.DataFrame({"path": NAMES, "labels": ["; ".join(own) for own in SETS]})
    frame["split"] = ["test"] * 3 + ["train"] * 9
    frame.to_csv(folder / "t.csv", index=False)
    found = MultilabelSet.read(folder / "t.csv")
    tested = [name in NAMES[:3] for name in found.images.paths]
    assert (found.images.splits[tested] == "test").all()
    assert set(found.images.splits[~np.array(tested)]) == {"train", "validation"}
    again = found.resplit(1)
    assert (again.images.splits[tested] == "test").all()
    assert (again.members == found.members).all()


def test_copies_are_on_one_side(write, picture):
    folder = write({f"{i}.png": picture(i // 2) for i in range(24)})
    rows = [f"{i}.png,{'a;b' if i % 4 else 'a'}" for i in range(24)]
    (folder / "t.csv").write_text("\n".join(["path,labels", *rows]))
    for seed in range(3):
        images = MultilabelSet.read(folder / "t.csv", seed=seed).images
        for content in set(images.ids):
            assert len(set(images.splits[images.ids == content])) == 1


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("path,labels\n0.png,a;b\n0.png,b\n", (), "the labels .* in one row and .* in another"),
        ("path,a,b\n0.png,1,0\n1.png,0,1\n", ("a", "c"), "no column c among path, a, b"),
        ("path,a,b\n0.png,1,0\n1.png,0,\n", ("a", "b"), "column b: row 2 is empty"),
        ("path,a,a\n0.png,1,0\n1.png,0,1\n", ("a",), "has column a 2 times"),
        ("path,labels,tags\n0.png,a,b\n1.png,b,c\n", (), "labels and tags may each .* --labels"),
        ("path,labels\n0.png,a\n1.png,b\n", (), "no picture has more than one label"),
    ],
)
def test_what_is_no_such_table_is_refused(folder, text, columns, said):
    (folder / "t.csv").write_text(text)
    with pytest.raises(ImageSetError, match=said):
        MultilabelSet.read(folder / "t.csv", columns)


def test_columns_of_labels_need_a_table(animals, write):
    with pytest.raises(ImageSetError, match="no table for --labels"):
        MultilabelSet.read(write(animals), ("a", "b"))


def test_a_separator_without_several_labels_is_refused(folder):
    (folder / "t.csv").write_text("path,label\n0.png,a;b\n1.png,b\n")
    with pytest.raises(ImageSetError, match="name the column with --labels"):
        MultilabelSet.read(folder / "t.csv", separator=";")
    assert MultilabelSet.read(folder / "t.csv", ("label",), ";").names == ("a", "b")


def test_a_label_that_no_picture_has_stays_one(folder):
    rows = [f"{name},{i % 2},0,1" for i, name in enumerate(NAMES)]
    (folder / "t.csv").write_text("\n".join(["path,some,none,all", *rows]))
    found = MultilabelSet.read(folder / "t.csv", ("some", "none", "all"))
    assert found.members.sum(axis=0).tolist() == [6, 0, 12]
