"""What a check found wrong with a study's pictures."""

from __future__ import annotations

import pandas as pd

from embedlens.curation.finding import Finding
from embedlens.results.folder import StudyFolder


def read_findings(folder: StudyFolder) -> pd.DataFrame | None:
    """Return the findings of a study, or None where its pictures were not checked."""
    if not folder.findings.is_file():
        return None
    try:
        frame = pd.read_parquet(folder.findings)
    except (OSError, ValueError):  # damaged: the next run writes it anew
        return None
    return frame if set(Finding.__dataclass_fields__) <= set(frame.columns) else None
