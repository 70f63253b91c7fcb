"""What to label next for a study, or for pictures of which some or none have a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Backbone
from embedlens.curation.labelling import Labelling, propose_label_sets, propose_labels
from embedlens.errors import ImageSetError
from embedlens.features import Recipe, embed
from embedlens.given_path import given_path
from embedlens.images import ImageSet, resolved
from embedlens.images.label_sets import UNANSWERED, free_separator
from embedlens.images.levels import Levels
from embedlens.images.listing import has_sets
from embedlens.images.location import locate_labelled
from embedlens.images.partly_labelled import locate_label_sets
from embedlens.images.table import NOTHING_ELSE, TABLE_SUFFIXES, Wanted, other_columns
from embedlens.results.folder import StudyFolder
from embedlens.results.pictures import shared_levels
from embedlens.results.settings import Settings
from embedlens.study.step_progress import StepProgress
from embedlens.study.stored_backbone import StoredBackbone
from embedlens.study.unlabelled import read_pictures_without_label


def label_pictures(
    photos: str | Path,
    recipe: Backbone | Recipe,
    budget: int = 50,
    *,
    unlabelled: str | Path | None = None,
    seed: int = 0,
    progress: StepProgress = lambda step, done, total: None,
) -> Labelling:
    """Propose pictures to label next.

    Parameters
    ----------
    photos : path
        As for ``ImageSet.read_partly_labelled``.
    recipe : Backbone or Recipe
        By whose features pictures are alike.
    budget : int, default 50
        How many.
    unlabelled : path, optional
        A folder of pictures besides, none of which has a label, whatever its folders are called.
    seed : int, default 0
        Of the clusters.
    progress : callable, optional
        Called with (step, done, total).

    Raises
    ------
    ImageSetError
        If all pictures have a label, or they cannot be read.
    """
    _expect_one_class(photos)
    images = _read(photos, unlabelled, None, progress)
    values = [_embedded(each, recipe, progress) for each in images]
    found = propose_labels(images, values, budget, seed=seed)
    return replace(found, others=_others(photos, NOTHING_ELSE))


def label_study(
    folder: str | Path,
    budget: int = 50,
    *,
    backbone: str | None = None,
    unlabelled: str | Path | None = None,
    seed: int = 0,
    progress: StepProgress = lambda step, done, total: None,
) -> Labelling:
    """Propose pictures to label next for a finished study, by features that it has.

    Pictures that have no label are those that the study set aside for it, and those of
    ``unlabelled``, by default the study's own; only they are embedded. Of several labels a picture
    an empty cell is an answer, and a question mark is none.

    Parameters
    ----------
    folder : path
        The study folder.
    backbone : str, optional
        One of the study's; by default the one that its verdict recommends.
    budget, unlabelled, seed, progress
        As for `label_pictures`.

    Raises
    ------
    StudyError
        If the study has not been run to its end, or has no such backbone.
    ImageSetError
        As for `label_pictures`.
    """
    stored = StoredBackbone.open(folder, backbone)
    unlabelled = unlabelled or stored.settings.unlabelled
    if stored.results.label_sets is not None:
        return _label_sets(stored, budget, unlabelled, seed, progress)
    levels = shared_levels(stored.results.pictures)
    images = _read(stored.settings.pictures, unlabelled, levels, progress)
    values = [_with_stored(each, stored, progress) for each in images]
    found = propose_labels(images, values, budget, seed=seed)
    return replace(found, others=_others(stored.settings.pictures, _wanted(stored.settings)))


def _label_sets(
    stored: StoredBackbone,
    budget: int,
    unlabelled: str | Path | None,
    seed: int,
    progress: StepProgress,
) -> Labelling:
    """Propose pictures for a study of several labels each.

    An empty cell of its table says that a picture has none of them: without an answer are the rows
    that hold a question mark, pictures that the table does not name, and those of ``unlabelled``.
    """
    settings, names = stored.settings, stored.results.label_sets
    assert names is not None
    separator = free_separator(map(str, names))
    wanted = _wanted(settings)
    found = locate_label_sets(settings.pictures, wanted)
    levels = shared_levels(stored.results.pictures)
    cells = [
        replace(entry, label="" if entry.labels is None else _cell(entry.labels, separator))
        for entry in found.entries
    ]

    def told(done: int, total: int) -> None:
        progress("reading pictures", done, total)

    found = replace(found, entries=cells)
    images = [ImageSet.of_partly_labelled(found, levels=levels, progress=told)]
    if unlabelled is not None and resolved(unlabelled) != resolved(settings.pictures):
        images.append(read_pictures_without_label(unlabelled, settings.pictures, levels, progress))
    if all((each.labels != "").all() for each in images):
        raise ImageSetError(
            f"{settings.pictures}: every row is an answer, an empty one too: its picture has none "
            "of the labels. Name a folder of pictures that nobody has looked at with --unlabelled; "
            f"in a cell of several labels {UNANSWERED} says the same of a row"
        )
    values = [_with_stored(each, stored, progress) for each in images]
    proposed = propose_label_sets(images, values, budget, separator=separator, seed=seed)
    return replace(proposed, others=_others(settings.pictures, wanted))


def _wanted(settings: Settings) -> Wanted:
    return Wanted(
        settings.group or "", settings.split_by_time or "", tuple(settings.labels),
        settings.separator,
    )  # fmt: skip


def _others(place: str | Path, wanted: Wanted) -> dict[str, dict[str, str]]:
    """Return further columns of a table; none of what is no table."""
    where = given_path(place)
    return other_columns(where, wanted) if where.suffix.lower() in TABLE_SUFFIXES else {}


def _cell(labels: tuple[str, ...], separator: str) -> str:
    return separator.join(labels) or separator


def _expect_one_class(place: str | Path) -> None:
    """Refuse a table of several labels a picture, which only a study of it says enough of."""
    try:
        found = locate_labelled(place)
    except ImageSetError:  # told where it is read
        return
    if has_sets(found.entries):
        raise ImageSetError(
            f"{place}: gives pictures several labels; make a study of it, `embedlens study "
            f"{place}`, and give that study here"
        )


def is_study(place: str | Path) -> bool:
    """Whether a place is a study folder."""
    return StudyFolder(given_path(place)).settings.is_file()


def _read(
    place: str | Path,
    unlabelled: str | Path | None,
    levels: Mapping[str, Levels] | None,
    progress: StepProgress,
) -> list[ImageSet]:
    """Return pictures, and others without a label, with the levels of a study, or of the first."""

    def told(done: int, total: int) -> None:
        progress("reading pictures", done, total)

    images = [ImageSet.read_partly_labelled(place, levels=levels, progress=told)]
    if unlabelled is not None and resolved(unlabelled) != resolved(place):
        shared = images[0].shared_levels if levels is None else levels
        images.append(read_pictures_without_label(unlabelled, place, shared, progress))
    return images


def _embedded(
    images: ImageSet, recipe: Backbone | Recipe, progress: StepProgress
) -> NDArray[np.float32]:
    name = recipe.name if isinstance(recipe, Backbone) else recipe.backbone.name
    done = embed(
        images, recipe, progress=lambda done, total: progress(f"{name}: embedding", done, total)
    )
    return done.values


def _with_stored(
    images: ImageSet, stored: StoredBackbone, progress: StepProgress
) -> NDArray[np.float32]:
    """Take the study's features, and embed what it did not see."""
    rows = [stored.row_of.get(each, -1) for each in images.ids.tolist()]
    places = np.array(rows, np.int64)
    missing = np.flatnonzero(places < 0)
    values = np.array(stored.features[np.maximum(places, 0)])
    if len(missing):
        values[missing] = _embedded(images.subset(missing), stored.recipe(), progress)
    return values
