"""A small network that learns, with labels, where to move each point."""

from __future__ import annotations

import copy
import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from embedlens.backbones.keras_backend import import_keras, require_learning
from embedlens.errors import EmbedlensError
from embedlens.images import stratified_split
from embedlens.learn.history import history_table
from embedlens.learn.labelled_points import labelled_points, points_of
from embedlens.metrics import silhouette_score
from embedlens.reduce import PCA

if TYPE_CHECKING:
    import keras

_ROUNDING = 1e-7  # of the largest eigenvalue of a Gram matrix in float32
_BLOCK = 2048  # points moved at once
_ROWS = 256  # of features that may be wide, read at once
# The mean distance to a class is that to so many of its members: to the least mean of many classes,
# noise is what the minimum finds.
_MEMBERS = 8
_MOST_POINTS = 1024  # a batch, as its pairs grow with the square; more classes take turns
# An epoch ends after so many batches: thousands of points of a class tell no more than hundreds.
_MOST_STEPS = 32


class Projection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """What projections learned with labels share; a subclass says by what loss.

    The network is: principal components of the training points (at most ``max_inputs``, all
    divided by one number so that their mean variance is 1), dropout, ``depth`` hidden ReLU layers
    with dropout after each, a linear layer of ``n_components``. It is trained by Adam on batches
    with every class in equal number. A fifth of the training points, of each class, is watched at
    first, to find the epoch at which it lies best; then the network is trained anew for so many
    epochs on all of them.

    See `SilhouetteProjection` for the parameters.
    """

    def __init__(
        self,
        n_components: int = 3,
        *,
        width: int = 256,
        depth: int = 2,
        input_dropout: float = 0.2,
        dropout: float = 0.5,
        max_inputs: int = 128,
        epochs: int = 80,
        patience: int = 20,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        validation: float = 0.2,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.n_components = n_components
        self.width = width
        self.depth = depth
        self.input_dropout = input_dropout
        self.dropout = dropout
        self.max_inputs = max_inputs
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        progress: Callable[[int, int], None] | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn from training points and their labels.

        Parameters
        ----------
        X : array of shape (pictures, d)
            Features of training pictures; nothing else may be judged by the outcome.
        y : array of shape (pictures,)
            Their labels: names or whole numbers.
        progress : callable, optional
            Called with (epochs done, most epochs) after each, of both trainings.
        groups : array of shape (pictures,), optional
            Pictures that go together, such as copies or one patient's: they are watched together
            or learned from together.

        Returns
        -------
        estimator
            Itself.

        Raises
        ------
        ValueError
            If all labels are one, lengths differ, ``X`` is not finite, or a label is missing.
        EmbedlensError
            If no backend of Keras that can train is installed.
        """
        points, labels = labelled_points(self, X, y, np.float32)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"All labels are {self.classes_[0]!r}, 1 class; a projection learns from two."
            )
        require_learning(type(self).__name__)
        from embedlens.learn.watching import Tick

        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        import_keras().utils.set_random_seed(seed)
        self._rotate(points)
        inputs, targets = self._rotated(points), self._targets(points, codes)
        watched = self._watched(codes, groups, seed)
        self.model_ = self._network(inputs.shape[1])
        trainer = self._trainer()
        tick = Tick(progress, self.epochs * (2 if watched.any() else 1))
        self.best_epoch_, self.validation_silhouette_ = self.epochs, float("nan")
        if watched.any():
            self._choose_epoch(trainer, inputs, targets, codes, watched, seed, tick)
        history = self._learn(trainer, inputs, targets, codes, seed, self.best_epoch_, [tick])
        if not watched.any():
            self.history_ = history
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Move points, shape (pictures, d), to their places, shape (pictures, n_components)."""
        check_is_fitted(self, "model_")
        inputs = self._rotated(points_of(self, X, np.float32))
        parts = [self._moved(inputs[i : i + _BLOCK]) for i in range(0, len(inputs), _BLOCK)]
        return np.concatenate(parts)

    def of_features(self, points: ArrayLike, features: ArrayLike) -> Self:
        """Return it for the features that its points are coordinates of.

        Parameters
        ----------
        points : array of shape (pictures, columns)
            Coordinates with the inner products of the features, each column orthogonal to the
            others, as the eigenvectors of their Gram matrix give them.
        features : array of shape (pictures, d)
            The features, perhaps memory-mapped. What moves point i moves row i of them alike.
        """
        check_is_fitted(self, "model_")
        coordinates, values = np.asarray(points, np.float64), np.asarray(features)
        squares = np.square(coordinates).sum(axis=0)
        kept = squares > _ROUNDING * squares.max()
        inverse = np.divide(coordinates, squares, out=np.zeros_like(coordinates), where=kept)
        # Features times Xᵀ @ inverse are coordinates.
        right = inverse @ np.column_stack([self.rotation_, self.mean_])
        turned = np.zeros((values.shape[1], right.shape[1]))
        for start in range(0, len(values), _ROWS):
            some = slice(start, start + _ROWS)
            turned += np.asarray(values[some], np.float64).T @ right[some]
        one = copy.copy(self)
        one.rotation_ = turned[:, :-1].astype(np.float32)
        one.mean_ = turned[:, -1].astype(np.float32)
        one.n_features_in_ = values.shape[1]
        return one

    def save(self, path: Path | str) -> None:
        """Write the fitted projection as an ``.npz`` file, without pickle.

        Parameters
        ----------
        path : Path or str
            The file; `load` of the same class reads it.
        """
        check_is_fitted(self, "model_")
        record = {
            "estimator": type(self).__name__,
            "parameters": self.get_params(),
            "best_epoch": self.best_epoch_,
            "validation_silhouette": self.validation_silhouette_,
            "history": self.history_.to_dict("list"),
        }
        weights = {f"weight{i}": each for i, each in enumerate(self.model_.get_weights())}
        with Path(path).open("wb") as file:
            np.savez(
                file,
                record=json.dumps(record),
                classes=np.asarray(self.classes_.tolist()),
                mean=self.mean_,
                rotation=self.rotation_,
                **weights,
            )

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a projection that `save` wrote; nothing in the file is executed.

        Raises
        ------
        EmbedlensError
            If it is no such file, or another estimator's.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            record = json.loads(str(arrays["record"]))
            if record["estimator"] != cls.__name__:
                raise EmbedlensError(
                    f"{path} holds a {record['estimator']}; read it with its own load()."
                )
            one = cls(**record["parameters"])
            one.classes_, one.best_epoch_ = arrays["classes"], record["best_epoch"]
            one.validation_silhouette_ = record["validation_silhouette"]
            one.history_ = pd.DataFrame(record["history"])
            one.mean_, one.rotation_ = arrays["mean"], arrays["rotation"]
            one.n_features_in_, one._n_features_out = len(one.mean_), one.n_components
            one.model_ = one._network(one.rotation_.shape[1])
            one.model_.set_weights(
                [arrays[f"weight{i}"] for i in range(len(one.model_.get_weights()))]
            )
        except FileNotFoundError:
            raise EmbedlensError(f"{path} does not exist; save a projection there first.") from None
        except (KeyError, ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise EmbedlensError(
                f"{path} is not a saved {cls.__name__} ({error}); write one with save()."
            ) from error
        return one

    @abstractmethod
    def _loss(self) -> keras.losses.Loss:
        """Return the loss that the network is trained by."""

    def _last_layers(self) -> list[Any]:
        """Return layers that close the network; none unless a subclass adds some."""
        return []

    def _top(self, embedding: Any) -> Any:
        """Return what the loss looks at; the embedding itself unless a subclass adds a layer."""
        return embedding

    def _targets(self, X: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[Any]:
        """Return what the loss compares with; the classes' numbers unless a subclass says other."""
        return codes

    def _watch(self, inputs: NDArray[np.float32], codes: NDArray[np.int64]) -> list[Any]:
        """Return what judges watched points after each epoch; none: the loss does."""
        return []

    def _rotate(self, X: NDArray[np.float32]) -> None:
        pca = PCA(min(self.max_inputs, *X.shape)).fit(X)
        spread = np.sqrt(pca.explained_variance_.mean())
        self.mean_ = pca.mean_.astype(np.float32)
        self.rotation_ = (pca.components_.T / (spread if spread > 0 else 1)).astype(np.float32)
        self._n_features_out = self.n_components

    def _rotated(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return (X - self.mean_) @ self.rotation_

    def _moved(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        places = self.model_(inputs, training=False)
        return np.asarray(import_keras().ops.convert_to_numpy(places), np.float32)

    def _watched(
        self, codes: NDArray[np.int64], groups: ArrayLike | None, seed: int
    ) -> NDArray[np.bool_]:
        """Return which points are watched and not learned from; none where there are too few."""
        names = codes.astype(str)
        rows = np.arange(len(codes)).astype(str)
        if groups is not None:
            # A group is called by its first row, so that points without others are drawn as ever.
            _, first, number = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
            rows = first[number].astype(str)
        split = stratified_split(names, rows, test=0.0, validation=self.validation, seed=seed)
        watched: NDArray[np.bool_] = split == "validation"
        # A silhouette needs two classes, one of them with two members.
        judged = np.unique(codes[watched])
        enough = 2 <= len(judged) < watched.sum()
        return watched if enough else np.zeros(len(codes), bool)

    def _network(self, columns: int) -> keras.Model:
        keras = import_keras()
        layers = keras.layers
        stack = [keras.Input((columns,)), layers.Dropout(self.input_dropout)]
        for _ in range(self.depth):
            stack += [layers.Dense(self.width, activation="relu"), layers.Dropout(self.dropout)]
        # Not zero even where all inputs are dropped: a zero has no direction on a sphere.
        last = layers.Dense(self.n_components, bias_initializer="random_normal")
        stack += [last, *self._last_layers()]
        return keras.Sequential(stack, name="projection")

    def _trainer(self) -> keras.Model:
        """Return the network with what the loss looks at, compiled."""
        keras = import_keras()
        trainer = keras.Model(self.model_.inputs, self._top(self.model_.outputs[0]))
        trainer.compile(optimizer=keras.optimizers.Adam(self.learning_rate), loss=self._loss())
        trainer.optimizer.build(trainer.trainable_variables)
        return trainer

    def _learn(
        self,
        trainer: keras.Model,
        inputs: NDArray[np.float32],
        targets: NDArray[Any],
        codes: NDArray[np.int64],
        seed: int,
        epochs: int,
        callbacks: list[Any],
        validation: Any = None,
    ) -> pd.DataFrame:
        """Train on points; return the history."""
        from embedlens.learn.batches import balanced_batches

        size = max(self.batch_size, min(_MEMBERS * len(self.classes_), _MOST_POINTS))
        data = balanced_batches(inputs, codes, size, seed, targets, most=_MOST_STEPS)
        history = history_table(
            trainer.fit(
                data, validation_data=validation, epochs=epochs, callbacks=callbacks, verbose=0
            )
        )
        if not np.isfinite(history["loss"].iloc[-1]):
            raise ValueError(
                f"The loss is {history['loss'].iloc[-1]} after {len(history)} epochs at a learning"
                f" rate of {self.learning_rate}; take a smaller one."
            )
        return history

    def _choose_epoch(
        self,
        trainer: keras.Model,
        inputs: NDArray[np.float32],
        targets: NDArray[Any],
        codes: NDArray[np.int64],
        watched: NDArray[np.bool_],
        seed: int,
        tick: Any,
    ) -> None:
        """Train on the others, watch some, note how long is best; then undo the training."""
        keras = import_keras()
        from embedlens.learn.batches import Batches

        state = [*trainer.variables, *trainer.optimizer.variables]
        untrained = [keras.ops.convert_to_numpy(each).copy() for each in state]
        stop = keras.callbacks.EarlyStopping(patience=self.patience, restore_best_weights=True)
        watch = self._watch(inputs[watched], codes[watched])
        self.history_ = self._learn(
            trainer, inputs[~watched], targets[~watched], codes[~watched], seed, self.epochs,
            [tick, *watch, stop],
            None if watch else Batches(inputs[watched], targets[watched], _BLOCK),
        )  # fmt: skip
        self.best_epoch_ = int(self.history_["validation_loss"].argmin()) + 1
        moved = self._moved(inputs[watched])
        self.validation_silhouette_ = silhouette_score(moved, codes[watched])
        for variable, value in zip(state, untrained, strict=True):
            variable.assign(value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags
