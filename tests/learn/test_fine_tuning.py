"""Training the tail on the stored frontier is training the network with its trunk frozen."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.backbones import get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split
from embedlens.errors import BackboneError, ImageSetError
from embedlens.features import embed
from embedlens.images import ImageSet
from embedlens.learn import TopClassifier
from embedlens.learn.augmentation import augmentation, augmented
from embedlens.learn.fine_tuning import finetune
from embedlens.learn.keras_tail import flat_tail, joint_model
from embedlens.metrics import silhouette_score

SIZE = 64
TOP = {"units": 16, "epochs": 3, "batch_size": 10}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two classes of noise: fine and coarse."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("noise")
    for name, side in {"fine": SIZE, "coarse": 8}.items():
        (folder / name).mkdir()
        for i in range(15):
            noise = Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))
            noise.resize((SIZE, SIZE)).save(folder / name / f"{i}.png")
    return ImageSet.read(folder)


@pytest.fixture(scope="module")
def backbone():
    return get_backbone("EfficientNetLite0")


@pytest.fixture(scope="module")
def tuned(images, backbone, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return finetune(
        images, backbone, size=SIZE, head=TopClassifier(**TOP), epochs=4, batch_size=10,
        learning_rate=1e-3, store=store,
    )  # fmt: skip


def whole_model(network, layer, top, learning_rate, average):
    """The network and the top in one model, everything before ``layer`` frozen, by Keras alone."""
    keras = import_keras()
    _, tail = split(network, layer)
    kept = {id(each) for each in tail.layers}
    for each in network.layers:
        frozen = id(each) not in kept or isinstance(each, keras.layers.BatchNormalization)
        each.trainable = not frozen
    for each in top.model_.layers:
        each.trainable = not isinstance(each, keras.layers.BatchNormalization)
    x = keras.Input(network.input_shape[1:])
    y = network(x, training=False)
    model = keras.Model(x, top.model_(average(y)))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate), loss="sparse_categorical_crossentropy"
    )
    return model


@pytest.mark.parametrize("layer", ["last", "stem"])
def test_a_step_on_the_tail_is_a_step_on_the_whole_network(layer):
    """Plain gradient descent moves each weight by its gradient: equal moves, equal gradients."""
    keras = import_keras()
    layers = keras.layers
    rng = np.random.default_rng(0)
    pixels = rng.random((12, 16, 16, 3), np.float32)
    codes = np.arange(12) % 3
    ends = []
    for way in ("whole", "tail"):
        keras.utils.set_random_seed(1)
        x = keras.Input((16, 16, 3))
        stem = layers.Conv2D(4, 3, padding="same", name="stem")(x)
        y = layers.BatchNormalization(name="norm")(layers.ReLU(name="relu")(stem))
        y = layers.Conv2D(4, 3, padding="same", name="last")(y)
        network = keras.Model(x, layers.Add(name="add")([stem, y]), name="small")
        top = TopClassifier(units=8, dropout=0.0, epochs=1)
        top.fit(rng.random((12, 4), np.float32) * 0 + np.arange(4, dtype=np.float32), codes)
        if way == "whole":
            model = whole_model(network, layer, top, 0.1, layers.GlobalAveragePooling2D())
            data = pixels
        else:
            trunk, _ = split(network, layer)
            parts = trunk.predict(pixels, verbose=0)
            parts = parts if isinstance(parts, list) else [parts]
            data = np.concatenate([part.reshape(12, -1) for part in parts], axis=1)
            model = joint_model(flat_tail(split(network, layer), "mean"), top, 0.1)
            model.compile(optimizer=keras.optimizers.SGD(0.1), loss=model.loss)
        for _ in range(3):
            model.train_on_batch(data, codes)
        ends.append([*network.get_weights(), *top.model_.get_weights()])
    for one, other in zip(*ends, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_batch_normalisation_of_the_backbone_stays_as_it_was(tuned, backbone):
    before = backbone.load(SIZE)
    for layer in tuned.network.layers:
        if type(layer).__name__ == "BatchNormalization":
            expected = before.get_layer(layer.name).get_weights()
            pairs = zip(layer.get_weights(), expected, strict=True)
            assert all(np.array_equal(one, other) for one, other in pairs)


def test_only_the_tail_has_changed(tuned, backbone):
    before = backbone.load(SIZE)
    first = {layer.name: layer.get_weights()[0] for layer in before.layers if layer.weights}
    changed = [
        layer.name
        for layer in tuned.network.layers
        if layer.weights and not np.array_equal(layer.get_weights()[0], first[layer.name])
    ]
    assert set(changed) <= {"conv_head"}
    assert bool(changed) == (tuned.best_epoch > 0)


def test_the_kept_epoch_is_the_one_of_least_validation_loss(tuned):
    assert len(tuned.history) == 5
    assert tuned.history["validation_loss"].idxmin() == tuned.best_epoch


def test_the_kept_weights_give_the_loss_in_the_history(tuned, images):
    validation = images.where("validation")
    shares = tuned.head.predict_proba(tuned.features[validation])
    codes = np.searchsorted(tuned.head.classes_, images.labels[validation])
    loss = -np.log(shares[np.arange(len(codes)), codes]).mean()
    expected = tuned.history["validation_loss"].iloc[tuned.best_epoch]
    assert loss == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_a_saved_network_is_a_backbone_that_gives_the_new_features(tuned, images, tmp_path):
    tuned.save(tmp_path / "tuned.keras")
    features = embed(images, str(tmp_path / "tuned.keras")).values
    error = np.linalg.norm(features - tuned.features)
    assert error <= 1e-5 * np.linalg.norm(tuned.features)


def test_the_trunk_is_run_once_for_many_tunings(images, backbone, tmp_path, monkeypatch):
    module = importlib.import_module("embedlens.features.embed")
    settings = {"size": SIZE, "head": TopClassifier(**TOP), "epochs": 1, "store": tmp_path}
    finetune(images, backbone, **settings)
    monkeypatch.setattr(module, "make_engine", lambda *_: pytest.fail("the trunk ran again"))
    finetune(images, backbone, random_state=1, **settings)


def test_a_backbone_that_is_cut_is_refused(images):
    with pytest.raises(BackboneError, match="is cut"):
        finetune(images, "EfficientNetLite0@blocks_3_add")


def test_a_top_that_has_learned_is_not_trained_again(images, backbone, tmp_path):
    """Its validation loss on the untouched features is that of the row before any tuning."""
    values = embed(images, backbone, size=SIZE).values
    train, validation = images.where("train"), images.where("validation")
    top = TopClassifier(**TOP).fit(
        values[train],
        images.labels[train],
        validation=(values[validation], images.labels[validation]),
    )
    last = top.history_["validation_loss"].iloc[-1]
    tuned = finetune(images, backbone, size=SIZE, head=top, epochs=1, batch_size=10)
    assert tuned.history["validation_loss"].iloc[0] == pytest.approx(last, rel=1e-3)


def test_features_go_to_a_file_where_one_is_named(images, backbone, tmp_path):
    out = tmp_path / "features.npy"
    tuned = finetune(
        images, backbone, size=SIZE, head=TopClassifier(**TOP), epochs=1, batch_size=10, out=out
    )
    assert isinstance(tuned.features, np.memmap)
    assert np.array_equal(np.load(out), tuned.features)
    assert [path.name for path in tmp_path.iterdir()] == ["features.npy"]


def test_augmented_pictures_are_changed_anew_and_only_in_training(images, backbone, monkeypatch):
    """The trunk sees the training pictures, and those alone, once an epoch."""
    module = importlib.import_module("embedlens.learn.fine_tuning")
    shown = []

    def spy(pictures, change):
        given = list(module_augmented(pictures, change))
        shown.append(dict(given))
        return iter(given)

    module_augmented = module.augmented
    monkeypatch.setattr(module, "augmented", spy)
    finetune(
        images, backbone, size=SIZE, head=TopClassifier(**TOP), epochs=2, batch_size=10,
        augment=True,
    )  # fmt: skip
    assert [sorted(each) for each in shown] == [images.where("train").tolist()] * 2
    first, second = (np.stack(list(each.values())) for each in shown)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, second)


def test_augmentation_keeps_shape_and_range_and_most_of_the_picture():
    grey = np.full((32, 32, 3), 128, np.uint8)
    ((_, changed),) = augmented([(0, grey)], augmentation(0))
    assert changed.shape == grey.shape
    # A grey picture stays grey, lighter or darker by a fifth and its contrast likewise.
    assert np.abs(changed.astype(int) - 128).max() <= 80
    assert np.ptp(changed.reshape(-1, 3), axis=1).max() <= 1


def test_without_validation_pictures_it_says_what_is_missing(images, backbone):
    alone = images.subset(images.where(["train", "test"]))
    with pytest.raises(ImageSetError, match="no validation pictures"):
        finetune(alone, backbone, size=SIZE, head=_trained_top(alone, backbone))


def _trained_top(images, backbone):
    values, train = embed(images, backbone, size=SIZE).values, images.where("train")
    return TopClassifier(**TOP).fit(values[train], images.labels[train])


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_it_runs_on_another_keras_backend(backend, images, tuned, tmp_path):
    """In a process of its own: Keras has one backend for life."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code = (
        "import sys, numpy as np\n"
        "from embedlens.images import ImageSet\n"
        "from embedlens.learn import TopClassifier, finetune\n"
        f"tuned = finetune(ImageSet.read({str(images.root)!r}), 'EfficientNetLite0', size={SIZE},\n"
        f"    head=TopClassifier(**{TOP}), epochs=4, batch_size=10, learning_rate=1e-3)\n"
        f"np.save({str(tmp_path / 'features.npy')!r}, tuned.features)\n"
        f"tuned.history.to_csv({str(tmp_path / 'history.csv')!r})\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    features = np.load(tmp_path / "features.npy")
    history = pd.read_csv(tmp_path / "history.csv")
    assert features.shape == tuned.features.shape
    assert len(history) == 5
    # Dropout and initial weights differ by backend: the loss falls on both.
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0] + 0.05


def test_the_silhouette_of_the_features_joins_the_loss(tuned, images, backbone):
    weighed = finetune(
        images, backbone, size=SIZE, head=TopClassifier(**TOP), epochs=1, batch_size=10,
        learning_rate=1e-3, silhouette=2.0,
    )  # fmt: skip
    rows = images.where("validation")
    before = embed(images, backbone, pooling="mean", size=SIZE).values[rows]
    codes = np.searchsorted(images.classes, images.labels[rows])
    expected = 1 - silhouette_score(before, codes)
    added = weighed.history["validation_loss"][0] - tuned.history["validation_loss"][0]
    assert added == pytest.approx(expected, abs=1e-3)
    assert weighed.history["validation_accuracy"][0] == tuned.history["validation_accuracy"][0]
    assert not np.array_equal(weighed.features, tuned.features)


def test_a_model_file_of_the_user_is_tuned_and_tuned_once_more(images, tmp_path):
    """With a shortcut past the last convolution."""
    keras = import_keras()
    keras.utils.set_random_seed(0)
    x = keras.Input((SIZE, SIZE, 3))
    y = keras.layers.Rescaling(1 / 255)(x)
    stem = keras.layers.Conv2D(6, 5, strides=4, activation="relu", name="stem")(y)
    last = keras.layers.Conv2D(6, 3, padding="same", name="last")(stem)
    keras.Model(x, keras.layers.Add()([stem, last])).save(tmp_path / "mine.keras")
    settings = {"epochs": 1, "batch_size": 10}
    tuned = finetune(images, str(tmp_path / "mine.keras"), head=TopClassifier(**TOP), **settings)
    assert tuned.layer == "last"
    assert tuned.parameters == 3 * 3 * 6 * 6 + 6
    tuned.save(tmp_path / "once.keras")
    again = finetune(images, str(tmp_path / "once.keras"), head=TopClassifier(**TOP), **settings)
    assert again.features.shape == tuned.features.shape
