"""Folders that hold no pictures of the user's: litter of systems, and what programs wrote."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from embedlens.images.problem import Problem

_WINDOWS, _LINUX, _MACOS, _NAS = (
    f"made by {name}" for name in ("Windows", "Linux", "macOS", "a NAS")
)
_LITTER = {
    "$recycle.bin": _WINDOWS, "recycler": _WINDOWS, "recycled": _WINDOWS,
    "system volume information": _WINDOWS, "msocache": _WINDOWS, "$windows.~bt": _WINDOWS,
    "lost+found": _LINUX,
    "__macosx": _MACOS, "network trash folder": _MACOS, "temporary items": _MACOS,
    "@eadir": _NAS, "@tmp": _NAS, "@recycle": _NAS, "@recently-snapshot": _NAS,
    "@__thumb": _NAS, "@sharebin": _NAS, "#recycle": _NAS, "#snapshot": _NAS,
    "__pycache__": "made by Python", "node_modules": "made by npm",
    "_thumbs": "thumbnails", "__thumbs": "thumbnails", "wandb": "made by Weights & Biases",
    "mlruns": "made by MLflow", "lightning_logs": "made by Lightning",
}  # fmt: skip
_FOUND = re.compile(r"found\.\d{3}")  # made by chkdsk

# What lies in a folder that a program wrote, and what that is. All of a row's names must be there.
_WRITTEN = (
    ({"study.toml"}, "a study of embedlens"),
    ({"images.parquet", "results/"}, "a study of embedlens"),
    ({"images.parquet", "features/"}, "a study of embedlens"),
    ({"findings.csv", "check.html"}, "a check by embedlens"),
    ({"findings.csv", "findings.parquet"}, "a check by embedlens"),
    ({"proposals.csv", "unsure.csv"}, "labels proposed by embedlens"),
    ({"contact-sheet.html", "labels.csv"}, "labels proposed by embedlens"),
    ({"features.npy", "meta.json"}, "features kept by embedlens"),
    ({"projector_config.pbtxt"}, "an export for TensorBoard"),
    ({"metadata.tsv", "tensor-0.bytes"}, "an export for TensorBoard"),
    ({".complete", "train/"}, "the demo's pictures"),
    ({".complete", "t-shirt/"}, "the demo's pictures"),
    ({".complete", "0/"}, "the demo's pictures"),
    ({"pyvenv.cfg"}, "a Python environment"),
    ({"args.yaml", "results.csv"}, "a run of Ultralytics"),
)


def litter(name: str) -> str:
    """Return what a folder of this name is, if it is none for pictures; else "".

    Examples
    --------
    >>> litter("@eaDir"), litter(".git"), litter("cat")
    ('made by a NAS', 'hidden', '')
    """
    folded = name.casefold()
    if folded in _LITTER:
        return _LITTER[folded]
    if _FOUND.fullmatch(folded):
        return _WINDOWS
    if folded.endswith((".lrdata", ".photoslibrary")):
        return "a program's own pictures"
    return "hidden" if name.startswith(".") else ""


# The folders of a study, a check and features, where they lie among the classes (--out .).
OWN_FOLDERS = frozenset({
    "features", "figures", "maps", "paper", "results", "tables", "thumbnails", "trunks", "tuned",
})  # fmt: skip


def written_by(names: Collection[str]) -> str:
    """Return what a folder is, told by the names in it, if a program wrote it; else "".

    Parameters
    ----------
    names : collection of str
        What lies directly in it; the names of folders end in "/".

    Examples
    --------
    >>> written_by({"study.toml", "features/"}), written_by({"1.png", "labels.csv"})
    ('a study of embedlens', '')
    """
    there = set(names)
    for needed, what in _WRITTEN:
        if needed <= there:
            return what
    if any(name.startswith("events.out.tfevents.") for name in there):
        return "logs of TensorBoard"
    return ""


class PassedOver:
    """Folders that were not looked into, to be told once for each name."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[str]] = {}

    def add(self, folder: str, what: str) -> None:
        """Note a folder, by its path in the source."""
        self._times.setdefault((folder.rpartition("/")[2], what), []).append(folder)

    def problems(self) -> list[Problem]:
        """Return a `Problem` for each name."""
        return [
            Problem(
                folders[0] if len(folders) == 1 else name,
                "passed over",
                f"passed over{f' in {len(folders)} places' if len(folders) > 1 else ''}: {what}",
                kept=True,
            )
            for (name, what), folders in self._times.items()
        ]


def pass_over(names: Iterable[str]) -> tuple[list[str], list[Problem]]:
    """Leave out what lies in folders that hold no pictures.

    Parameters
    ----------
    names : iterable of str
        All files of an archive or a store, those too that are no pictures.

    Returns
    -------
    list of str, list of Problem
        The names that are left, and the folders passed over.
    """
    names = list(names)
    inside: dict[str, set[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        inside.setdefault(folder, set()).add(file)
        while folder:
            folder, _, below = folder.rpartition("/")
            inside.setdefault(folder, set()).add(below + "/")
    top = written_by(inside.get("", ()))
    why = {folder: _why(folder, own, top) for folder, own in inside.items() if folder}
    passed, left = PassedOver(), []
    told: set[str] = set()
    for name in names:
        parts = name.split("/")
        above = ("/".join(parts[:i]) for i in range(1, len(parts)))
        found = next((folder for folder in above if why[folder]), None)
        if found is None:
            left.append(name)
        elif found not in told:
            told.add(found)
            passed.add(found, why[found])
    return left, passed.problems()


def _why(folder: str, names: Collection[str], top: str) -> str:
    if top and folder in OWN_FOLDERS:
        return f"of {top}"
    return litter(folder.rpartition("/")[2]) or written_by(names)
