from __future__ import annotations

import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embedlens.errors import ImageSetError
from embedlens.images import FolderSource, ImageError, Problem, ZipSource
from embedlens.images.location import locate
from embedlens.images.source import MAX_FILE_BYTES, FileSource, files_of, may_be_picture

STRANGE = ["cat/a b.png", "cat/ü 猫 🐈.png", "cat/two\nlines.png", "cat/no suffix", "cat/100%.PNG"]
IGNORED = [
    ".hidden.png",
    ".git/objects/a.png",
    "cat/._a.png",
    "cat/.DS_Store",
    "cat/Thumbs.db",
    "cat/desktop.ini",
    "__MACOSX/cat/a.png",
    "labels.csv",
    "cat/notes.TXT",
    "cat/box.xml",
    "README.md",
    "annotations.json",
]


@pytest.fixture
def archive(tmp_path):
    """Packs members by name into a zip, and gives its path."""

    def archive(members: dict[str, bytes]) -> Path:
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in members.items():
                packed.writestr(name, data)
        return path

    return archive


def test_folders_and_zips_list_the_same_names_sorted(write, archive):
    files = {name: name.encode() for name in [*STRANGE, *IGNORED, "b.png", "a/b/c/d.jpg"]}
    expected = sorted([*STRANGE, "b.png", "a/b/c/d.jpg"])
    folder, packed = FolderSource(write(files)), ZipSource(archive(files))
    assert folder.names() == packed.names() == expected
    assert folder.problems == packed.problems
    assert [(problem.path, problem.kind, problem.reason) for problem in folder.problems] == [
        (".git", "passed over", "passed over: hidden"),
        ("__MACOSX", "passed over", "passed over: made by macOS"),
    ]
    for name in expected:
        assert folder.read(name) == packed.read(name) == name.encode()


@pytest.mark.parametrize("name", IGNORED)
def test_hidden_files_litter_and_sidecars_are_not_pictures(name):
    assert not may_be_picture(name)


@pytest.mark.parametrize("name", ["csv", "a.b/c", "x.csv.png", "photo.heic", "cats.txt/1.png"])
def test_anything_else_may_be_a_picture(name):
    assert may_be_picture(name)


def test_a_stamp_is_the_size_and_changes_with_the_file(write, archive):
    root = write({"cat/a.png": b"123"})
    folder, packed = FolderSource(root), ZipSource(archive({"cat/a.png": b"123"}))
    for each in (folder, packed):
        assert each.stamp("cat/a.png")[0] == 3
    before = folder.stamp("cat/a.png")
    os.utime(root / "cat/a.png", ns=(1, before[1] + 1))
    assert folder.stamp("cat/a.png") != before
    assert folder.stamp("cat/gone.png") == (-1, -1)


class TestFolder:
    def test_links_out_of_the_folder_are_set_aside(self, write, tmp_path):
        root = write({"cat/a.png": b"a"})
        (tmp_path / "secret.png").write_bytes(b"secret")
        (tmp_path / "elsewhere").mkdir()
        (root / "cat/out.png").symlink_to(tmp_path / "secret.png")
        (root / "cat/up.png").symlink_to("../../secret.png")
        (root / "dog").symlink_to(tmp_path / "elsewhere")
        (root / "notes.txt").symlink_to("/etc/hostname")
        source = FolderSource(root)
        assert source.names() == ["cat/a.png"]
        assert [(problem.path, problem.kind) for problem in source.problems] == [
            ("cat/out.png", "outside"),
            ("cat/up.png", "outside"),
            ("dog", "outside"),
        ]
        assert "link out of the folder" in source.problems[0].reason

    def test_links_within_the_folder_are_followed_if_they_lead_to_a_file(self, write):
        root = write({"cat/a.png": b"a"})
        (root / "cat/same.png").symlink_to("a.png")
        (root / "cat/broken.png").symlink_to("b.png")
        (root / "cat/itself.png").symlink_to("itself.png")
        source = FolderSource(root)
        assert source.names() == ["cat/a.png", "cat/same.png"]
        assert source.read("cat/same.png") == b"a"
        assert [(problem.path, problem.kind) for problem in source.problems] == [
            ("cat/broken.png", "missing"),
            ("cat/itself.png", "missing"),
        ]

    def test_links_in_circles_end(self, write):
        root = write({"cat/a.png": b"a"})
        (root / "cat/again").symlink_to(root)
        source = FolderSource(root)
        assert source.names() == ["cat/a.png"]
        assert source.problems[0].reason == "a link to a folder; put the folder itself there"

    def test_the_folder_itself_may_be_a_link(self, write, tmp_path):
        write({"cat/a.png": b"a"})
        (tmp_path / "link").symlink_to(tmp_path / "photos")
        source = FolderSource(tmp_path / "link")
        assert source.names() == ["cat/a.png"]
        assert source.read("cat/a.png") == b"a"

    def test_a_name_that_is_no_unicode_is_set_aside(self, write):
        root = write({"cat/a.png": b"a"})
        try:
            Path(os.fsdecode(os.fsencode(root / "cat") + b"/caf\xe9.png")).write_bytes(b"b")
        except OSError:
            pytest.skip("this file system takes only Unicode names")
        source = FolderSource(root)
        assert source.names() == ["cat/a.png"]
        assert source.problems[0].path == "cat/caf\\udce9.png"
        source.problems[0].path.encode()

    def test_a_folder_that_cannot_be_listed_is_told(self, write, monkeypatch):
        root = write({"cat/a.png": b"a", "dog/a.png": b"a"})
        scandir = os.scandir

        def refuse(folder):
            if Path(folder).name == "dog":
                raise PermissionError(13, "Permission denied")
            return scandir(folder)

        monkeypatch.setattr(os, "scandir", refuse)
        assert FolderSource(root).problems == (
            Problem("dog/", "unreadable", "cannot be listed: Permission denied", kept=False),
        )

    def test_a_file_that_is_gone_is_told(self, write):
        source = FolderSource(write({"cat/a.png": b"a"}))
        (source.root / "cat/a.png").unlink()
        with pytest.raises(ImageError, match="No such file"):
            source.read("cat/a.png")

    def test_a_pipe_is_neither_listed_nor_waited_for(self, write):
        root = write({"cat/a.png": b"a"})
        os.mkfifo(root / "cat/pipe.png")
        assert FolderSource(root).names() == ["cat/a.png"]
        with pytest.raises(ImageError, match="not a file"):
            FileSource(root, ["cat/pipe.png"]).read("cat/pipe.png")

    def test_an_absurdly_large_file_is_not_read(self, write):
        root = write({"cat/a.png": b"a"})
        os.truncate(root / "cat/a.png", MAX_FILE_BYTES + 1)
        with pytest.raises(ImageError, match="too large: 1,073,741,825 bytes"):
            FolderSource(root).read("cat/a.png")


class TestZip:
    def test_members_that_climb_out_or_are_absolute_are_set_aside(self, archive, tmp_path):
        evil = [
            "../evil.png",
            "cat/../../evil.png",
            "/etc/evil.png",
            "C:\\evil.png",
            "..\\evil.png",
        ]
        source = ZipSource(archive({"cat/a.png": b"a", **dict.fromkeys(evil, b"evil")}))
        assert source.names() == ["cat/a.png"]
        assert {problem.path for problem in source.problems} == {
            name.replace("\\", "/") for name in evil
        }
        assert {problem.kind for problem in source.problems} == {"outside"}

    def test_nothing_is_unpacked_to_the_disk(self, archive, tmp_path):
        source = ZipSource(archive({"cat/a.png": b"a", "../evil.png": b"evil"}))
        source.read("cat/a.png")
        assert [path.name for path in tmp_path.rglob("*")] == ["photos.zip"]

    def test_backslashes_of_windows_are_read_as_slashes(self, archive):
        source = ZipSource(archive({"cat\\a.png": b"a", "./dog//b.png": b"b"}))
        assert source.names() == ["cat/a.png", "dog/b.png"]
        assert source.read("dog/b.png") == b"b"

    def test_an_encrypted_member_is_told(self, archive):
        path = archive({"cat/a.png": b"aaaa"})
        data = bytearray(path.read_bytes())
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(signature) + flags] |= 1
        path.write_bytes(data)
        with pytest.raises(ImageError, match="encrypted"):
            ZipSource(path).read("cat/a.png")

    def test_a_bomb_is_refused_by_the_size_it_declares(self, archive, monkeypatch):
        monkeypatch.setattr("embedlens.images.source.MAX_FILE_BYTES", 1000)
        packed = ZipSource(archive({"cat/bomb.png": bytes(1001), "cat/a.png": bytes(1000)}))
        assert packed.read("cat/a.png") == bytes(1000)
        with pytest.raises(ImageError, match="too large: 1,001 bytes; the limit is 1,000"):
            packed.read("cat/bomb.png")

    def test_a_bomb_that_lies_about_its_size_is_cut_off(self, archive):
        path = archive({"cat/bomb.png": bytes(10**7)})
        data = path.read_bytes().replace((10**7).to_bytes(4, "little"), (9).to_bytes(4, "little"))
        path.write_bytes(data)
        with pytest.raises(ImageError, match="damaged in the zip"):
            ZipSource(path).read("cat/bomb.png")

    def test_a_damaged_member_is_told_and_the_others_are_read(self, archive):
        path = archive({"cat/a.png": os.urandom(1000), "cat/b.png": b"b"})
        data = bytearray(path.read_bytes())
        data[500] ^= 255
        path.write_bytes(data)
        packed = ZipSource(path)
        with pytest.raises(ImageError, match="damaged in the zip"):
            packed.read("cat/a.png")
        assert packed.read("cat/b.png") == b"b"

    @pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04 cut off"])
    def test_what_is_no_zip_is_named(self, tmp_path, data):
        path = tmp_path / "photos.zip"
        path.write_bytes(data)
        with pytest.raises(ImageSetError, match=r"photos\.zip: not a readable zip"):
            ZipSource(path)

    def test_many_threads_read_at_once(self, archive):
        members = {f"cat/{i}.png": os.urandom(5000) for i in range(200)}
        packed = ZipSource(archive(members))
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(packed.read, members)) == list(members.values())

    def test_it_goes_to_other_processes(self, archive):
        packed = pickle.loads(pickle.dumps(ZipSource(archive({"cat/a.png": b"a"}))))
        assert packed.read("cat/a.png") == b"a"


def test_files_are_pointed_at_through_several_roots_but_not_into_an_archive(tmp_path, picture):
    for root, first in {"old": 0, "new": 50}.items():
        for i in range(2):
            path = tmp_path / root / "ab"[i] / "1.png"
            path.parent.mkdir(parents=True)
            path.write_bytes(picture(first + i))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.write(tmp_path / "old/a/1.png", "a/1.png")
    both = locate([tmp_path / "old", tmp_path / "new"])
    names = [entry.name for entry in both.entries]
    files = files_of(both.source, names)
    assert [file.read_bytes() for file in files] == [both.source.read(name) for name in names]
    assert sorted(files) == sorted(tmp_path.glob("*/*/1.png"))
    mixed = locate([tmp_path / "old", tmp_path / "packed.zip"])
    with pytest.raises(ImageSetError, match=r"packed\.zip/a/1\.png lies in an archive"):
        files_of(mixed.source, [entry.name for entry in mixed.entries])
