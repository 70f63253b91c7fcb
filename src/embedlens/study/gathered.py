"""Which folders in ``results/`` a study's tables were gathered from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

_FILE = "folders.json"


def note_gathered(results: Path, names: Sequence[str]) -> None:
    """Write the names of the folders beside them."""
    partial = results / f"{_FILE}.tmp"
    partial.write_text(json.dumps(list(names)), encoding="utf-8")
    partial.replace(results / _FILE)


def gathered(study: Path) -> list[Path]:
    """Return the folders in ``results/`` that hold what the tables show.

    Others are of earlier runs, perhaps of another model of the same name.
    """
    results = study / "results"
    try:
        names = json.loads((results / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return sorted(key.parent for key in results.glob("*/key.json"))
    return [results / name for name in names if (results / name / "key.json").is_file()]
