"""Groups that no split may part, and splits by time, from a table, a path or a features file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse.csgraph import connected_components

from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.features import read_features
from embedlens.images import ImageSet
from embedlens.images.grouped_split import grouped_split
from embedlens.images.grouping import united
from embedlens.images.time_order import time_ranks, time_split
from embedlens.study import score_features

PATIENTS = 15


def parted(splits, groups):
    """The groups that lie in more than one split."""
    table = pd.crosstab(np.asarray(groups), np.asarray(splits))
    return table.index[(table > 0).sum(axis=1) > 1].tolist()


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Fifteen patients of two classes, three pictures each, as folders."""
    for patient in range(PATIENTS):
        for i in range(3):
            label = ("cat", "dog")[patient % 2]
            picture(tmp_path / "pets" / label / f"patient_{patient}_{i}.png", 3 * patient + i)
    return tmp_path / "pets"


@pytest.fixture
def table(folder):
    """The same pictures as a table with who and when."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    who = [path.split("_")[1] for path in paths]
    return pd.DataFrame(
        {
            "path": paths,
            "label": [path.split("/")[0] for path in paths],
            "Patient": who,
            "taken": [f"2024-{1 + int(each) % 12:02d}-0{1 + i % 9}" for i, each in enumerate(who)],
            "frame": range(len(paths)),
        }
    )


def written(table, folder, kind="csv"):
    file = folder / f"table.{kind}"
    {"csv": table.to_csv, "parquet": table.to_parquet}[kind](file, index=False)
    return file


class TestGroup:
    def test_a_pattern_on_the_path_keeps_groups_together(self, folder):
        for seed in range(5):
            images = ImageSet.read(folder, group=r"patient_(\d+)", seed=seed)
            groups = [path.split("_")[1] for path in images.paths]
            assert images.given_groups.tolist() == groups
            assert parted(images.splits, groups) == []
            assert set(images.splits) == {"train", "validation", "test"}

    def test_so_does_every_other_split_of_a_study(self, folder):
        images = ImageSet.read(folder, group=r"patient_(\d+)")
        drawn = [images.resplit(seed).splits for seed in range(4)]
        assert all(parted(each, images.given_groups) == [] for each in drawn)
        assert len({each.tobytes() for each in drawn}) == 4

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_a_column_of_the_table_in_any_case_of_letters(self, table, folder, kind):
        images = ImageSet.read(written(table, folder, kind), group="patient")
        assert sorted(set(images.given_groups)) == sorted(set(table["Patient"]))
        assert parted(images.splits, images.given_groups) == []

    def test_a_column_of_metadata_beside_the_pictures(self, table, folder):
        named = table.rename(columns={"path": "file_name"})
        named.to_csv(folder / "metadata.csv", index=False)
        images = ImageSet.read(folder, group="Patient")
        assert len(set(images.given_groups)) == PATIENTS

    def test_a_column_of_parquet_files_of_pictures(self, table, folder, tmp_path):
        pictures = [{"bytes": (folder / path).read_bytes()} for path in table["path"]]
        packed = table.drop(columns="path").assign(image=pictures)
        packed.to_parquet(tmp_path / "packed.parquet")
        images = ImageSet.read(tmp_path / "packed.parquet", group="Patient", split_by_time="frame")
        assert len(set(images.given_groups)) == PATIENTS
        assert images.by_time

    def test_whole_numbers_name_groups_as_the_table_writes_them(self, table, folder):
        images = ImageSet.read(
            written(table.assign(Patient=table["Patient"].astype(int)), folder, "parquet"),
            group="Patient",
        )
        assert set(images.given_groups) == set(table["Patient"])

    def test_accents_of_two_kinds_name_one_group(self, table, folder):
        names = table["Patient"].astype(str) + np.where(
            np.arange(len(table)) % 2, "\u00e9", "e\u0301"
        )
        images = ImageSet.read(written(table.assign(Patient=names), folder), group="Patient")
        assert set(images.given_groups) == {f"{each}\u00e9" for each in table["Patient"]}
        assert parted(images.splits, images.given_groups) == []

    @pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("01", "1"), ("p1", "P1")])
    def test_groups_that_look_like_one_are_told(self, table, folder, one, other):
        names = [f"q{each}" for each in table["Patient"]]
        names[:2] = [one, other]
        images = ImageSet.read(written(table.assign(Patient=names), folder), group="Patient")
        (note,) = [each for each in images.notes if each.kind == "group"]
        for name in (one, other):
            assert repr(name) in note.reason
        assert "are read as 2 groups" in note.reason

    @pytest.mark.parametrize("name", ["nan", "NA", "None", "?"])
    def test_a_group_that_is_called_as_if_there_was_none_is_told(self, table, folder, name):
        groups = [name, name, *table["Patient"][2:]]
        images = ImageSet.read(written(table.assign(Patient=groups), folder), group="Patient")
        (note,) = [each for each in images.notes if each.kind == "group"]
        assert note.reason.startswith(f"{name!r} is read as one group")

    def test_copies_and_groups_are_united(self, folder):
        one, other = folder / "cat" / "patient_0_0.png", folder / "cat" / "patient_2_9.png"
        other.write_bytes(one.read_bytes())
        images = ImageSet.read(folder, group=r"patient_(\d+)")
        of = dict(zip(images.given_groups, images.groups, strict=True))
        assert of["0"] == of["2"] == "0"
        assert parted(images.splits, images.groups) == []

    def test_pictures_of_no_group_are_named_and_alone(self, folder):
        picture(folder / "cat" / "stray.png", 99)
        images = ImageSet.read(folder, group=r"patient_(\d+)")
        (note,) = [each for each in images.notes if each.kind == "group"]
        assert "1 of 46 pictures are in no group" in note.reason
        assert "cat/stray.png" in note.reason
        row = images.paths.tolist().index("cat/stray.png")
        assert images.given_groups[row] == ""
        assert images.groups.tolist().count(images.groups[row]) == 1

    def test_given_splits_that_part_a_group_are_not_used_and_that_is_told(self, table, folder):
        splits = np.where(np.arange(len(table)) % 3 == 2, "test", "train")
        images = ImageSet.read(written(table.assign(split=splits), folder), group="Patient")
        assert parted(images.splits, images.given_groups) == []
        assert set(images.given_splits) == {""}
        (note,) = [each for each in images.notes if each.kind == "split"]
        assert "part 15 of 15 groups" in note.reason
        assert "is in test and train" in note.reason

    def test_given_splits_that_part_none_are_kept(self, table, folder):
        splits = np.where(table["Patient"].astype(int) < 4, "test", "train")
        images = ImageSet.read(written(table.assign(split=splits), folder), group="Patient")
        assert set(images.given_groups[images.splits == "test"]) == {"0", "1", "2", "3"}

    @pytest.mark.parametrize(
        ("group", "said"),
        [
            ("patient", "'patient' is no column among path, label, Patients, taken, frame"),
            (r"patient_\d+", "it has 0 capture groups"),
            (r"(patient)_(\d+)", "it has 2 capture groups"),
            ("patient_((", "no pattern (missing )"),
            (r"doctor_(\d+)", "gives no picture a group, cat/patient_0_0.png for one"),
        ],
    )
    def test_what_is_neither_column_nor_pattern_is_refused(self, table, folder, group, said):
        file = written(table.rename(columns={"Patient": "Patients"}), folder)
        with pytest.raises(ImageSetError) as refused:
            ImageSet.read(file, group=group)
        assert group in str(refused.value)
        assert said in str(refused.value)

    def test_a_picture_in_two_groups_is_refused(self, table, folder):
        twice = pd.concat([table, table.head(1).assign(Patient="other")])
        with pytest.raises(ImageSetError, match=r"cat/patient_0_0.png the group '0' in one row"):
            ImageSet.read(written(twice, folder), group="patient")


class TestTime:
    @pytest.mark.parametrize("column", ["taken", "frame"])
    def test_the_earlier_train_and_the_later_test(self, table, folder, column):
        images = ImageSet.read(written(table, folder), split_by_time=column)
        when = dict(zip(table["path"], table[column].astype(str).str.zfill(4), strict=True))
        times = np.array([when[path] for path in images.paths])
        train, validation, test = (
            times[images.splits == s] for s in ("train", "validation", "test")
        )
        assert max(train) < min(validation)
        assert max(validation) < min(test)
        assert abs(len(test) / len(times) - 0.2) < 0.05
        assert images.by_time
        assert images.resplit(7).splits.tolist() == images.splits.tolist()

    def test_given_splits_are_not_used_and_that_is_told(self, table, folder):
        splits = np.where(np.arange(len(table)) % 3 == 2, "test", "train")
        file = written(table.assign(split=splits), folder)
        images = ImageSet.read(file, split_by_time="frame")
        assert set(images.given_splits) == {""}
        assert [note.path for note in images.notes] == ["times"]

    def test_a_group_counts_as_of_its_first_picture_and_that_is_told(self, table, folder):
        groups = table["frame"].where(table["frame"] != 44, 0)
        images = ImageSet.read(
            written(table.assign(Patient=groups), folder), group="Patient", split_by_time="frame"
        )
        assert images.splits[-1] == "train"
        (note,) = [each for each in images.notes if each.kind == "time"]
        assert note.reason.startswith("1 pictures are not tested though they are as late")

    def test_values_that_are_no_time_are_refused_by_row(self, table, folder):
        for value in ("soon", "nan", "1_10", "01.02", "1e999"):
            broken = table.assign(frame=[*table["frame"][:3].astype(str), value, *["9"] * 41])
            with pytest.raises(ImageSetError, match=f"column frame: row 4: '{value}' is no number"):
                ImageSet.read(written(broken, folder), split_by_time="frame")

    def test_a_picture_without_a_time_is_refused_by_its_name(self, table, folder):
        broken = table.assign(frame=[*table["frame"][:3].astype(str), "", *["9"] * 41])
        with pytest.raises(ImageSetError, match=f"{table['path'][3]}: '' is no number"):
            ImageSet.read(written(broken, folder), split_by_time="frame")

    def test_a_row_without_a_label_needs_no_time(self, table, folder):
        bare = np.arange(len(table)) % 4 == 3
        part = table.assign(
            label=table["label"].where(~bare, ""), frame=table["frame"].astype(str).where(~bare, "")
        )
        images = ImageSet.read(written(part, folder), split_by_time="frame")
        assert sorted(images.paths) == sorted(table["path"][~bare])
        assert images.by_time

    @pytest.mark.parametrize("texts", [["007", "0010", "8.5", "-1", ".5", "1e1", "0", "+3."]])
    def test_numbers_as_they_are_written_keep_their_order(self, texts):
        assert time_ranks(texts, "t").tolist() == [
            sorted({float(each) for each in texts}).index(float(text)) for text in texts
        ]

    def test_numbers_beside_dates_are_refused(self):
        with pytest.raises(ImageSetError, match=r"row 1 is a date .*row 3 a number"):
            time_ranks(["2024-01-01", "2024-01-02", "7"], "taken")

    def test_one_time_for_all_is_refused(self, table, folder):
        with pytest.raises(ImageSetError, match="begin at one time"):
            time_split(np.zeros(5, int), list("abcde"))
        with pytest.raises(ImageSetError, match="one time"):
            ImageSet.read(written(table.assign(frame=1), folder), split_by_time="frame")

    def test_a_column_that_is_not_there_is_refused(self, table, folder):
        with pytest.raises(ImageSetError, match=r"no column among path, label.*'when'"):
            ImageSet.read(written(table, folder), split_by_time="when")
        (folder / "table.csv").unlink()
        with pytest.raises(ImageSetError, match="there is no table"):
            ImageSet.read(folder, split_by_time="when")

    @given(
        st.lists(st.integers(-50, 50), min_size=2, max_size=40).filter(lambda t: len(set(t)) > 1)
    )
    def test_ranks_sort_as_numbers_do(self, values):
        ranks = time_ranks([str(each) for each in values], "t")
        assert np.unique(values, return_inverse=True)[1].tolist() == ranks.tolist()
        splits = time_split(ranks, [str(i) for i in range(len(values))])
        test = np.array(values)[splits == "test"]
        assert len(test)
        assert test.min() > np.array(values)[splits != "test"].max()


groups_and_labels = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=60
)


class TestGroupedSplit:
    @given(groups_and_labels, st.integers(0, 3))
    def test_no_group_is_parted_and_no_class_is_left_out_that_need_not_be(self, rows, seed):
        groups, labels = ([str(each) for each in column] for column in zip(*rows, strict=True))
        splits = grouped_split(labels, groups, seed=seed)
        assert parted(splits, groups) == []
        order = np.random.default_rng(seed).permutation(len(rows))
        again = grouped_split([labels[i] for i in order], [groups[i] for i in order], seed=seed)
        assert again.tolist() == splits[order].tolist()

    def test_shares_of_every_class_are_near_though_groups_are_unequal(self):
        rng = np.random.default_rng(0)
        sizes = rng.integers(1, 30, 60)
        groups = np.repeat(np.arange(60), sizes).astype(str)
        labels = rng.choice(["a", "b", "c"], len(groups), p=[0.6, 0.3, 0.1])
        for seed in range(5):
            splits = grouped_split(labels, groups, seed=seed)
            shares = pd.crosstab(labels, splits, normalize="index")
            assert (shares["test"] - 0.2).abs().max() < 0.06
            assert (shares["validation"] - 0.24).abs().max() < 0.06

    def test_a_class_of_two_groups_is_trained_on_and_tested(self):
        groups = [*("ab" * 3), *(str(i) for i in range(30))]
        splits = grouped_split(["rare"] * 6 + ["common"] * 30, groups)
        assert {"train", "test"} <= set(splits[:6])

    @given(groups_and_labels)
    def test_united_groups_are_the_connected_ones(self, rows):
        copies = [f"c{copy}" for copy, _ in rows]
        groups = [f"g{group}" if group else "" for _, group in rows]
        same = np.array(
            [
                [a == c or (b == d != "") for c, d in zip(copies, groups, strict=True)]
                for a, b in zip(copies, groups, strict=True)
            ]
        )
        _, component = connected_components(same)
        names = united(copies, groups)
        pairs = set(zip(names, component.tolist(), strict=True))
        assert len(pairs) == len(set(names)) == component.max() + 1


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(30), 4)
    centres = rng.normal(0, 3, (30, 40))
    np.savez(
        tmp_path / "f.npz",
        features=(centres[patients] + rng.normal(0, 0.3, (120, 40))).astype(np.float32),
        labels=np.where(patients % 2, "odd", "even"),
        patient=patients,
        day=np.arange(120),
        paths=[f"p{patient}_{i}.png" for i, patient in enumerate(patients)],
        splits=np.where(np.arange(120) % 4, "train", "test"),
    )
    return tmp_path / "f.npz"


class TestFeaturesFile:
    def test_an_array_or_a_pattern_is_the_group(self, file):
        by_array, by_pattern = (read_features(file, group=g) for g in ("patient", r"p(\d+)_"))
        assert by_array.groups.tolist() == by_pattern.groups.tolist()
        assert set(by_array.splits) == {""}
        assert "part 30 of 30 groups" in by_array.notes[0]

    def test_accents_of_two_kinds_name_one_group(self, file):
        with np.load(file) as arrays:
            kept = dict(arrays)
        accents = np.where(np.arange(120) % 2, "\u00e9", "e\u0301")
        kept["patient"] = np.char.add(kept["patient"].astype(str), accents)
        np.savez(file, **kept)
        assert len(set(read_features(file, group="patient").groups)) == 30

    def test_scores_are_then_of_new_groups(self, file):
        def accuracy(**kept):
            return score_features(read_features(file, **kept))[2]["value"]

        assert accuracy() > 0.95
        assert accuracy(group="patient") < 0.8
        assert accuracy(split_by_time="day") < 0.9

    def test_what_is_not_there_is_refused(self, file):
        with pytest.raises(EmbedlensError, match="no column among labels, patient, day, paths"):
            read_features(file, group="person")
        with pytest.raises(EmbedlensError, match="has no 'when' among"):
            read_features(file, split_by_time="when")


def test_what_embed_writes_keeps_its_groups(folder, tmp_path):
    from embedlens import embed
    from embedlens.features import write_features

    images = ImageSet.read(folder, group=r"patient_(\d+)")
    write_features(embed(images, "EfficientNetLite0", size=32), tmp_path / "e.npz")
    read = read_features(tmp_path / "e.npz")
    assert read.groups.tolist() == images.groups.tolist()
    assert json.dumps(read.splits.tolist()) == json.dumps(images.splits.tolist())
