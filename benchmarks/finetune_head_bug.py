"""Question: was "fine-tuning makes it worse" (the study's Table IV) the study's own mistakes?

The published notebook fine-tunes with a last layer ``Dense(classes, activation="relu")`` and a
cross-entropy that wants probabilities, and most of its models begin with a top that has learned
nothing; one left batch normalisation in training mode. Here the same pictures, splits, tail, top,
learning rate and epochs are run with each mistake alone, with all, and with none. The last
epoch is tested, as in the study; ours keeps the best epoch by validation, which is shown besides.

The cross-entropy of outputs that are no probabilities is TensorFlow's, which the study ran on:
clipped to [1e-7, 1 - 1e-7], logarithm, softmax.

    python benchmarks/finetune_head_bug.py PHOTOS [--backbone EfficientNetLite0] [--weights FILE]
        [--size 200] [--pooling mean] [--epochs 16] [--repeats 3] [--store FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from embedlens.backbones import get_backbone
from embedlens.backbones.families.keras_family import pool
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split, tail_layer
from embedlens.features import Recipe, embed
from embedlens.images import ImageSet
from embedlens.learn import TopClassifier
from embedlens.learn.convolution import with_fast_gradients
from embedlens.learn.fine_tuning import _folder_name
from embedlens.learn.keras_tail import flat_tail

VARIANTS = {
    "before fine-tuning": None,
    "none (ours)": set(),
    "ReLU output": {"relu"},
    "top not trained first": {"cold"},
    "batch norm of tail and top training": {"norm"},
    "ReLU output, top not trained first": {"relu", "cold"},
    "all three": {"relu", "cold", "norm"},
}


def cross_entropy(mistakes):
    """Keras's own for probabilities; TensorFlow's formula for whatever a ReLU gives."""
    keras = import_keras()
    if "relu" not in mistakes:
        return "sparse_categorical_crossentropy"

    def loss(true, given):
        logits = keras.ops.log(keras.ops.clip(given, 1e-7, 1 - 1e-7))
        return keras.losses.sparse_categorical_crossentropy(true, logits, from_logits=True)

    return loss


def trainable_norms(parts, pooling):
    """The tail as ``flat_tail`` makes it, but that batch normalisation follows the call's mode."""
    keras = import_keras()
    trunk, tail = parts
    shapes = [tuple(each.shape[1:]) for each in trunk.outputs]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    flat = keras.Input((int(ends[-1]),))
    tensors = [
        keras.layers.Reshape(shape)(flat[:, begin:end])
        for shape, begin, end in zip(shapes, ends[:-1], ends[1:], strict=True)
    ]
    features = tail(tensors if len(tensors) > 1 else tensors[0])
    return with_fast_gradients(keras.Model(flat, pool(features, pooling)))


def fine_tune(tail, top, mistakes, data, epochs, seed):
    """Train tail and top with some mistakes; return test accuracy and loss of the last and best."""
    keras = import_keras()
    layers = keras.layers
    for model in (tail, top):
        for each in model._flatten_layers():
            if isinstance(each, layers.BatchNormalization):
                each.trainable = "norm" in mistakes
    flat = keras.Input(tail.input_shape[1:])
    hidden = tail(flat)
    for each in top.layers[:-1]:
        hidden = each(hidden)
    last = top.layers[-1]
    if "relu" in mistakes:
        dense = layers.Dense(last.units, activation="relu")
        outputs = dense(hidden)
        dense.set_weights(last.get_weights())
    else:
        outputs = last(hidden)
    model = keras.Model(flat, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4), loss=cross_entropy(mistakes), metrics=["accuracy"]
    )
    keras.utils.set_random_seed(seed)
    (x, y), validation, test = data
    best = (np.inf, None)
    for _ in range(epochs):
        logs = model.fit(x, y, batch_size=154, validation_data=validation, verbose=0).history
        if logs["val_loss"][0] < best[0]:
            best = (logs["val_loss"][0], model.get_weights())
    ends = [model.evaluate(*test, batch_size=154, verbose=0)]
    model.set_weights(best[1])
    ends.append(model.evaluate(*test, batch_size=154, verbose=0))
    return [(accuracy, loss) for loss, accuracy in ends]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--backbone", default="EfficientNetLite0")
    parser.add_argument("--weights")
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--pooling", default="mean", choices=["mean", "none"])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--store", type=Path)
    given = parser.parse_args()
    images = ImageSet.read(given.photos)
    backbone = get_backbone(given.backbone, weights=given.weights)
    layer = tail_layer(backbone.load(given.size), "last-conv")
    trunk = Recipe.of(backbone, size=given.size).trunk(layer)
    store = given.store and given.store / _folder_name(backbone, layer)
    frontier = embed(images, trunk, store=store).values
    found = {name: [] for name in VARIANTS}
    for repeat in range(given.repeats):
        drawn = images.resplit(repeat)
        rows = [drawn.where(name) for name in ("train", "validation", "test")]
        data = [(np.asarray(frontier[each]), drawn.codes[each]) for each in rows]
        for name, mistakes in VARIANTS.items():
            make = trainable_norms if mistakes and "norm" in mistakes else flat_tail
            tail = make(split(backbone.load(given.size), layer), given.pooling)
            before = [tail.predict(x, batch_size=64, verbose=0) for x, _ in data]
            cold = mistakes is not None and "cold" in mistakes
            top = TopClassifier(
                epochs=1 if cold else given.epochs, learning_rate=0.0 if cold else 1e-3,
                random_state=repeat,
            ).fit(before[0], data[0][1])  # fmt: skip
            if mistakes is None:
                top.model_.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
                loss, accuracy = top.model_.evaluate(before[2], data[2][1], verbose=0)
                ends = [(accuracy, loss)] * 2
            else:
                ends = fine_tune(tail, top.model_, mistakes, data, given.epochs, repeat)
            found[name].append(ends)
            print(f"  split {repeat + 1}, {name}: {ends[0][0]:.1%}", flush=True)
    origin = backbone.weights.origin
    print(
        f"\n{backbone.name} ({origin}), tail from {layer}, {given.pooling} pooling, "
        f"{given.size}x{given.size}, {len(images)} pictures, {given.epochs} epochs, "
        f"{given.repeats} splits; test pictures, mean and range\n"
    )
    print("| mistake | accuracy, last epoch | range | loss | accuracy, best epoch | loss |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for name, ends in found.items():
        values = np.array(ends)  # (repeats, last and best, accuracy and loss)
        mean, accuracy = values.mean(axis=0), values[:, 0, 0]
        print(
            f"| {name} | {mean[0, 0]:.1%} | {accuracy.min():.1%} to {accuracy.max():.1%} "
            f"| {mean[0, 1]:.3f} | {mean[1, 0]:.1%} | {mean[1, 1]:.3f} |"
        )


if __name__ == "__main__":
    main()
