"""Claim: an epoch on the tail is at least 15 times faster than ``fit`` on the whole network.

Both train Xception from its last convolutional layer (``block14_sepconv2``) and a small top, on
the same pictures in the same order, by the same Adam at 1e-4, on the same Keras backend. Dropout
is off, so that both must end in the same loss (within 1e-4). Pictures are noise and weights are
random unless a file is given: neither changes the time. An epoch is timed after one that compiles.
What the trunk costs once is printed beside it.

    python benchmarks/finetune.py [--weights FILE] [--pictures 96] [--batch 32] [--epochs 2]
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

from embedlens.backbones import get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split, tail_layer
from embedlens.features import Recipe
from embedlens.features.engines import make_engine
from embedlens.learn import TopClassifier
from embedlens.learn.keras_tail import flat_tail, joint_model

SIZE = 200


def whole_network(backbone, layer, top, learning_rate):
    """The way without a cut: network and top in one model, the trunk frozen."""
    keras = import_keras()
    network = backbone.load(SIZE)
    _, tail = split(network, layer)
    trained = {id(each) for each in tail.layers}
    for each in network.layers:
        norm = isinstance(each, keras.layers.BatchNormalization)
        each.trainable = id(each) in trained and not norm
    for each in top.model_.layers:
        each.trainable = not isinstance(each, keras.layers.BatchNormalization)
    pixels = keras.Input((SIZE, SIZE, 3))
    maps = network(backbone.preprocess(pixels), training=False)
    features = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(pixels, top.model_(features))
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate), loss="sparse_categorical_crossentropy"
    )
    return model


def new_top(codes, columns):
    """A top with known weights, whose batch normalisation has seen nothing."""
    top = TopClassifier(dropout=0.0, epochs=1, batch_size=len(codes), learning_rate=0.0)
    return top.fit(np.zeros((len(codes), columns), np.float32), codes)


def timed_epochs(model, x, y, batch, epochs):
    """Losses of each epoch, and the seconds of those after the first."""
    losses, seconds = [], []
    for _ in range(epochs):
        begun = time.perf_counter()
        losses += model.fit(x, y, batch_size=batch, shuffle=False, verbose=0).history["loss"]
        seconds.append(time.perf_counter() - begun)
    return losses, float(np.median(seconds[1:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="random")
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (given.pictures, SIZE, SIZE, 3), np.uint8)
    codes = np.arange(given.pictures) % 8
    backbone = get_backbone("Xception", weights=given.weights)
    layer = tail_layer(backbone.load(SIZE), "last-conv")

    engine = make_engine(Recipe.of(backbone, size=SIZE, engine="openvino").trunk(layer))
    frontier = np.empty((given.pictures, engine.features), np.float32)
    begun = time.perf_counter()
    engine.run(enumerate(pixels), frontier.__setitem__)
    trunk_seconds = time.perf_counter() - begun

    tail = joint_model(
        flat_tail(split(backbone.load(SIZE), layer), "mean"), new_top(codes, 2048), 1e-4
    )
    ours, our_seconds = timed_epochs(tail, frontier, codes, given.batch, given.epochs)
    whole = whole_network(backbone, layer, new_top(codes, 2048), 1e-4)
    theirs, their_seconds = timed_epochs(
        whole, pixels.astype(np.float32), codes, given.batch, given.epochs
    )
    ratio = their_seconds / our_seconds
    difference = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    once = 16 * their_seconds / (16 * our_seconds + trunk_seconds)
    print(f"trunk, once, OpenVINO     {trunk_seconds:8.2f} s")
    print(f"epoch of the tail         {our_seconds:8.2f} s   losses {np.round(ours, 6)}")
    print(f"epoch of the whole, Keras {their_seconds:8.2f} s   losses {np.round(theirs, 6)}")
    print(f"ratio of an epoch {ratio:.1f} (bar 15), of 16 epochs with the trunk {once:.1f}")
    print(f"losses differ by at most {difference:.1e} (bar 1e-4)")
    keras = import_keras()
    print(
        f"{given.pictures} pictures of {SIZE}x{SIZE}, batch {given.batch}; "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"Keras {keras.version()} on {keras.backend.backend()}"
    )


if __name__ == "__main__":
    main()
