"""One picture by itself is one by its bytes, whatever it is called."""

from __future__ import annotations

import zipfile

import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet


@pytest.mark.parametrize("name", ["1.png", "1.jfif", "1.jpe", "1.JPE", "1", "1.picture"])
def test_a_picture_is_found_by_its_bytes(tmp_path, picture, name):
    (tmp_path / name).write_bytes(picture(1))
    found = ImageSet.read_partly_labelled(tmp_path / name)
    assert found.paths.tolist() == [name]
    assert found.labels.tolist() == [""]


@pytest.mark.parametrize("name", ["1.picture", "notes.txt", "1"])
def test_what_is_no_picture_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(ImageSetError, match="not a folder, zip"):
        ImageSet.read_partly_labelled(tmp_path / name)


def test_a_zip_without_a_suffix_is_no_picture(tmp_path, animals):
    with zipfile.ZipFile(tmp_path / "animals", "w") as archive:
        for path, data in animals.items():
            archive.writestr(path, data)
    assert len(ImageSet.read_partly_labelled(tmp_path / "animals")) == len(animals)
