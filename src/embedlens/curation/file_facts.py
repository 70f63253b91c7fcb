"""Whether the classes can be told by facts of the files, without looking at a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn.out_of_fold import folds_of
from embedlens.metrics.proportion import proportion_interval

_TREES = 40
_FOLDS = 5
_MOST = 20_000  # pictures looked at: more say no more
_LEAF = 3
# A balanced accuracy this far above chance is worth a warning.
NOTABLE = 0.15


@dataclass(frozen=True)
class FileFacts:
    """How well classes are told by file facts alone.

    Attributes
    ----------
    accuracy : float
        Balanced accuracy (mean over classes) of a forest on the facts, out of fold.
    chance : float
        What a guess gets that knows nothing of the pictures, by whatever shares it names the
        classes: one over their number.
    alone : dict of str to float
        Balanced accuracy of a tree on each fact by itself, the highest first.
    classes : dict of str to float
        Recall of each class by all facts, the highest first.
    low : float
        Lower end of the accuracy's 95% interval.
    """

    accuracy: float
    chance: float
    alone: dict[str, float]
    classes: dict[str, float]
    low: float = 0.0

    @property
    def notable(self) -> bool:
        """Whether a backbone could do well for a wrong reason, and not by chance alone."""
        return self.accuracy - self.chance > NOTABLE and self.low > self.chance


def file_facts(images: ImageSet) -> pd.DataFrame:
    """Return what is known of each file without its pixels, a column a fact, as numbers.

    Formats and suffixes are numbered. Names and folders are no facts: the folder is the class.
    """
    widths, heights = images.widths.astype(float), images.heights.astype(float)
    formats = np.unique(images.formats, return_inverse=True)[1]
    suffixes = np.array([str(path).rpartition(".")[2] for path in images.paths])
    return pd.DataFrame(
        {
            "width": widths,
            "height": heights,
            "aspect ratio": widths / heights,
            "short side": np.minimum(widths, heights),
            "long side": np.maximum(widths, heights),
            "bytes": images.sizes.astype(float),
            "bytes a pixel": images.sizes / (widths * heights),
            "format": formats.astype(float),
            "suffix": np.unique(suffixes, return_inverse=True)[1].astype(float),
        }
    )


def judge_file_facts(images: ImageSet, seed: int = 0) -> FileFacts:
    """Predict the class from file facts, out of fold, and compare with guessing.

    A forest of trees takes the facts as they come, of any scale and shape. If it does far better
    than chance, pictures of the classes come from different sources or went through different
    tools, and a network may tell them by traces of that. Bytes a pixel depend on content too;
    width and height do not.

    Parameters
    ----------
    images : ImageSet
        At least two classes of two pictures.
    seed : int, default 0
        Of forest and folds.

    Returns
    -------
    FileFacts
    """
    if len(images) > _MOST:
        rng = np.random.default_rng(seed)
        images = images.subset(np.sort(rng.choice(len(images), _MOST, replace=False)))
    facts = file_facts(images)
    varying = facts.loc[:, facts.nunique() > 1]
    codes = images.codes
    chance = 1 / len(np.unique(codes))
    if varying.empty:
        return FileFacts(chance, chance, {}, {})
    values = varying.to_numpy()
    fold = folds_of(codes, images.groups.tolist(), _FOLDS, seed)
    predicted = _out_of_fold(values, codes, fold, seed)
    accuracy = _balanced(predicted, codes)
    alone = {
        str(name): _balanced(_out_of_fold(varying[[name]].to_numpy(), codes, fold, seed, 1), codes)
        for name in varying
    }
    return FileFacts(
        accuracy,
        chance,
        dict(sorted(alone.items(), key=lambda item: -item[1])),
        {
            name: float((predicted[codes == code] == code).mean())
            for code, name in enumerate(images.classes)
            if (codes == code).any()
        },
        proportion_interval(*_weighed(predicted, codes)).low,
    )


def _out_of_fold(
    values: NDArray[np.float64],
    codes: NDArray[np.int64],
    fold: NDArray[np.int64],
    seed: int,
    trees: int = _TREES,
) -> NDArray[np.int64]:
    from sklearn.ensemble import RandomForestClassifier

    predicted = np.empty(len(codes), np.int64)
    for each in np.unique(fold):
        held = fold == each
        if held.all():
            return np.full(len(codes), codes[0])
        forest = RandomForestClassifier(
            trees,
            min_samples_leaf=_LEAF,
            class_weight="balanced",
            bootstrap=trees > 1,
            random_state=seed,
        )
        predicted[held] = forest.fit(values[~held], codes[~held]).predict(values[held])
    return predicted


def _weighed(
    predicted: NDArray[np.int64], codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return hits and trials of the pictures, weighed so that each class has as many."""
    sizes = np.bincount(codes)
    shown = len(codes) / (np.count_nonzero(sizes) * sizes[codes].astype(float))
    return shown * (predicted == codes), shown


def _balanced(predicted: NDArray[np.int64], codes: NDArray[np.int64]) -> float:
    return float(np.mean([(predicted[codes == c] == c).mean() for c in np.unique(codes)]))
