"""Fine-tuning the tail of a backbone, on what its trunk gives once and for all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone, Pooling, Resize
from embedlens.backbones.families.keras_family import pool
from embedlens.backbones.families.keras_file import put_transform
from embedlens.backbones.keras_backend import import_keras, require_learning
from embedlens.backbones.keras_internals import layers_after
from embedlens.errors import BackboneError, ImageSetError
from embedlens.features import Precision, Recipe, Trunk, embed
from embedlens.features.decoding import decoded
from embedlens.features.engines import make_engine
from embedlens.files import replacing, text_key
from embedlens.images import ImageSet
from embedlens.learn.augmentation import augmentation, augmented
from embedlens.learn.lazy_rows import LazyRows
from embedlens.learn.top_classifier import TopClassifier

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
    layer : str
        Where the tail begins.
    parameters : int
        Numbers of the tail that were trained; those of the top come on top.
    head : TopClassifier
        The top, trained on the features before and then with the tail.
    network : keras.Model
        The tuned network, from preprocessed pixels to the last feature map.
    recipe : Recipe
        What it was before, and how pictures go through it.
    """

    features: NDArray[np.float32]
    history: pd.DataFrame
    best_epoch: int
    layer: str
    parameters: int
    head: TopClassifier
    network: Any
    recipe: Recipe

    @property
    def backbone(self) -> Backbone:
        """What it was before."""
        return self.recipe.backbone

    def save(self, path: Path) -> None:
        """Write the network, preprocessing inside, as a ``.keras`` file that is a backbone.

        The file says how pictures are fitted to its size too, so that it gives these features.

        Parameters
        ----------
        path : Path
            ``*.keras``.

        Raises
        ------
        OSError
            If it cannot be written; what was at ``path`` is still there.
        """
        keras = import_keras()
        pixels = keras.Input(self.network.input_shape[1:], name="pixels")
        # One graph, not a network within a model: so that it can be cut and tuned once more.
        whole = layers_after(self.network, self.recipe.transform.apply(pixels))
        model = keras.Model(pixels, whole, name=f"{self.network.name}_tuned")
        with replacing(path, ".keras") as partial:
            model.save(partial)
            # Scaling is in the network; how pictures are fitted to its size cannot be.
            put_transform(partial, self.recipe.transform.scaled_by("none"))


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
    backbone = _whole(recipe).backbone
    layer = backbone.family.tail_layer(backbone.load(recipe.transform.size), unfreeze)
    return Trunk(layer, store / _folder_name(backbone, layer))


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

        engine.run(augmented(decoded(images, rows.tolist(), transform), change), write)
        return LazyRows(values, np.arange(len(rows)))

    return again


def finetune(
    images: ImageSet,
    backbone: str | Backbone | Recipe,
    *,
    unfreeze: str = "last-conv",
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
    store: Path | None = None,
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
    unfreeze : {"last-conv", "last-block", "all"} or a layer's name, default "last-conv"
        Where the tail begins; the default is the study's.
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
    store : Path, optional
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
    EmbedlensError
        If no backend of Keras that can train is installed.

    Examples
    --------
    >>> tuned = finetune(images, "EfficientNetLite0", store=Path("trunk"))  # doctest: +SKIP
    >>> tuned.save(Path("tuned.keras"))  # doctest: +SKIP
    >>> embed(other_images, "tuned.keras")  # doctest: +SKIP
    """
    require_learning("Fine-tuning")
    recipe = _whole(
        Recipe.of(
            backbone, pooling=pooling, size=size, resize=resize, precision=precision, engine=engine
        )
    )
    family, network = recipe.backbone.family, recipe.backbone.load(recipe.transform.size)
    layer = family.tail_layer(network, unfreeze)
    trunk = recipe.trunk(layer)
    frontier = embed(
        images, trunk, store=store and store / _folder_name(recipe.backbone, layer),
        progress=lambda done, total: progress("trunk", done, total),
    ).values  # fmt: skip
    tail = _flat_tail(family.split(network, layer), recipe.pooling)
    top = head or TopClassifier(random_state=random_state)
    if not hasattr(top, "model_"):
        _train_top(top, tail, frontier, images, progress)
    data = {name: _known(images, name, top) for name in ("train", "validation")}
    rows = LazyRows(frontier, data["train"][0])
    again = (
        _augmented_frontier(trunk, images, rows.indices, random_state) if augment else lambda: rows
    )
    import_keras().utils.set_random_seed(random_state)
    history, best = _train(
        _joint(tail, top, learning_rate, silhouette), (again, data["train"][1]),
        (LazyRows(frontier, data["validation"][0]), data["validation"][1]),
        epochs, batch_size, random_state, progress,
    )  # fmt: skip
    return FineTuned(
        features=_predict(tail, frontier, out, progress),
        history=history,
        best_epoch=best,
        layer=layer,
        parameters=sum(int(np.prod(each.shape)) for each in tail.trainable_weights),
        head=top,
        network=network,
        recipe=recipe,
    )


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
    tail: Any,
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


def _flat_tail(parts: tuple[Any, Any], pooling: Pooling) -> Any:
    """Return the tail of a network's two parts, from the flattened frontier to features."""
    from embedlens.learn.convolution import with_fast_gradients

    keras = import_keras()
    trunk, tail = parts
    shapes = [tuple(each.shape[1:]) for each in trunk.outputs]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    flat = keras.Input((int(ends[-1]),), name="frontier")
    tensors = [
        keras.layers.Reshape(shape)(flat[:, begin:end])
        for shape, begin, end in zip(shapes, ends[:-1], ends[1:], strict=True)
    ]
    for each in tail.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    features = tail(tensors if len(tensors) > 1 else tensors[0], training=False)
    return with_fast_gradients(keras.Model(flat, pool(features, pooling), name=tail.name))


def _joint(tail: Any, top: TopClassifier, learning_rate: float, silhouette: float = 0.0) -> Any:
    """Return tail and top as one compiled model; the top keeps its dropout."""
    keras = import_keras()
    for each in top.model_.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    flat = keras.Input(tail.input_shape[1:])
    features = tail(flat)
    shares = top.model_(features)
    optimizer = keras.optimizers.Adam(learning_rate)
    if not silhouette:
        joint = keras.Model(flat, shares)
        joint.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return joint
    from embedlens.learn.silhouette_loss import SilhouetteLoss

    tightness, entropy = SilhouetteLoss(), keras.losses.sparse_categorical_crossentropy
    classes = len(top.classes_)

    def loss(y: Any, out: Any) -> Any:
        return entropy(y, out[:, :classes]) + silhouette * tightness.call(y, out[:, classes:])

    def accuracy(y: Any, out: Any) -> Any:
        return keras.metrics.sparse_categorical_accuracy(y, out[:, :classes])

    # One output, as a loss sees one: the shares of the classes, and beside them the features.
    joint = keras.Model(flat, keras.layers.Concatenate()([shares, features]))
    joint.compile(optimizer, loss, metrics=[accuracy])
    return joint


def _train(
    joint: Any,
    train: tuple[Callable[[], LazyRows], NDArray[np.int64]],
    validation: tuple[LazyRows, NDArray[np.int64]],
    epochs: int,
    batch_size: int,
    random_state: int,
    progress: Progress,
) -> tuple[pd.DataFrame, int]:
    """Train and put back the weights of the best epoch; return the history and that epoch."""
    from embedlens.learn.batches import Batches

    watched = Batches(*validation, batch_size)
    loss, accuracy = joint.evaluate(watched, verbose=0)
    rows = [{"validation_loss": loss, "validation_accuracy": accuracy}]
    best, weights = 0, joint.get_weights()
    again, codes = train
    progress("tail and top", 0, epochs)
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([random_state, epoch]).permutation(len(codes))
        given = again()
        shuffled = LazyRows(given.values, given.indices[order])
        logs = joint.fit(
            Batches(shuffled, codes[order], batch_size), validation_data=watched, verbose=0
        ).history
        rows.append({name.replace("val_", "validation_"): each[0] for name, each in logs.items()})
        if rows[-1]["validation_loss"] < rows[best]["validation_loss"]:
            best, weights = epoch, joint.get_weights()
        progress("tail and top", epoch, epochs)
    joint.set_weights(weights)
    return pd.DataFrame(rows).rename_axis("epoch"), best


def _predict(
    tail: Any,
    frontier: NDArray[np.float32] | LazyRows,
    out: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> NDArray[np.float32]:
    """Return what the tail gives of a frontier; memory-mapped where there is a file for it."""
    shape = (len(frontier), int(tail.output_shape[-1]))
    partial = out and out.with_name(out.name + ".part")
    values: NDArray[np.float32] = (
        np.lib.format.open_memmap(partial, "w+", np.float32, shape)
        if partial
        else np.empty(shape, np.float32)
    )
    for i in range(0, len(frontier), _BATCH):
        block = np.asarray(frontier[i : i + _BATCH])
        # The last block is filled up: one shape, one compilation.
        full = np.concatenate(
            [block, np.zeros((_BATCH - len(block), *block.shape[1:]), np.float32)]
        )
        values[i : i + _BATCH] = np.asarray(tail.predict_on_batch(full))[: len(block)]
        progress("tuned features", min(i + _BATCH, len(frontier)), len(frontier))
    if not (out and partial):
        return values
    del values  # which writes what is still in memory
    partial.replace(out)
    return np.load(out, mmap_mode="r")  # type: ignore[no-any-return]
