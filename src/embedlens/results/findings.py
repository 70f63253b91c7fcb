"""What a check found wrong with pictures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from embedlens.curation.finding import Finding


def read_findings(table: Path) -> pd.DataFrame | None:
    """Return the findings in a table, or None where there is none that can be read."""
    if not table.is_file():
        return None
    try:
        frame = pd.read_parquet(table)
    except (OSError, ValueError):  # damaged: the next run writes it anew
        return None
    return frame if set(Finding.__dataclass_fields__) <= set(frame.columns) else None
