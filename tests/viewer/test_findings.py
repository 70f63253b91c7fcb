"""What a check found, in the viewer: a column, a list, and the table that decisions make."""

from __future__ import annotations

import itertools
import json
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.curation.finding import KINDS, Finding
from embedlens.errors import EmbedlensError
from embedlens.images import ImageSet
from embedlens.viewer.decisions import Decisions
from embedlens.viewer.findings import add_findings
from embedlens.viewer.labels import WrittenLabels
from embedlens.viewer.scene import Scene
from embedlens.viewer.server import served_study
from embedlens.viewer.study_scene import study_scene
from embedlens.viewer.whole_scene import whole_study_scene


@pytest.fixture(scope="module")
def checked(finished):
    """Results with findings: of pictures, of pairs, of a class, and of a file set aside."""
    paths = finished.results.pictures["path"].tolist()
    findings = [
        Finding("unreadable", "broken.png", "no picture", "remove it"),
        Finding("two labels", paths[0], "alike", "give one", other=paths[40], score=1.0),
        Finding("suspect label", paths[40], "wrong", "move it", suggested="ant", score=0.9),
        Finding("suspect label", paths[7], "wrong", "move it", suggested="ant", score=0.8),
        Finding("small class", "ant", "few", "add some"),
    ]
    assert [list(KINDS).index(each.kind) for each in findings] == sorted(
        list(KINDS).index(each.kind) for each in findings
    )
    return replace(finished.results, findings=pd.DataFrame([asdict(each) for each in findings]))


def test_a_picture_is_coloured_by_the_most_harmful_of_its_findings(checked):
    scene = study_scene(checked)
    column = next(each for each in scene.columns if each.role == "finding")
    codes = np.frombuffer(scene.blob(column.blob), "<u2")
    named = {row: column.categories[codes[row]] for row in np.flatnonzero(codes < 65_535)}
    assert named == {0: "two labels", 40: "two labels", 7: "suspect label"}


def test_the_list_names_pictures_by_their_row(checked):
    scene = study_scene(checked)
    told = json.loads(json.dumps(scene.manifest()))["findings"]
    items = json.loads(bytes(scene.blob(told["blob"])))
    assert [(each["kind"], each["picture"], each.get("other")) for each in items] == [
        ("two labels", 0, 40), ("suspect label", 40, None), ("suspect label", 7, None),
    ]  # fmt: skip
    assert items[1]["suggested"] == "ant"
    assert "suggested" not in items[0]
    assert list(told["kinds"]) == ["two labels", "suspect label"]
    assert told["elsewhere"] == {KINDS["unreadable"]: 1, KINDS["small class"]: 1}


def test_findings_of_a_file_of_several_rows_are_of_the_row_with_their_label():
    scene = Scene("s", 4, ("ant", "bee"))
    told = [
        Finding("two labels", "0.png", "alike", "", "ant", other="0.png", other_label="bee"),
        Finding("suspect label", "0.png", "wrong", "", "ant", suggested="bee"),
        Finding("outlier", "0.png", "far", "", "bee"),
        Finding("outlier", "2.png", "far", ""),  # does not tell the label
    ]
    findings = pd.DataFrame([asdict(each) for each in told])
    add_findings(
        scene, findings, ["0.png", "1.png", "0.png", "2.png"], ["ant", "ant", "bee", "bee"]
    )
    items = json.loads(bytes(scene.blob(scene.findings.blob)))
    assert [(each["picture"], each.get("other")) for each in items] == [
        (0, 2), (0, None), (2, None), (3, None),
    ]  # fmt: skip


def test_a_study_that_was_not_checked_or_is_clean_has_no_findings(finished, checked):
    for findings in (None, checked.findings[checked.findings["kind"] == "small class"]):
        scene = study_scene(replace(finished.results, findings=findings))
        assert scene.manifest()["findings"] is None
        assert not any(each.role == "finding" for each in scene.columns)


def test_decisions_make_an_image_set_and_are_there_again_when_it_is_opened(study):
    results = study.results
    before = {path: path.read_bytes() for path in study.pictures.rglob("*.*")}
    labels = WrittenLabels.of_study(study.folder, results)
    labels.write(Decisions((3, 4), {" new ": (0,), "ant": (44,)}, (1, 2)))
    told = labels.write(Decisions(labelled={"ant": (2,)}, undecided=(4,)))
    assert {name: told[name] for name in ("kept", "labelled", "aside")} == {
        "kept": 1, "labelled": 3, "aside": 1,
    }  # fmt: skip
    again = json.loads(json.dumps(served_study(study.folder).manifest()["decisions"]))
    assert again == {
        "kept": [3], "labelled": {"new": [0], "ant": [2, 44]}, "aside": [1], "undecided": [],
    }  # fmt: skip
    read = ImageSet.read(told["path"])
    found = {
        (study.folder / path).resolve(): label
        for path, label in zip(read.paths, read.labels, strict=True)
    }
    expected = {
        (study.pictures / path).resolve(): label
        for path, label in zip(results.pictures["path"], results.pictures["label"], strict=True)
    }
    paths = [(study.pictures / path).resolve() for path in results.pictures["path"]]
    expected |= {paths[0]: "new", paths[44]: "ant", paths[2]: "ant"}
    del expected[paths[1]]
    assert found == expected
    assert before == {path: path.read_bytes() for path in study.pictures.rglob("*.*")}


def test_a_page_carries_what_it_needs_to_save_the_same_table(study):
    scene = whole_study_scene(study.folder, study.results)
    written = WrittenLabels.of_study(study.folder, study.results)
    told = written.write(Decisions(kept=(0,)))
    table = pd.read_csv(told["path"], dtype=str, keep_default_na=False)
    assert list(scene.table) == [
        name for name in ("path", "split", "group") if name in table.columns
    ]
    for name, blob in scene.table.items():
        offsets = np.frombuffer(scene.blob(blob.offsets), "<u4").tolist()
        text = bytes(scene.blob(blob.bytes))
        texts = [text[a:b].decode() for a, b in itertools.pairwise(offsets)]
        assert texts == table[name].tolist()


def test_no_table_is_offered_of_pictures_in_an_archive(study):
    archive = study.pictures.parent / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(study.pictures.rglob("*.png")):
            file.write(path, path.relative_to(study.pictures).as_posix())
    results = study.results
    moved = replace(results, settings=replace(results.settings, pictures=str(archive)))
    assert whole_study_scene(study.folder, moved).table == {}
    with pytest.raises(EmbedlensError, match="no table can point into"):
        WrittenLabels.of_study(study.folder, moved).write(Decisions(kept=(0,)))


def test_the_table_of_several_folders_points_at_the_files_of_each(study):
    more = study.pictures.parent / "more" / "ant"
    more.mkdir(parents=True)
    Image.new("RGB", (8, 8), (9, 9, 9)).save(more / "last.png")
    place = f"{study.pictures / 'table.csv'},{more.parent}"
    images = ImageSet.read(place)
    pictures = images.to_frame().query("kept")
    labels = WrittenLabels(study.folder, (place, pictures))
    table = pd.read_csv(labels.write(Decisions(kept=(0,)))["path"])
    files = {(study.folder / path).resolve() for path in table["path"]}
    assert files == {*study.pictures.rglob("*.png"), more / "last.png"}
    assert table["label"].tolist() == images.labels.tolist()


def test_rows_of_one_file_are_decided_apart(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    rows = [
        ("0.png", "ant"),
        ("1.png", "ant"),
        ("0.png", "bee"),
        ("0.png", "fly"),
        ("2.png", "bee"),
    ]

    def opened(rows):
        table = pd.DataFrame(rows, columns=["path", "label"])
        table.to_csv(tmp_path / "t.csv", index=False)
        pictures = ImageSet.read(tmp_path / "t.csv").to_frame().query("kept")
        told = list(pictures[["path", "label"]].itertuples(index=False, name=None))
        return WrittenLabels(tmp_path / "s", (str(tmp_path / "t.csv"), pictures)), told.index

    (tmp_path / "s").mkdir()
    labels, row = opened(rows)
    labels.write(Decisions(aside=(row(("0.png", "bee")),)))
    labels.write(Decisions(kept=(row(("1.png", "ant")),)))
    labels.write(Decisions(labelled={"wasp": (row(("0.png", "fly")),)}))
    # Another study in the same folder, of rows in another order, one of them gone and one new.
    for again in (rows, [rows[3], ("2.png", "fly"), *rows[:3]]):
        labels, row = opened(again)
        assert labels.read() == Decisions(
            (row(("1.png", "ant")),),
            {"wasp": (row(("0.png", "fly")),)},
            (row(("0.png", "bee")),),
        )
    told = labels.write(Decisions(undecided=(row(("0.png", "bee")),)))
    table = pd.read_csv(told["path"], keep_default_na=False)
    found = {
        ((tmp_path / "s" / each.path).resolve().name, each.was): (each.label, each.viewer)
        for each in table.itertuples()
    }
    assert found == {
        ("0.png", "ant"): ("ant", ""), ("0.png", "bee"): ("bee", ""),
        ("0.png", "fly"): ("wasp", "labelled"), ("1.png", "ant"): ("ant", "kept"),
        ("2.png", "fly"): ("fly", ""),
    }  # fmt: skip


def test_a_decision_stays_with_a_file_of_one_row_whose_label_has_changed(study):
    pictures = study.results.pictures
    place, folder = study.results.settings.pictures, study.folder
    WrittenLabels(folder, (place, pictures)).write(Decisions(aside=(5,)))
    other = pictures.assign(label=pictures["label"].where(pictures.index != 5, "ant two"))
    assert WrittenLabels(folder, (place, other)).read() == Decisions(aside=(5,))


@pytest.mark.parametrize(
    "asked",
    [
        [], {}, {"kept": []}, {"kept": [3]}, {"kept": [-1]}, {"kept": [True]}, {"kept": "0"},
        {"kept": [0], "aside": [0]}, {"labelled": {"a": [0], "b": [0]}}, {"labelled": {" ": [0]}},
        {"labelled": {"x" * 201: [0]}}, {"labelled": [0]}, {"other": [0]}, {"kept": [0, 0]},
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused(asked):
    with pytest.raises(ValueError, match=r"\w"):
        Decisions.read(asked, 3)
