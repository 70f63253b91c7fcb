"""What a study folder keeps of classifiers: heads that were trained, and what they can be believed.

They are ``.npz`` files without pickle, whose bytes carry checksums. The features that a classifier
compares with lie in the study folder already.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedlens.classify.heads import TunedHead
from embedlens.classify.label_training import TrainedLabels
from embedlens.classify.training import Trained
from embedlens.errors import StudyError
from embedlens.files import replacing
from embedlens.learn import TopClassifier

_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)

Kind = TypeVar("Kind", Trained, TrainedLabels)


def keep_top(path: Path, top: TopClassifier) -> None:
    """Write the top that was fine-tuned with the tail of a network."""
    classes = np.array([str(each) for each in top.classes_])
    _write(path, {**TunedHead.of(top).arrays(), "classes": classes})


def read_top(path: Path) -> tuple[TunedHead, tuple[str, ...]]:
    """Return a top that `keep_top` wrote, and its classes in the order of its scores.

    Raises
    ------
    StudyError
        If it is not there, or damaged.
    """
    try:
        arrays = _read(path)
        return TunedHead.read(arrays), tuple(arrays["classes"].tolist())
    except _DAMAGE as error:
        raise StudyError(
            f"The fine-tuned top in {path} cannot be read ({error}); run the study again, which "
            "trains it anew."
        ) from error


def keep_trained(path: Path, key: str, trained: Trained | TrainedLabels) -> None:
    """Write a head with its calibration under a key."""
    facts = {"key": key, **trained.facts()}
    path.parent.mkdir(exist_ok=True)
    _write(path, {**trained.head.arrays(), "facts": np.array(json.dumps(facts))})


def read_trained(kind: type[Kind], path: Path, key: str) -> Kind | None:
    """Return what `keep_trained` wrote under this key; None where that is not there, or damaged."""
    try:
        arrays = _read(path)
        facts = json.loads(str(arrays["facts"]))
        return kind.read(arrays, facts) if facts["key"] == key else None
    except _DAMAGE:
        return None


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    named: dict[str, Any] = dict(arrays)
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **named)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
