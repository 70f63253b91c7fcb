"""A backbone's name is no word about its weights where these were given."""

from __future__ import annotations

import pandas as pd
from stand import Stand

from embedlens.backbones import get_backbone
from embedlens.backbones.naming import titles
from embedlens.results import given_weights_sentence
from embedlens.results.settings import Settings


def test_only_weights_of_files_that_were_given_are_told(tmp_path):
    """A model file is its own name, and random weights are told elsewhere."""
    file, model = tmp_path / "mine.weights.h5", tmp_path / "model.onnx"
    file.write_bytes(b"numbers")
    names = ("MobileNetV2", "Xception", "EfficientNetLite0", str(model))
    weights = {"MobileNetV2": str(file), "Xception": "random"}
    settings = Settings("photos", names, weights=weights, transforms={str(model): "32 none"})
    told = [
        get_backbone(name, weights=settings.weights_of(name)).weights.origin for name in names[:-1]
    ]
    backbones = pd.DataFrame({
        "backbone": list(titles(names).values()),
        "weights": [*told, f"file {model}"],
    })  # fmt: skip
    results = Stand(settings=settings, backbones=backbones)
    assert given_weights_sentence(results) == (
        "Weights that were given: MobileNetV2 from mine.weights.h5."
    )
    results = Stand(settings=settings, backbones=backbones[1:])
    assert given_weights_sentence(results) == ""
