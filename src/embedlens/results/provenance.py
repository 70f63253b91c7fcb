"""What the results in a folder are of, so that those of other pictures never replace them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from embedlens.errors import StudyError
from embedlens.files import text_key, write_json
from embedlens.images.location import several

_FILE = "source.json"


@dataclass(frozen=True)
class Provenance:
    """Where results come from.

    Attributes
    ----------
    kind : str
        What they are: "study", "check", "relabelling".
    pictures : str
        The folder, archive, table or URL they are of, in full.
    content : str
        Hash of the pictures, whatever their order; "" where it is not known.
    """

    kind: str
    pictures: str
    content: str = ""


def content_of(ids: Iterable[str]) -> str:
    """Hash the content of a set of pictures by their ids."""
    return text_key("\n".join(sorted(map(str, ids))))


def read_provenance(folder: Path) -> Provenance | None:
    """Return what a folder's results are of, or None where it holds none."""
    try:
        return Provenance(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    try:
        settings = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
        return Provenance("study", str(settings["pictures"]))
    except (OSError, ValueError, KeyError):
        return None


def claim(folder: Path, now: Provenance) -> None:
    """Note in a folder what its results will be of.

    The same pictures in another place, and other pictures in the same place, go on in the same
    folder.

    Parameters
    ----------
    folder : Path
        It is made if it is not there.
    now : Provenance
        What will be written.

    Raises
    ------
    StudyError
        If the folder holds results of another kind, or of other pictures from another place; or is
        a file.
    """
    expect_folder(folder)
    before = read_provenance(folder)
    if before is not None and before.kind != now.kind:
        raise StudyError(
            f"{folder} holds a {before.kind} of {before.pictures}, and a {now.kind} would mix with "
            "it. Choose another folder with --out."
        )
    known = before is not None and before.content == now.content != ""
    if before is not None and before.pictures != now.pictures and not known:
        raise StudyError(
            f"{folder} holds a {before.kind} of {before.pictures}, and these are other pictures, "
            f"{now.pictures}. Choose another folder with --out, or remove {folder}."
        )
    if before != now:
        write_json(folder / _FILE, asdict(now))


def expect_folder(folder: Path) -> None:
    """Refuse a file where a folder is to be written.

    Raises
    ------
    StudyError
        If it is one.
    """
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file; --out takes a folder. Choose another name.")


def default_folder(prefix: str, pictures: str) -> Path:
    """Name the folder for results of some pictures, by all of the pictures' name.

    Examples
    --------
    >>> default_folder("embedlens", "/data/flowers.v2"), default_folder("check", "s3://b/flowers/")
    (PosixPath('embedlens-flowers.v2'), PosixPath('check-flowers'))
    """
    parts = [Path(part).name for part in several(pictures) or [pictures]]
    return Path("-".join([prefix, *filter(None, ["+".join(parts)])]))
