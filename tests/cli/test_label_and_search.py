"""`embedlens label` and `embedlens search` as their users meet them."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from embedlens.cli.app import app
from embedlens.study import Study


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two classes, and pictures in no class folder: "new 0.png" to "new 5.png"."""
    folder = tmp_path_factory.mktemp("label")
    rng = np.random.default_rng(0)
    for name, shade in {"dark/": 40, "light/": 200, "new ": 120}.items():
        for i in range(6):
            path = folder / "photos" / f"{name}{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(rng.normal(shade, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path)
    made = Study(
        folder / "photos",
        ["EfficientNetLite0"],
        out=folder / "study",
        size=32,
        repeats=1,
        maps="pca",
        group=r"(\d)\.png",
    )
    made.run()
    return made


def test_a_study_proposes_what_it_set_aside_and_what_is_given(study, tmp_path):
    (tmp_path / "more/inner").mkdir(parents=True)
    Image.new("RGB", (40, 40), "red").save(tmp_path / "more/inner/red.png")
    done = run("label", study.folder, "--budget", 100, "--out", tmp_path / "out",
               "--unlabelled", tmp_path / "more")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "7 of 7 pictures without a label are proposed; 12 have one." in done.output
    table = pd.read_csv(tmp_path / "out/labels.csv", keep_default_na=False)
    names = [each.rpartition("/")[2] for each in table["path"][:7]]
    assert sorted(names) == [*(f"new {i}.png" for i in range(6)), "red.png"]
    assert (table["label"][:7] == "").all()
    assert (tmp_path / "out/contact-sheet.html").is_file()
    told = [line.strip() for line in done.output.splitlines()]
    command = ["embedlens", "study", str(tmp_path / "out/labels.csv"), "--group", r"(\d)\.png"]
    assert command in [shlex.split(line) for line in told if line.startswith("embedlens study")]
    again = run("label", study.folder, "--out", tmp_path / "out")
    assert "perhaps with labels that you filled in" in str(again.exception)


def test_search_prints_a_table_or_json(study):
    picture = f"{study.settings.pictures}/light/2.png"
    lines = run("search", study.folder, picture, "--k", 3).output.splitlines()
    assert lines[0].split() == ["class", "similarity", "distance", "split", "path"]
    assert lines[1].split()[:3] == ["light", "1.000", "0.000"]
    rows = json.loads(run("search", study.folder, picture, "-k", 3, "--json").output)
    assert [row["label"] for row in rows] == ["light"] * 3
    assert rows[0]["path"] == "light/2.png"


def test_search_writes_a_table_or_a_page(study, tmp_path):
    picture = f"{study.settings.pictures}/light/2.png"
    for name in ("found.csv", "found.json", "found.html"):
        done = run("search", study.folder, picture, "-k", 3, "--out", tmp_path / "new" / name)
        assert str(tmp_path / "new" / name) in done.output.replace("\n", "")
    table = pd.read_csv(tmp_path / "new/found.csv")
    assert table["path"][0] == "light/2.png"
    told = json.loads((tmp_path / "new/found.json").read_text(encoding="utf-8"))
    assert [each["path"] for each in told] == table["path"].tolist()
    page = (tmp_path / "new/found.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert "Nearest to 2.png" in page
    wrong = run("search", study.folder, picture, "--out", tmp_path / "found.txt")
    assert "does not end in .csv or .tsv or .json or .html" in str(wrong.exception)
