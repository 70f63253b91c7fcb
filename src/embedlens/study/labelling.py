"""What to label next for a study, or for pictures of which some or none have a label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Backbone
from embedlens.curation.labelling import Labelling, propose_labels
from embedlens.errors import StudyError
from embedlens.features import Recipe, embed
from embedlens.given_path import given_path
from embedlens.images import ImageSet, resolved
from embedlens.results.folder import StudyFolder
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
    images = _read(photos, unlabelled, progress)
    values = [_embedded(each, recipe, progress) for each in images]
    return propose_labels(images, values, budget, seed=seed)


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
    ``unlabelled``, by default the study's own; only they are embedded.

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
        If the study has not been run to its end, has no such backbone, or is of several labels a
        picture.
    ImageSetError
        As for `label_pictures`.
    """
    stored = StoredBackbone.open(folder, backbone)
    if stored.results.label_sets is not None:
        raise StudyError(
            f"{folder} is a study of several labels a picture, in whose table an empty cell says "
            "that a picture has none of them: nothing tells what is still to be labelled. Put the "
            "pictures without an answer in a folder of their own and take those first whose "
            f"probabilities are near one half: `embedlens predict {folder} FOLDER`."
        )
    images = _read(stored.settings.pictures, unlabelled or stored.settings.unlabelled, progress)
    values = [_with_stored(each, stored, progress) for each in images]
    return propose_labels(images, values, budget, seed=seed)


def is_study(place: str | Path) -> bool:
    """Whether a place is a study folder."""
    return StudyFolder(given_path(place)).settings.is_file()


def _read(
    place: str | Path, unlabelled: str | Path | None, progress: StepProgress
) -> list[ImageSet]:
    def told(done: int, total: int) -> None:
        progress("reading pictures", done, total)

    images = [ImageSet.read_partly_labelled(place, progress=told)]
    if unlabelled is not None and resolved(unlabelled) != resolved(place):
        images.append(read_pictures_without_label(unlabelled, place, progress))
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
