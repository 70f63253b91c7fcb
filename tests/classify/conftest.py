"""A classifier of stripes, on an embedded network."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones import Transform
from embedlens.classify import Classifier, Expected, train
from embedlens.classify.embedding_classifier import Training
from embedlens.features import Recipe, embed
from embedlens.images import ImageSet

BACKBONE = "EfficientNetLite0"


def stripes(kind: str, rng: np.random.Generator) -> np.ndarray:
    """A noisy picture of stripes that run across or down, or of none."""
    wave = 90 * np.sin(np.arange(64) / rng.uniform(1.5, 2.5))
    pattern = {"across": wave[:, None], "down": wave[None, :], "plain": np.zeros((1, 1))}[kind]
    return np.clip(128 + pattern + rng.normal(0, 25, (64, 64)), 0, 255).astype(np.uint8)


def write_stripes(folder, seed=0, count=20):
    rng = np.random.default_rng(seed)
    for kind in ("across", "down", "plain"):
        (folder / kind).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(stripes(kind, rng)).save(folder / kind / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """Three classes of 20 pictures."""
    return write_stripes(tmp_path_factory.mktemp("learned") / "pictures")


@pytest.fixture(scope="session")
def new(tmp_path_factory):
    """Other pictures of the same classes, 5 each."""
    return write_stripes(tmp_path_factory.mktemp("new") / "pictures", seed=1, count=5)


@pytest.fixture(scope="session")
def features(learned):
    return embed(ImageSet.read(learned), Recipe.of(BACKBONE, size=64))


def classifier_on(features, head="linear_probe", transform: Transform | None = None):
    images, recipe = features.images, features.recipe
    trained = train(
        features.values, images.labels, images.splits == "validation", images.groups.tolist(), head
    )
    return Classifier(
        recipe, recipe.record(), transform or recipe.transform,
        Training(
            features.values, tuple(images.ids), tuple(map(str, images.paths)), tuple(images.labels)
        ),
        trained.head, trained.temperature, trained.classes, trained.threshold, trained.unknown,
        Expected(0.9, 0.8, 1.0, 23), licence="Apache-2.0",
    )  # fmt: skip


@pytest.fixture(scope="session")
def classifier(features):
    return classifier_on(features)


@pytest.fixture(scope="session")
def neighbors(features):
    return classifier_on(features, "knn")


@pytest.fixture(scope="session")
def classifier_of():
    """Trains a classifier on features."""
    return classifier_on
