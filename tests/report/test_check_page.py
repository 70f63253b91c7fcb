from __future__ import annotations

import html
import re
import zipfile
from dataclasses import fields

import pandas as pd
import pytest

from embedlens.curation import Check, Relabelling
from embedlens.curation.file_facts import FileFacts
from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.report import write_check, write_relabelling
from embedlens.report.check_page import MAX_SHOWN
from embedlens.viewer.bundle import script_hash

EVIL = "<script>alert(1)<script>&.png"


@pytest.fixture
def images(tmp_path):
    from PIL import Image

    for i, label in enumerate(["<b>cat<b>", "dog"]):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for k in range(3):
            name = EVIL if (i, k) == (0, 0) else f"{k}.png"
            Image.new("RGB", (40, 40), (100 * i, 60 * k, 0)).save(folder / name)
    return ImageSet.read(tmp_path / "photos")


def checked(images, findings):
    columns = [field.name for field in fields(Finding)]
    table = pd.DataFrame([vars(each) for each in findings], columns=columns)
    return Check(images, "Net", table, FileFacts(0.5, 0.5, {}, {}))


def test_each_kind_has_its_pictures_and_what_to_do(images, tmp_path):
    path = f"<b>cat<b>/{EVIL}"
    found = [
        Finding("leak", path, "looks the same", "remove it", "<b>cat<b>", "train", "dog/1.png",
                "dog", "test"),
        Finding("suspect label", "dog/2.png", "labelled dog", "look", "dog", suggested="<b>cat<b>"),
        Finding("small class", "dog", "few", "add pictures"),
    ]  # fmt: skip
    page = write_check(checked(images, found), tmp_path / "out").read_text()
    assert page.count("data:image/webp") == 3
    assert "To do: remove it." in page
    assert "Copies across the split" in page
    assert "<script>" not in page
    assert "<b>cat" not in page
    assert "&lt;b&gt;cat" in page
    assert "http" not in page.replace("http-equiv", "")


def test_its_policy_allows_its_one_script_alone(images, tmp_path):
    found = [Finding("outlier", "dog/1.png", "far", "look", "dog")]
    page = write_check(checked(images, found), tmp_path / "out").read_text()
    head = html.unescape(page.partition("</head>")[0])
    (allowed,) = re.findall(r"default-src 'none'; script-src ([^;]*);", head)
    _, script = page.rsplit('<script type="module">', 1)
    assert allowed == script_hash(script.partition("</script>")[0])


def test_pictures_of_an_archive_have_nothing_to_decide(images, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted((tmp_path / "photos").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path / "photos").as_posix())
    packed = ImageSet.read(tmp_path / "photos.zip")
    found = [Finding("outlier", "dog/1.png", "far", "look", "dog")]
    page = write_check(checked(packed, found), tmp_path / "out").read_text()
    assert page.count("data:image/webp") == 1
    assert "<script" not in page
    assert "data-picture" not in page
    assert "the pictures must lie in folders" in page


def test_decisions_on_a_file_of_several_rows_are_of_the_row_with_the_label(images, tmp_path):
    rows = [("dog/1.png", "cat"), ("dog/2.png", "cat"), ("dog/0.png", "dog"), ("dog/1.png", "dog")]
    table = tmp_path / "photos" / "table.csv"
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(table, index=False)
    twice = ImageSet.read(table)
    one, other = (
        next(
            i for i, pair in enumerate(zip(twice.paths, twice.labels, strict=True))
            if pair == ("dog/1.png", label)
        )
        for label in ("cat", "dog")
    )  # fmt: skip
    found = [
        Finding("two labels", "dog/1.png", "alike", "give one", "cat", other="dog/1.png",
                other_label="dog"),
        Finding("suspect label", "dog/1.png", "labelled cat", "look", "cat", suggested="dog"),
    ]  # fmt: skip
    page = write_check(checked(twice, found), tmp_path / "out").read_text()
    assert f'data-kind="two labels" data-picture="{one}" data-other="{other}"' in page
    assert f'data-kind="suspect label" data-picture="{one}"' in page


def test_many_findings_are_cut_in_the_page_and_whole_in_the_table(images, tmp_path):
    found = [Finding("outlier", f"dog/{i}.png", "far", "look") for i in range(MAX_SHOWN + 5)]
    page = write_check(checked(images, found), tmp_path / "out").read_text()
    assert f"The first {MAX_SHOWN} of {MAX_SHOWN + 5}" in page
    assert len(pd.read_csv(tmp_path / "out" / "findings.csv")) == MAX_SHOWN + 5


def test_nothing_found_is_said(images, tmp_path):
    assert "Nothing was found." in write_check(checked(images, []), tmp_path / "out").read_text()


def test_a_contact_sheet_shows_the_unsure_first_and_escapes_names(images, tmp_path):
    proposals = pd.DataFrame(
        {
            "path": images.paths, "label": images.labels, "proposed": "<i>fox<i>",
            "confidence": 0.9, "seen": 0.9, "second": "wolf", "imagenet": "red fox",
            "sure": [False] + [True] * 5,
        }
    )  # fmt: skip
    meanings = {"<i>fox<i>": ("red fox",), "wolf": ("timber wolf",)}
    found = Relabelling(images, pd.RangeIndex(6).to_numpy(), images, meanings, proposals)
    page = write_relabelling(found, tmp_path / "out").read_text()
    assert page.count("data:image/webp") == 6
    assert page.index("unsure") < page.index("&lt;i&gt;fox")
    assert "<i>fox" not in page
    assert "<script>" not in page
    assert len(pd.read_csv(tmp_path / "out" / "labels.csv")) == 5
