"""Files are there whole or not at all; keys and checksums stay what they are."""

from __future__ import annotations

import hashlib
import json

import pytest

from embedlens.files import checksum, content_key, replacing, text_key, write_json, write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_earlier_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("earlier")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "earlier"
        assert partial.parent == tmp_path
    assert path.read_text() == "new"
    assert names(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("begun", [False, True])
def test_an_error_leaves_the_earlier_file_and_nothing_else(tmp_path, begun):
    path = tmp_path / "table.csv"
    path.write_text("earlier")

    def fail():
        with replacing(path) as partial:
            if begun:
                partial.write_text("hal")
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    assert path.read_text() == "earlier"
    assert names(tmp_path) == ["table.csv"]


def test_a_folder_takes_the_place_of_the_earlier_one(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "old.npy").write_bytes(b"1")
    with replacing(folder) as partial:
        partial.mkdir()
        (partial / "new.npy").write_bytes(b"2")
    assert names(tmp_path) == ["maps"]
    assert names(folder) == ["new.npy"]


def test_a_folder_after_an_error_is_the_earlier_one(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()

    def fail():
        with replacing(folder) as partial:
            partial.mkdir()
            (partial / "new.npy").write_bytes(b"2")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == ["maps"]
    assert names(folder) == []


def test_the_name_meanwhile_ends_as_the_writer_needs_it(tmp_path):
    with replacing(tmp_path / "a.keras", ".keras") as partial:
        assert partial.name != "a.keras"
        assert partial.suffix == ".keras"
        partial.touch()
    assert names(tmp_path) == ["a.keras"]


def test_text_is_utf8_with_unix_line_ends_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "deep" / "er" / "page.html"
    write_whole(path, "Käse\n\udc80")
    assert path.read_bytes() == b"K\xc3\xa4se\n\\udc80"
    write_whole(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    write_json(path, {"a": [1]})
    assert path.read_text() == '{\n "a": [\n  1\n ]\n}'


def test_keys_are_blake2b_of_json():
    """Those of stored features and results: another rule would compute them all anew."""
    parts = [1, "ä", None, {"b": 2.5}]
    expected = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    assert content_key(parts) == text_key(json.dumps(parts)) == expected
    assert content_key([]) == "7ebb3c7c2a87b1a2f8a7ed729ecb040d"
    assert len(content_key(parts, 4)) == 8


def test_a_checksum_is_of_all_bytes_in_order(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * (3 << 20))
    second.write_bytes(b"y")
    whole = hashlib.blake2b(first.read_bytes() + b"y", digest_size=16).hexdigest()
    assert checksum(first, second) == whole
    assert checksum(second, first) != whole
