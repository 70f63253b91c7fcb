"""Batch normalisation by matrix products against Keras's own."""

import numpy as np
import pytest

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.batch_normalization import BatchNormalization


def trained(layer, X, y):
    """Weights, outputs and what training changed, after three steps of plain gradient descent."""
    keras = import_keras()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    for part in (slice(0, 20), slice(20, 40), slice(40, 47)):
        model.train_on_batch(X[part], y[part])
    return model


@pytest.mark.parametrize("middle", [0.0, 1e3])
def test_it_trains_and_predicts_as_keras_s_own(middle):
    """Near the origin and far from it; the last batch is smaller."""
    keras = import_keras()
    rng = np.random.default_rng(0)
    X = (rng.normal(middle, 2.0, (47, 30))).astype(np.float32)
    X[:, 0] = middle  # a feature that is the same for all
    y = rng.normal(size=(47, 3)).astype(np.float32)
    expected = trained(keras.layers.BatchNormalization(), X, y)
    found = trained(BatchNormalization(), X, y)
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-4 + 1e-6 * middle)
    error = found.predict_on_batch(X) - expected.predict_on_batch(X)
    assert np.linalg.norm(error) <= 1e-3 * np.linalg.norm(expected.predict_on_batch(X))


def test_frozen_it_uses_the_statistics_it_has():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4)).astype(np.float32)
    layer = BatchNormalization()
    layer.build(X.shape)
    layer.trainable = False
    assert np.asarray(layer(X, training=True)) == pytest.approx(X / np.sqrt(1.001), rel=1e-5)
