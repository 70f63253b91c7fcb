from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.curation import check, checks
from embedlens.curation.finding import KINDS
from embedlens.curation.neighborhood import Neighborhood
from embedlens.images import ImageSet
from embedlens.metrics.stratified import sample_by_content


def colours_of(images):
    """Features of a picture: the colours of its 6 x 6 parts."""
    rows = [images.pixels(i, 6).ravel() / 255 - 0.5 for i in range(len(images))]
    return np.array(rows, dtype=np.float32)


@pytest.fixture(scope="module")
def found(planted_images):
    return check(planted_images, colours_of(planted_images))


@pytest.fixture(scope="module")
def sampled(planted_images):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "SAMPLE", 120)
        patch.setattr(checks, "COMPARED", 60)
        return check(planted_images, colours_of(planted_images))


def paths_of(found, kind):
    rows = found.findings[found.findings["kind"] == kind]
    return set(rows["path"]) | (set(rows["other"]) - {""})


class TestPlantedFaults:
    @pytest.mark.parametrize("kind", ["unreadable", "duplicate", "leak", "two labels"])
    def test_broken_files_and_copies_are_all_found_and_nothing_else(self, found, planted, kind):
        rows = found.findings[found.findings["kind"] == kind]
        recall = np.mean([path in paths_of(found, kind) for path in planted.faults[kind]])
        precision = np.mean(
            [bool({row.path, row.other} & planted.faults[kind]) for row in rows.itertuples()]
        )
        assert recall == 1
        assert precision == 1

    def test_wrong_labels_are_found_with_the_right_one(self, found, planted):
        rows = found.findings[found.findings["kind"] == "suspect label"].set_index("path")
        wrong = planted.faults["suspect label"]
        # A red picture filed under green is a wrong label too, and so may be the odd ones.
        also = planted.faults["two labels"] | planted.faults["outlier"]
        recall = len(wrong & set(rows.index)) / len(wrong)
        precision = len((wrong | also) & set(rows.index)) / len(rows)
        assert recall >= 0.8
        assert precision >= 0.8
        assert set(rows.loc[sorted(wrong & set(rows.index)), "suggested"]) == {"blue"}

    def test_outliers_come_before_all_others(self, found, planted):
        rows = found.findings[found.findings["kind"] == "outlier"]
        assert planted.faults["outlier"] <= set(rows["path"][:5])

    def test_of_a_leak_the_copy_in_train_is_the_one_to_remove(self, found):
        rows = found.findings[found.findings["kind"] == "leak"]
        assert set(rows["split"]) == {"train"}
        assert set(rows["other_split"]) == {"test"}
        assert set(rows["action"]) == {"remove it from train"}

    def test_classes_of_few_test_pictures_are_told(self, found):
        rows = found.findings[found.findings["kind"] == "small class"]
        assert set(rows["path"]) == {"blue", "green", "red"}
        assert rows["reason"].str.contains("^12 test pictures of [67]").all()

    def test_equal_classes_are_not_called_unequal(self, found):
        assert "imbalance" not in found.counts()


class TestTable:
    def test_it_is_in_the_order_of_kinds_and_says_what_to_do(self, found):
        ranks = [list(KINDS).index(kind) for kind in found.findings["kind"]]
        assert ranks == sorted(ranks)
        assert (found.findings["action"] != "").all()
        assert sum(found.counts().values()) == len(found.findings)

    def test_it_is_written_as_csv_and_parquet(self, found, tmp_path):
        path = found.write(tmp_path)
        assert path.name == "findings.csv"
        assert sorted(each.name for each in tmp_path.iterdir()) == [
            "findings.csv", "findings.parquet", "images.parquet",
        ]  # fmt: skip
        table = pd.read_parquet(tmp_path / "findings.parquet")
        pd.testing.assert_frame_equal(table, found.findings, check_dtype=False)
        assert len(pd.read_csv(path)) == len(table)
        pictures = pd.read_parquet(tmp_path / "images.parquet")
        assert pictures["path"][pictures["kept"]].tolist() == found.images.paths.tolist()


class TestFileFacts:
    @pytest.fixture
    def folder(self, tmp_path):
        """Noise of two classes, in the same format and size."""
        rng = np.random.default_rng(0)

        def write(name, side, suffix):
            for i in range(40):
                path = tmp_path / name / f"{i}.{suffix}"
                path.parent.mkdir(exist_ok=True)
                noise = rng.integers(0, 256, (side, side), dtype=np.uint8)
                Image.fromarray(noise).save(path)

        return tmp_path, write

    @pytest.mark.parametrize(
        ("side", "suffix", "fact"), [(52, "png", "width"), (48, "jpg", "format")]
    )
    def test_a_class_of_another_size_or_format_is_told_by_it(self, folder, side, suffix, fact):
        place, write = folder
        write("one", 48, "png")
        write("two", side, suffix)
        images = ImageSet.read(place)
        found = check(images, np.random.default_rng(0).normal(size=(80, 8)))
        assert found.facts.accuracy == 1
        assert found.facts.alone[fact] == 1
        rows = found.findings[found.findings["kind"] == "file facts"]
        assert rows["reason"].str.contains("name the class of 100%").all()
        assert len(rows) == 1

    def test_classes_that_differ_in_content_alone_are_not_accused(self, folder):
        place, write = folder
        write("one", 48, "png")
        write("two", 48, "png")
        images = ImageSet.read(place)
        found = check(images, np.random.default_rng(0).normal(size=(80, 8)))
        assert not found.facts.notable
        assert "file facts" not in found.counts()


class TestSampled:
    """Where a sample stands for all: 120 pictures are judged, by neighbours among 60."""

    def test_it_is_said_of_which_pictures_the_findings_are(self, sampled, found, planted_images):
        rows = sampled.findings[sampled.findings["kind"] == "sample"]
        assert rows["path"].tolist() == [f"120 of {len(planted_images)} pictures"]
        assert "among a stratified sample of 60;" in rows["reason"].item()
        assert "sample" not in found.counts()

    @pytest.mark.parametrize("kind", ["unreadable", "duplicate", "leak", "two labels", "blank"])
    def test_files_and_copies_are_found_among_all(self, sampled, found, kind):
        assert paths_of(sampled, kind) == paths_of(found, kind)

    def test_labels_and_outliers_are_judged_of_the_sample_alone(
        self, sampled, found, planted, planted_images
    ):
        rows = sample_by_content(planted_images.labels, planted_images.ids, 120)
        judged = set(planted_images.paths[rows])
        assert paths_of(sampled, "suspect label") <= judged
        wrong = planted.faults["suspect label"]
        assert judged & wrong <= paths_of(sampled, "suspect label")
        assert paths_of(sampled, "outlier") <= judged


def test_neighbours_among_some_are_the_nearest_of_these():
    X = np.random.default_rng(0).normal(size=(50, 4))
    X[7] = X[3]
    near = Neighborhood.of(X, np.arange(0, 50, 2))
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    far = 1 - unit @ unit[::2].T
    far[np.arange(0, 50, 2), np.arange(25)] = np.inf
    np.testing.assert_allclose(near.distances, np.sort(far, axis=1)[:, :10], atol=1e-12)
    np.testing.assert_array_equal(near.indices, 2 * far.argsort(axis=1, kind="stable")[:, :10])


def test_a_class_many_times_larger_than_another_is_told(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in {"few": 4, "many": 24}.items():
        (tmp_path / name).mkdir()
        for i in range(count):
            noise = rng.integers(0, 256, (40, 40), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{i}.png")
    images = ImageSet.read(tmp_path)
    found = check(images, rng.normal(size=(28, 4)))
    row = found.findings[found.findings["kind"] == "imbalance"].iloc[0]
    assert row["reason"] == "24 pictures, 6.0 times as many as few (4)"


def test_the_file_facts_of_animals8_give_its_classes_away(animals8):
    """Its README says that class and source are confounded."""
    from embedlens.curation.file_facts import judge_file_facts

    facts = judge_file_facts(ImageSet.read(animals8))
    assert facts.notable
    assert facts.accuracy > 2 * facts.chance
