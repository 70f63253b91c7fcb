from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from embedlens.images import FolderSource, ImageError
from embedlens.images.record import Record, known_records, read_records
from embedlens.images.source import UNKNOWN


@pytest.fixture
def source(write, picture):
    return FolderSource(write({"a.png": picture(1), "b.png": picture(2), "text.png": b"text"}))


def test_a_record_has_the_hash_of_the_bytes_and_the_header(source):
    record, _, error = read_records(source, source.names(), {})
    data = source.read("a.png")
    expected = hashlib.blake2b(data, digest_size=16).hexdigest()
    assert record == Record(expected, 6, 4, "PNG", len(data), source.stamp("a.png")[1], 0)
    assert isinstance(error, ImageError)


def test_records_come_in_the_order_of_the_names(write, picture):
    """Also over more files than are queued at once."""
    source = FolderSource(write({f"{i}.png": picture(i) for i in range(1100)}))
    names = [f"{i}.png" for i in range(1100)]
    ids = [record.id for record in read_records(source, names, {})]
    digests = [hashlib.blake2b(picture(i), digest_size=16).hexdigest() for i in range(1100)]
    assert ids == digests


def test_progress_counts_every_file_once(source):
    seen = []
    read_records(source, source.names(), {}, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_in_progress_stops_the_reading(source):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_records(source, source.names(), {}, stop)


def test_a_known_file_is_taken_on_trust_only_if_size_and_time_agree(source):
    first, *_ = read_records(source, ["a.png"], {})
    for change, trusted in (({}, True), ({"bytes": 1}, False), ({"stamp": 1}, False)):
        old = Record(**{**vars(first), "id": "old", **change})
        assert (read_records(source, ["a.png"], {"a.png": old})[0].id == "old") is trusted


def test_a_file_of_which_nothing_tells_that_it_is_unchanged_is_read_again(source, monkeypatch):
    first, *_ = read_records(source, ["a.png"], {})
    monkeypatch.setattr(source, "stamp", lambda name: (first.bytes, UNKNOWN))
    old = replace(first, id="old", stamp=UNKNOWN)
    assert read_records(source, ["a.png"], {"a.png": old})[0].id == first.id


@pytest.mark.parametrize("data", [None, b"", b"no parquet", b"PAR1 cut off"])
def test_a_record_file_that_cannot_be_read_is_as_none(tmp_path, data):
    path = tmp_path / "images.parquet"
    if data is not None:
        path.write_bytes(data)
    assert known_records(path) == {}


def test_a_table_of_others_is_as_none(tmp_path):
    import pandas as pd

    pd.DataFrame({"path": ["a.png"], "id": ["x"]}).to_parquet(tmp_path / "images.parquet")
    assert known_records(tmp_path / "images.parquet") == {}
