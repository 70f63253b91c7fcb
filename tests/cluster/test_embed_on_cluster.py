"""Pictures through two nodes: the folder is that of one machine, and says what was wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedlens import ImageSet
from embedlens import embed as embed_here
from embedlens.cluster import embed, written
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError

FILES = ("features.npy", "ids.txt")
ROWS = 50


@pytest.fixture(scope="module")
def made(cluster, photos, backbone, tmp_path_factory):
    out = tmp_path_factory.mktemp("many") / "features"
    return embed(photos, backbone, out, shard_rows=ROWS)


def test_the_files_are_those_of_one_machine(made, whole):
    for name in FILES:
        assert (Path(made.place) / name).read_bytes() == whole[name]
    assert (made.pictures, made.features, made.set_aside) == (199, 5, 1)


def test_a_study_takes_the_folder_for_its_own(made, photos, backbone, tmp_path):
    images = ImageSet.read(photos, known=Path(made.place) / "images.parquet")
    features = embed_here(images, backbone, store=made.place)
    assert features.record["embedded"] == 199
    assert features.record["seconds"] == made.record["seconds"]


def test_a_bad_picture_is_a_row_with_its_reason(made):
    table = pd.read_parquet(Path(made.place) / "images.parquet")
    aside = table[~table["kept"]]
    assert aside["path"].tolist() == ["cat/broken.jpg"]
    assert aside["problem"].item().startswith("unreadable: not a picture")
    assert table["id"][table["kept"]].tolist() == (Path(made.place) / "ids.txt").read_text().split(
        "\n"
    )
    assert table["white"].dropna().unique().tolist() == [4095.0]
    assert table["label"].value_counts().to_dict() == {"dog": 100, "cat": 100}


def test_what_is_there_is_not_made_again(made, photos, backbone):
    before = {path: path.stat().st_mtime_ns for path in Path(made.place).rglob("*.arrow")}
    meta = (Path(made.place) / "meta.json").read_bytes()
    embed(photos, backbone, made.place, shard_rows=ROWS)
    after = {path: path.stat().st_mtime_ns for path in Path(made.place).rglob("*.arrow")}
    assert after == before
    assert (Path(made.place) / "meta.json").read_bytes() == meta


def test_damaged_shards_are_made_again(made, photos, backbone, whole):
    damaged = {}
    for step in ("listed", "identified", "embedded"):
        file = Path(made.place) / max(written(Storage(made.place), step).values()).name
        damaged[file] = file.read_bytes()
        middle = len(damaged[file]) // 2
        file.write_bytes(damaged[file][:middle] + b"?" + damaged[file][middle + 1 :])
    (Path(made.place) / "features.npy").write_bytes(b"damaged too")
    embed(photos, backbone, made.place, shard_rows=ROWS)
    for name in FILES:
        assert (Path(made.place) / name).read_bytes() == whole[name]
    for file, data in damaged.items():
        assert file.read_bytes() == data


def test_a_picture_added_costs_its_shard_alone(made, photos, backbone, whole):
    before = written(Storage(made.place), "embedded")
    added = photos / "cat" / "0000.png"
    shutil.copy(photos / "cat" / "000.png", added)
    try:
        embed(photos, backbone, made.place, shard_rows=ROWS)
    finally:
        added.unlink()
    assert len(written(Storage(made.place), "embedded").keys() - before.keys()) <= 2
    ids = (Path(made.place) / "ids.txt").read_text().split("\n")
    assert ids[1:] == whole["ids.txt"].decode().split("\n")
    features = np.load(Path(made.place) / "features.npy")
    assert ids[0] == ids[1]
    np.testing.assert_array_equal(features[0], features[1])
    embed(photos, backbone, made.place, shard_rows=ROWS)
    assert (Path(made.place) / "features.npy").read_bytes() == whole["features.npy"]


def test_a_table_is_embedded_in_its_own_order(cluster, photos, backbone, whole, tmp_path):
    names = ["dog/001.png", "nothing.png", "cat/000.png"]
    table = tmp_path / "manifest.csv"
    pd.DataFrame({"path": [str(photos / name) for name in names]}).to_csv(table, index=False)
    made = embed(table, backbone, tmp_path / "out")
    assert (made.pictures, made.set_aside) == (2, 1)
    told = pd.read_parquet(tmp_path / "out" / "images.parquet")
    assert told["problem"][1] == "unreadable: cannot be read: No such file or directory"
    all_ids = whole["ids.txt"].decode().split("\n")
    cat, dog = all_ids.index(told["id"][2]), all_ids.index(told["id"][0])
    expected = np.frombuffer(whole["features.npy"][-4 * 5 * 199 :], "<f4").reshape(199, 5)
    np.testing.assert_array_equal(np.load(tmp_path / "out/features.npy"), expected[[dog, cat]])


def test_a_node_with_other_packages_is_refused(made, photos, backbone, monkeypatch):
    monkeypatch.setattr("embedlens.features.recipe.version", lambda package: "1999.1")
    with pytest.raises(EmbedlensError, match=r"A node has pillow 1.* started on 1999\.1"):
        embed(photos, backbone, made.place, shard_rows=ROWS)


def test_s3_in_and_out(cluster, s3, photos, backbone, whole):
    if s3 is None:
        pytest.skip("needs moto, an S3 server")
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    for path in photos.rglob("*.*"):
        s3.upload_file(str(path), "pictures", f"in/photos/{path.relative_to(photos).as_posix()}")
    place = "s3://pictures/in/photos", "s3://pictures/out"

    def stored(name):
        return s3.get_object(Bucket="pictures", Key=f"out/{name}")["Body"].read()

    made = embed(place[0], backbone, place[1], shard_rows=ROWS)
    assert {name: stored(name) for name in FILES} == whole
    meta = json.loads(stored("meta.json"))
    assert meta == made.record
    shard = min(written(Storage(place[1]), "embedded").values())
    s3.put_object(Bucket="pictures", Key=f"out/{shard.name}", Body=stored(shard.name)[:-9])
    s3.put_object(Bucket="pictures", Key="out/features.npy", Body=b"other")
    embed(place[0], backbone, place[1], shard_rows=ROWS)
    assert {name: stored(name) for name in FILES} == whole
