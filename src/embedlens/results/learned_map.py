"""Whether a map that learned from labels parts the classes of pictures it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedlens.metrics.proportion import proportion_interval
from embedlens.results.results import Results
from embedlens.results.vocabulary import MAPS, STAGES


@dataclass(frozen=True)
class LearnedMap:
    """A learned map beside PCA, both judged by the test pictures of split 1.

    Attributes
    ----------
    backbone, stage, space : str
        Which map.
    tested : int
        How many pictures.
    silhouette, pca_silhouette : float
        Of these pictures among themselves; NaN where they have none.
    accuracy, pca_accuracy : float
        Of a k-NN on the three coordinates; NaN where it was not measured.
    """

    backbone: str
    stage: str
    space: str
    tested: int
    silhouette: float
    pca_silhouette: float
    accuracy: float
    pca_accuracy: float

    @property
    def fails(self) -> bool:
        """Whether it is worse than PCA, which learned nothing.

        In the silhouette, or in the accuracy of k-NN by more than its 95% interval.
        """
        if self.silhouette < self.pca_silhouette:
            return True
        if not np.isfinite([self.accuracy, self.pca_accuracy]).all():
            return False
        right = np.arange(self.tested) < round(self.accuracy * self.tested)
        return proportion_interval(right).high < self.pca_accuracy

    def words(self) -> str:
        """Say of whom it is, and the figures."""
        tuned = ", fine-tuned" if self.stage == "tuned" else ""
        figures = [f"silhouette {self.silhouette:.3f}, PCA {self.pca_silhouette:.3f}"]
        if np.isfinite(self.accuracy):
            figures.append(f"k-NN {self.accuracy:.1%}, PCA {self.pca_accuracy:.1%}")
        return f"{self.backbone}{tuned} ({'; '.join(figures)})".replace(" -", " −")


def judge_learned_maps(results: Results) -> tuple[LearnedMap, ...]:
    """Set every learned map beside PCA of the same features, on the same test pictures.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    tuple of LearnedMap
        By stage and map, backbones in the order of the study; those that no test picture judges
        are left out.
    """
    found = []
    shown = results.predictions.query("repeat == 0")
    for stage in STAGES:
        for space in (name for name, space in MAPS.items() if space.learned):
            silhouette, pca = (
                results.first(f"silhouette.{each}", "test", stage) for each in (space, "pca")
            )
            knn, pca_knn = (
                results.first(f"{each}.knn.accuracy", "test", stage) for each in (space, "pca")
            )
            for backbone in results.backbones["backbone"]:
                if backbone in silhouette or backbone in knn:
                    tested = shown.loc[shown["backbone"] == backbone, "picture"].nunique()
                    figures = [
                        float(each.get(backbone, np.nan))
                        for each in (silhouette, pca, knn, pca_knn)
                    ]
                    found.append(LearnedMap(str(backbone), stage, space, tested, *figures))
    return tuple(found)


def learned_map_sentence(maps: tuple[LearnedMap, ...]) -> str:
    """Say which learned maps are worse than PCA; empty where none is."""
    words = []
    for space in dict.fromkeys(each.space for each in maps if each.fails):
        failed = [each.words() for each in maps if each.fails and each.space == space]
        words.append(
            f"The {MAPS[space].title} is worse than PCA, which learned nothing, on test pictures "
            f"of split 1, which it did not learn from: {'; '.join(failed)}. Do not judge by it."
        )
    return " ".join(words)
