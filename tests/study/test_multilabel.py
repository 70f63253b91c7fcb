"""A study of several labels a picture, from the table to the report."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import embedlens as el
from embedlens.cli.app import app
from embedlens.curation.checks import LABEL_SETS
from embedlens.curation.finding import OF_PICTURES
from embedlens.errors import EmbedlensError, StudyError
from embedlens.metrics.held_out_precision import held_out_precision
from embedlens.report import (
    export_csv,
    export_parquet,
    export_tensorboard,
    write_first_report,
)
from embedlens.results import (
    Settings,
    StudyFolder,
    judge,
    judge_labels,
    judge_learning_curves,
    judge_retrieval,
    learning_curve_sentence,
)
from embedlens.results.judged_labels import HANDFUL
from embedlens.study.reading import read_pictures
from embedlens.viewer.label_scene import scene_of
from embedlens.viewer.server import served_check, served_study

from .conftest import BACKBONE, COUNT, RARE

NAMES = ("across", "down", "every", "noise", "rare")
JUDGED = ["across", "down", "noise"]


@pytest.fixture(scope="module")
def results(study):
    return study.results()


def test_labels_are_kept_with_the_pictures(results):
    assert tuple(results.label_sets) == NAMES
    lists = results.pictures["label"][results.pictures["kept"]]
    for row, told in zip(results.label_sets.to_dict("records"), lists, strict=True):
        assert told == "; ".join(name for name in NAMES if row[name])
    assert results.label_sets["every"].all()
    assert results.label_sets["rare"].sum() == RARE


def test_average_precision_is_what_the_stored_scores_say_of_new_pictures(results):
    verdict = judge_labels(results)
    rows = results.label_scores.query("head == 'linear_probe'")
    assert set(rows["repeat"]) == {0, 1}
    told, own = np.stack(rows["scores"].to_list()), results.label_sets.iloc[rows["picture"]]
    units = results.pictures["group"][results.pictures["kept"]].to_numpy()[rows["picture"]]
    values = {
        name: held_out_precision(own[name], told[:, place], rows["repeat"], units).estimate
        for place, name in enumerate(NAMES)
        if name in JUDGED
    }
    found = {each.label: each for each in verdict.take.labels}
    assert list(found) == JUDGED
    for name, value in values.items():
        each = found[name]
        assert each.average_precision == pytest.approx(value)
        assert 0 <= each.low < each.average_precision <= each.high <= 1
        assert each.pictures == results.label_sets[name].sum()
    mean = np.mean(list(values.values()))
    assert verdict.take.mean_average_precision == pytest.approx(mean)
    assert verdict.take.low < mean < verdict.take.high
    assert found["across"].average_precision > found["noise"].average_precision + 0.2


def test_labels_that_say_nothing_are_named_and_in_no_mean(results):
    verdict = judge_labels(results)
    told = {each.label: (each.pictures, each.reason) for each in verdict.left_out}
    assert told == {
        "every": (COUNT, "all pictures have it"),
        "rare": (RARE, f"fewer than {HANDFUL} pictures have it"),
    }
    said = verdict.sentence()
    assert said.startswith(f"Take {BACKBONE}: expect a mean average precision of 0.")
    assert "over 3 labels" in said
    assert "Not judged, and in no mean: every (all pictures have it); rare (fewer" in said


def test_groups_are_on_one_side_of_every_split(results):
    patients = results.pictures["given_group"]
    for _, rows in results.label_scores.query("head == 'knn'").groupby("repeat"):
        tested = patients.isin(patients[rows["picture"]])
        assert sorted(np.flatnonzero(tested)) == sorted(rows["picture"])


def test_what_takes_one_class_is_left_out_and_not_made_up(results):
    for empty in (results.predictions, results.silhouettes, results.curves, results.calibrations):
        assert not len(empty)
    kinds = set(results.findings["kind"])
    assert kinds.isdisjoint({"small class", "imbalance", "file facts", "groups", "two labels"})
    assert set(results.maps[BACKBONE, "pretrained"]) == {"pca", "tsne"}
    assert not results.measures["metric"].str.contains("silhouette|accuracy|score").any()
    with pytest.raises(StudyError, match="judge_labels judges it"):
        judge(results)


def test_the_pictures_are_checked_by_their_labels(results, study):
    told = results.findings.query("kind == 'small label'").set_index("path")["reason"]
    assert set(told.index) == set(NAMES)
    assert told["every"] == "no picture lacks it: there is nothing to tell"
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    assert "Labels that too few test pictures have, or lack" in page
    listed = results.findings["kind"].isin(OF_PICTURES)
    assert (scene_of(results).findings is not None) == listed.any()


def test_retrieval_asks_for_a_label_in_common_that_not_all_have(results):
    found = judge_retrieval(results)[0]
    bare = ~results.label_sets[["across", "down", "noise", "rare"]].any(axis=1)
    assert not bare[results.retrievals["picture"]].any()
    assert 0.3 < found.average_precision.estimate < 1.0


def test_the_report_shows_labels_and_nothing_of_classes(study):
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    for said in (
        "5 labels",
        "How well is each label found?",
        "all pictures have it",
        "viewer",
        "What may be wrong in the pictures?",
    ):
        assert said in page
    for absent in ("Confused", "Naming ", "rights", "classified rightly"):
        assert absent not in page
    tables = study.folder / "tables"
    by_label = pd.read_csv(tables / "average_precision.csv")
    assert by_label["label"].to_list() == JUDGED
    counts = pd.read_csv(tables / "images.csv").set_index("label")
    assert counts.loc["every", "all"] == counts.loc["all pictures", "all"] == COUNT
    means = pd.read_csv(tables / "mean_average_precision.csv")
    assert set(means["head"]) == {"linear probe a label", "k-NN"}
    assert (study.folder / "summary.md").read_text().startswith("# study: which embedding finds")


def test_the_learning_curve_ends_in_the_heads_of_the_study(study, results):
    curve = judge_learning_curves(results)[BACKBONE]
    take = judge_labels(results).take
    assert curve.accuracy[-1] == pytest.approx(take.mean_average_precision, abs=1e-3)
    known = results.pictures.query("kept and split != 'test'")
    assert abs(int(curve.labels[-1]) - len(known)) <= 5  # groups are of three: splits differ
    assert set(results.label_curves["labels"]) == set(curve.labels.tolist())
    said = learning_curve_sentence(results, BACKBONE)
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    assert "How many pictures more?" in page
    assert said in page
    assert said in (study.folder / "summary.md").read_text()
    table = pd.read_csv(study.folder / "tables" / "learning_curves.csv")
    assert table["pictures"].tolist() == curve.labels.tolist()


def test_the_viewer_has_a_column_a_label_and_writes_no_class(study, results):
    scene = scene_of(results)
    columns = {column.name: column for column in scene.columns}
    for name in NAMES:
        codes = np.frombuffer(scene.blob(columns[f"label {name}"].blob), np.uint16)
        assert codes.tolist() == results.label_sets[name].astype(int).to_list()
        assert columns[f"label {name}"].categories == ["without", "with"]
    assert scene.columns[0].name == "number of labels"
    assert scene.opening in {each.id for each in scene.maps}
    served = served_study(study.folder)
    assert served.labels is None
    assert f" pictures, {len(NAMES)} labels, " in served.summary()
    assert list(served.drops) == [BACKBONE]


def test_a_second_run_computes_nothing_and_other_labels_the_heads_alone(study, table, tmp_path):
    told = []
    study.run(lambda step, done, total: told.append(step))
    assert any("results too" in step for step in told)
    assert not any("heads" in step for step in told)
    renamed = table.with_name("renamed.csv")
    renamed.write_text(table.read_text().replace("across", "vertical"))
    out = shutil.copytree(study.folder, tmp_path / "study")
    settings = {"size": 48, "repeats": 2, "group": "patient"}
    again = el.Study(renamed, [BACKBONE], out=out, **settings)
    found = again.run(lambda step, done, total: told.append(step))
    assert any("results computed anew" in step for step in told)
    assert tuple(found.label_sets) == ("down", "every", "noise", "rare", "vertical")
    best = {each.label: each.average_precision for each in again.verdict().take.labels}
    assert best["vertical"] == pytest.approx(
        {each.label: each.average_precision for each in study.verdict().take.labels}["across"],
        abs=0.1,  # other names, another order of drawing
    )


def test_the_verdict_and_a_report_of_it_come_before_the_maps(study, table, tmp_path):
    """Of all backbones at once; once nothing is left to do nobody is told anything early."""
    pages, told = [], []

    def early(results):
        assert not results.maps
        told.append(judge_labels(results))
        pages.append(write_first_report(out, results).read_text())

    out = tmp_path / "out"
    shutil.copytree(study.folder / "features", out / "features")
    again = el.Study(table, [BACKBONE], size=48, repeats=2, group="patient", out=out)
    results = again.run(early=early)
    assert results.maps
    (first,) = told
    assert first.record() == judge_labels(results).record()
    (page,) = pages
    assert first.sentence().split(":")[0] in page
    assert "maps and checks are still being computed" in page
    assert "How does it look?" not in page
    assert "still being computed" not in again.report().read_text()
    again.run(early=early)
    assert len(told) == 1


def test_a_study_of_classes_in_the_folder_of_one_of_labels_is_told_early_as_such(
    study, table, tmp_path
):
    """What an earlier study left there is not of these pictures' classes."""
    out = tmp_path / "out"
    shutil.copytree(study.folder, out)
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows = rows.assign(label=rows["labels"].str.contains("across").map({True: "yes", False: "no"}))
    one = table.parent / "one-class.csv"
    rows.drop(columns="labels").to_csv(one, index=False)
    told = []
    try:
        el.Study(one, [BACKBONE], size=48, repeats=2, out=out).run(early=told.append)
    finally:
        one.unlink()
    assert told[0].label_sets is None
    assert judge(told[0]).take.backbone == BACKBONE


def test_a_row_a_picture_is_exported_with_its_labels_and_scores(study, results, tmp_path):
    table = pd.read_parquet(export_parquet(study.folder, tmp_path, features=True))
    assert table["labels"].tolist() == results.pictures["label"][results.pictures["kept"]].tolist()
    for name in NAMES:
        assert table[f"label.{name}"].tolist() == results.label_sets[name].tolist()
    backbone = results.backbones["backbone"][0]
    rows = results.label_scores.query("head == 'linear_probe' and repeat == 0")
    told = table[[f"{backbone}.linear_probe.score.{name}" for name in NAMES]]
    np.testing.assert_array_equal(told.loc[rows["picture"]], np.stack(rows["scores"].to_list()))
    assert told.drop(rows["picture"]).isna().all(axis=None)
    for axis, values in zip("xyz", results.maps[backbone, "pretrained"]["tsne"].T, strict=True):
        np.testing.assert_array_equal(table[f"{backbone}.tsne.{axis}"], values)
    assert len(table[f"{backbone}.features"][0]) == results.backbones["features"][0]
    csv = pd.read_csv(export_csv(study.folder, tmp_path), encoding="utf-8-sig")
    assert list(csv) == [name for name in table if not name.endswith(".features")]


def test_tensorboard_gets_a_column_a_label(study, results, tmp_path):
    config = export_tensorboard(study.folder, tmp_path)
    metadata = pd.read_csv(config.parent / "metadata.tsv", sep="\t", keep_default_na=False)
    assert list(metadata) == ["path", "labels", "split", *NAMES]
    for name in NAMES:
        assert (metadata[name] == "yes").tolist() == results.label_sets[name].tolist()
    assert config.read_text().count("tensor_name") == 3  # features, PCA, t-SNE


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "{study}", "{pictures}", "--head", "knn"],
        ["export", "{study}", "--to", "onnx", "--head", "tuned", "--out", "{new}"],
    ],
)
def test_what_needs_one_class_is_refused_in_a_sentence(study, table, tmp_path, command):
    places = {"study": study.folder, "pictures": table.parent, "new": tmp_path / "new"}
    found = CliRunner().invoke(app, [each.format(**places) for each in command])
    assert found.exit_code != 0
    said = f"{found.output} {found.exception}"
    assert "is a study of several labels a picture" in said
    assert not (tmp_path / "new").exists()


def test_the_command_prints_the_same_for_people_and_programs(study, table):
    command = ["study", str(table), "-b", BACKBONE, "--size", "48", "--repeats", "2"]
    command += ["--group", "patient", "--out", str(study.folder)]
    plain = CliRunner().invoke(app, command)
    assert plain.exit_code == 0, plain.output
    verdict = study.verdict()
    assert verdict.sentence() in plain.output
    assert "a guess" in plain.output
    as_json = CliRunner().invoke(app, [*command, "--json"])
    record = json.loads(as_json.stdout)
    assert record["kind"] == "several labels a picture"
    assert record["verdict"] == json.loads(json.dumps(verdict.record()))
    assert record["labels"]["sentence"] in plain.output
    told = record["labels"]["backbones"][BACKBONE]
    assert len(told["labels"]) == len(told["mean_average_precision"])
    assert set(record["retrieval"]["backbones"][0]["recall"]) == {"1", "5", "10"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"finetune": True}, "finetune .*needs one class a picture"),
        ({"top": True}, "top .*needs one class a picture"),
        ({"maps": ["silhouette_projection"]}, "silhouette projection needs one class"),
        ({"labels": ["rare"]}, "column rare among"),
        ({"labels": ["a", "a"]}, "name each column once"),
        ({"separator": ""}, "separator is empty"),
    ],
)
def test_settings_that_do_not_fit_are_refused(table, tmp_path, settings, said):
    with pytest.raises(EmbedlensError, match=said):
        el.Study(table, [BACKBONE], out=tmp_path / "out", size=48, **settings).run()


def test_labels_of_which_none_can_be_judged_are_refused_before_anything_is_embedded(
    table, tmp_path
):
    rows = [f"{i:02}.png,{int(i < 3)},1,0" for i in range(COUNT)]
    other = table.with_name("columns.csv")
    other.write_text("\n".join(["path,few,all,none", *rows]))
    study = el.Study(other, [BACKBONE], out=tmp_path / "out", labels=["few", "all", "none"])
    with pytest.raises(StudyError, match=r"None of the 3 labels .* few .fewer than 5"):
        study.run()
    assert not (tmp_path / "out" / "features").exists()


class TestComparison:
    """Backbones whose scores are made up, on the pictures of the study."""

    @pytest.fixture
    def made(self, results):
        """Return what makes results of backbones by how much of the truth their scores hold."""
        members = results.label_sets.to_numpy(bool)

        def make(**signal):
            rng, tables = np.random.default_rng(1), []
            for name, strength in signal.items():
                for repeat in range(3):
                    rows = np.sort(rng.choice(COUNT, 24, replace=False))
                    scores = strength * members[rows] + rng.normal(size=(24, len(NAMES)))
                    tables.append(
                        pd.DataFrame({
                            "backbone": name, "stage": "pretrained", "head": "linear_probe",
                            "repeat": repeat, "picture": rows, "scores": list(scores),
                        })
                    )  # fmt: skip
            facts = pd.concat([results.backbones] * len(signal), ignore_index=True)
            facts = facts.assign(backbone=list(signal))
            return replace(results, backbones=facts, label_scores=pd.concat(tables), costs=None)

        return make

    def test_a_clearly_worse_one_is_said_to_be_worse(self, made):
        verdict = judge_labels(made(good=6.0, bad=0.0))
        assert verdict.take.backbone == "good"
        assert verdict.standings[1].behind_low > 0
        assert verdict.standings[1].group == 2
        assert "Surely worse: bad (by 0." in verdict.sentence()

    def test_equal_ones_are_not_told_apart_and_less_is_expected_of_the_best(self, made):
        signal = {f"n{i}": 1.0 for i in range(6)}
        verdict = judge_labels(made(**signal))
        assert sum(each.ties_with_best for each in verdict.standings) >= 5
        best = verdict.standings[0]
        assert verdict.expected < best.mean_average_precision
        assert "luck" in verdict.explanation()

    def test_where_all_find_everything_there_is_still_a_width(self, made):
        verdict = judge_labels(made(a=1000.0, b=1000.0))
        assert verdict.take.mean_average_precision == 1.0
        assert verdict.expected_low < 0.97
        assert all(each.low < 0.9 for each in verdict.take.labels)
        assert verdict.standings[1].ties_with_best

    def test_random_weights_are_never_taken(self, made):
        found = made(good=1.0, random=6.0)
        facts = found.backbones.assign(pretrained=[True, False])
        verdict = judge_labels(replace(found, backbones=facts))
        assert verdict.take.backbone == "good"
        assert "Random weights, for comparison only: random" in verdict.sentence()

    def test_a_study_of_one_class_is_refused(self, results):
        with pytest.raises(StudyError, match="one class a picture"):
            judge_labels(replace(results, label_sets=None))


def test_a_table_whose_labels_are_one_a_picture_is_of_classes(table, tmp_path):
    rows = [f"{i:02}.png,{'one' if i % 2 else 'two;'}" for i in range(COUNT)]
    other = table.with_name("single.csv")
    other.write_text("\n".join(["path,labels", *rows]))
    settings = Settings(str(other), (BACKBONE,))
    found = read_pictures(StudyFolder(tmp_path), settings, lambda step, done, total: None)
    assert isinstance(found, el.ImageSet)
    assert found.classes == ("one", "two")


def test_the_check_of_a_table_of_several_labels_is_printed_and_viewed(table, tmp_path):
    folder = tmp_path / "check"
    done = CliRunner().invoke(app, ["check", str(table), "--out", str(folder), "-b", BACKBONE])
    assert done.exit_code == 0, done.output
    assert "Look at each, beside a map" in done.output
    assert "class" not in done.output.lower()
    scene = served_check(folder).manifest()
    columns = {each["id"]: each for each in scene["columns"]}
    assert [columns[f"label:{place}"]["name"] for place in range(len(NAMES))] == [
        f"label {name}" for name in NAMES
    ]
    assert "class" not in columns
    assert "decisions" not in scene
    (folder / LABEL_SETS).write_bytes(b"PAR1 cut")
    with pytest.raises(StudyError, match=f"holds {LABEL_SETS}, which is damaged"):
        served_check(folder)
