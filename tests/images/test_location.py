"""Places other than a plain folder, zip or table: each gives the set that the folder gives."""

from __future__ import annotations

import io
import json
import sys
import types
from unicodedata import normalize

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet, open_source, resolved


def rows(animals):
    return [(name, name.split("/")[0], data) for name, data in animals.items()]


def content(images):
    return sorted(zip(images.ids, images.labels, images.splits, strict=True))


@pytest.fixture
def expected(write, animals):
    return content(ImageSet.read(write(animals)))


class TestImagefolder:
    @pytest.fixture
    def flat(self, tmp_path, animals):
        """The pictures in one folder, and a frame that says what they are."""
        names = {name: name.replace("/", "_") for name in animals}
        (tmp_path / "flat").mkdir()
        for name, data in animals.items():
            (tmp_path / "flat" / names[name]).write_bytes(data)
        labels = [name.split("/")[0] for name in animals]
        frame = pd.DataFrame({"file_name": [names[n] for n in animals], "label": labels})
        return tmp_path / "flat", frame

    @pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
    def test_labels_come_from_a_metadata_file(self, flat, expected, suffix):
        folder, frame = flat
        path = folder / f"metadata.{suffix}"
        if suffix == "csv":
            frame.to_csv(path, index=False)
        elif suffix == "jsonl":
            frame.to_json(path, orient="records", lines=True)
        else:
            frame.to_parquet(path)
        assert content(ImageSet.read(folder)) == expected

    @pytest.mark.parametrize(("disk", "table"), [("NFC", "NFD"), ("NFD", "NFC")])
    def test_accents_of_names_may_be_composed_or_not(self, tmp_path, picture, disk, table):
        names = [f"é{i}.png" for i in range(6)]
        for i, name in enumerate(names):
            (tmp_path / normalize(disk, name)).write_bytes(picture(i))
        lines = [f"{normalize(table, name)},{'ab'[i % 2]}" for i, name in enumerate(names)]
        text = "\n".join(["file_name,label", *lines])
        (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
        images = ImageSet.read(tmp_path)
        assert sorted(images.paths) == sorted(normalize(disk, name) for name in names)
        assert sorted(images.labels) == ["a", "a", "a", "b", "b", "b"]

    def test_each_split_folder_has_its_own(self, tmp_path, picture):
        for split, numbers in {"train": range(12), "test": range(12, 18)}.items():
            folder = tmp_path / split
            folder.mkdir()
            lines = ["file_name,label"]
            for i in numbers:
                (folder / f"{i}.png").write_bytes(picture(i))
                lines.append(f"{i}.png,{'ab'[i % 2]}")
            (folder / "metadata.csv").write_text("\n".join(lines))
        images = ImageSet.read(tmp_path)
        assert images.counts()["test"].tolist() == [3, 3]
        assert {path.split("/")[0] for path in images.paths[images.where("test")]} == {"test"}

    def test_rows_without_picture_and_pictures_without_row_are_set_aside(self, flat, picture):
        folder, frame = flat
        (folder / "unnamed.png").write_bytes(picture(99))
        frame.loc[0, "file_name"] = "gone.png"
        frame.to_csv(folder / "metadata.csv", index=False)
        images = ImageSet.read(folder)
        told = {(problem.path, problem.kind) for problem in images.problems}
        assert told >= {("gone.png", "missing"), ("unnamed.png", "loose")}
        assert len(images) == 14

    def test_splits_of_some_metadata_files_and_not_of_others_are_refused(self, tmp_path, picture):
        for place, text in (("", "file_name,label\n1.png,a\n"),
                            ("train/", "file_name,label\n1.png,b\n"),
                            ("test/", "file_name,label\n1.png,b\n")):  # fmt: skip
            (tmp_path / place).mkdir(exist_ok=True)
            (tmp_path / place / "1.png").write_bytes(picture(len(place)))
            (tmp_path / place / "metadata.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ImageSetError, match="give a column split in all or in none"):
            ImageSet.read(tmp_path)

    def test_a_metadata_file_of_something_else_is_no_matter(self, write, animals):
        root = write(animals)
        (root / "metadata.csv").write_text("sensor,split\n1,left\n", encoding="utf-8")
        assert ImageSet.read(root).classes == ("cat", "dog")

    def test_a_metadata_file_without_labels_leaves_the_folders_as_classes(self, write, animals):
        root = write(animals)
        (root / "metadata.csv").write_text("file_name,caption\ncat/0.png,a cat\n")
        assert ImageSet.read(root).classes == ("cat", "dog")

    def test_a_name_that_climbs_out_is_not_followed(self, flat, tmp_path, picture):
        folder, frame = flat
        (tmp_path / "secret.png").write_bytes(picture(98))
        frame.loc[0, "file_name"] = "../secret.png"
        frame.to_csv(folder / "metadata.csv", index=False)
        images = ImageSet.read(folder)
        assert ("../secret.png", "missing") in {(p.path, p.kind) for p in images.problems}


class TestParquet:
    def table(self, animals, names=None):
        found = rows(animals)
        images = [{"bytes": data, "path": name} for name, _, data in found]
        labels = [label if names is None else names.index(label) for _, label, _ in found]
        table = pa.table({"image": images, "label": labels})
        if names is not None:
            told = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
        return table

    @pytest.mark.parametrize("names", [None, ["dog", "cat"]], ids=["text", "numbers"])
    def test_pictures_come_out_of_the_file(self, animals, expected, tmp_path, names):
        path = tmp_path / "train-00000-of-00001.parquet"
        pq.write_table(self.table(animals, names), path, row_group_size=4)
        images = ImageSet.read(path)
        assert content(images) == expected
        assert images.pixels(14, 8).shape == (8, 8, 3)

    def test_plain_bytes_will_do(self, animals, expected, tmp_path):
        found = rows(animals)
        frame = pd.DataFrame({"img": [r[2] for r in found], "class": [r[1] for r in found]})
        frame.to_parquet(tmp_path / "pictures.parquet")
        assert content(ImageSet.read(tmp_path / "pictures.parquet")) == expected

    def test_a_folder_of_shards_gives_their_splits(self, animals, tmp_path, picture):
        (tmp_path / "data").mkdir()
        more = {f"{c}/t{i}.png": picture(100 + 10 * k + i) for k, c in enumerate(("cat", "dog"))
                for i in range(3)}  # fmt: skip
        pq.write_table(self.table(animals), tmp_path / "data/train-00000-of-00001.parquet")
        pq.write_table(self.table(more), tmp_path / "data/test-00000-of-00001.parquet")
        images = ImageSet.read(tmp_path)
        assert images.counts()["test"].tolist() == [3, 3]
        assert images.paths[0] == "data/test-00000-of-00001.parquet/000000"

    def test_empty_cells_and_missing_labels_are_set_aside(self, animals, tmp_path):
        table = self.table(animals).to_pylist()
        table[0]["image"]["bytes"], table[1]["label"] = None, None
        pq.write_table(pa.Table.from_pylist(table), tmp_path / "p.parquet")
        told = {p.path: p.reason for p in ImageSet.read(tmp_path / "p.parquet").problems}
        assert "no bytes in the table" in told["p.parquet/000000"]
        assert told["p.parquet/000001"] == "no label"

    def test_a_file_without_labels_or_a_broken_one_is_named(self, animals, tmp_path):
        path = tmp_path / "p.parquet"
        pq.write_table(self.table(animals).drop_columns("label"), path)
        with pytest.raises(ImageSetError, match=r"p\.parquet: no column label or class"):
            ImageSet.read(path)
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(ImageSetError, match=r"p\.parquet: cannot be read as a table"):
            ImageSet.read(path)


class TestParquetSplits:
    def write(self, folder, picture, name, first, **columns):
        rows = [{"bytes": picture(first + i), "path": ""} for i in range(6)]
        table = pa.table({"image": rows, "label": pa.array([0, 1] * 3), **columns})
        (folder / "data").mkdir(exist_ok=True)
        pq.write_table(table, folder / "data" / f"{name}.parquet")

    def test_a_file_of_no_split_beside_those_of_splits_is_set_aside(self, tmp_path, picture):
        for first, name in (
            (0, "train-00000-of-00001"),
            (50, "test-00000-of-00001"),
            (90, "extra"),
        ):
            self.write(tmp_path, picture, name, first)
        images = ImageSet.read(tmp_path)
        for split in ("train", "test"):
            rows = [path.startswith(f"data/{split}") for path in images.paths]
            assert set(images.given_splits[rows]) == {split}
        assert len(images) == 12
        assert [(each.path, each.kept) for each in images.problems] == [("extra.parquet", False)]

    @pytest.mark.parametrize(
        ("train", "test"),
        [("train-00000-of-00001-b4af1727", "test-00000-of-00001-b4af1727"), ("Training", "Test"),
         ("pets_train", "pets_eval"), ("trn", "tst")],
    )  # fmt: skip
    def test_names_of_files_follow_the_rule_of_all_splits(self, tmp_path, picture, train, test):
        self.write(tmp_path, picture, train, 0)
        self.write(tmp_path, picture, test, 50)
        assert len(set(ImageSet.read(tmp_path).given_splits) - {""}) == 2

    def test_files_of_splits_without_training_are_an_error(self, tmp_path, picture):
        self.write(tmp_path, picture, "val", 0)
        self.write(tmp_path, picture, "test", 50)
        with pytest.raises(ImageSetError, match="none of train"):
            ImageSet.read(tmp_path)

    def test_one_unknown_value_in_a_column_is_refused(self, tmp_path, picture):
        splits = pa.array(["train"] * 4 + ["test", "tset"])
        self.write(tmp_path, picture, "p", 0, split=splits)
        with pytest.raises(ImageSetError, match="split 'tset' in row 6"):
            ImageSet.read(tmp_path)

    @pytest.mark.parametrize(
        "labels",
        [pa.array([None, 1, 2, 1, 2, 1]), pa.array([float("nan"), 1.0, 2, 1, 2, 1]),
         pa.array([-1, 1, 2, 1, 2, 1]), pa.array([None, "1", "2", "1", "2", "1"])],
    )  # fmt: skip
    def test_a_missing_label_costs_its_row(self, tmp_path, picture, labels):
        self.write(tmp_path, picture, "p", 0, label=labels)
        images = ImageSet.read(tmp_path)
        assert (images.classes, len(images)) == (("1", "2"), 5)


@pytest.fixture
def memory(animals):
    """The pictures in fsspec's memory."""
    fsspec = pytest.importorskip("fsspec", reason="needs the extra cloud")
    system = fsspec.filesystem("memory")
    for name, data in animals.items():
        system.pipe_file(f"/photos/{name}", data)
    yield system
    system.rm("/photos", recursive=True)


class TestUrl:
    def test_pictures_are_read_from_a_url(self, memory, expected):
        images = ImageSet.read("memory://photos")
        assert content(images) == expected
        assert images.root == "memory://photos"
        assert images.pixels(0, 8).shape == (8, 8, 3)

    def test_an_archive_behind_a_url_is_looked_into(self, memory, animals, expected):
        import zipfile

        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            for name, data in animals.items():
                packed.writestr(name, data)
        memory.pipe_file("/photos/pets.zip", file.getvalue())
        assert content(ImageSet.read("zip::memory://photos/pets.zip")) == expected

    def test_a_picture_that_is_gone_is_told(self, memory):
        images = ImageSet.read("memory://photos")
        memory.rm_file("/photos/cat/0.png")
        with pytest.raises(ImageSetError, match=r"^cat/0\.png: cannot be read"):
            images.read_bytes(0)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("memory://nothing", "no pictures found"),
            ("nosuch://bucket/x", "nosuch"),
            ("zip::memory://photos/cat/0.png", "cannot be"),
        ],
    )
    def test_a_url_that_gives_nothing_gets_a_sentence(self, memory, url, message):
        with pytest.raises(ImageSetError, match=message):
            ImageSet.read(url)

    def test_without_fsspec_it_is_said_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(ImageSetError, match=r"pip install 'embedlens\[cloud\]'"):
            ImageSet.read("s3://bucket/photos")


def test_a_real_s3_server_is_read(animals, expected, monkeypatch):
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    pytest.importorskip("flask_cors", reason="moto's server needs flask and flask-cors")
    moto = pytest.importorskip("moto.server", reason="needs moto, an S3 server")
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        url = f"http://{host}:{port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        store = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        store.create_bucket(Bucket="pets")
        for name, data in animals.items():
            store.put_object(Bucket="pets", Key=f"photos/{name}", Body=data)
        images = ImageSet.read("s3://pets/photos")
        assert content(images) == expected
        before = images.source.stamp("cat/0.png")
        store.put_object(Bucket="pets", Key="photos/cat/0.png", Body=animals["dog/0.png"])
        images.source._system.invalidate_cache()
        assert ImageSet.read("s3://pets/photos").source.stamp("cat/0.png") != before
        with pytest.raises(ImageSetError, match="s3://pets/nothing: "):
            ImageSet.read("s3://pets/nothing")
    finally:
        running.stop()


class TestRoots:
    def test_several_roots_are_one_set(self, tmp_path, picture):
        for root, first in {"old": 0, "new": 50}.items():
            for i in range(6):
                path = tmp_path / root / "ab"[i % 2] / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(first + i))
        both = [tmp_path / "old", tmp_path / "new"]
        images = ImageSet.read(both)
        assert images.counts().sum(axis=1).tolist() == [6, 6]
        assert images.paths[0] == "new/a/0.png"
        as_text = ",".join(map(str, both))
        assert content(ImageSet.read(as_text)) == content(images)
        assert open_source(as_text).read("old/a/0.png") == picture(0)

    def test_splits_that_only_some_roots_give_are_not_used_and_told(self, tmp_path, picture):
        for i, name in enumerate(["old/train/a", "old/train/b", "old/test/a", "old/test/b",
                                  "new/a", "new/b"]):  # fmt: skip
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / "1.png").write_bytes(picture(i))
        images = ImageSet.read([tmp_path / "old", tmp_path / "new"])
        assert set(images.given_splits) == {""}
        assert [(note.path, note.kind) for note in images.notes] == [("old", "split")]

    def test_roots_of_one_name_are_told_apart(self, tmp_path, picture):
        for k, above in enumerate(("x", "y")):
            for label in "ab":
                path = tmp_path / above / "photos" / label / "1.png"
                path.parent.mkdir(parents=True)
                path.write_bytes(picture(10 * k + ord(label)))
        images = ImageSet.read([tmp_path / "x/photos", tmp_path / "y/photos"])
        assert {path.split("/")[0] for path in images.paths} == {"photos", "photos-2"}

    def test_a_folder_with_a_comma_in_its_name_is_one_folder(self, tmp_path, picture):
        for label in "ab":
            path = tmp_path / "cats,dogs" / label / "1.png"
            path.parent.mkdir(parents=True)
            path.write_bytes(picture(ord(label)))
        assert len(ImageSet.read(tmp_path / "cats,dogs")) == 2


class TestKaggle:
    def test_a_data_set_is_downloaded_and_read(self, write, animals, expected, monkeypatch):
        root = write(animals)
        fake = types.ModuleType("kagglehub")
        asked = []
        fake.dataset_download = lambda name: asked.append(name) or str(root)
        monkeypatch.setitem(sys.modules, "kagglehub", fake)
        assert content(ImageSet.read("kaggle:owner/pets")) == expected
        assert asked == ["owner/pets"]

    def test_what_goes_wrong_gets_a_sentence(self, monkeypatch):
        with pytest.raises(ImageSetError, match="write kaggle:OWNER/NAME"):
            ImageSet.read("kaggle:pets")
        monkeypatch.setitem(sys.modules, "kagglehub", None)
        with pytest.raises(ImageSetError, match=r"pip install 'embedlens\[kaggle\]'"):
            ImageSet.read("kaggle:owner/pets")
        fake = types.ModuleType("kagglehub")
        fake.dataset_download = lambda name: 1 / 0
        monkeypatch.setitem(sys.modules, "kagglehub", fake)
        with pytest.raises(ImageSetError, match=r"cannot be downloaded \(division by zero\)"):
            ImageSet.read("kaggle:owner/pets")


def test_a_place_is_resolved_unless_it_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolved("photos") == str(tmp_path / "photos")
    assert resolved("s3://bucket/photos") == "s3://bucket/photos"
    assert resolved("kaggle:owner/name") == "kaggle:owner/name"
    assert resolved(["a", "b"]) == f"{tmp_path / 'a'},{tmp_path / 'b'}"
