"""Labels in a ``metadata`` file beside the pictures, as Hugging Face's imagefolder has them."""

from __future__ import annotations

from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.images.listing import Entry, is_split, read_columns, split_named
from embedlens.images.problem import Problem

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def find_metadata(folder: Path) -> list[Path]:
    """Return the metadata files of an imagefolder that give labels.

    One in the folder, or one in each of its split folders. A file without a label column, as for
    captions, is none: the classes are then the folders.
    """
    places = [folder, *sorted(each for each in folder.iterdir() if is_split(each.name))]
    found = [place / name for place in places for name in _NAMES if (place / name).is_file()]
    return [path for path in found if _has_label(path)]


def list_metadata(
    files: list[Path], folder: Path, names: list[str]
) -> tuple[list[Entry], list[Problem]]:
    """Tell label and split of each picture from metadata files.

    Parameters
    ----------
    files : list of Path
        What `find_metadata` found.
    folder : Path
        The imagefolder.
    names : list of str
        Pictures that are there, relative to it.

    Returns
    -------
    list of Entry, list of Problem
        Pictures that no row names, and rows whose picture is not there, are set aside.

    Raises
    ------
    ImageSetError
        A file cannot be read or names no picture that is there.
    """
    there, entries, problems = set(names), set(), []
    for file in files:
        columns = read_columns(file)
        above = file.parent.relative_to(folder).as_posix()
        prefix = "" if above == "." else f"{above}/"
        told = columns.get("split") or [above.split("/")[0]] * len(columns["path"])
        for path, label, split in zip(columns["path"], columns["label"], told, strict=True):
            name = prefix + path.replace("\\", "/").removeprefix("./")
            if not path or not label:
                problems.append(Problem(name, "missing", "no path or no label", kept=False))
            elif name not in there:
                problems.append(Problem(name, "missing", "no such file", kept=False))
            else:
                entries.add(Entry(name, label, split_named(split)))
    if not entries:
        raise ImageSetError(
            f"{files[0]}: names no picture that is there; mend its file_name column"
        )
    named = {entry.name for entry in entries}
    reason = f"no row of {files[0].name} names it"
    problems += [Problem(name, "loose", reason, kept=False) for name in sorted(there - named)]
    return sorted(entries), problems


def _has_label(path: Path) -> bool:
    try:
        return "label" in read_columns(path, needed=("path",))
    except ImageSetError:
        return False
