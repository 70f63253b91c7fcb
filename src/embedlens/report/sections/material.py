"""What the sections of a report draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.report.figures import Figures
from embedlens.report.names import backbone_labels
from embedlens.report.short_paths import common_folder, shortened
from embedlens.report.table import Table
from embedlens.report.tables import class_counts
from embedlens.report.thumbnails import Thumbnails
from embedlens.report.viewer_block import ViewerBlock
from embedlens.results import Results, StudyFolder, Verdict

QUESTION = "which embedding separates the classes"


@dataclass(frozen=True)
class Material:
    """All that a report shows, ready to be laid out.

    Attributes
    ----------
    folder : StudyFolder
        Of the study.
    results : Results
        Its backbones from best to worst.
    verdicts : mapping of str to Verdict
        By the key of the head; the first is the report's.
    tables : mapping of str to Table
        By the names of their files, those of ``paper/`` too where there are any.
    figures : Figures
        Drawn.
    nearest : ndarray of shape (pictures, k) or None
        Rows of the nearest pictures of each in the features of that taken; None where those
        are gone.
    thumbnails : Thumbnails
        Makes small copies of pictures.
    viewer : ViewerBlock or None
        The 3-D viewer.
    complete : bool, default True
        False while the study runs: there is a verdict, and no maps and scores yet.
    """

    folder: StudyFolder
    results: Results
    verdicts: Mapping[str, Verdict]
    tables: Mapping[str, Table]
    figures: Figures
    nearest: NDArray[np.int64] | None
    thumbnails: Thumbnails
    viewer: ViewerBlock | None
    complete: bool = True

    @property
    def verdict(self) -> Verdict:
        """The report's verdict."""
        return next(iter(self.verdicts.values()))

    @property
    def best(self) -> str:
        """The backbone that it takes."""
        return self.verdict.take.backbone

    @property
    def random(self) -> list[str]:
        """The backbones that are not pretrained."""
        return [each.backbone for each in self.verdict.standings if not each.pretrained]

    @cached_property
    def labels(self) -> dict[str, str]:
        """What tables call each backbone."""
        return backbone_labels(self.results)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Pictures by class and split, and in ``all``."""
        return class_counts(self.results)

    @property
    def guess(self) -> tuple[str, float]:
        """A class of most pictures, in words, and its share of the first split's test pictures."""
        pictures, test = self.counts["all"].to_numpy(), self.counts["test"].to_numpy()
        largest = int(pictures.argmax())
        as_large = int((pictures == pictures[largest]).sum())
        of = {1: "the largest class", len(pictures): "one class"}.get(
            as_large, "one of the largest classes"
        )
        share = float(test[largest] / max(test.sum(), 1))
        return f"{of}, {self.counts.index[largest]},", share

    @cached_property
    def pictures_folder(self) -> str:
        """The folder that paths are told from; empty where they are relative already."""
        return common_folder(self.results.pictures["path"].map(str))

    def short(self, path: str) -> str:
        """Return a picture's path as seen from there."""
        return shortened(path, self.pictures_folder)

    @property
    def classes(self) -> list[str]:
        """The classes, sorted."""
        return [str(name) for name in self.counts.index]

    @property
    def question(self) -> str:
        """What the study asks."""
        return QUESTION

    @property
    def kind(self) -> tuple[str, str]:
        """What pictures are told apart by: one, and several."""
        return "class", "classes"

    @property
    def kinds(self) -> int:
        """How many of these there are."""
        return len(self.classes)

    @property
    def pictures(self) -> int:
        """How many pictures the study is of."""
        return int(self.counts["all"].sum())

    @property
    def splits(self) -> dict[str, int]:
        """How many pictures each split has, the first time they were drawn."""
        return {str(split): int(count) for split, count in self.counts.sum().items()}
