"""A folder is of the pictures it was made of, and of no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedlens.errors import StudyError
from embedlens.results import Settings
from embedlens.results.provenance import (
    Provenance,
    claim,
    content_of,
    default_folder,
    read_provenance,
)


def test_the_same_pictures_or_the_same_place_go_on(tmp_path):
    here, ids = tmp_path / "out", ["a", "b"]
    claim(here, Provenance("study", "/one", content_of(ids)))
    claim(here, Provenance("study", "/one", content_of(["a", "b", "c"])))
    claim(here, Provenance("study", "/moved", content_of(["c", "a", "b"])))
    assert read_provenance(here) == Provenance("study", "/moved", content_of(["a", "b", "c"]))


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (
            Provenance("study", "/two", content_of(["c"])),
            "study of /one, and these are other .*/two",
        ),
        (Provenance("study", "/two"), "of /one, and these are other pictures, /two"),
        (
            Provenance("check", "/one", content_of(["a"])),
            "holds a study of /one, and a check would",
        ),
    ],
)
def test_other_results_are_not_replaced(tmp_path, now, sentence):
    claim(tmp_path, Provenance("study", "/one", content_of(["a"])))
    with pytest.raises(StudyError, match=sentence):
        claim(tmp_path, now)
    assert read_provenance(tmp_path).pictures == "/one"


def test_a_study_without_a_note_is_known_by_its_settings(tmp_path):
    Settings("/one", ("Xception",)).write(tmp_path / "study.toml")
    claim(tmp_path, Provenance("study", "/one", "content"))
    (tmp_path / "source.json").unlink()
    with pytest.raises(StudyError, match="study of /one"):
        claim(tmp_path, Provenance("study", "/two", "content"))


@pytest.mark.parametrize(
    ("pictures", "name"),
    [
        ("/data/flowers.v1", "embedlens-flowers.v1"),
        ("/data/flowers.v2", "embedlens-flowers.v2"),
        ("/data/flowers", "embedlens-flowers"),
        ("/data/flowers.zip", "embedlens-flowers.zip"),
        ("/data/flowers.tar.gz", "embedlens-flowers.tar.gz"),
        ("s3://bucket/flowers", "embedlens-flowers"),
        ("/data/a,/data/b", "embedlens-a+b"),
        ("/", "embedlens"),
    ],
)
def test_the_default_folder_has_the_whole_name(pictures, name):
    assert default_folder("embedlens", pictures) == Path(name)
