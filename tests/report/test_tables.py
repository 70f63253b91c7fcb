"""What the tables of a study show."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.report import tables
from embedlens.results import judge


@pytest.fixture(scope="module")
def results(reported):
    return reported.results


@pytest.fixture(scope="module")
def made(results):
    return tables(results)


def test_accuracy_is_the_mean_over_repeats_best_first(results, made):
    frame = made["accuracy"].frame
    assert frame["backbone"].tolist() == ["Better_2", "Worse"] * 2
    assert frame["head"].tolist() == ["linear probe"] * 2 + ["k-NN"] * 2
    for head, rows in {"linear_probe": frame[:2], "knn": frame[2:]}.items():
        shown = rows.set_index("backbone")
        for column, metric in {"accuracy": "accuracy", "balanced": "balanced_accuracy"}.items():
            expected = results.mean(f"{head}.{metric}", "test")
            for backbone in shown.index:
                assert shown[column][backbone] == pytest.approx(expected[backbone], abs=1e-12)
    assert set(frame["repeats"]) == {3}


def test_intervals_are_the_verdict_s(results, made):
    frame = made["accuracy"].frame.set_index(["head", "backbone"])
    for head, name in {"linear_probe": "linear probe", "knn": "k-NN"}.items():
        for each in judge(results, head).standings:
            row = frame.loc[(name, each.backbone)]
            assert (row["95% low"], row["95% high"]) == (each.low, each.high)
            if each.backbone != "Better_2":
                assert (row["behind best"], row["behind low"]) == (each.behind, each.behind_low)


def test_the_best_is_not_behind_itself(made):
    assert made["accuracy"].frame["behind best"].isna().tolist() == [True, False] * 2


def test_a_file_is_four_bytes_a_parameter(made):
    frame = made["backbones"].frame
    assert frame["file (MiB)"].tolist() == [pytest.approx(3_538_984 * 4 / 1024**2)] * 2
    assert frame["backbone"].tolist() == ["Better_2", "Worse"]


def test_maps_show_silhouettes_of_all_and_of_test_pictures(results, made):
    frame = made["maps"].frame.set_index(["backbone", "space"])
    assert frame.index.tolist() == [
        (backbone, space)
        for backbone in ("Better_2", "Worse")
        for space in ("features", "PCA", "t-SNE")
    ]
    for backbone, space in frame.index:
        key = {"PCA": "pca", "t-SNE": "tsne"}.get(space, space)
        row = frame.loc[(backbone, space)]
        for column, metric, split in (
            ("silhouette", f"silhouette.{key}", "all"),
            ("silhouette macro", f"silhouette.{key}.macro", "all"),
            ("silhouette test", f"silhouette.{key}", "test"),
            ("silhouette test macro", f"silhouette.{key}.macro", "test"),
        ):
            assert row[column] == results.mean(metric, split)[backbone]
    assert frame["variance kept"].notna().tolist() == [False, True, False] * 2
    assert frame.loc[("Worse", "t-SNE"), "seconds"] == 2.5


def test_features_have_no_trustworthiness_to_themselves(made):
    frame = made["maps"].frame.set_index("space")
    assert np.isnan(frame.loc["features", "trustworthiness"]).all()


def test_silhouettes_have_a_row_a_class(results, made):
    frame = made["silhouettes"].frame.set_index("class")
    assert frame.index.tolist() == ["ant", "bee", "cow"]
    assert frame["pictures"].tolist() == [20, 20, 20]
    expected = results.mean("silhouette.tsne.class.bee")["Worse"]
    assert frame.loc["bee", "Worse: t-SNE"] == expected


def test_images_are_counted_by_class_and_split(made):
    frame = made["images"].frame.set_index("class")
    assert frame.loc["all classes"].tolist() == [33, 15, 12, 60]
    assert frame.loc["bee", "test"] == 4


def test_random_weights_are_named_in_every_table_of_backbones(study):
    made = tables(study(backbones={"A": 0.5, "B": 0.9}, random=["B"]).results)
    assert made["accuracy"].frame["backbone"].tolist() == ["A", "B (random weights)"] * 2
    assert set(made["maps"].frame["backbone"]) == {"A", "B (random weights)"}
    assert "B (random weights): PCA" in made["silhouettes"].frame
    backbones = made["backbones"].frame.set_index("backbone")
    assert backbones.loc["B (random weights)", "weights"].startswith("RANDOM, NOT PRETRAINED")
    assert "RANDOM" not in backbones.loc["A", "weights"]


def test_speed_that_was_not_measured_is_a_dash(study):
    results = study().results
    results.backbones[["embedded", "seconds", "pictures_per_second"]] = [0, 0.0, np.nan]
    table = tables(results)["backbones"]
    cells = dict(zip(table.frame.columns, table.cells()[0], strict=True))
    assert (cells["seconds"], cells["pictures/s"]) == ("–", "–")


def test_problems_say_what_became_of_the_picture(study):
    results = study().results
    results.problems.loc[0] = ["ant/broken.jpg", "unreadable", "not a picture", False]
    results.problems.loc[1] = ["ant/001.png", "leak", "the same as another", True]
    frame = tables(results)["problems"].frame
    assert frame["in the study"].tolist() == ["set aside", "kept"]
