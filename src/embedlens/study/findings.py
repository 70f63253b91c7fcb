"""What is wrong with a study's pictures, found with the features that the study has anyway."""

from __future__ import annotations

from dataclasses import astuple
from importlib.metadata import version

from embedlens.curation import check
from embedlens.features.store import read_features, read_meta
from embedlens.files import checksum, content_key, replacing, write_whole
from embedlens.images import ImageSet, MultilabelSet
from embedlens.results.folder import StudyFolder

_FORMAT = 7  # raise it when the same features begin to give other findings
# More columns than this cost minutes: findings then wait for `embedlens check`.
_MOST_FEATURES = 8_192


def write_findings(
    folder: StudyFolder, name: str, images: ImageSet | MultilabelSet, seed: int
) -> None:
    """Check the pictures with a backbone's stored features; write ``results/findings.parquet``.

    Parameters
    ----------
    folder : StudyFolder
        The study's.
    name : str
        The backbone's folder.
    images : ImageSet or MultilabelSet
        The pictures, in the order of the features.
    seed : int
        Of the check.
    """
    features, record = read_features(folder.features / name), read_meta(folder.features / name)
    table, key_file = folder.findings, folder.findings_key
    if features.shape[1] > _MOST_FEATURES:
        return forget_findings(folder)
    key = _key(images, record["key"], seed)
    if (
        table.is_file()
        and key_file.is_file()
        and key_file.read_text(encoding="utf-8") == key + checksum(table)
    ):
        return
    found = check(images, features, backbone=name, seed=seed)
    with replacing(table) as partial:
        found.findings.to_parquet(partial, index=False)
    write_whole(key_file, key + checksum(table))


def forget_findings(folder: StudyFolder) -> None:
    """Remove what an earlier run found."""
    for file in (folder.findings, folder.findings_key):
        file.unlink(missing_ok=True)


def _key(checked: ImageSet | MultilabelSet, features: str, seed: int) -> str:
    """Hash all that findings depend on: a file renamed is another finding, its content the same."""
    images = checked.images if isinstance(checked, MultilabelSet) else checked
    # The labels of each picture are among the columns, as the list of them.
    names = checked.names if isinstance(checked, MultilabelSet) else ()
    columns = (
        "ids",
        "paths",
        "labels",
        "splits",
        "given_splits",
        "groups",
        "given_groups",
        "hashes",
    )
    facts = ("widths", "heights", "formats", "sizes")
    parts = [
        _FORMAT, version("embedlens"), features, seed, images.classes, names,
        [getattr(images, name).tolist() for name in columns + facts],
        [astuple(problem) for problem in images.problems],
    ]  # fmt: skip
    return content_key(parts)
