"""What a check found, in a scene: a column to colour by, and a list to decide on."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from embedlens.curation.finding import KINDS, OF_PICTURES
from embedlens.viewer.scene import CheckFindings, Scene


def add_findings(scene: Scene, findings: pd.DataFrame, paths: Sequence[str]) -> None:
    """Add what a check found of a scene's pictures; nothing where it found nothing of them.

    A picture is coloured by the most harmful of its kinds.

    Parameters
    ----------
    scene : Scene
        Its first pictures are those that were checked.
    findings : DataFrame
        As ``embedlens.curation.Check.findings``.
    paths : sequence of str
        Of the pictures that were checked, in the order of the scene.
    """
    rows = {path: row for row, path in enumerate(paths)}
    of_pictures = findings["kind"].isin(OF_PICTURES) & findings["path"].isin(rows)
    listed = findings[of_pictures].to_dict("records")
    kinds = [kind for kind in KINDS if kind in set(findings["kind"][of_pictures])]
    codes, items = np.full(scene.count, -1, np.int64), []
    for each in listed:
        item = {"kind": each["kind"], "picture": rows[each["path"]], "reason": each["reason"]}
        item |= {"action": each["action"]} if each["action"] else {}
        item |= {"other": rows[each["other"]]} if each["other"] in rows else {}
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
