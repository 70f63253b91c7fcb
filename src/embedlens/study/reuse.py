"""What a run takes over from an earlier one, and why, in a line a backbone."""

from __future__ import annotations

import json
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
    rows : int
        Rows that an unfinished run left.
    """

    meta: dict[str, Any]
    rows: int

    @classmethod
    def of(cls, features: Path) -> Stored:
        """Look at ``features/<backbone>``."""
        try:
            meta = json.loads((features / "meta.json").read_text())
        except (OSError, ValueError):
            meta = {}
        try:
            done = (features.with_name(features.name + ".part") / "done").read_bytes()
        except OSError:
            done = b""
        return cls(meta if isinstance(meta, dict) else {}, sum(done))

    def explain(self, now: dict[str, Any], total: int, *, analysed: bool) -> str:
        """Say what of it was used.

        Parameters
        ----------
        now : dict
            The record of the features after the run.
        total : int
            Pictures.
        analysed : bool
            Whether the results were here too.
        """
        if self.meta and self.meta == {key: now.get(key) for key in self.meta}:
            reused = "features reused: same pictures, weights, settings and versions"
            return f"{reused}; {'results too' if analysed else 'results computed anew'}"
        kept = total - int(now.get("embedded", total))
        if kept == total:
            return f"all {total:,} rows of features reused, which an earlier run had computed"
        if kept > 0:
            return f"{kept:,} of {total:,} rows of features reused, the others computed"
        if self.meta.get("key") == now.get("key") and self.meta:
            return "features computed anew: those stored were damaged or of other pictures"
        if self.meta:
            changed = _changed(self.meta, now)
            return f"features computed anew: {changed} changed"
        return "features computed"


def _changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    names = ("backbone", "pooling", "size", "resize", "precision", "engine", "versions")
    different = [name for name in names if before.get(name) != now.get(name)]
    if different == ["versions"]:
        old, new = before.get("versions", {}), now.get("versions", {})
        pairs = [f"{n} {old.get(n)} to {new[n]}" for n in new if old.get(n) != new[n]]
        return "versions (" + ", ".join(pairs) + ")"
    return ", ".join(different) or "the pictures"
