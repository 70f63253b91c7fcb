"""A study in which groups leak: forty patients, each before a background of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from embedlens.cli.app import app
from embedlens.curation import check
from embedlens.images import ImageSet
from embedlens.metrics import proportion_interval
from embedlens.report import write_report
from embedlens.results import (
    Settings,
    StudyFolder,
    groups_sentence,
    judge,
    judge_groups,
    read_results,
)

PATIENTS = 40
GROUP = r"patient_(\d+)"


@pytest.fixture(scope="module")
def study(patients, tmp_path_factory):
    """The study by the command line; the folder and what it printed."""
    out = tmp_path_factory.mktemp("study") / "study"
    options = ["-b", "EfficientNetLite0", "--size", "64", "--repeats", "3", "--maps", "pca"]
    ran = CliRunner().invoke(
        app, ["study", str(patients), *options, "--group", GROUP, "--out", str(out)]
    )
    assert ran.exit_code == 0, ran.output
    return out, ran.output


def test_the_sentence_says_by_how_much_a_random_split_overstates(study):
    folder, printed = study
    results = read_results(folder)
    (effect,) = judge_groups(results)
    assert effect.excess.estimate > 0.10
    assert effect.excess.low > 0
    sentence = groups_sentence(results)
    assert sentence in " ".join(printed.split())
    assert f"{PATIENTS} groups by '{GROUP}' (6 pictures each) are each on one side" in sentence
    assert f"overstates it by {100 * effect.excess.estimate:.1f} points" in sentence


def test_what_is_held_is_the_accuracy_of_the_verdict(study):
    results = read_results(study[0])
    (effect,) = judge_groups(results)
    labels = results.pictures["label"].to_numpy()
    rows = results.predictions.query("head == 'linear_probe'")
    assert effect.held == pytest.approx((rows["predicted"] == labels[rows["picture"]]).mean())
    random = results.random_splits
    assert effect.random == pytest.approx(random["right"].astype(bool).mean())
    assert sorted(random["repeat"].unique()) == sorted(rows["repeat"].unique())


def test_no_split_tests_on_a_patient_that_it_trains_on(study):
    results = read_results(study[0])
    patient = results.pictures["given_group"]
    tested = results.predictions.groupby("repeat")["picture"].unique()
    for rows in tested:
        held = set(patient[rows])
        assert not held & set(patient[~patient.index.isin(rows)])


def test_intervals_are_of_patients_not_of_pictures(study):
    results = read_results(study[0])
    rows = results.predictions.query("head == 'linear_probe'")
    right = rows["predicted"].to_numpy() == results.pictures["label"].to_numpy()[rows["picture"]]
    patient = results.pictures["given_group"].to_numpy()[rows["picture"]]
    counts = pd.Series(right).groupby(patient).agg(["sum", "size"])
    of_patients = proportion_interval(counts["sum"], counts["size"])
    (standing,) = judge(results).standings
    assert (standing.low, standing.high) == pytest.approx((of_patients.low, of_patients.high))
    assert judge(results).pictures == rows["picture"].nunique()


def test_settings_and_report_tell_it(study):
    folder, _ = study
    assert Settings.read(StudyFolder(folder).settings).group == GROUP
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Groups and time" in page
    assert "A random split promises" in page
    table = pd.read_csv(folder / "tables" / "groups.csv")
    assert table["overstated"].tolist() == [
        pytest.approx(100 * judge_groups(read_results(folder))[0].excess.estimate)
    ]


def test_a_check_suggests_the_groups_and_says_both_accuracies(patients):
    images = ImageSet.read(patients)
    rng = np.random.default_rng(0)
    who = np.array([int(path.split("_")[1]) for path in images.paths])
    features = rng.normal(0, 1, (PATIENTS, 32))[who] + rng.normal(0, 0.1, (len(who), 32))
    (found,) = check(images, features).findings.query("kind == 'groups'").to_dict("records")
    assert "groups that the names suggest" in found["reason"]
    assert found["score"] > 0.2
    pattern = found["action"].split("--group ")[1].strip("'")
    again = ImageSet.read(patients, group=pattern)
    assert len(set(again.given_groups)) == PATIENTS
    (given,) = check(again, features).findings.query("kind == 'groups'").to_dict("records")
    assert "the groups that were given" in given["reason"]
    assert given["score"] == pytest.approx(found["score"])


def test_a_check_is_silent_where_groups_do_not_matter(patients):
    images = ImageSet.read(patients)
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (2, 32))[images.codes] + rng.normal(0, 1, (len(images), 32))
    assert "groups" not in set(check(images, features).findings["kind"])
