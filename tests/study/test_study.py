"""A study from a folder of pictures to its tables, its rerun, and its refusals."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import EmbedlensError, StudyError
from embedlens.results import Settings, judge, judge_retrieval, read_results
from embedlens.study import Study

SMALL = {"size": 64, "repeats": 2}
# The learned map takes longer than all else, and most tests do not look at it.
QUICK = {**SMALL, "maps": ("pca", "tsne")}

# Not `import embedlens.features.embed`: by that name the package holds the function.
STEPS = importlib.import_module("embedlens.study.backbone_steps")
EMBED = importlib.import_module("embedlens.features.embed")


def run(pictures, out, backbones=("EfficientNetLite0",), **settings):
    return Study(pictures, backbones, out=out, **{**QUICK, **settings}).run()


def without_time(results):
    """The measures as they must be on every run: all but the seconds they took."""
    return results.measures.drop(columns="seconds")


@pytest.fixture(scope="module")
def whole(pictures_once, tmp_path_factory):
    """The folder of a study with all maps; not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    Study(pictures_once, ["EfficientNetLite0"], out=folder, **SMALL).run()
    return folder


@pytest.fixture(scope="module")
def results(whole):
    return read_results(whole)


class Counter:
    """Counts the calls of a function and passes them on."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


@pytest.fixture
def analyses(monkeypatch):
    counter = Counter(STEPS.measure_spaces)
    monkeypatch.setattr(STEPS, "measure_spaces", counter)
    return counter


@pytest.fixture
def engines(monkeypatch):
    counter = Counter(EMBED.make_engine)
    monkeypatch.setattr(EMBED, "make_engine", counter)
    return counter


def test_a_study_fills_its_folder_as_designed(whole, results):
    for name in (
        "study.toml",
        "images.parquet",
        "features/EfficientNetLite0/features.npy",
        "features/EfficientNetLite0/meta.json",
        "maps/EfficientNetLite0/pca.npy",
        "maps/EfficientNetLite0/tsne.npy",
        "maps/EfficientNetLite0/silhouette_projection.npy",
        "results/measures.parquet",
    ):
        assert (whole / name).is_file(), name
    columns = ["study", "backbone", "stage", "metric", "split", "repeat", "value", "seconds"]
    assert list(results.measures.columns) == columns
    assert results.maps["EfficientNetLite0", "pretrained"]["tsne"].shape == (60, 3)
    assert np.isfinite(results.measures["value"]).all()
    tested = results.predictions.query("head == 'knn'")
    asked = results.retrievals
    assert asked["picture"].tolist() == tested["picture"].tolist()
    (found,) = judge_retrieval(results)
    # Stripes of another direction are far away, whatever the query.
    assert found.recall[1].estimate > 0.8
    assert 1 / 3 < found.average_precision.estimate <= 1


def test_the_silhouette_of_a_map_learned_with_labels_is_that_of_test_pictures_alone(results):
    from sklearn.metrics import silhouette_score

    measured = results.measures.query("metric == 'silhouette.silhouette_projection'")
    assert set(measured["split"]) == {"test"}
    test = (results.pictures["split"] == "test").to_numpy()
    moved = results.maps["EfficientNetLite0", "pretrained"]["silhouette_projection"]
    expected = silhouette_score(moved[test], results.pictures["label"][test])
    assert measured["value"].item() == pytest.approx(expected, abs=1e-4)
    # Nor do heads judge the map by pictures of other splits, which it learned from.
    judged = results.measures.query("metric == 'silhouette_projection.knn.accuracy'")
    assert set(judged["repeat"]) == {0}
    of_pictures = results.silhouettes["silhouette_projection"].to_numpy()
    assert np.array_equal(np.isfinite(of_pictures), test)


def test_stripes_are_told_apart_on_pictures_never_trained_on(results):
    assert results.mean("linear_probe.accuracy", "test")["EfficientNetLite0"] == 1.0
    rows = results.predictions.query("head == 'linear_probe' and repeat == 0")
    assert set(results.pictures["split"].iloc[rows["picture"]]) == {"test"}


def test_each_repeat_tests_on_other_pictures(results):
    predictions = results.predictions.query("head == 'knn'")
    first, second = (set(predictions.query(f"repeat == {r}")["picture"]) for r in (0, 1))
    assert first != second


def test_silhouettes_in_the_tables_are_those_of_the_stored_features(whole, results):
    from sklearn.metrics import silhouette_score

    features = np.load(whole / "features/EfficientNetLite0/features.npy").astype(float)
    expected = silhouette_score(features, results.pictures["label"])
    assert results.mean("silhouette.features")["EfficientNetLite0"] == pytest.approx(
        expected, abs=1e-5
    )


def test_flattened_features_give_the_answers_that_they_give_without_the_gram_matrix(
    pictures, tmp_path
):
    """With more features than pictures, heads work on coordinates of the Gram matrix."""
    from embedlens.images import ImageSet
    from embedlens.learn import NeighborsProbe

    results = run(pictures, tmp_path / "out", pooling="none", repeats=1)
    features = np.load(tmp_path / "out/features/EfficientNetLite0/features.npy")
    assert features.shape == (60, 2 * 2 * 1280)
    images = ImageSet.read(pictures)
    train, validation, test = (images.where(s) for s in ("train", "validation", "test"))
    head = NeighborsProbe().fit(
        features[train],
        images.labels[train],
        validation=(features[validation], images.labels[validation]),
    )
    rows = results.predictions.query("head == 'knn'").sort_values("picture")
    assert rows["predicted"].tolist() == head.predict(features[test]).tolist()
    assert rows["confidence"].to_numpy() == pytest.approx(
        head.predict_proba(features[test]).max(axis=1), abs=1e-4
    )


def test_a_rerun_computes_nothing_and_ends_with_the_same_tables(
    pictures, tmp_path, analyses, engines
):
    first = run(pictures, tmp_path / "out")
    again = run(pictures, tmp_path / "out")
    assert (analyses.calls, engines.calls) == (1, 1)
    pd.testing.assert_frame_equal(first.measures, again.measures)


def test_another_backbone_is_added_without_recomputing_the_first(
    pictures, tmp_path, analyses, engines
):
    run(pictures, tmp_path / "out")
    results = run(pictures, tmp_path / "out", ["EfficientNetLite0", "EfficientNetLite1"])
    assert (analyses.calls, engines.calls) == (2, 2)
    assert results.backbones["backbone"].tolist() == ["EfficientNetLite0", "EfficientNetLite1"]


def test_another_seed_keeps_the_features_and_repeats_the_analysis(
    pictures, tmp_path, analyses, engines
):
    run(pictures, tmp_path / "out")
    run(pictures, tmp_path / "out", seed=1)
    assert (analyses.calls, engines.calls) == (2, 1)


def test_killed_at_any_moment_the_rerun_ends_in_the_same_bytes(
    pictures_once, tmp_path, whole, results
):
    out = tmp_path / "killed"
    code = (
        "import sys; from embedlens.study import Study\n"
        "Study(sys.argv[1], ['EfficientNetLite0'], out=sys.argv[2], size=64, repeats=2).run()"
    )
    for seconds in (1.5, 2.5, 3.5):
        child = subprocess.Popen([sys.executable, "-c", code, pictures_once, out])
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
    again = run(pictures_once, out, maps=None)
    pd.testing.assert_frame_equal(
        without_time(again).assign(study=whole.name), without_time(results)
    )
    name = "features/EfficientNetLite0/features.npy"
    assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_folder_that_another_run_holds_is_refused(pictures, tmp_path):
    import fcntl

    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        lock.write("4242")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match="process 4242"):
            run(pictures, out)


def test_an_unreadable_picture_is_listed_and_does_not_stop_the_study(pictures, tmp_path):
    (pictures / "plain" / "broken.png").write_bytes(b"no picture")
    results = run(pictures, tmp_path / "out")
    assert results.problems["path"].tolist() == ["plain/broken.png"]
    assert results.pictures["kept"].sum() == 60


def test_given_splits_are_used_once_whatever_the_repeats(pictures, tmp_path):
    for split, numbers in {"train": range(12), "val": range(12, 16), "test": range(16, 20)}.items():
        for kind in ("across", "down"):
            target = tmp_path / "split" / split / kind
            target.mkdir(parents=True)
            for i in numbers:
                os.link(pictures / kind / f"{i}.png", target / f"{i}.png")
    results = run(tmp_path / "split", tmp_path / "out", repeats=5)
    assert results.measures["repeat"].max() == 0
    assert len(results.predictions.query("head == 'knn'")) == 8


def test_random_weights_are_named_so_in_the_results(pictures, tmp_path):
    results = run(
        pictures, tmp_path / "out", ["MobileNetV2"], weights={"MobileNetV2": "random"}, size=64
    )
    row = results.backbones.iloc[0]
    assert not row["pretrained"]
    assert "random" in row["weights"]


def test_a_study_opens_with_the_settings_it_was_run_with(pictures, tmp_path):
    run(pictures, tmp_path / "out", seed=3)
    assert Study.open(tmp_path / "out").settings == Settings(
        str(pictures), ("EfficientNetLite0",), size=64, repeats=2, seed=3, maps=("pca", "tsne")
    )


def test_results_before_the_run_are_refused_with_the_command_to_give(pictures, tmp_path):
    with pytest.raises(StudyError, match="is not a study folder"):
        Study(pictures, ["EfficientNetLite0"], out=tmp_path / "out").results()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbones": []}, "at least one backbone"),
        ({"repeats": 0}, "repeats is 0"),
        ({"test": 1.5}, "test is 1.5"),
        ({"colour": "red"}, "colour"),
        ({"preset": "papre"}, "no preset 'papre'"),
        ({"weights": {"Xception": "random"}}, "Xception, which is none"),
        ({"backbones": ["EfficientNetLite0", "efficientnetlite0"]}, "named twice"),
        ({"backbones": ["Nonesuch"]}, "Nonesuch"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, message, pictures, tmp_path):
    with pytest.raises(EmbedlensError, match=message):
        Study(pictures, **{"backbones": ["EfficientNetLite0"], **settings}, out=tmp_path)


def test_the_paper_preset_is_the_published_protocol(pictures, tmp_path):
    settings = Study(pictures, preset="paper", out=tmp_path).settings
    assert settings.backbones == (
        "Xception", "ResNet50V2", "InceptionV3", "MobileNetV2", "DenseNet201",
    )  # fmt: skip
    assert (settings.size, settings.pooling, settings.resize) == (200, "none", "squash")


def test_the_default_backbones_need_no_download(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    names = Study(pictures, out=tmp_path).settings.backbones
    assert names == ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2")


def test_the_verdict_comes_before_maps_and_scores_and_they_do_not_change_it(
    pictures, tmp_path, monkeypatch
):
    """What an early caller is told is what the finished study says, of all backbones at once."""
    told = []
    spaces = Counter(STEPS.measure_spaces)
    monkeypatch.setattr(STEPS, "measure_spaces", spaces)

    def early(results):
        assert spaces.calls == 0
        told.append(judge(results))

    both = ["EfficientNetLite0", "EfficientNetLite1"]
    weights = {"EfficientNetLite1": "random"}
    study = Study(pictures, both, weights=weights, out=tmp_path / "out", **QUICK)
    results = study.run(early=early)
    (first,) = told
    assert first.record() == judge(results).record()
    assert len(first.standings) == 2
    assert spaces.calls == 2
    study.run(early=early)
    assert len(told) == 1  # nothing is left to do: the verdict stands already


def test_a_study_stopped_after_its_verdict_is_not_taken_for_finished(pictures, tmp_path):
    def stop(results):
        raise KeyboardInterrupt

    study = Study(pictures, ["EfficientNetLite0"], out=tmp_path / "out", **QUICK)
    with pytest.raises(KeyboardInterrupt):
        study.run(early=stop)
    with pytest.raises(StudyError, match="no results yet"):
        study.results()
    assert judge(study.run()).take.backbone == "EfficientNetLite0"


def test_costs_are_measured_once_in_rounds_of_all_backbones(pictures, tmp_path, monkeypatch):
    cost = importlib.import_module("embedlens.study.cost")
    monkeypatch.setattr(cost, "_TURN", 0.001)
    engines = Counter(cost.make_engine)
    monkeypatch.setattr(cost, "make_engine", engines)
    results = run(pictures, tmp_path / "out", ["EfficientNetLite0"])
    rounds = results.costs.groupby("backbone")["round"].apply(list).to_dict()
    assert rounds == {"EfficientNetLite0": [0, 1, 2, 3, 4]}
    assert (results.costs["milliseconds"] > 0).all()
    run(pictures, tmp_path / "out", ["EfficientNetLite0"])
    assert engines.calls == 1
    # A round that a kill took is made up for.
    file = tmp_path / "out/results/costs.parquet"
    results.costs.query("round < 3").to_parquet(file)
    again = run(pictures, tmp_path / "out", ["EfficientNetLite0"]).costs
    assert engines.calls == 2
    assert again["round"].tolist() == [0, 1, 2, 3, 4]
    assert again["milliseconds"][:3].tolist() == results.costs["milliseconds"][:3].tolist()
