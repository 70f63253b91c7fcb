from __future__ import annotations

import io
import os
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageError, ImageSet
from embedlens.images import tar as tar_module
from embedlens.images.tar import TarSource

KINDS = {"w": ".tar", "w:gz": ".tar.gz", "w:bz2": ".tbz2", "w:xz": ".tar.xz"}


@pytest.fixture
def pack(tmp_path):
    """Packs members, and links by name and target, into a tar; gives its path."""

    def pack(members, mode="w", links=()):
        path = tmp_path / f"photos{KINDS[mode]}"
        with tarfile.open(path, mode) as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            for name, target, kind in links:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, target
                tar.addfile(info)
        return path

    return pack


@pytest.mark.parametrize("mode", KINDS)
def test_it_gives_the_image_set_that_a_folder_of_the_same_files_gives(pack, write, animals, mode):
    images, folder = ImageSet.read(pack(animals, mode)), ImageSet.read(write(animals))
    assert images.fingerprint == folder.fingerprint
    assert images.paths.tolist() == folder.paths.tolist()
    assert images.pixels(3, 8).tolist() == folder.pixels(3, 8).tolist()


def test_members_that_climb_out_are_absolute_or_links_are_set_aside(pack):
    evil = ["../evil.png", "cat/../../evil.png", "/etc/evil.png", "C:\\evil.png"]
    links = [
        ("cat/soft.png", "/etc/passwd", tarfile.SYMTYPE),
        ("cat/hard.png", "../../secret.png", tarfile.LNKTYPE),
        ("cat/device.png", "", tarfile.CHRTYPE),
    ]
    source = TarSource(pack({"cat/a.png": b"a", **dict.fromkeys(evil, b"evil")}, links=links))
    assert source.names() == ["cat/a.png"]
    assert {problem.path for problem in source.problems} == {
        *(name.replace("\\", "/") for name in evil), "cat/soft.png", "cat/hard.png",
    }  # fmt: skip
    assert {problem.kind for problem in source.problems} == {"outside"}


@pytest.mark.parametrize("mode", KINDS)
def test_nothing_is_unpacked_beside_it(pack, mode, tmp_path):
    path = pack({"cat/a.png": b"a" * 100}, mode)
    assert TarSource(path).read("cat/a.png") == b"a" * 100
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_bomb_is_refused(pack, monkeypatch):
    monkeypatch.setattr(tar_module, "_HARMLESS", 10**6)
    with pytest.raises(ImageSetError, match="unpacks to more than 1,000,000 bytes"):
        TarSource(pack({"cat/a.png": bytes(10**7)}, "w:xz"))


def test_a_tar_that_ends_too_early_loses_only_what_is_cut_off(pack):
    path = pack({"cat/a.png": b"a" * 5000, "cat/b.png": b"b" * 50_000})
    os.truncate(path, 30_000)
    source = TarSource(path)
    assert source.read("cat/a.png") == b"a" * 5000
    with pytest.raises(ImageError, match="ends too early"):
        source.read("cat/b.png")


@pytest.mark.parametrize("data", [b"", b"text", b"\x1f\x8b\x08 cut", b"BZh9 cut", b"\xfd7zXZ\0"])
def test_what_is_no_tar_is_named(tmp_path, data):
    path = tmp_path / "photos.tar"
    path.write_bytes(data)
    with pytest.raises(ImageSetError, match=r"photos\.tar: (not a readable tar|no pictures)"):
        ImageSet.read(path)


def test_many_threads_and_other_processes_read_it(pack):
    members = {f"cat/{i}.png": os.urandom(3000) for i in range(100)}
    source = pickle.loads(pickle.dumps(TarSource(pack(members, "w:gz"))))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, members)) == list(members.values())
    before = source.stamp("cat/0.png")
    assert before[0] == 3000
    os.utime(source.path, ns=(1, 1))
    assert TarSource(source.path).stamp("cat/0.png") != before


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_that_is_damaged_is_named(pack, mode):
    path = pack({"cat/a.png": os.urandom(5000)}, mode)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(ImageSetError, match="not a readable tar"):
        TarSource(path)
