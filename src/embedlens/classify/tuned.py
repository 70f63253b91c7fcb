"""The top that a study fine-tuned with the tail of a network, kept beside that network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedlens.classify.heads import TunedHead
from embedlens.errors import StudyError
from embedlens.files import replacing
from embedlens.learn import TopClassifier


def keep_top(path: Path, top: TopClassifier) -> None:
    """Write a trained top as an ``.npz`` file, without pickle."""
    arrays: dict[str, Any] = TunedHead.of(top).arrays()
    arrays["classes"] = np.array([str(each) for each in top.classes_])
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def read_top(path: Path) -> tuple[TunedHead, tuple[str, ...]]:
    """Return a top that `keep_top` wrote, and its classes in the order of its scores.

    Raises
    ------
    StudyError
        If it is not there, or no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return TunedHead.read(file), tuple(file["classes"].tolist())
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(
            f"The fine-tuned top in {path} cannot be read ({error}); run the study again, which "
            "trains it anew."
        ) from error
