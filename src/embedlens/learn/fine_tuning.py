"""Fine-tuning the tail of a backbone, on what its trunk gives once and for all.

What is the same in every framework; ``Tail`` says what each does by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone, Resize
from embedlens.backbones.keras_backend import require_learning
from embedlens.errors import BackboneError, ImageSetError
from embedlens.features import Precision, Recipe, Trunk, embed
from embedlens.features.decoding import Decoding
from embedlens.features.engines import make_engine
from embedlens.files import text_key
from embedlens.given_path import given_path
from embedlens.images import ImageSet
from embedlens.learn.augmentation import augmentation, augmented
from embedlens.learn.lazy_rows import LazyRows
from embedlens.learn.top_classifier import TopClassifier
from embedlens.learn.trainable_tail import Joint, Tail, load_tail

Progress = Callable[[str, int, int], None]

_BATCH = 64


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned backbone.

    Attributes
    ----------
    features : ndarray of shape (pictures, d), float32
        New features of all pictures.
    history : DataFrame
        A row an epoch, the first of them before any tuning: validation_loss and
        validation_accuracy, and loss and accuracy of training but in the first.
    best_epoch : int
        The row of ``history`` whose weights were kept, by the least validation loss. 0 is the
        network as it was: tuning helped nothing.
    head : TopClassifier
        The top, trained on the features before and then with the tail.
    tail : Tail
        What was trained of the network, and the network itself.
    recipe : Recipe
        What it was before, and how pictures go through it.
    """

    features: NDArray[np.float32]
    history: pd.DataFrame
    best_epoch: int
    head: TopClassifier
    tail: Tail
    recipe: Recipe

    @property
    def backbone(self) -> Backbone:
        """What it was before."""
        return self.recipe.backbone

    @property
    def layer(self) -> str:
        """Where the tail begins."""
        return self.tail.layer

    @property
    def parameters(self) -> int:
        """Numbers of the tail that were trained; those of the top come on top."""
        return self.tail.parameters

    @property
    def network(self) -> Any:
        """The tuned network: a ``keras.Model``, or its library's module of PyTorch."""
        return self.tail.network

    def save(self, path: Path) -> str:
        """Write the network as a backbone, with how pictures are fitted to its size.

        So that it gives these features again.

        Parameters
        ----------
        path : Path
            Of a network of Keras ``*.keras``: preprocessing is inside. Of another a folder, which
            gets the weights as safetensors and the configuration of their library.

        Returns
        -------
        str
            How the backbone is spelt.

        Raises
        ------
        OSError
            If it cannot be written; what was at ``path`` is still there.
        """
        return self.tail.save(path)


def trunk_of(recipe: Recipe, unfreeze: str, store: Path) -> Trunk:
    """Return the trunk that `finetune` would run, for ``embed`` to keep in its own run.

    Parameters
    ----------
    recipe : Recipe
        Of a whole backbone, not cut at a layer.
    unfreeze : str
        As for `finetune`.
    store : Path
        The folder that `finetune` will be given.

    Raises
    ------
    BackboneError
        If the backbone is cut at a layer, or has no layer of the name.
    """
    layer = load_tail(_whole(recipe), unfreeze).layer
    return Trunk(layer, store / _folder_name(recipe.backbone, layer))


def _augmented_frontier(
    recipe: Recipe, images: ImageSet, rows: NDArray[np.int64], seed: int
) -> Callable[[], LazyRows]:
    """Return a function that gives what a trunk makes of rows changed at random, anew each time."""
    engine = make_engine(recipe)
    change = augmentation(seed)
    values = np.empty((len(rows), engine.features), np.float32)
    place = {row: i for i, row in enumerate(rows.tolist())}
    transform = recipe.transform.of_size(engine.size)

    def again() -> LazyRows:
        def write(row: int, numbers: NDArray[np.float32]) -> None:
            values[place[row]] = numbers

        with Decoding() as decoding:
            pictures = decoding.pictures(engine, images, rows.tolist(), transform)
            engine.run(augmented(pictures, change), write)
        return LazyRows(values, np.arange(len(rows)))

    return again


def finetune(
    images: ImageSet,
    backbone: str | Backbone | Recipe,
    *,
    unfreeze: str = "auto",
    pooling: str | None = None,
    size: int | tuple[int, int] | None = None,
    resize: Resize | None = None,
    precision: Precision | None = None,
    engine: str | None = None,
    head: TopClassifier | None = None,
    epochs: int = 16,
    batch_size: int = 154,
    learning_rate: float = 1e-4,
    silhouette: float = 0.0,
    augment: bool = False,
    random_state: int = 0,
    store: Path | str | None = None,
    out: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> FineTuned:
    """Train the last layers of a backbone together with a top that has learned first.

    The network is cut where the tail begins. The trunk is run once, by the fast engine, and what
    it gives is stored; every epoch then costs the tail alone, and its gradients are those of the
    whole network with the trunk frozen. Batch normalisation of the backbone stays in inference
    mode throughout, as a few hundred pictures are no basis for new statistics.

    Parameters
    ----------
    images : ImageSet
        Training pictures train, validation pictures choose the epoch; test pictures are only
        embedded.
    backbone : str, Backbone or Recipe
        A whole one, not cut at a layer.
    unfreeze : {"auto", "last-conv", "last-block", "last-stage", "all"} or a name, default "auto"
        Where the tail begins. "auto" is the last convolution, the published study's choice, or of
        a network without convolutions in its last block, a transformer, that block and the norm
        after it. A name is that of a layer of Keras or a module of PyTorch.
    pooling, size, resize, precision, engine
        As for ``embed``; precision and engine are those of the trunk.
    head : TopClassifier, optional
        The top, by default the study's. One that is not trained yet is trained first, on the
        features as they are; either way it is changed.
    epochs : int, default 16
        Of tail and top together.
    batch_size : int, default 154
        Pictures a step.
    learning_rate : float, default 0.0001
        Adam's: a tenth of its default, so that a step does not undo what was pretrained.
    silhouette : float, default 0.0
        What `SilhouetteLoss` of the features weighs beside the cross-entropy. 0 leaves it out.
    augment : bool, default False
        Whether the training pictures are changed at random (mirrored, a part cut out, colours) in
        every epoch. What the trunk gives of them is then not stored, and an epoch costs as much
        as embedding them.
    random_state : int, default 0
        Of the order of the pictures, the dropout and the changes.
    store : path, optional
        Folder to keep the trunk's output in, for other heads, seeds and repeats.
    out : Path, optional
        A file, ``*.npy``, to write the new features to; without it they are held in memory.
    progress : callable, optional
        Called with (step, done, total).

    Returns
    -------
    FineTuned

    Raises
    ------
    BackboneError
        If the backbone is cut at a layer, or has no layer of the name.
    ValueError
        If ``silhouette`` is negative or not finite.
    EmbedlensError
        If no backend of Keras that can train is installed.

    Examples
    --------
    >>> tuned = finetune(images, "EfficientNetLite0", store="trunk")  # doctest: +SKIP
    >>> tuned.save(Path("tuned.keras"))  # doctest: +SKIP
    >>> embed(other_images, "tuned.keras")  # doctest: +SKIP
    """
    if not 0 <= silhouette < np.inf:
        raise ValueError(f"silhouette must be a weight of 0 or more; got {silhouette!r}.")
    require_learning("Fine-tuning")
    recipe = _whole(
        Recipe.of(
            backbone, pooling=pooling, size=size, resize=resize, precision=precision, engine=engine
        )
    )
    tail = load_tail(recipe, unfreeze)
    trunk = recipe.trunk(tail.layer)
    folder = _folder_name(recipe.backbone, tail.layer)
    frontier = embed(
        images, trunk, store=None if store is None else given_path(store) / folder,
        progress=lambda done, total: progress("trunk", done, total),
    ).values  # fmt: skip
    top = head or TopClassifier(random_state=random_state)
    if not hasattr(top, "model_"):
        _train_top(top, tail, frontier, images, progress)
    data = {name: _known(images, name, top) for name in ("train", "validation")}
    rows = LazyRows(frontier, data["train"][0])
    again = (
        _augmented_frontier(trunk, images, rows.indices, random_state) if augment else lambda: rows
    )
    history, best = _train(
        tail.join(top, learning_rate, batch_size, silhouette, random_state),
        (again, data["train"][1]),
        (LazyRows(frontier, data["validation"][0]), data["validation"][1]),
        epochs, random_state, progress,
    )  # fmt: skip
    return FineTuned(_predict(tail, frontier, out, progress), history, best, top, tail, recipe)


def _whole(recipe: Recipe) -> Recipe:
    backbone = recipe.backbone
    if backbone.layer is not None:
        raise BackboneError(f"{backbone.name} is cut; fine-tune {backbone.network} as a whole.")
    return recipe


def _folder_name(backbone: Backbone, layer: str) -> str:
    name = re.sub(r"[^\w.+-]", "_", f"{backbone.short_name}-{layer}")
    if backbone.path is None:
        return name
    # Files of one name in two folders are two networks.
    return f"{name}-{text_key(backbone.network, 4)}"


def _known(
    images: ImageSet, split_name: str, top: TopClassifier
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a split whose classes the top knows, and their codes."""
    rows = images.where(split_name)
    rows = rows[np.isin(images.labels[rows], top.classes_)]
    if not len(rows):
        raise ImageSetError(
            f"There are no {split_name} pictures of the classes trained on; fine-tuning needs "
            "some to train on and some to choose the epoch by."
        )
    return rows, np.searchsorted(top.classes_, images.labels[rows])


def _train_top(
    top: TopClassifier,
    tail: Tail,
    frontier: NDArray[np.float32],
    images: ImageSet,
    progress: Progress,
) -> None:
    """Train the top on the features that the tail gives before it is tuned."""
    train, validation = images.where("train"), images.where("validation")
    top.fit(
        _predict(tail, LazyRows(frontier, train)),
        images.labels[train],
        validation=(_predict(tail, LazyRows(frontier, validation)), images.labels[validation]),
        progress=lambda done, total: progress("top", done, total),
    )


def _train(
    joint: Joint,
    train: tuple[Callable[[], LazyRows], NDArray[np.int64]],
    validation: tuple[LazyRows, NDArray[np.int64]],
    epochs: int,
    random_state: int,
    progress: Progress,
) -> tuple[pd.DataFrame, int]:
    """Train and put back the weights of the best epoch; return the history and that epoch."""
    watched = ("validation_loss", "validation_accuracy")
    rows = [dict(zip(watched, joint.evaluate(*validation), strict=True))]
    best, state = 0, joint.state()
    again, codes = train
    progress("tail and top", 0, epochs)
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([random_state, epoch]).permutation(len(codes))
        given = again()
        learned = joint.epoch(LazyRows(given.values, given.indices[order]), codes[order])
        row = dict(zip(("loss", "accuracy"), learned, strict=True))
        rows.append(row | dict(zip(watched, joint.evaluate(*validation), strict=True)))
        if rows[-1]["validation_loss"] < rows[best]["validation_loss"]:
            best, state = epoch, joint.state()
        progress("tail and top", epoch, epochs)
    joint.restore(state)
    return pd.DataFrame(rows).rename_axis("epoch"), best


def _predict(
    tail: Tail,
    frontier: NDArray[np.float32] | LazyRows,
    out: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> NDArray[np.float32]:
    """Return what the tail gives of a frontier; memory-mapped where there is a file for it."""
    shape = (len(frontier), tail.features)
    partial = out and out.with_name(out.name + ".part")
    values: NDArray[np.float32] = (
        np.lib.format.open_memmap(partial, "w+", np.float32, shape)
        if partial
        else np.empty(shape, np.float32)
    )
    for i in range(0, len(frontier), _BATCH):
        values[i : i + _BATCH] = tail.predict(np.asarray(frontier[i : i + _BATCH]))
        progress("tuned features", min(i + _BATCH, len(frontier)), len(frontier))
    if not (out and partial):
        return values
    del values  # which writes what is still in memory
    partial.replace(out)
    return np.load(out, mmap_mode="r")  # type: ignore[no-any-return]
