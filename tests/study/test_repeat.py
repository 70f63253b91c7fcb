"""Fine-tuning in a study: what it measures, keeps, resumes and says."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from embedlens import Classifier
from embedlens.classify import export_classifier, predict
from embedlens.classify.prediction import read_predictions
from embedlens.errors import StudyError
from embedlens.features import embed
from embedlens.images import ImageSet
from embedlens.report import write_report
from embedlens.results import judge_tuning, read_results, tuning_sentence
from embedlens.study import Study

REPEAT = importlib.import_module("embedlens.study.repeat")
NAME = "EfficientNetLite0"


def study_in(folder, pictures, **settings):
    quick = {"size": 64, "repeats": 2, "epochs": 2, "maps": ("pca", "tsne")}
    given = {**quick, "finetune": True, **settings}
    return Study(pictures, [NAME], out=folder, **given)


@pytest.fixture(scope="module")
def tuned(pictures_once, tmp_path_factory):
    """The folder of a study with fine-tuning; not to be changed."""
    folder = tmp_path_factory.mktemp("tuned") / "out"
    study_in(folder, pictures_once).run()
    return folder


@pytest.fixture(scope="module")
def results(tuned):
    return read_results(tuned)


def test_everything_is_measured_before_and_after(results):
    """All but what tuning cannot change or what foretells it."""
    before, after = (
        set(results.measures.loc[results.measures["stage"] == stage, "metric"])
        for stage in ("pretrained", "tuned")
    )
    assert {each for each in before - after if not each.startswith("score.")} == {"top.converged"}
    assert after <= before
    assert set(results.predictions.query("stage == 'tuned'")["head"]) == {
        "linear_probe", "knn", "top"
    }  # fmt: skip
    assert results.maps.keys() == {(NAME, "pretrained"), (NAME, "tuned")}
    assert results.silhouettes.groupby("stage").size().to_dict() == {"pretrained": 60, "tuned": 60}


def test_every_repeat_tests_the_pictures_that_it_tested_before(results):
    pictures = results.predictions.query("head == 'top'").groupby(["repeat", "stage"])["picture"]
    shown = {key: sorted(rows) for key, rows in pictures}
    for repeat in (0, 1):
        assert shown[repeat, "tuned"] == shown[repeat, "pretrained"]
    assert shown[0, "tuned"] != shown[1, "tuned"]


def test_histories_have_a_row_an_epoch_and_tuning_one_from_before(results):
    epochs = results.histories.groupby(["stage", "repeat"])["epoch"].apply(list)
    assert epochs["pretrained", 1] == [1, 2]
    assert epochs["tuned", 1] == [0, 1, 2]
    rows = results.histories
    first = rows[(rows["stage"] == "tuned") & (rows["epoch"] == 0)]
    last = rows[(rows["stage"] == "pretrained") & (rows["epoch"] == 2)]
    # Tuning begins where the top's training ended.
    assert first["validation_loss"].to_numpy() == pytest.approx(
        last["validation_loss"].to_numpy(), rel=1e-3
    )


def test_loss_and_accuracy_are_those_of_the_predictions(results):
    rows = results.predictions.query("head == 'top' and stage == 'tuned' and repeat == 1")
    right = rows["predicted"].to_numpy() == results.pictures["label"].to_numpy()[rows["picture"]]
    of_repeat = results.measures.query("stage == 'tuned' and repeat == 1").set_index("metric")
    assert of_repeat.loc["top.accuracy", "value"] == right.mean()
    if right.all():  # then the confidence is the share of the true class
        assert of_repeat.loc["top.loss", "value"] == pytest.approx(
            -np.log(rows["confidence"]).mean(), rel=1e-6
        )


def test_the_tuned_network_is_a_backbone_that_gives_the_stored_features(
    tuned, results, pictures_once
):
    images = ImageSet.read(pictures_once)
    stored = np.load(tuned / "features" / f"{NAME}.tuned" / "features.npy")
    again = embed(images, str(tuned / "tuned" / f"{NAME}.keras")).values
    assert np.linalg.norm(again - stored) <= 1e-5 * np.linalg.norm(stored)
    assert results.tunings["layer"].tolist() == ["conv_head"] * 2


def test_features_and_trunk_come_of_one_run_of_the_network(pictures_once, tmp_path, monkeypatch):
    module = importlib.import_module("embedlens.features.embed")
    engines = []
    make = module.make_engine
    monkeypatch.setattr(module, "make_engine", lambda *a: engines.append(a) or make(*a))
    study_in(tmp_path / "out", pictures_once, repeats=1, epochs=1).run()
    assert len(engines) == 1


def test_a_rerun_trains_nothing_and_ends_with_the_same_tables(
    tuned, results, pictures_once, monkeypatch
):
    monkeypatch.setattr(REPEAT, "fit_top", lambda *_, **__: pytest.fail("the top ran again"))
    monkeypatch.setattr(REPEAT, "finetune", lambda *_, **__: pytest.fail("tuned again"))
    again = study_in(tuned, pictures_once).run()
    pd.testing.assert_frame_equal(again.measures, results.measures)
    pd.testing.assert_frame_equal(again.histories, results.histories)


def test_stopped_between_repeats_it_goes_on_with_the_missing_one(
    pictures_once, tmp_path, monkeypatch, results
):
    """The trunk is not run again either."""

    def stop_at_second(step, done, total):
        if "split 2" in step and "tail" in step:
            raise KeyboardInterrupt

    study = study_in(tmp_path / "out", pictures_once)
    with pytest.raises(KeyboardInterrupt):
        study.run(stop_at_second)
    tunings = []
    finetune = REPEAT.finetune
    monkeypatch.setattr(
        REPEAT, "finetune", lambda *a, **k: tunings.append(k["random_state"]) or finetune(*a, **k)
    )
    engine = importlib.import_module("embedlens.features.embed")
    monkeypatch.setattr(engine, "make_engine", lambda *_: pytest.fail("a network ran again"))
    again = study.run()
    assert tunings == [1]
    columns = ["stage", "metric", "split", "repeat"]
    expected = results.measures.set_index(columns)["value"]
    found = again.measures.set_index(columns)["value"]
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-3, abs=1e-3)


def test_the_report_has_the_published_tables_and_figures(tuned):
    page = write_report(tuned).read_text(encoding="utf-8")
    names = {path.name for path in (tuned / "paper").iterdir()}
    assert {f"table-{i}.csv" for i in (1, 2, 3, 4)} <= names
    assert {"figure-1.png", "figure-2.svg"} <= names
    fourth = pd.read_csv(tuned / "paper" / "table-4.csv").set_index("name").loc[NAME]
    second = pd.read_csv(tuned / "paper" / "table-2.csv").set_index("name").loc[NAME]
    assert fourth["average loss"] - fourth["loss difference"] == pytest.approx(
        second["average loss"]
    )
    assert "Table IV. Performance of fine tuning" in page
    assert "Not learned out:" in page  # two epochs are too few
    assert "nan" not in page.split("<main")[1].lower().split()


def test_the_verdict_on_tuning_is_paired_by_picture(results):
    (change,) = judge_tuning(results)
    assert change.low <= change.after - change.before <= change.high
    assert tuning_sentence((change,)).startswith("Fine-tuning ")
    assert "random" not in change.words()
    untrained = replace(results, backbones=results.backbones.assign(pretrained=False))
    assert f"{NAME} with random weights (" in judge_tuning(untrained)[0].words()
    assert tuning_sentence(()) == ""


def test_without_fine_tuning_there_is_nothing_of_it(pictures, tmp_path):
    results = Study(pictures, [NAME], out=tmp_path / "out", size=64, repeats=2, maps=("pca",)).run()
    assert set(results.measures["stage"]) == {"pretrained"}
    assert not len(results.histories)
    assert not len(results.tunings)


def test_a_cut_backbone_is_refused_before_anything_runs(pictures, tmp_path):
    with pytest.raises(StudyError, match="cut at a layer"):
        Study(pictures, [f"{NAME}@blocks_3_add"], out=tmp_path, finetune=True)


def test_the_fine_tuned_network_and_its_top_are_a_classifier(tuned, results, tmp_path):
    made = Study.open(tuned).classifier(head="tuned")
    test = (results.pictures["split"] == "test").to_numpy()
    told = results.predictions.query("stage == 'tuned' and head == 'top' and repeat == 0")
    shown = results.pictures["path"].to_numpy()[told["picture"]]
    assert sorted(shown) == sorted(results.pictures["path"][test])
    assert set(made.training.paths).isdisjoint(shown)
    change = judge_tuning(results)[0]
    assert made.expected.low <= made.expected.accuracy <= made.expected.high
    assert made.expected.accuracy == pytest.approx(change.after)

    one = predict(made, str(results.settings.pictures), tmp_path / "one.csv")
    rows = read_predictions(one.table).set_index("path")
    assert rows.loc[shown, "class"].tolist() == told["predicted"].tolist()
    # Shares are calibrated: at temperature 1 they are the study's own.
    plain = predict(replace(made, temperature=1.0), results.settings.pictures, tmp_path / "1.csv")
    shares = read_predictions(plain.table).set_index("path").loc[shown, "probability"]
    assert shares.to_numpy() == pytest.approx(told["confidence"].to_numpy(), abs=1e-4)
    assert (
        one.judged.accuracy.estimate
        == (rows.loc[shown, "class"] == rows.loc[shown, "label"]).mean()
    )

    saved = Classifier.load(made.save(tmp_path / "saved"))
    assert saved.backbone == f"{NAME}, fine-tuned"
    again = predict(saved, results.settings.pictures, tmp_path / "again.csv").table.read_text()
    assert again == one.table.read_text()


@pytest.mark.parametrize("to", ["openvino", "onnx"])
def test_the_exported_graph_holds_the_fine_tuned_network(tuned, results, to, tmp_path):
    if to == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    made = Study.open(tuned).classifier(head="tuned")
    folder = export_classifier(made, to, tmp_path / "out")
    names = results.pictures["path"].tolist()[::7]
    pictures = [f"{results.settings.pictures}/{name}" for name in names]
    done = subprocess.run(
        [sys.executable, str(folder / "classify.py"), *pictures], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    stored = np.load(tuned / "features" / f"{NAME}.tuned" / "features.npy")
    shares = made.answer(stored[::7]).probabilities
    for line, share in zip(done.stdout.splitlines(), shares, strict=True):
        _, label, told = line.split("\t")
        assert label == made.classes[share.argmax()]
        assert float(told) == pytest.approx(share.max(), abs=1e-4)
    assert "fine-tuned with its last layers" in (folder / "model-card.md").read_text()


def test_a_top_that_is_gone_is_trained_again(tuned, pictures_once, tmp_path):
    shutil.copytree(tuned, tmp_path / "out")
    kept = tmp_path / "out" / "tuned" / f"{NAME}.top.npz"
    kept.unlink()
    with pytest.raises(StudyError, match="run the study again"):
        Study.open(tmp_path / "out").classifier(head="tuned")
    study_in(tmp_path / "out", pictures_once).run()
    assert kept.is_file()


def test_a_study_without_fine_tuning_has_no_tuned_classifier(tuned, tmp_path):
    shutil.copytree(tuned, tmp_path / "out")
    written = (tmp_path / "out" / "study.toml").read_text(encoding="utf-8")
    plain = written.replace("finetune = true", "finetune = false").replace("epochs = 2", "")
    (tmp_path / "out" / "study.toml").write_text(plain, encoding="utf-8")
    with pytest.raises(StudyError, match="was not fine-tuned"):
        Study.open(tmp_path / "out").classifier(head="tuned")
