"""The classifier that a study of several labels a picture ends in, asked and taken elsewhere."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score
from typer.testing import CliRunner

import embedlens as el
from embedlens.classify import LabelClassifier, UnknownByDistance, export_classifier, train_labels
from embedlens.classify.label_prediction import predict_labels, probability_column
from embedlens.cli.app import app
from embedlens.curation.relabelling import relative_path
from embedlens.errors import EmbedlensError, ImageSetError, StudyError
from embedlens.features.store import read_features
from embedlens.images import MultilabelSet
from embedlens.metrics.held_out_precision import held_out_precision
from embedlens.report import write_predictions
from embedlens.study import label_pictures, label_study
from embedlens.viewer.label_scene import scene_of
from embedlens.viewer.scene import UNKNOWN
from embedlens.viewer.server import served_study
from embedlens.viewer.study_scene import NO_LABEL

from .conftest import BACKBONE, COUNT, write_labelled

LEARNED = ("across", "down", "noise", "rare")  # all pictures have the fifth, "every"
RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}


@pytest.fixture(scope="module")
def made(study):
    return study.classifier()


@pytest.fixture(scope="module")
def features(study):
    return np.asarray(read_features(study.folder / "features" / BACKBONE))


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Other pictures of the same labels, with their table."""
    return write_labelled(tmp_path_factory.mktemp("new") / "pictures", seed=1)


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_it_says_what_the_verdict_says(study, made):
    verdict = study.verdict()
    assert isinstance(made, LabelClassifier)
    assert made.backbone == verdict.take.backbone
    told = made.expected
    assert told.mean_average_precision == verdict.expected
    assert (told.low, told.high) == (verdict.expected_low, verdict.expected_high)
    assert (told.pictures, len(told.labels)) == (verdict.pictures, 3)
    for one, other in zip(told.labels, verdict.take.labels, strict=True):
        for name in ("label", "average_precision", "low", "high", "share"):
            assert getattr(one, name) == getattr(other, name)
    assert made.labels == LEARNED
    assert made.separator == ";"
    members = study.results().label_sets
    assert made.counts == tuple(members[name].sum() for name in LEARNED)


def test_trained_on_a_split_it_ranks_as_the_study_ranked(study, features):
    results = study.results()
    pictures, members = results.pictures, results.label_sets
    known = (pictures["split"] != "test").to_numpy()
    watched = (pictures["split"] == "validation").to_numpy()[known]
    groups = pictures["group"][known].tolist()
    found = train_labels(features[known], members.to_numpy()[known], list(members), watched, groups)
    told = results.label_scores.query("head == 'linear_probe' and repeat == 0")
    stored = pd.DataFrame(np.stack(told["scores"].to_list()), columns=list(members))
    logits = pd.DataFrame(found.head.scores(features[told["picture"]]), columns=found.labels)
    for name in ("across", "down", "noise"):
        order, other = (np.argsort(-each[name].to_numpy(float)) for each in (logits, stored))
        assert order.tolist() == other.tolist(), name


def blobs(n, seed, d=20):
    """Points of which three labels are told by axes of their own, one of them rare."""
    rng = np.random.default_rng(seed)
    members = rng.random((n, 3)) < (0.5, 0.3, 0.06)
    points = rng.normal(size=(n, d))
    points[:, :3] += members * 1.5
    return points.astype(np.float32), members


def test_probabilities_can_be_believed_and_the_rule_does_what_is_said():
    X, members = blobs(900, 0)
    watched = np.arange(len(X)) % 4 == 0
    found = train_labels(X, members, "abc", watched, [str(row) for row in range(len(X))])
    new, truth = blobs(4000, 1)
    shares = 1 / (1 + np.exp(-found.head.scores(new)))
    assert shares.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.025)
    for label in range(3):
        sure = shares[:, label]
        for low, high in ((0.05, 0.3), (0.3, 0.6), (0.6, 1)):
            inside = (sure > low) & (sure < high)
            if inside.sum() > 100:
                told = truth[inside, label].mean()
                assert told == pytest.approx(sure[inside].mean(), abs=0.12)
        given = sure >= 0.5
        precision = precision_score(truth[:, label], given)
        recall = recall_score(truth[:, label], given)
        assert found.precision[label] == pytest.approx(precision, abs=0.2 if label == 2 else 0.08)
        assert found.recall[label] == pytest.approx(recall, abs=0.2 if label == 2 else 0.08)


def test_groups_are_not_parted_by_folds():
    X, members = blobs(60, 0)
    rng = np.random.default_rng(0)
    twice = np.concatenate([X, X + rng.normal(scale=1e-3, size=X.shape).astype(np.float32)])
    both, watched = np.concatenate([members, members]), np.arange(120) % 4 == 0
    groups = [str(row % 60) for row in range(120)]
    apart = train_labels(twice, both, "abc", watched, groups)
    parted = train_labels(twice, both, "abc", watched, [str(row) for row in range(120)])
    assert apart.unknown.middle > 10 * parted.unknown.middle


def test_what_lies_far_from_all_is_flagged_at_the_stated_rate():
    rng = np.random.default_rng(0)
    near = rng.gamma(4.0, size=4000)
    found = UnknownByDistance.of(near[::2])
    assert (found.score(near[1::2]) > found.limit).mean() == pytest.approx(0.05, abs=0.015)
    assert found.score(np.array([near.max() * 2]))[0] > found.limit
    assert UnknownByDistance.of(near[:10]).limit == np.inf


def test_it_is_trained_once_and_a_spoiled_head_anew(study, made, features, monkeypatch):
    module = importlib.import_module("embedlens.classify.labels_of_study")
    kept = study.folder / "classifiers" / f"{BACKBONE}.labels.npz"
    with monkeypatch.context() as patch:
        patch.setattr(module, "train_labels", lambda *_: pytest.fail("trained again"))
        again = study.classifier()
    assert again.key == made.key
    np.testing.assert_array_equal(again.head.scores(features), made.head.scores(features))
    data = kept.read_bytes()
    kept.write_bytes(data[: len(data) // 2])
    assert study.classifier().key == made.key


def test_saved_and_loaded_it_answers_the_same(made, features, tmp_path):
    read = el.Classifier.load(made.save(tmp_path / "saved"))
    assert isinstance(read, LabelClassifier)
    one, other = made.answer(features), read.answer(features)
    for name in ("probabilities", "found", "unknown", "flagged", "nearest"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (read.key, read.labels, read.expected) == (made.key, made.labels, made.expected)
    assert {each.suffix for each in (tmp_path / "saved").iterdir()} == {".json", ".npz"}
    facts = json.loads((tmp_path / "saved" / "classifier.json").read_text(encoding="utf-8"))
    (tmp_path / "saved" / "classifier.json").write_text(json.dumps({**facts, "counts": None}))
    with pytest.raises(EmbedlensError, match="cannot be read as a classifier"):
        el.Classifier.load(tmp_path / "saved")


def test_new_pictures_get_labels_and_are_judged_as_the_study_judges(made, new, tmp_path):
    (new.parent / "broken.png").write_bytes(b"no picture")
    table = tmp_path / "new.csv"
    table.write_text(
        new.read_text().replace("\n", f"\n{new.parent}/").rsplit("\n", 1)[0]
        + f"\n{new.parent}/broken.png,across;,9\n{new.parent}/gone.png,,9\n"
    )
    found = el.classify.predict(made, str(table), tmp_path / "out.csv")
    rows = rows_of(found.table)
    assert len(rows) == COUNT + 2
    assert (found.pictures, found.unreadable, found.seen) == (COUNT, 2, 0)
    assert rows[f"{new.parent}/gone.png"]["problem"] == "no such file"
    assert rows[f"{new.parent}/broken.png"]["found"] == ""
    read = pd.DataFrame([row for row in rows.values() if not row["problem"]])
    shares = read[[probability_column(name) for name in LEARNED]].astype(float).to_numpy()
    for row, own in zip(read.to_dict("records"), shares, strict=True):
        order = [LEARNED[place] for place in np.argsort(-own) if own[place] >= 0.5]
        assert row["found"] == ";".join(order)
        assert all(row[f"nearest_{place}"].endswith(".png") for place in (1, 2, 3))
    truth = [set(cell.split(";")) for cell in read["labels"]]
    judged = {each.label: each for each in found.judged.scores.labels}
    assert list(judged) == ["across", "down", "noise"]
    wanted = [
        held_out_precision([name in own for own in truth], shares[:, LEARNED.index(name)]).estimate
        for name in judged
    ]
    assert [each.average_precision for each in judged.values()] == pytest.approx(wanted)
    mean = found.judged.scores.mean
    assert mean.estimate == pytest.approx(np.mean(wanted))
    assert mean.low < mean.estimate < mean.high
    assert found.judged.others == ("every",)
    assert f"is {mean.estimate:.3f} over 3 labels of {COUNT} labelled" in found.judged.sentence()
    assert "rare (fewer than 5 pictures have it)" in found.judged.sentence()
    assert found.counts == {
        name: int((shares[:, place] >= 0.5).sum()) for place, name in enumerate(LEARNED)
    }
    page = write_predictions(found, made).read_text(encoding="utf-8")
    assert found.judged.sentence() in page
    assert "accuracy" not in page.lower()
    for name in LEARNED:
        assert f"<h2><bdi>{name}</bdi> <span" in page


def test_pictures_that_it_has_learned_from_judge_nothing(made, table, tmp_path):
    found = el.classify.predict(made, str(table), tmp_path / "out.csv")
    assert (found.seen, found.judged.pictures, found.judged.seen) == (COUNT, 0, COUNT)
    assert "none can judge it" in found.judged.sentence()
    row = next(iter(rows_of(found.table).values()))
    assert row["nearest_1"] == row["path"]


def test_pictures_without_labels_are_not_taken_for_ones_that_have_none(made, new, tmp_path):
    folder = tmp_path / "photos" / "across"
    folder.mkdir(parents=True)
    for name in ("00.png", "01.png"):
        (folder / name).write_bytes((new.parent / name).read_bytes())
    bare = tmp_path / "bare.csv"
    bare.write_text("path\nphotos/across/00.png\nphotos/across/01.png\n")
    for place in (tmp_path / "photos", folder, folder / "00.png", bare):
        found = el.classify.predict(made, str(place), tmp_path / "out.csv")
        assert found.judged is None, place
        assert found.pictures == (1 if place.suffix == ".png" else 2)


def test_a_table_in_which_no_picture_has_two_labels_still_says_labels(made, new, tmp_path):
    rows = [f"{new.parent}/{i:02}.png,{'across' if i % 2 else ''}" for i in range(20)]
    table = tmp_path / "few.csv"
    table.write_text("\n".join(["path,labels", *rows]))
    found = el.classify.predict(made, str(table), tmp_path / "out.csv")
    assert found.pictures == 20
    assert [each.label for each in found.judged.scores.labels] == ["across"]
    table.write_text("path,labels\n" + f"{new.parent}/00.png,[across\n" + rows[1] + "\n")
    assert el.classify.predict(made, str(table), tmp_path / "out.csv").judged.others == ("[across",)


@pytest.mark.parametrize("separator", ["|", ", "])
def test_cells_that_are_parted_otherwise_than_the_study_s_are_parted(
    separator, made, new, tmp_path
):
    """Whole, "across|every" would be a picture that has neither."""
    paths = [f"{new.parent}/{name}" for name in rows_of(new)]
    sets = [[n for n in row["labels"].split(";") if n in LEARNED] for row in rows_of(new).values()]
    judged = []
    for joint in (";", separator):
        cells = [joint.join(own) for own in sets]
        table = tmp_path / "new.csv"
        pd.DataFrame({"path": paths, "labels": cells}).to_csv(table, index=False)
        judged.append(el.classify.predict(made, str(table), tmp_path / "out.csv").judged)
    assert judged[0] == judged[1]
    assert judged[0].pictures == COUNT


def test_a_run_that_was_stopped_goes_on(made, new, tmp_path, monkeypatch):
    asking = importlib.import_module("embedlens.classify.asking")
    monkeypatch.setattr(asking, "_BLOCK", 16)
    whole = el.classify.predict(made, str(new), tmp_path / "whole.csv").table.read_text()

    def stop(done, total):
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        el.classify.predict(made, str(new), tmp_path / "out.csv", stop)
    seen = []
    told = el.classify.predict(
        made, str(new), tmp_path / "out.csv", lambda done, _: seen.append(done)
    )
    assert seen[0] == 32
    assert told.table.read_text() == whole


@pytest.mark.parametrize("to", RUNTIMES)
def test_the_exported_folder_answers_as_predict_does(made, new, to, tmp_path):
    pytest.importorskip(RUNTIMES[to])
    folder = export_classifier(made, to, tmp_path / "out")
    rows = rows_of(el.classify.predict(made, str(new), tmp_path / "p.csv").table)
    code = (
        "import runpy, sys; sys.modules['embedlens'] = None; script, *sys.argv[1:] = sys.argv[1:];"
        "runpy.run_path(script, run_name='__main__')"
    )
    paths = [str(new.parent / name) for name in rows]
    command = [sys.executable, "-c", code, str(folder / "classify.py"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    told = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert len(told) == len(rows)
    for path, row in zip(paths, rows.values(), strict=True):
        names = [each.rsplit(" ", 1)[0] for each in told[path]]
        assert ";".join(names) == row["found"], path
        for each in told[path]:
            name, share = each.rsplit(" ", 1)
            assert float(share) == pytest.approx(float(row[probability_column(name)]), abs=1e-4)
    assert {len(names) for names in told.values()} > {1}
    facts = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
    assert facts["probabilities"] == "sigmoid"
    assert (tuple(facts["labels"]), facts["rule"]) == (LEARNED, 0.5)
    assert facts["expected"]["mean_average_precision"] == made.expected.mean_average_precision
    card = (folder / "model-card.md").read_text(encoding="utf-8")
    assert "mean average precision" in card
    assert "accuracy" not in card.lower()
    assert f"| rare | {made.counts[3]} | not judged |" in card


def test_the_commands_say_it_in_words_and_in_json(study, new, tmp_path):
    out = tmp_path / "p.csv"
    command = ["predict", str(study.folder), str(new), "--out", str(out)]
    plain = CliRunner().invoke(app, command)
    assert plain.exit_code == 0, plain.output
    for said in ("average precision", "have none of the labels"):
        assert said in plain.output
    assert out.with_suffix(".html").is_file()
    record = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert record["judged"]["sentence"] in plain.output
    assert set(record["counts"]) == set(LEARNED)


def test_a_few_pictures_are_told_one_by_one(study, new, tmp_path):
    out = tmp_path / "one.csv"
    command = ["predict", str(study.folder), str(new.parent / "07.png"), "--out", str(out)]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    row = rows_of(out)["07.png"]
    found = row["found"].split(";")
    told = [f"{name} ({float(row[probability_column(name)]):.1%})" for name in found if name]
    assert (", ".join(told) or "none") in said.output
    assert "a guess" not in said.output


def test_search_shows_the_labels_of_each(study, table, tmp_path):
    found = study.search(table.parent / "07.png", 4)
    assert found["path"][0] == "07.png"
    assert found["distance"][0] == 0
    lists = study.results().pictures.set_index("path")["label"]
    assert found["labels"].tolist() == [lists[path] for path in found["path"]]
    page = tmp_path / "s.html"
    command = ["search", str(study.folder), str(table.parent / "07.png"), "--out", str(page)]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    assert found["labels"][1] in said.output
    assert found["labels"][1] in page.read_text(encoding="utf-8")


def test_columns_a_label_are_read_again_and_a_bar_stays_a_bar(table, new, tmp_path):
    frames = [pd.read_csv(each) for each in (table, new)]
    for path, frame, where in zip(("old", "new"), frames, (table, new), strict=True):
        cells = frame["labels"].str.split("; ?")
        flags = {name: cells.map(lambda own, n=name: int(n in own)) for name in ("across", "down")}
        files = [str(where.parent / name) for name in frame["path"]]
        pd.DataFrame({"path": files, **flags}).to_csv(tmp_path / f"{path}.csv", index=False)
        bars = ["|".join(own) for own in cells]
        pd.DataFrame({"path": files, "seen": bars}).to_csv(tmp_path / f"{path}-bar.csv")
    settings = {"size": 48, "repeats": 1, "maps": "pca"}
    for labels, suffix, separator in ((["across", "down"], "", ";"), (["seen"], "-bar", "|")):
        one = el.Study(
            tmp_path / f"old{suffix}.csv", [BACKBONE], out=tmp_path / f"s{suffix}",
            labels=labels, **settings,
        )  # fmt: skip
        one.run()
        made = el.Classifier.load(one.classifier().save(tmp_path / f"kept{suffix}"))
        assert made.separator == separator
        found = el.classify.predict(made, str(tmp_path / f"new{suffix}.csv"), tmp_path / "p.csv")
        judged = [each.label for each in found.judged.scores.labels]
        assert judged[:2] == ["across", "down"]
        assert any(separator in row["found"] for row in rows_of(tmp_path / "p.csv").values())


def test_what_is_proposed_goes_back_through_the_column_of_labels(study, table, new, tmp_path):
    command = ["label", str(study.folder), "--budget", "6", "--out", str(tmp_path / "one")]
    refused = CliRunner().invoke(app, command)
    assert "every row is an answer, an empty one too" in str(refused.exception)
    said = CliRunner().invoke(app, [*command, "--unlabelled", str(new.parent)])
    assert said.exit_code == 0, said.output
    assert f"6 of {COUNT} pictures without an answer are proposed; {COUNT} have one" in said.output
    path = tmp_path / "one" / "labels.csv"
    frame = pd.read_csv(path, keep_default_na=False)
    assert frame.columns.tolist() == ["path", "labels", "proposed", "patient"]
    assert frame["labels"][:6].tolist() == ["?"] * 6
    assert (frame["labels"] == "?").sum() == COUNT
    with pytest.raises(ImageSetError, match="make a study of it"):
        label_pictures(path, BACKBONE)
    # Five are answered, one of them by nothing.
    frame.loc[:4, "labels"] = ["across;down", "across", "", "noise", "down"]
    frame.to_csv(path, index=False)
    found = MultilabelSet.read(path)
    answers = dict(zip(frame["path"][:5], frame["labels"][:5], strict=True))
    sets = {
        str(name): {label for label, has in zip(found.names, row, strict=True) if has}
        for name, row in zip(found.images.paths, found.members, strict=True)
    }
    assert len(sets) == COUNT + 5
    for name, cell in answers.items():
        assert sets[name] == set(cell.split(";")) - {""}
    before = study.results()
    kept = before.pictures["path"]
    for name, row in zip(kept, before.label_sets.to_dict("records"), strict=True):
        assert sets[relative_path(table.parent / name, path.parent)] == {
            label for label, has in row.items() if has
        }
    again = el.Study(path, [BACKBONE], out=tmp_path / "next", size=48, repeats=1, maps="pca")
    again.run()
    proposed = label_study(tmp_path / "next", 4)
    assert (proposed.labelled, proposed.unlabelled) == (COUNT + 5, COUNT - 5)
    assert not {name for _, name in proposed.paths()} & set(answers)
    # A question mark is no answer to predict either.
    rows = rows_of(el.classify.predict(again.classifier(), str(path), tmp_path / "p.csv").table)
    assert len(rows) == 2 * COUNT
    assert sum(row["labelled"] == "True" for row in rows.values()) == COUNT + 5


def test_a_picture_dropped_on_the_viewer_is_told_as_by_predict(study, made, table, new, tmp_path):
    served = served_study(study.folder)
    rows = rows_of(el.classify.predict(made, str(new), tmp_path / "p.csv").table)
    spoken = set()
    for name, row in list(rows.items())[:6]:
        told = served.drops[BACKBONE]((new.parent / name).read_bytes())
        answers = dict(told["answers"])
        found = row["found"].split(";") if row["found"] else []
        shares = [f"{each} ({float(row[probability_column(each)]):.1%})" for each in found]
        assert answers["labels"] == (", ".join(shares) or "none")
        assert answers["next"].rsplit(" (", 1)[0] not in found
        assert ("unlike all" in told["warning"]) == (row["unknown"] == "True")
        assert len(told["indices"]) == 12
        spoken.add(len(found))
    assert len(spoken) > 1
    row, path = 7, table.parent / "07.png"
    told = served.drops[BACKBONE](path.read_bytes())
    assert told["indices"][0] == row
    for shown in served.scene.maps:
        points = np.frombuffer(served.scene.blob(shown.blob), "<f4").reshape(-1, 3)
        span = np.ptp(points, axis=0).max()
        np.testing.assert_allclose(told["places"][shown.id], points[row], atol=0.1 * span)


def test_what_the_study_has_not_is_refused(study):
    with pytest.raises(StudyError, match="has no backbone 'Xception'"):
        study.classifier("Xception")
    with pytest.raises(StudyError, match="has the head 'linear_probe' alone"):
        study.classifier(head="knn")


@pytest.fixture(scope="module")
def shown(study, table, new, tmp_path_factory):
    out = tmp_path_factory.mktemp("shown") / "study"
    shutil.copytree(study.folder / "features", out / "features")
    one = el.Study(
        table, [BACKBONE], out=out, size=48, repeats=2, group="patient", unlabelled=new.parent
    )
    one.run()
    return one


class TestPicturesOfWhichNobodyHasSaidTheLabels:
    """With ``unlabelled`` they are on the maps, predicted, and in no figure."""

    def test_the_verdict_does_not_know_them(self, shown, study):
        one, other = shown.verdict(), study.verdict()
        assert one.take.labels == other.take.labels
        assert (one.expected, one.pictures) == (other.expected, other.pictures)
        assert len(shown.results().unlabelled) == COUNT

    def test_they_are_predicted_as_predict_does(self, shown, new, tmp_path):
        classifier = shown.classifier()
        predict_labels(classifier, str(new.parent), tmp_path / "p.csv")
        told, found = rows_of(tmp_path / "p.csv"), shown.results().unlabelled
        paths = found.kept["path"].to_list()
        for name in classifier.labels:
            column = probability_column(name)
            expected = [float(told[path][column]) for path in paths]
            np.testing.assert_allclose(found.predictions[column], expected, atol=1e-6)
        labels = ["; ".join(each) for each in found.predictions["found"]]
        assert labels == [told[path]["found"].replace(";", "; ") for path in paths]

    def test_they_lie_near_the_pictures_that_they_are_like(self, shown):
        found, maps = shown.results().unlabelled, shown.results().maps[BACKBONE, "pretrained"]
        for method, places in found.maps[BACKBONE, "pretrained"].items():
            assert places.shape == (COUNT, 3)
            assert np.isfinite(places).all()
            span = np.ptp(maps[method], axis=0).max()
            near = found.nearest[BACKBONE, "pretrained"][1][:, 0]
            apart = np.linalg.norm(places - maps[method][near], axis=1)
            assert np.median(apart) < 0.25 * span

    def test_they_are_grey_in_the_viewer_and_have_a_probability_of_each_label(self, shown):
        results = shown.results()
        scene = scene_of(results)
        labelled = int(results.pictures["kept"].sum())
        assert scene.count == labelled + COUNT
        columns = {column.id: column for column in scene.columns}
        for name in ("labels:number", "label:0", "split"):
            codes = np.asarray(scene.blob(columns[name].blob))
            assert columns[name].unknown == NO_LABEL
            assert (np.frombuffer(codes, np.uint16)[labelled:] == UNKNOWN).all()
        place = list(results.label_sets).index("across")
        values = np.frombuffer(scene.blob(columns[f"probability:{place}"].blob), np.float32)
        expected = results.unlabelled.predictions[probability_column("across")]
        np.testing.assert_allclose(values[labelled:], expected, atol=1e-6)
        assert np.isnan(values[:labelled]).all()

    def test_the_report_says_what_they_are(self, shown):
        sentence = shown.results().unlabelled.sentence()
        assert "a logistic regression a label" in sentence
        assert "unlike all labelled pictures" in sentence
        assert sentence in shown.report().read_text()

    def test_those_of_the_study_itself_are_answers(self, table, tmp_path):
        one = el.Study(table, [BACKBONE], out=tmp_path / "s", size=48, unlabelled=table)
        with pytest.raises(StudyError, match="every row of it is an answer, an empty one too"):
            one.run()
