"""The report of a study: one HTML file that stands alone, tables, figures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stand import Stand

from embedlens.errors import StudyError
from embedlens.images import ImageSet
from embedlens.report import tables, write_report
from embedlens.report.sections.material import Material
from embedlens.report.sections.mistakes import MAX_SHOWN
from embedlens.results import (
    Settings,
    judge,
    judge_calibration,
    read_results,
    retrieval_sentence,
)
from embedlens.results.folder import StudyFolder
from embedlens.results.results import gather, write_measurements
from embedlens.study.analysis import analyse

MIB = 2**20


def assert_stands_alone(made) -> None:
    """Nothing in the page makes a browser ask for anything."""
    page = made.page
    assert not {"iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    kinds = [script["type"] for script in page.all("script")]
    assert set(kinds) <= {"application/json", "application/octet-stream", "module"}
    assert kinds.count("module") <= 1
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "poster", "action", "background"):
                assert value.startswith(("#", "data:")), f"<{tag} {name}={value[:80]}>"
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert set(re.findall(r"url\((.)", value)) <= {"#"}
    styles = " ".join(page.styles)
    assert styles
    assert "@import" not in styles
    assert "url(" not in styles


def test_the_report_writes_page_tables_and_figures(reported):
    names = {str(path.relative_to(reported.folder)) for path in reported.folder.rglob("*.*")}
    wanted = {
        "accuracy", "backbones", "maps", "silhouettes", "images", "problems", "retrieval"
    }  # fmt: skip
    assert {f"tables/{name}.{kind}" for name in wanted for kind in ("csv", "md", "tex")} <= names
    figures = {"accuracy", "speed", "map-Better_2", "map-Worse"}
    assert {f"figures/{name}.{kind}" for name in figures for kind in ("png", "svg")} <= names
    assert "report.html" in names
    assert not [name for name in names if name.endswith(".tmp")]


def test_the_page_stands_alone(reported):
    assert_stands_alone(reported)


def test_the_verdict_comes_first(reported):
    text = reported.page.text
    sentence = judge(reported.results).sentence()
    assert sentence.startswith("Take Better_2")
    assert sentence in text
    assert text.index(sentence) < text.index("Naming one class")
    assert retrieval_sentence(reported.results, "Better_2") in text


@pytest.mark.parametrize(
    ("pictures", "named"),
    [([3, 5, 2], "the largest class, b,"), ([4, 4, 4], "one class, a,"),
     ([2, 5, 5], "one of the largest classes, b,")],
)  # fmt: skip
def test_a_guess_names_a_class_that_no_other_exceeds(pictures, named):
    counts = pd.DataFrame({"all": pictures, "test": [1, 1, 2]}, index=["a", "b", "c"])
    assert Material.guess.fget(Stand(counts=counts)) == (named, 0.25)


def test_every_table_is_in_the_page_with_headings_for_readers_aloud(reported):
    page = reported.page
    heads = [th for th in page.all("th") if "scope" not in th]
    assert heads == []
    for name, table in tables(reported.results).items():
        # Two backbones are too few for a correlation; the matrix has a form of its own.
        if len(table.frame) and name not in ("correlation", "matrix"):
            assert table.caption in page.text
            for row in table.cells():
                assert row[0] in page.text


def test_the_page_has_landmarks_and_every_picture_a_text(reported):
    page = reported.page
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert all(image["alt"] for image in page.all("img"))
    figures = [each for each in page.all("div") if each.get("role") == "img"]
    assert len(figures) == 1 + 1 + 1 + 4 + 3
    assert all(each["aria-label"] for each in figures)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {link["href"] for link in page.all("a")}
    assert links <= {f"#{name}" for name in ids}


def test_each_map_says_what_its_numbers_are_of(reported):
    text = reported.page.text
    value = reported.results.mean("silhouette.tsne", "test")["Worse"]
    shown = f"{value:.3f}".replace("-", "−")
    assert "Silhouette in this map all 60 test 12" in text
    assert shown in text
    assert "Euclidean. Keeps" in text


def test_pictures_of_each_class_and_mistakes_are_shown(reported):
    page = reported.page
    wrong = int((1 - _first_accuracy(reported)) * 12 + 0.5)
    sides = [each["width"] for each in page.all("img")]
    misplaced = sides.count("56") // 5  # each stands beside its five nearest
    assert sides.count("92") == 3 * 8 + min(wrong, MAX_SHOWN) + misplaced
    assert f"gets {wrong} picture" in page.text


def _first_accuracy(made) -> float:
    rows = made.results.measures.query(
        "backbone == 'Better_2' and metric == 'linear_probe.accuracy' and repeat == 0"
    )
    return rows["value"].item()


def test_the_page_is_small(reported):
    assert (reported.folder / "report.html").stat().st_size < 1 * MIB


def test_a_second_report_is_the_same(study):
    made = study(backbones={"A": 0.9})
    write_report(made.folder)
    first = {p: p.read_bytes() for p in made.folder.rglob("*.*") if p.is_file()}
    write_report(made.folder)
    assert {p: p.read_bytes() for p in made.folder.rglob("*.*") if p.is_file()} == first


def test_names_that_are_html_stay_names(study):
    bad = "<img src=x onerror=alert(1)>"
    made = study(classes=["a & b", bad, "\"'><script>alert(2)<"], backbones={"A": 0.5})
    broken = made.pictures / bad / "<svg onload=alert(3)>.png"
    broken.write_bytes(b"")
    ImageSet.read(made.pictures).write(made.folder / "images.parquet")
    problem = {"path": f"{bad}/{broken.name}", "kind": "unreadable", "reason": "<i>", "kept": False}
    pd.DataFrame([problem]).to_parquet(made.folder / "results" / "problems.parquet")
    write_report(made.folder)
    assert_stands_alone(made)
    assert bad in made.page.text
    assert problem["path"] in made.page.text
    assert "<i>" in made.page.text


def test_figures_and_their_captions_are_of_the_backbone_to_take(dear_best):
    """Not of the most accurate, which is dearer and no sure gain."""
    results = dear_best.results
    verdict = judge(results)
    assert (verdict.standings[0].backbone, verdict.take.backbone) == ("Dear", "Cheap")
    text, figures = dear_best.page.text, dear_best.folder / "figures"
    assert "Cheap: how often a linear probe is right" in text
    told = {each.backbone: each.temperature for each in judge_calibration(results)}
    assert f"at temperature {told['Cheap']:.2f}" in (figures / "reliability.svg").read_text()
    assert "Lines, of Cheap" in text
    labels = (figures / "labels.svg").read_text()
    assert labels.index(">Cheap<") < labels.index(">Dear<")
    assert '"opening":"Cheap/' in dear_best.html


def test_random_weights_are_never_taken_for_pretrained(study):
    made = study(backbones={"Trained": 0.6, "Chance": 0.9}, random=["Chance"])
    write_report(made.folder)
    text = made.page.text
    assert "Random weights, not pretrained: Chance." in text
    assert "RANDOM, NOT PRETRAINED: random (seed 0), not pretrained" in text
    assert "Chance random weights, not pretrained" in text
    assert text.index("Take Trained") < text.index("Random weights, for comparison only: Chance")
    assert "What does it get wrong? Trained" in text


def test_pictures_that_have_moved_are_said_to_be_missing(study):
    made = study(backbones={"A": 0.9})
    shutil.rmtree(made.pictures)
    write_report(made.folder)
    page = made.page
    assert page.all("img") == []
    assert f"No picture is shown: those of the study are no longer at {made.pictures}" in page.text
    assert_stands_alone(made)


def test_one_backbone_and_one_split_make_a_report(study):
    made = study(backbones={"Only": 0.8}, repeats=1)
    write_report(made.folder)
    text = made.page.text
    assert "60 pictures, 3 classes, 1 backbone, 1 split" in text
    assert "over 1 split; lines" in text
    assert "mean over 1 split" not in text
    assert not (made.folder / "figures" / "speed.png").exists()
    assert "against speed" not in text


def test_sixty_classes_make_a_report(study):
    classes = [f"class {i:02}" for i in range(60)]
    made = study(classes=classes, per_class=6, backbones={"A": 0.9}, repeats=1)
    write_report(made.folder)
    page = made.page
    legend = [each for each in page.elements if each[0] == "path" and "fill" in each[1]]
    assert len({(path["d"], path["fill"]) for _, path in legend}) == 60
    assert len(page.all("img")) >= 60
    assert (made.folder / "report.html").stat().st_size < 3 * MIB
    assert_stands_alone(made)


def test_many_points_keep_the_page_small(study):
    """Points are a picture of fixed size in it, not elements."""
    made = study(backbones={"A": 0.9})
    index = made.folder / "images.parquet"
    pd.concat([pd.read_parquet(index)] * 500, ignore_index=True).to_parquet(index, index=False)
    rng = np.random.default_rng(0)
    for path in (made.folder / "maps").rglob("*.npy"):
        points = np.tile(np.load(path), (500, 1))
        np.save(path, points + rng.normal(size=points.shape).astype(np.float32))
    write_report(made.folder)
    assert (made.folder / "report.html").stat().st_size < 4 * MIB


def test_maps_beyond_the_limit_are_left_to_the_folder(study, monkeypatch):
    monkeypatch.setattr("embedlens.report.sections.stills.MAX_CHARACTERS", 1)
    made = study()
    write_report(made.folder)
    assert "The maps of 1 more backbone are in figures/" in made.page.text
    assert (made.folder / "figures" / "map-Worse.png").is_file()


def test_long_tables_are_cut_in_the_page_and_whole_in_the_files(study, monkeypatch):
    monkeypatch.setattr("embedlens.report.page.MAX_ROWS", 2)
    made = study(backbones={"A": 0.9})
    write_report(made.folder)
    assert "The first 2 of 3 rows; all are in tables/silhouettes.csv" in made.page.text
    assert len(pd.read_csv(made.folder / "tables" / "silhouettes.csv")) == 3


def test_maps_of_a_backbone_that_is_gone_are_removed(study):
    made = study(backbones={"A": 0.9})
    old = made.folder / "figures" / "map-Old.png"
    old.parent.mkdir()
    old.write_bytes(b"")
    own = made.folder / "figures" / "my-own.png"
    own.write_bytes(b"")
    write_report(made.folder)
    assert not old.exists()
    assert own.exists()


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"is not a study folder: it has no study\.toml"):
        write_report(tmp_path)


def test_a_study_without_results_is_refused(study):
    made = study(backbones={"A": 0.9})
    (made.folder / "results" / "measures.parquet").unlink()
    with pytest.raises(StudyError, match="has no results yet: its study did not run"):
        write_report(made.folder)


def test_a_real_analysis_fills_every_cell(study):
    """The names of measures are those that `analyse` gives."""
    made = study(per_class=12, backbones={"Real": 0.9}, repeats=1)
    images = ImageSet.read(made.pictures)
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(3, 16))[images.codes] + rng.normal(size=(36, 16))).astype(np.float32)
    settings = Settings(str(made.pictures), ("Real",), repeats=1)
    facts = made.results.backbones.iloc[0].to_dict()
    measured = analyse(values, images, settings)
    folder = StudyFolder(made.folder)
    write_measurements(folder, "Real", "key", facts, "pretrained", measured, features="Real")
    gather(folder, ["Real"])
    page = write_report(made.folder)
    assert "nan" not in Path(page).read_text(encoding="utf-8").split("<main")[1].lower().split()
    shown = tables(read_results(made.folder))
    maps = shown["maps"].frame.set_index("space")
    assert maps.loc[["PCA", "t-SNE"]].drop(columns="variance kept").notna().all(axis=None)
    assert maps.loc["features", "silhouette":"silhouette test macro"].notna().all()
    assert shown["silhouettes"].frame.notna().all(axis=None)
