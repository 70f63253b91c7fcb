"""The silhouette loss: exact in the batch, right at the edges, on any Keras backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples as reference

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn import SilhouetteLoss
from embedlens.metrics import silhouette_samples

keras = import_keras()


def losses(y, X, **options):
    return np.asarray(SilhouetteLoss(reduction="none", **options)(y, np.asarray(X, np.float32)))


def brute_force(y, X, metric="euclidean"):
    """(1 - S) / 2 by the definition, in float64; where S is not defined it is 0."""
    X, y = np.asarray(X, np.float64), np.asarray(y)
    D = ((X[:, None] - X[None]) ** 2).sum(-1)
    D = D if metric == "sqeuclidean" else np.sqrt(D)
    S = np.zeros(len(y))
    for i in range(len(y)):
        own, others = y == y[i], sorted(set(y) - {y[i]})
        if own.sum() > 1 and others:
            a = D[i, own].sum() / (own.sum() - 1)
            b = min(D[i, y == c].mean() for c in others)
            S[i] = (b - a) / max(a, b) if max(a, b) > 0 else 0
    return (1 - S) / 2


def gradient(loss, y, X):
    """The gradient by the points, of whatever backend Keras runs on."""
    X = np.asarray(X, np.float32)
    if keras.backend.backend() == "jax":
        import jax

        # Compiled as one: each operation by itself would be compiled too, for each size of batch.
        return np.asarray(jax.jit(jax.grad(lambda Z: loss(y, Z)))(X))
    if keras.backend.backend() == "torch":
        import torch

        Z = torch.tensor(X, requires_grad=True)
        loss(y, Z).backward()
        return Z.grad.numpy()
    import tensorflow as tf

    Z = tf.Variable(X)
    with tf.GradientTape() as tape:
        value = loss(y, Z)
    return tape.gradient(value, Z).numpy()


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 60)
    return y, (rng.normal(size=(5, 4))[y] + rng.normal(size=(60, 4))).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_it_is_half_of_one_minus_the_silhouette(batch, metric):
    y, X = batch
    expected = (1 - silhouette_samples(X, y, metric=metric)) / 2
    assert losses(y, X, metric=metric) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx((1 - reference(X, y, metric=metric)) / 2, abs=1e-6)
    whole = float(SilhouetteLoss(metric=metric)(y, X))
    assert whole == pytest.approx(expected.mean(), abs=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(["euclidean", "sqeuclidean"]))
def test_any_batch_has_the_value_of_the_definition(seed, classes, metric):
    # One shape, so that each backend compiles once. Coarse coordinates: duplicates and ties.
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 12) * 7 - 3
    X = rng.integers(-2, 3, (12, 2)) * 10.0 ** rng.integers(-3, 4)
    assert losses(y, X, metric=metric) == pytest.approx(brute_force(y, X, metric), abs=2e-5)


def test_perfect_is_zero_and_perfectly_wrong_is_one():
    X = [[0.0], [0.0], [1.0], [1.0]]
    assert losses([0, 0, 1, 1], X) == pytest.approx(0)
    # Each at distance 1 from its class, and at 0 from a point of the other: S = (1/2 - 1) / 1.
    assert losses([0, 1, 0, 1], X) == pytest.approx(0.75)
    far = np.concatenate([X, np.full((500, 1), 1.0)])
    assert losses([0, 0, 0, 0] + [1] * 500, far)[2] == pytest.approx((1 + 1) / 2)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_where_the_silhouette_is_not_defined_the_loss_is_one_half_and_nothing_moves(temperature):
    X = np.random.default_rng(0).normal(size=(4, 3))
    loss = SilhouetteLoss(temperature=temperature)
    for y in ([0, 1, 2, 3], [5, 5, 5, 5]):
        assert losses(np.array(y), X, temperature=temperature) == pytest.approx(0.5)
        assert not gradient(loss, np.array(y), X).any()
    alone = losses(np.array([0, 0, 1, 1, 9]), [*X, [4, 4, 4]], temperature=temperature)
    assert alone[4] == 0.5


@pytest.mark.parametrize("temperature", [0.0, 0.5])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_the_gradient_is_that_of_finite_differences(batch, metric, temperature):
    y, X = batch[0][:24], batch[1][:24]
    found = gradient(SilhouetteLoss(metric=metric, temperature=temperature), y, X)
    rng, step = np.random.default_rng(1), 5e-3
    for _ in range(4):
        direction = rng.normal(size=X.shape)
        moved = [
            losses(y, X + sign * step * direction, metric=metric, temperature=temperature).mean(
                dtype=np.float64
            )
            for sign in (1, -1)
        ]
        expected = (moved[0] - moved[1]) / (2 * step)
        assert (found * direction).sum() == pytest.approx(expected, rel=0.03, abs=2e-4)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_gradients_are_finite_and_small_at_duplicates_and_within_tight_classes(offset):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 8)
    places = rng.normal(size=(3, 3))[y] + offset
    for spread in (0.0, 1e-20, 1e-7, 1e-3):
        X = places + spread * rng.normal(size=places.shape)
        found = gradient(SilhouetteLoss(), y, X)
        assert np.isfinite(found).all()
        # dS is at most (da + db) / b, and each distance changes by at most the step.
        assert np.abs(found).max() < 2
    assert not gradient(SilhouetteLoss(), y, np.ones((24, 3))).any()


def test_tight_classes_far_apart_keep_their_digits():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 50)
    X = rng.normal(size=(3, 3))[y] * 1e3 + rng.normal(size=(50, 3)) + 5e3
    exact = brute_force(y, X.astype(np.float32))
    assert exact.max() < 0.05
    assert losses(y, X) == pytest.approx(exact, rel=2e-2, abs=1e-7)


def test_the_soft_minimum_nears_the_exact_one_from_above(batch):
    y, X = batch
    S = [1 - 2 * losses(y, X, temperature=t) for t in (0.0, 1e-3, 0.1, 1.0)]
    assert S[1] == pytest.approx(S[0], abs=2e-3)
    assert (S[1] >= S[0] - 1e-6).all()
    assert (S[2] >= S[1] - 1e-6).all()
    assert (S[3] >= S[2] - 1e-6).all()


def test_neither_scale_nor_place_nor_rotation_matters(batch):
    y, X = batch
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    for options in ({}, {"temperature": 0.3}, {"metric": "sqeuclidean"}):
        assert losses(y, 100 * X @ turn + 7, **options) == pytest.approx(
            losses(y, X, **options), abs=1e-5
        )


def test_labels_may_be_a_column_or_one_hot(batch):
    y, X = batch
    assert np.array_equal(losses(y[:, None], X), losses(y, X))
    assert np.array_equal(losses(np.eye(5)[y], X), losses(y, X))


def test_weights_weigh_points(batch):
    y, X = batch
    weights = (y == 2).astype(float)
    found = float(SilhouetteLoss(reduction="sum")(y, X, sample_weight=weights))
    assert found == pytest.approx(losses(y, X)[y == 2].sum(), rel=1e-5)


def test_any_keras_model_trains_by_it_and_is_saved_with_it(batch, tmp_path):
    y, X = batch
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=SilhouetteLoss(temperature=0.2))
    history = model.fit(X, y, batch_size=60, epochs=25, verbose=0).history["loss"]
    assert history[-1] < history[0] - 0.05
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.temperature == 0.2
    assert again.evaluate(X, y, batch_size=60, verbose=0) == pytest.approx(
        model.evaluate(X, y, batch_size=60, verbose=0)
    )


@pytest.mark.parametrize(
    ("options", "message"), [({"metric": "cosine"}, "'cosine'"), ({"temperature": -1}, "-1")]
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SilhouetteLoss(**options)


HALF = ("float16", "bfloat16")


@pytest.mark.parametrize("dtype", ["float32", *HALF])
@pytest.mark.parametrize("base", [300, 5000, 20_000_000, 2**40])
@pytest.mark.parametrize("form", [np.asarray, list])
def test_labels_keep_all_their_digits(batch, dtype, base, form):
    y, X = batch
    expected = ((1 - silhouette_samples(X, y)) / 2).mean()
    found = float(SilhouetteLoss(dtype=dtype)(form(y.astype(np.int64) + base), X))
    assert found == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-2)


def test_labels_that_are_tensors_keep_their_digits_too(batch):
    y, X = batch
    labels = keras.ops.convert_to_tensor((y + 20_000_000).astype(np.int32))
    expected = (1 - silhouette_samples(X, y)) / 2
    for dtype in ("float32", *HALF):
        values = SilhouetteLoss(reduction="none", dtype=dtype)(labels, X)
        found = keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))
        assert found == pytest.approx(expected, abs=1e-5 if dtype == "float32" else 5e-3)


def test_a_large_batch_in_half_precision_is_averaged_without_loss():
    rng = np.random.default_rng(0)
    y = np.arange(700) // 2
    X = rng.normal(size=(350, 3))[y] + 0.1 * rng.normal(size=(700, 3))
    exact = ((1 - silhouette_samples(X.astype(np.float32), y)) / 2).mean()
    for dtype in HALF:
        assert float(SilhouetteLoss(dtype=dtype)(y, X)) == pytest.approx(exact, rel=5e-3)


@pytest.mark.parametrize("factor", [100.0, 1e4, 1e18, 1e30, 1e-12, 1e-30])
def test_embeddings_of_any_length_have_the_same_loss(batch, factor):
    y, X = batch
    expected = losses(y, X)
    assert losses(y, X * np.float32(factor)) == pytest.approx(expected, abs=1e-5)
    found = gradient(SilhouetteLoss(), y, X * np.float32(factor))
    assert found * factor == pytest.approx(gradient(SilhouetteLoss(), y, X), rel=1e-2, abs=1e-5)


@pytest.mark.parametrize("dtype", HALF)
def test_embeddings_of_half_precision_do_not_overflow(batch, dtype):
    y, X = batch
    long = keras.ops.cast(keras.ops.convert_to_tensor(X * 100), dtype)
    exact = (1 - silhouette_samples(np.asarray(keras.ops.cast(long, "float32")), y)) / 2
    for options in ({}, {"dtype": dtype}):
        found = float(SilhouetteLoss(**options)(y, long))
        assert found == pytest.approx(exact.mean(), rel=1e-2)


@pytest.mark.parametrize("temperature", [0.0, 0.2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_embeddings_that_are_not_finite_make_loss_and_gradients_nan(batch, bad, temperature):
    y, X = batch
    broken = X.copy()
    broken[5, 2] = bad
    loss = SilhouetteLoss(temperature=temperature)
    assert np.isnan(float(loss(y, broken)))
    assert np.isnan(losses(y, broken, temperature=temperature)).all()
    assert np.isnan(gradient(loss, y, broken)).all()


def test_a_training_that_dies_is_seen():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 4)).astype(np.float32), np.arange(40) % 4
    X[3, 2] = np.nan
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", SilhouetteLoss())
    stop = keras.callbacks.TerminateOnNaN()
    history = model.fit(X, y, batch_size=40, epochs=3, verbose=0, callbacks=[stop]).history["loss"]
    assert len(history) == 1
    assert np.isnan(history[0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b", "a", "b"], "class numbers or one-hot rows; got <U1"),
        ([0.0, np.nan, 1.0, 1.0], "Labels contain NaN"),
        ([[1, 1], [1, 0], [0, 1], [0, 1]], r"one-hot; row 0 is \[1, 1\]"),
        ([[[1]]] * 4, r"got \(4, 1, 1\)"),
        ([0, 1, 1], "3 labels and 4 embeddings"),
        ([None, 1, 1, 0], "got object"),
    ],
)
def test_labels_that_say_nothing_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        SilhouetteLoss()(labels, np.random.default_rng(0).normal(size=(4, 2)))


def test_labels_in_a_graph_that_say_nothing_make_the_loss_nan(batch):
    X = batch[1][:4]
    for labels in ([0.0, np.nan, 1.0, 1.0], [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]):
        assert np.isnan(float(SilhouetteLoss()(keras.ops.convert_to_tensor(labels), X)))


@pytest.mark.parametrize("labels", [[0], [0, 1], [0, 0], [0, 1, 1], [5, 5, 5, 5, 7]])
@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_small_batches_have_finite_gradients(labels, temperature):
    X = np.random.default_rng(0).normal(size=(len(labels), 3))
    X[-1] = X[0]
    found = gradient(SilhouetteLoss(temperature=temperature), np.array(labels), X)
    assert np.isfinite(found).all()


def test_it_trains_a_model_of_mixed_precision():
    rng = np.random.default_rng(0)
    y = np.arange(64) % 4
    X = (rng.normal(size=(4, 6))[y] + 0.3 * rng.normal(size=(64, 6))).astype(np.float32)
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(3, dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile(keras.optimizers.Adam(0.05), SilhouetteLoss())
    history = model.fit(X, y + 1000, batch_size=64, epochs=15, verbose=0).history["loss"]
    assert history[-1] < history[0]
    exact = (1 - silhouette_samples(model.predict(X, verbose=0).astype(np.float32), y)) / 2
    assert model.evaluate(X, y + 1000, batch_size=64, verbose=0) == pytest.approx(
        exact.mean(), abs=0.01
    )


@pytest.mark.skipif("EMBEDLENS_OTHER_BACKEND" in os.environ, reason="this is the other backend")
def test_another_backend_passes_these_tests_too(tmp_path):
    packages = ("torch", "tensorflow", "jax")
    others = [name for name in packages if name != keras.backend.backend()]
    installed = [name for name in others if importlib.util.find_spec(name)]
    if not installed:
        pytest.skip(f"neither {' nor '.join(others)} is installed")
    environment = {
        **os.environ, "KERAS_BACKEND": installed[0], "EMBEDLENS_OTHER_BACKEND": installed[0],
    }  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
