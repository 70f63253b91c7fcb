"""Tables of several labels a picture are refused, in every spelling; what only looks so is read."""

from __future__ import annotations

import pandas as pd
import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet
from embedlens.images.several_labels import ONE_CLASS, expect_one_class

NAMES = [f"{i}.png" for i in range(6)]


@pytest.fixture
def folder(write, picture):
    return write({name: picture(i) for i, name in enumerate(NAMES)})


def written(folder, columns, suffix):
    path = folder / f"t.{suffix}"
    frame = pd.DataFrame({"path": NAMES, **columns})
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":  # as Hugging Face's imagefolder has it
        path = folder / "metadata.jsonl"
        frame.rename(columns={"path": "file_name"}).to_json(path, orient="records", lines=True)
        return folder
    else:
        frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize(
    "label",
    [
        ["cat", "dog", "cat;dog"] * 2,
        ["cat", "dog", "cat| dog"] * 2,
        ["cat", "dog", "dog, cat"] * 2,
        ["a;b", "b;c", "a;c"] * 2,
        ["a|b|c", "a|b", "c|a"] * 2,
        ["['cat', 'dog']", "['cat']", "['dog']"] * 2,
    ],
)
def test_joined_labels_are_refused(folder, label, suffix):
    with pytest.raises(ImageSetError) as refused:
        ImageSet.read(written(folder, {"label": label}, suffix))
    assert ONE_CLASS in str(refused.value)
    assert any(repr(each) in str(refused.value) for each in label)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_lists_are_refused(folder, suffix):
    with pytest.raises(ImageSetError, match="row 1") as refused:
        ImageSet.read(written(folder, {"label": [["cat", "dog"], ["cat"], ["dog"]] * 2}, suffix))
    assert ONE_CLASS in str(refused.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["labels", "Tags", "classes", "categories"])
def test_a_column_of_labels_is_refused(folder, name, suffix):
    with pytest.raises(ImageSetError, match="has cat; dog") as refused:
        ImageSet.read(written(folder, {name: ["cat|dog", "cat", "dog"] * 2}, suffix))
    assert ONE_CLASS in str(refused.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_column_of_labels_with_one_in_each_row_gives_classes(folder, suffix):
    images = ImageSet.read(written(folder, {"labels": ["cat;", "dog", " cat;cat"] * 2}, suffix))
    assert images.classes == ("cat", "dog")
    assert len(images) == 6


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("values", [[0, 1], [True, False], [-1, 1]])
def test_a_column_a_label_is_refused(folder, values, suffix):
    columns = {"cat": values * 3, "dog": values[::-1] * 3, "height": range(6)}
    with pytest.raises(ImageSetError, match="cat, dog are yes or no") as refused:
        ImageSet.read(written(folder, columns, suffix))
    assert ONE_CLASS in str(refused.value)


@pytest.mark.parametrize(
    "label",
    [
        ["tench, Tinca tinca", "cock", "hen"] * 2,
        ["crane, bird", "jay, bird", "bird"] * 2,
        ["red, large", "red, small", "blue, large"] * 2,
        ["[a]", "[b]", "c"] * 2,
        ["a;", "b;", "c"] * 2,
    ],
)
def test_a_joint_alone_proves_nothing(folder, label):
    images = ImageSet.read(written(folder, {"label": label}, "csv"))
    assert set(images.classes) == set(label)


def test_one_label_at_a_time_is_read(folder):
    columns = {"label": ["yes", "no"] * 3, "dog": [0, 1] * 3, "labels": ["cat;dog", "cat"] * 3}
    assert ImageSet.read(written(folder, columns, "csv")).classes == ("no", "yes")


def test_all_parts_are_named():
    with pytest.raises(ImageSetError, match="several: a and b and c are labels of other rows"):
        expect_one_class(["a", "b", "c", "a|b|c"], "t.csv")
