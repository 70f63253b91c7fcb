"""What a check found, in a scene: a column to colour by, and a list to decide on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedlens.curation.finding import KINDS, OF_PICTURES
from embedlens.viewer.scene import CheckFindings, Scene


@dataclass(frozen=True)
class RowsOfFindings:
    """Which row a finding is of: by path and label, as one file may have several rows.

    Attributes
    ----------
    labelled : mapping of (str, str) to int
        By path and label.
    named : mapping of str to int
        By path alone, for what does not tell the label.
    """

    labelled: Mapping[tuple[str, str], int]
    named: Mapping[str, int]

    @classmethod
    def of(cls, paths: Sequence[str], labels: Sequence[str]) -> RowsOfFindings:
        """Number the pictures of an image set."""
        pairs = zip(paths, labels, strict=True)
        return cls(
            {pair: row for row, pair in enumerate(pairs)},
            {path: row for row, path in enumerate(paths)},
        )

    def find(self, path: str, label: str) -> int | None:
        """Return the row, None where there is none."""
        return self.labelled.get((path, label), self.named.get(path))


def add_findings(
    scene: Scene, findings: pd.DataFrame, paths: Sequence[str], labels: Sequence[str]
) -> None:
    """Add what a check found of a scene's pictures; nothing where it found nothing of them.

    A picture is coloured by the most harmful of its kinds.

    Parameters
    ----------
    scene : Scene
        Its first pictures are those that were checked.
    findings : DataFrame
        As ``embedlens.curation.Check.findings``.
    paths, labels : sequence of str
        Of the pictures that were checked, in the order of the scene.
    """
    rows = RowsOfFindings.of(paths, labels)
    of_pictures = findings["kind"].isin(OF_PICTURES) & findings["path"].isin(rows.named)
    listed = findings[of_pictures].to_dict("records")
    kinds = [kind for kind in KINDS if kind in set(findings["kind"][of_pictures])]
    codes, items = np.full(scene.count, -1, np.int64), []
    for each in listed:
        picture = rows.find(each["path"], each["label"])
        other = rows.find(each["other"], each["other_label"])
        item = {"kind": each["kind"], "picture": picture, "reason": each["reason"]}
        item |= {"action": each["action"]} if each["action"] else {}
        item |= {} if other is None else {"other": other}
        item |= {"suggested": each["suggested"]} if each["suggested"] else {}
        items.append(item)
    for item in reversed(items):  # the most harmful come first
        code = kinds.index(item["kind"])
        codes[[item[name] for name in ("picture", "other") if name in item]] = code
    rest = findings["kind"][~of_pictures].value_counts()
    elsewhere = {KINDS[kind]: int(rest[kind]) for kind in KINDS if kind in rest}
    if not items:
        return
    scene.blobs["findings"] = json.dumps(items, ensure_ascii=False).encode()
    scene.findings = CheckFindings("findings", {kind: KINDS[kind] for kind in kinds}, elsewhere)
    scene.add_category(
        "finding", "found by the check", codes, kinds, role="finding", unknown="nothing found"
    )
