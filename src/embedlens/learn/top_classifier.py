"""The study's top: the small network that transfer learning trains on frozen features."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from embedlens.backbones.float32 import float32_of_keras
from embedlens.backbones.keras_backend import import_keras, require_learning
from embedlens.learn.history import history_table
from embedlens.learn.labelled_points import (
    Features,
    labelled_points,
    points_of,
    watched_points,
)
from embedlens.learn.lazy_rows import LazyRows

if TYPE_CHECKING:
    import keras


class TopClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Batch normalisation, a hidden layer, dropout, softmax; trained by Adam.

    Parameters
    ----------
    units : int, default 512
        Width of the hidden ReLU layer.
    dropout : float, default 0.5
        Share of hidden units dropped in training.
    epochs : int, default 16
        Passes over the training pictures.
    batch_size : int, default 154
        Pictures a step: a tenth of the study's 1,540 training pictures.
    learning_rate : float, default 0.001
        Adam's, and Keras's default.
    random_state : int, default 0
        Of the initial weights, the order of the pictures and the dropout.

    The defaults are the study's.

    Attributes
    ----------
    classes_ : ndarray
        Labels in the order of ``predict_proba``'s columns.
    history_ : DataFrame
        A row an epoch: loss, accuracy, and validation_loss, validation_accuracy where there were
        validation pictures.
    converged_ : bool
        False if the loss still fell by more than a tenth of itself over the last three epochs (on
        validation pictures where there are any): a longer training would do better.
    n_iter_ : int
        Epochs run.
    model_ : keras.Model
        The trained network, of Keras's own layers.
    n_features_in_ : int
        Columns of the features.
    feature_names_in_ : ndarray of str
        Their names, where they came as a DataFrame.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> top = TopClassifier(epochs=60, batch_size=25).fit(X[::2], y[::2])
    >>> bool(top.score(X[1::2], y[1::2]) > 0.8)
    True
    """

    def __init__(
        self,
        units: int = 512,
        dropout: float = 0.5,
        epochs: int = 16,
        batch_size: int = 154,
        learning_rate: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.units = units
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(
        self,
        X: Features,
        y: ArrayLike,
        validation: tuple[Features, ArrayLike] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> TopClassifier:
        """Train on features.

        Parameters
        ----------
        X : array of shape (pictures, d), or LazyRows
            Features of the training pictures. `LazyRows` of a memory-mapped array are read a batch
            at a time.
        y : array of shape (pictures,)
            Their labels: names or whole numbers.
        validation : (array or LazyRows, array), optional
            Features and labels to watch; nothing is chosen by them. Pictures of a class that is
            not trained on are left out.
        progress : callable, optional
            Called with (epochs done, epochs) after each.

        Returns
        -------
        TopClassifier
            Itself.

        Raises
        ------
        ValueError
            If ``X`` and ``y`` differ in length, features are not finite, or a label is missing, or
            all labels are one.
        EmbedlensError
            If no backend of Keras that can train is installed.
        """
        points, labels = labelled_points(self, X, y, np.float32)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"All labels are {self.classes_[0]!r}, 1 class; a classifier needs two."
            )
        watched = self._watched(watched_points(self, validation, labels, np.float32))
        require_learning("The study's top")
        keras = import_keras()
        from embedlens.learn.batch_normalization import BatchNormalization
        from embedlens.learn.batches import Batches

        keras.utils.set_random_seed(self.random_state)
        trainer = self._build(points.shape[1], BatchNormalization())
        trainer.compile(
            optimizer=keras.optimizers.Adam(self.learning_rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        tick = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: progress and progress(epoch + 1, self.epochs)
        )
        if progress:
            progress(0, self.epochs)
        with float32_of_keras():
            history = trainer.fit(
                Batches(points, codes, self.batch_size, shuffle=self.random_state),
                validation_data=watched and Batches(*watched, self.batch_size),
                epochs=self.epochs,
                callbacks=[tick],
                verbose=0,
            )
        last = history.history["loss"][-1]
        if not np.isfinite(last):
            raise ValueError(
                f"The loss is {last} after {self.epochs} epochs at a learning rate of"
                f" {self.learning_rate}; take a smaller one."
            )
        # Keras's own layers alone: the network can be loaded where this package is not.
        self.model_ = self._build(points.shape[1], keras.layers.BatchNormalization())
        self.model_.set_weights(trainer.get_weights())
        self.history_ = history_table(history)
        self.n_iter_ = len(self.history_)
        self.converged_ = _has_settled(
            self.history_.get("validation_loss", self.history_["loss"]).to_numpy()
        )
        return self

    def predict_proba(self, X: Features) -> NDArray[np.float64]:
        """Return the probability of each class, shape (pictures, classes)."""
        check_is_fitted(self, "classes_")
        points = points_of(self, X, np.float32)
        with float32_of_keras():
            parts = [
                self.model_.predict_on_batch(np.asarray(points[i : i + self.batch_size]))
                for i in range(0, len(points), self.batch_size)
            ]
        return np.concatenate(parts).astype(np.float64)

    def predict(self, X: Features) -> NDArray[np.generic]:
        """Return the likeliest label of each picture."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[np.generic] = self.classes_[likeliest]
        return labels

    def layers(self) -> tuple[NDArray[np.float32], ...]:
        """Return the network as two dense layers, its batch normalisation inside the first.

        Returns
        -------
        kernel, bias, last_kernel, last_bias : ndarray, float32
            ``relu(X @ kernel + bias) @ last_kernel + last_bias`` are the logits of the classes.
        """
        check_is_fitted(self, "classes_")
        to_numpy = import_keras().ops.convert_to_numpy
        normal, hidden, _, last = self.model_.layers
        gamma, beta, mean, variance, kernel, bias = (
            np.asarray(to_numpy(each), np.float64)
            for each in (normal.gamma, normal.beta, normal.moving_mean, normal.moving_variance,
                         hidden.kernel, hidden.bias)
        )  # fmt: skip
        factor = gamma / np.sqrt(variance + normal.epsilon)
        arrays = (
            factor[:, None] * kernel, bias + (beta - mean * factor) @ kernel,
            to_numpy(last.kernel), to_numpy(last.bias),
        )  # fmt: skip
        return tuple(np.asarray(each, np.float32) for each in arrays)

    def _build(self, columns: int, normalization: keras.layers.Layer) -> keras.Model:
        keras = import_keras()
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input((columns,)),
                normalization,
                layers.Dense(self.units, activation="relu"),
                layers.Dropout(self.dropout),
                layers.Dense(len(self.classes_), activation="softmax"),
            ],
            name="top",
        )

    def _watched(
        self, validation: tuple[NDArray[Any] | LazyRows, NDArray[Any]] | None
    ) -> tuple[LazyRows, NDArray[np.int64]] | None:
        """Return the validation points of known classes, and their codes."""
        if validation is None:
            return None
        X, y = validation
        known = np.flatnonzero(np.isin(y, self.classes_))
        if not len(known):
            return None
        rows = X if isinstance(X, LazyRows) else LazyRows(X, np.arange(len(y)))
        return LazyRows(rows.values, rows.indices[known]), np.searchsorted(self.classes_, y[known])


def _has_settled(loss: NDArray[np.float64]) -> bool:
    return len(loss) > 3 and bool(loss[-1] > 0.9 * loss[-4])
