"""What ``embedlens check`` left in its folder, for who looks at it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from embedlens.curation.checks import FEATURES, FINDINGS, IMAGES, LABEL_SETS
from embedlens.errors import StudyError
from embedlens.features.store import holds_features_of, is_sealed, read_meta
from embedlens.given_path import given_path
from embedlens.results.findings import read_findings
from embedlens.results.provenance import read_provenance


@dataclass(frozen=True)
class Checked:
    """A check that was run to its end.

    Attributes
    ----------
    name : str
        The folder's name.
    place : str
        The folder, archive, table or URL that was checked.
    pictures : DataFrame
        As `ImageSet.to_frame`, those that are in the set.
    findings : DataFrame
        As ``Check.findings``.
    backbone : str
        Whose features it was checked with.
    pretrained : bool
        Whether that has weights which were learned.
    features : Path
        The folder of these, a row a picture.
    label_sets : DataFrame or None
        As ``Check.label_sets``.
    """

    name: str
    place: str
    pictures: pd.DataFrame
    findings: pd.DataFrame
    backbone: str
    pretrained: bool
    features: Path
    label_sets: pd.DataFrame | None


def is_check(folder: str | Path) -> bool:
    """Return whether a folder is that of a check, run to its end or not."""
    folder = given_path(folder)
    known = read_provenance(folder)
    if known is not None:
        return known.kind == "check"
    return (folder / FINDINGS).is_file()


def read_check(folder: str | Path) -> Checked:
    """Read what a check left.

    Raises
    ------
    StudyError
        If the folder lacks some of it: the check did not run to its end, is of an earlier version,
        or its features are gone.
    """
    folder = given_path(folder).resolve()
    known = read_provenance(folder)
    place = "PHOTOS" if known is None else known.pictures
    findings = read_findings(folder / FINDINGS)
    if findings is None:
        raise _again(folder, place, "holds no findings: its check did not run to the end")
    try:
        pictures = pd.read_parquet(folder / IMAGES).query("kept")
    except FileNotFoundError:
        raise _again(folder, place, "was checked by an earlier version, and does not say of which "
                     "pictures") from None  # fmt: skip
    except (OSError, ValueError):
        raise _again(folder, place, f"holds {IMAGES}, which is damaged") from None
    label_sets = _label_sets(folder, place, len(pictures))
    features = folder / FEATURES
    record = read_meta(features)
    if known is None or "backbone" not in record or not is_sealed(features, record["key"]):
        raise _again(folder, place, "does not hold the features that it was checked with")
    if not holds_features_of(features, pictures["id"].tolist()):
        raise _again(folder, place, "holds features of other pictures than its findings")
    backbone = record["backbone"]
    return Checked(
        folder.name, place, pictures, findings,
        backbone["name"], backbone["weights"]["kind"] != "random", features, label_sets,
    )  # fmt: skip


def _label_sets(folder: Path, place: str, pictures: int) -> pd.DataFrame | None:
    table = folder / LABEL_SETS
    if not table.is_file():
        return None
    try:
        found = pd.read_parquet(table)
    except (OSError, ValueError):
        found = None
    if found is None or len(found) != pictures:
        raise _again(folder, place, f"holds {LABEL_SETS}, which is damaged")
    return found


def _again(folder: Path, place: str, why: str) -> StudyError:
    command = f"embedlens check {shlex.quote(place)} --out {shlex.quote(str(folder))}"
    return StudyError(f"{folder} {why}. Run `{command}` again.")
