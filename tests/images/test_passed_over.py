"""Folders among the pictures that are none of the user's classes."""

from __future__ import annotations

import tarfile
import zipfile

import pytest

from embedlens.curation import Check
from embedlens.errors import ImageSetError
from embedlens.images import FolderSource, ImageSet, ZipSource
from embedlens.images.passed_over import litter, written_by
from embedlens.images.tar import TarSource
from embedlens.report.check_page import write_check

# What each kind of folder holds that looks like a picture, beside what tells it.
WRITTEN = {
    "study": ["study.toml", "images.parquet", "figures/t-sne.png", "thumbnails/a.webp"],
    "study without settings": ["images.parquet", "results/x/key.json", "figures/t-sne.png"],
    "check": ["findings.csv", "findings.parquet", "check.html", "x.png"],
    "relabelling": ["labels.csv", "proposals.csv", "unsure.csv", "contact-sheet.html", "x.png"],
    "export": ["projector_config.pbtxt", "metadata.tsv", "tensor-0.bytes", "sprite.jpg"],
    "features": ["features.npy", "meta.json", "ids.txt", "done"],
    "demo": ["clothes/.complete", "clothes/t-shirt/0.jpg"],
    "demo of 0.1.0": ["pictures/.complete", "pictures/train/brick/000.png"],
}
LITTER = [
    "@eaDir", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", ".ipynb_checkpoints",
    ".git", "lost+found", ".Trash-1000", ".Trashes", "FOUND.000", "#recycle", ".thumbnails",
    "@__thumb", "__pycache__",
]  # fmt: skip


def passed(source):
    return [(each.path, each.kind, each.kept) for each in source.problems]


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("place", ["renamed", "cat/renamed", "train"])
def test_what_embedlens_wrote_is_no_class(write, animals, picture, kind, place):
    before = ImageSet.read(write(animals))
    own = {f"{place}/{name}": picture(500 + i) for i, name in enumerate(WRITTEN[kind])}
    images = ImageSet.read(write(own))
    assert images.fingerprint == before.fingerprint
    assert [note.kind for note in images.notes] == ["passed over"]
    assert images.notes[0].path.startswith(place)


@pytest.mark.parametrize("name", LITTER)
def test_litter_is_no_class_at_any_depth_and_told_once(write, animals, picture, name):
    root = write(animals)
    before = ImageSet.read(root).fingerprint
    write(
        {f"{place}{name}/1.png": picture(600 + i) for i, place in enumerate(["", "cat/", "dog/"])}
    )
    images = ImageSet.read(root)
    assert images.fingerprint == before
    assert [(note.path, note.kind) for note in images.notes] == [(name, "passed over")]
    assert "in 3 places" in images.notes[0].reason


@pytest.mark.parametrize("kind", WRITTEN)
def test_archives_pass_over_what_folders_do(write, animals, picture, tmp_path, kind):
    own = {f"x/{name}": picture(500 + i) for i, name in enumerate(WRITTEN[kind])}
    files = {**animals, **own, "cat/@eaDir/1.png": picture(700)}
    root = write(files)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    with tarfile.open(tmp_path / "p.tar", "w") as packed:
        packed.add(root, ".")
    folder = FolderSource(root)
    assert folder.names() == sorted(animals)
    for other in (ZipSource(tmp_path / "p.zip"), TarSource(tmp_path / "p.tar")):
        assert other.names() == folder.names()
        assert passed(other) == passed(folder)


def test_a_study_among_the_class_folders_themselves_is_passed_over(write, animals, picture):
    """As `--out .` writes it."""
    before = ImageSet.read(write(animals))
    write({"study.toml": b"", "figures/a.png": picture(1), "features/X/meta.json": b"{}"})
    images = ImageSet.read(before.root)
    assert images.classes == before.classes
    assert [(note.path, note.reason) for note in images.notes] == [
        ("features", "passed over: of a study of embedlens"),
        ("figures", "passed over: of a study of embedlens"),
    ]


def test_a_folder_of_nothing_else_is_an_error(write, picture):
    with pytest.raises(ImageSetError, match="no pictures found"):
        ImageSet.read(write({"mine/study.toml": b"", "mine/figures/a.png": picture(1)}))


def test_what_a_check_writes_today_is_recognised(write, animals, tmp_path):
    import pandas as pd

    from embedlens.curation.file_facts import FileFacts

    images = ImageSet.read(write(animals))
    columns = ["kind", "path", "reason", "action", "label", "split", "other", "other_label",
               "other_split", "suggested", "score"]  # fmt: skip
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    write_check(Check(images, "X", empty, FileFacts(0.5, 0.5, {}, {})), tmp_path / "check")
    names = {each.name + "/" * each.is_dir() for each in (tmp_path / "check").iterdir()}
    assert written_by(names) == "a check by embedlens"


@pytest.mark.parametrize("name", ["cat", "recycling", "thumbs", "System", "git", "eaDir", "maps"])
def test_a_class_may_be_called_so(name):
    assert litter(name) == ""


@pytest.mark.parametrize("names", [{"1.png"}, {"labels.csv", "1.png"}, {"metadata.csv", "train/"}])
def test_folders_of_pictures_are_nobodys(names):
    assert written_by(names) == ""
