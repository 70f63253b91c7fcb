"""Checks of pictures with several labels each, with faults planted in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.curation import check
from embedlens.curation.suspect_label_sets import suspect_label_sets
from embedlens.images import MultilabelSet
from embedlens.report import write_check

from .conftest import draw


def colours_of(images):
    rows = [images.pixels(i, 6).ravel() / 255 - 0.5 for i in range(len(images))]
    return np.array(rows, dtype=np.float32)


def coloured(rng, red, dark):
    level = 70 if dark else 190
    return draw(rng, (level, level // 3, level // 3) if red else (level // 3, level // 3, level))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Pictures that are red or not, dark or not, in given splits; which file has which fault."""
    folder, rng = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    rows, kept = [], {}

    def add(name, labels, split, picture=None, **options):
        if picture is not None:
            picture.save(folder / name, **options)
        rows.append({"path": name, "labels": "|".join(labels), "split": split})

    for i in range(200):
        red, dark = bool(i % 2), bool(i // 2 % 2)
        kept[i] = coloured(rng, red, dark)
        labels = ["every", *["red"] * red, *["dark"] * dark, *["rare"] * (i in (3, 8))]
        add(f"{i:03}.png", labels, ("train", "train", "val", "test")[i % 4 - i // 4 % 2],
            kept[i])  # fmt: skip
    split_of = {row["path"]: row["split"] for row in rows}
    labels_of = {row["path"]: row["labels"].split("|") for row in rows}
    faults = {"other labels": set(), "leak": set(), "duplicate": set()}
    for i in (10, 11, 15):
        add(f"less{i}.jpg", labels_of[f"{i:03}.png"][:-1], "train", kept[i], quality=70)
        faults["other labels"].add(f"less{i}.jpg")
    tested = [i for i in range(20, 200) if split_of[f"{i:03}.png"] == "test"][:4]
    for i in tested:
        own = list(reversed(labels_of[f"{i:03}.png"]))  # the same labels in another order
        add(f"leak{i}.jpg", own, "train", kept[i].resize((60, 60)), quality=80)
        faults["leak"].add(f"leak{i}.jpg")
    trained = [i for i in range(20, 200) if split_of[f"{i:03}.png"] == "train"][:4]
    for i in trained:
        add(f"twice{i}.jpg", labels_of[f"{i:03}.png"], "train", kept[i], quality=60)
        faults["duplicate"].add(f"twice{i}.jpg")
    for i in range(4):
        add(f"given{i}.png", ["every", "red"], "train", coloured(rng, False, False))
        add(f"missing{i}.png", ["every"], "train", coloured(rng, True, False))
    faults["suspect label"] = {f"given{i}.png" for i in range(4)}
    faults["missing label"] = {f"missing{i}.png" for i in range(4)}
    add("black.png", ["every", "dark"], "train", Image.new("RGB", (40, 40)))
    (folder / "broken.png").write_bytes(b"\x89PNG cut")
    add("broken.png", ["every"], "train")
    add("early.png", ["every", "red"], "train", coloured(rng, True, True))
    (folder / "late.png").write_bytes((folder / "early.png").read_bytes())
    add("late.png", ["every"], "test")
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    return folder, faults


@pytest.fixture(scope="module")
def labelled(planted):
    return MultilabelSet.read(planted[0] / "t.csv")


@pytest.fixture(scope="module")
def found(labelled):
    return check(labelled, colours_of(labelled.images))


def of_kind(found, kind):
    return found.findings[found.findings["kind"] == kind]


@pytest.mark.parametrize("kind", ["leak", "duplicate"])
def test_copies_with_the_same_labels_are_found_as_for_one_class(found, planted, kind):
    rows = of_kind(found, kind)
    aside = {"early.png"} if kind == "leak" else set()
    assert {*rows["path"], *rows["other"]} >= planted[1][kind]
    for row in rows.itertuples():
        assert {row.path, row.other} & (planted[1][kind] | aside)


def test_of_copies_with_other_labels_the_labels_that_differ_are_named(found, planted):
    rows = of_kind(found, "other labels")
    pairs = rows[rows["other"] != ""]
    assert {*pairs["path"], *pairs["other"]} & set(planted[1]["other labels"]) == (
        planted[1]["other labels"]
    )
    of = {row.path if row.path.startswith("less") else row.other: row for row in pairs.itertuples()}
    for i in (10, 11, 15):
        assert of[f"less{i}.jpg"].reason.endswith(f"; only {i:03}.png has dark")
    (same,) = rows[rows["other"] == ""].itertuples()
    assert same.path == "early.png"
    assert same.reason == "the same bytes as late.png, which has the labels every"


@pytest.mark.parametrize(
    ("kind", "said"), [("suspect label", "is given, probably"), ("missing label", "is missing, pr")]
)
def test_labels_that_are_wrong_and_missing_are_found(found, planted, kind, said):
    rows = of_kind(found, kind)
    wrong = planted[1][kind]
    # A copy that lacks a label has a missing one too.
    also = planted[1]["other labels"] | {"late.png", "early.png", "black.png"}
    assert len(wrong & set(rows["path"])) >= 3
    assert set(rows["path"]) <= wrong | also
    for row in rows[rows["path"].isin(wrong)].itertuples():
        assert row.reason.startswith(f"red {said}")
        assert row.label == ("every; red" if kind == "suspect label" else "every")
        assert row.suggested == ("every" if kind == "suspect label" else "every; red")


def test_files_and_blank_pictures_are_told_as_for_one_class(found):
    assert of_kind(found, "unreadable")["path"].tolist() == ["broken.png"]
    assert of_kind(found, "blank")["path"].tolist() == ["black.png"]


def test_labels_that_cannot_be_judged_are_told(found, labelled):
    rows = of_kind(found, "small label").set_index("path")["reason"]
    assert rows["every"] == "no picture lacks it: there is nothing to tell"
    members = labelled.members[:, labelled.names.index("rare")]
    tested = labelled.images.splits == "test"
    count = int((members & tested).sum())
    said = ("2 of ", "1 test picture of 2 has it: ", "2 test pictures of 2 have it: ")
    assert rows["rare"].startswith(said[count])


def test_nothing_is_said_of_classes(found):
    assert {"file facts", "groups", "small class", "imbalance", "two labels"}.isdisjoint(
        found.counts()
    )
    assert found.facts is None
    said = " ".join([*found.findings["reason"], *found.findings["action"]])
    assert "class" not in said


def test_the_page_and_the_folder_tell_labels(found, labelled, tmp_path):
    page = write_check(found, tmp_path).read_text(encoding="utf-8")
    assert f"{len(labelled):,} pictures, 4 labels" in page
    assert 'id="decisions"' not in page
    table = pd.read_parquet(tmp_path / "label_sets.parquet")
    assert tuple(table) == labelled.names
    assert (table.to_numpy() == labelled.members).all()


def test_four_copies_alone_with_their_labels_are_copies(tmp_path):
    rng = np.random.default_rng(3)
    rows = []
    for i in range(40):
        draw(rng, (90, 90, 90)).save(tmp_path / f"{i}.png")
        rows.append((f"{i}.png", "a;b" if i % 2 else "a"))
    same = draw(rng, (90, 90, 90))
    for i in range(5):
        same.save(tmp_path / f"same{i}.jpg", quality=60 + 5 * i)
        rows.append((f"same{i}.jpg", "a;c"))
    pd.DataFrame(rows, columns=["path", "labels"]).to_csv(tmp_path / "t.csv", index=False)
    labelled = MultilabelSet.read(tmp_path / "t.csv")
    copies = np.array([str(path).startswith("same") for path in labelled.images.paths])
    assert len(set(labelled.images.groups[copies])) == 1
    counts = check(labelled, colours_of(labelled.images)).counts()
    assert counts["duplicate"] >= 4
    assert "alike" not in counts


def test_a_label_that_the_features_cannot_tell_is_not_called_wrong():
    rng = np.random.default_rng(0)
    members = rng.random((600, 3)) < (0.5, 0.2, 0.08)
    features = rng.normal(size=(600, 32)).astype(np.float32)
    found = suspect_label_sets(features, members, [str(row) for row in range(600)])
    assert len(found.rows) <= 0.02 * members.size
