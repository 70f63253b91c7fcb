"""What of a cluster needs none: listings, shards, storage, and what is said where Ray is absent."""

from __future__ import annotations

import builtins

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.arrays import processors
from embedlens.cluster import DamagedShard, Storage, connected, read_shard, write_shard, written
from embedlens.cluster.assembly import assemble
from embedlens.cluster.embedding import FACTS
from embedlens.cluster.listing import cuts, list_pictures
from embedlens.errors import EmbedlensError, ImageSetError


@given(st.lists(st.text(max_size=8), unique=True, max_size=120), st.integers(1, 20))
def test_slices_are_all_names_in_order_and_about_as_long_as_asked(names, rows):
    slices = list(cuts(names, rows))
    assert [name for part in slices for name in names[part]] == names
    lengths = [part.stop - part.start for part in slices]
    assert all(max(1, rows // 2) <= each <= 2 * rows for each in lengths[:-1])
    assert all(1 <= each <= 2 * rows for each in lengths)


def test_a_name_more_changes_few_slices():
    names = [f"{number:05}.jpg" for number in range(5000)]
    before = {tuple(names[part]) for part in cuts(names, 50)}
    for place in (0, 1234, 5000):
        more = [*names[:place], "new.jpg", *names[place:]]
        assert len({tuple(more[part]) for part in cuts(more, 50)} - before) <= 4


def table(ids, reasons, values, said=b"{}"):
    features = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.table([ids, reasons, features], ["id", "reason", "features"], metadata={FACTS: said})


def test_a_shard_is_read_as_it_was_written_or_not_at_all(tmp_path):
    storage = Storage(tmp_path)
    given = table(["a", ""], ["", "broken"], np.ones((2, 3), np.float32))
    shard = write_shard(storage, "step", "0" * 32, given)
    assert read_shard(storage, shard).equals(given)
    assert written(storage, "step") == {shard.key: shard}
    assert write_shard(storage, "step", "0" * 32, given) == shard
    file = tmp_path / shard.name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DamagedShard):
        read_shard(storage, shard)
    storage.delete(shard.name)
    with pytest.raises(DamagedShard):
        read_shard(storage, shard)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    storage = Storage(tmp_path)
    storage.write("a/file", b"whole")

    def half():
        with storage.writing("a/file") as file:
            file.write(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        half()
    assert storage.read("a/file") == b"whole"
    assert storage.names("a") == ["file"]


def test_a_place_that_no_storage_is_gets_a_sentence():
    with pytest.raises(EmbedlensError, match=r"nowhere://x cannot be opened \(.*s3://bucket"):
        Storage("nowhere://x")


def test_shards_of_engines_that_differ_are_not_mixed(tmp_path):
    storage = Storage(tmp_path)
    ones = np.ones((1, 3), np.float32)
    shards = [
        write_shard(storage, "step", digit * 32, table(["a"], [""], ones, said))
        for digit, said in (("0", b'{"engine": "openvino"}'), ("1", b'{"engine": "keras"}'))
    ]
    with pytest.raises(EmbedlensError, match="Nodes ran engines that differ: shards/step/1111"):
        assemble(storage, "key", shards, {})
    assert storage.read_json("meta.json") == {}


def test_pictures_none_of_which_can_be_read_get_a_sentence(tmp_path):
    storage = Storage(tmp_path)
    none = table(["", ""], ["broken", "gone"], np.zeros((2, 3), np.float32))
    shard = write_shard(storage, "step", "0" * 32, none)
    with pytest.raises(ImageSetError, match=r"no picture can be read \(the first: broken\)"):
        assemble(storage, "key", [shard], {})


def test_a_table_of_urls_keeps_its_order_and_its_names(tmp_path):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label\ns3://bucket/b.jpg,cat\na.jpg,dog\ns3://bucket/a.jpg,\n")
    listing = list_pictures(str(manifest))
    assert listing.names == ["s3://bucket/b.jpg", "a.jpg", "s3://bucket/a.jpg"]
    assert listing.labels == ["cat", "dog", ""]
    assert listing.root == str(tmp_path)


def test_an_empty_table_gets_a_sentence(tmp_path):
    (tmp_path / "manifest.csv").write_text("path\n")
    with pytest.raises(ImageSetError, match=r"manifest\.csv: has no row"):
        list_pictures(str(tmp_path / "manifest.csv"))


def test_without_ray_it_is_said_what_to_install(monkeypatch):
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError("No module named 'ray'")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with (
        pytest.raises(EmbedlensError, match=r"No module named 'ray'.*pip install 'embedlens\[clus"),
        connected("auto"),
    ):
        pass


def test_processors_can_be_granted(monkeypatch):
    monkeypatch.setenv("EMBEDLENS_PROCESSORS", "1")
    assert processors() == 1
    monkeypatch.setenv("EMBEDLENS_PROCESSORS", "1000")
    assert processors() < 1000
    for wrong in ("0", "many", "-1", "1.5"):
        monkeypatch.setenv("EMBEDLENS_PROCESSORS", wrong)
        with pytest.raises(EmbedlensError, match=f"EMBEDLENS_PROCESSORS is '{wrong}'"):
            processors()


def test_nothing_is_reported_to_anybody(monkeypatch):
    pytest.importorskip("ray", reason="needs the extra cluster")
    from ray._common.usage import usage_lib

    from embedlens.cluster.connection import import_ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    import_ray()
    assert not usage_lib.usage_stats_enabled()


def test_a_cluster_that_does_not_answer_gets_a_sentence(monkeypatch):
    ray = pytest.importorskip("ray", reason="needs the extra cluster")

    def refuse(*args, **kwargs):
        raise ConnectionError("Traceback of a server\n\nno answer\n")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    expected = r"No Ray cluster answers at '1\.2\.3\.4:5' \(no answer\).*ray start --head"
    with pytest.raises(EmbedlensError, match=expected), connected("1.2.3.4:5"):
        pass
