"""What a run takes over from an earlier one, and why, in a line a backbone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stored:
    """What a study folder holds of a backbone's features before a run.

    Attributes
    ----------
    meta : dict
        The record of finished features; empty where there are none.
    """

    meta: dict[str, Any]

    @classmethod
    def of(cls, features: Path) -> Stored:
        """Look at ``features/<backbone>``."""
        try:
            meta = json.loads((features / "meta.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            meta = {}
        return cls(meta if isinstance(meta, dict) else {})

    def explain(self, now: dict[str, Any], ids: Sequence[str], *, analysed: bool) -> str:
        """Say what of it was used.

        Parameters
        ----------
        now : dict
            The record of the features after the run.
        ids : sequence of str
            The content of each picture, hashed. Identical pictures are embedded once, which is no
            reuse of an earlier run.
        analysed : bool
            Whether the results were here too.
        """
        if self.meta and self.meta == {key: now.get(key) for key in self.meta}:
            reused = "features reused: same pictures, weights, settings and versions"
            return f"{reused}; {'results too' if analysed else 'results computed anew'}"
        total = len(set(ids))
        kept = total - int(now.get("embedded", total))
        pictures = "pictures" if total == len(ids) else "different pictures"
        if kept == total:
            return f"features of all {total:,} {pictures} reused, which an earlier run had computed"
        if kept > 0:
            return f"features of {kept:,} of {total:,} {pictures} reused, the others computed"
        if self.meta.get("key") == now.get("key") and self.meta:
            return "features computed anew: those stored were damaged or of other pictures"
        if self.meta:
            changed = _changed(self.meta, now)
            return f"features computed anew: {changed} changed"
        return "features computed"


def _changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    names = (
        "backbone",
        "pooling",
        "size",
        "resize",
        "transform",
        "precision",
        "engine",
        "versions",
    )
    different = [name for name in names if before.get(name) != now.get(name)]
    if different == ["versions"]:
        old, new = before.get("versions", {}), now.get("versions", {})
        pairs = [f"{n} {old.get(n)} to {new[n]}" for n in new if old.get(n) != new[n]]
        return "versions (" + ", ".join(pairs) + ")"
    return ", ".join(different) or "the pictures"
