"""The pictures of a study: read into its folder, with the problems found."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from embedlens.errors import StudyError
from embedlens.images import ImageSet, MultilabelSet
from embedlens.images.multilabel_set import read_set
from embedlens.results.folder import StudyFolder
from embedlens.results.provenance import Provenance, claim, content_of, read_provenance
from embedlens.results.settings import Settings
from embedlens.study.step_progress import StepProgress
from embedlens.study.unlabelled import new_to, read_pictures_without_label


def read_labelled(folder: StudyFolder, settings: Settings, progress: StepProgress) -> ImageSet:
    """Read the pictures of a study of one class a picture; see `read_pictures`.

    Raises
    ------
    StudyError
        Also where they have several labels each.
    """
    found = read_pictures(folder, settings, progress)
    if isinstance(found, MultilabelSet):
        raise StudyError(
            f"{settings.pictures} gives pictures several labels, and this study takes one class a "
            "picture. Take one label at a time, as a column label that says yes or no."
        )
    return found


def read_pictures(
    folder: StudyFolder, settings: Settings, progress: StepProgress
) -> ImageSet | MultilabelSet:
    """Read the pictures of a study, of one class or several labels each, and claim its folder.

    Parameters
    ----------
    folder : StudyFolder
        The study's; gets ``images.parquet`` and the problems.
    settings : Settings
        Where the pictures are, and how they are split.
    progress : callable
        Called with (step, done, total).

    Raises
    ------
    ImageSetError
        If they cannot be read as an image set.
    StudyError
        If the folder holds a study of other pictures.
    """
    index, place = folder.images, settings.pictures
    before = read_provenance(folder.path)
    # Files of another place may have the names, sizes and times of those that were here.
    here = index.is_file() and before is not None and before.pictures == place
    found = read_set(
        place,
        settings.labels,
        settings.separator,
        group=settings.group,
        split_by_time=settings.split_by_time,
        test=settings.test,
        validation=settings.validation,
        seed=settings.seed,
        known=index if here else None,
        progress=lambda done, total: progress("reading pictures", done, total),
    )
    images = found.images if isinstance(found, MultilabelSet) else found
    claim(folder.path, Provenance("study", place, content_of(images.ids)))
    images.write(index)
    folder.results.mkdir(exist_ok=True)
    problems = pd.DataFrame(
        [asdict(problem) for problem in images.problems],
        columns=["path", "kind", "reason", "kept"],
    )
    problems.astype({"kept": bool}).to_parquet(folder.problems, index=False)
    return found


def read_unlabelled_of(
    settings: Settings, images: ImageSet, progress: StepProgress
) -> ImageSet | None:
    """Return the pictures without a label that a study shows; None where it names no place."""
    if settings.unlabelled is None:
        return None
    found = read_pictures_without_label(
        settings.unlabelled, settings.pictures, images.shared_levels, progress
    )
    return new_to(found, images)
