"""What a network knows of ImageNet: its accuracy there, and its top."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.applications import applications
from embedlens.backbones.backbone import Backbone
from embedlens.backbones.registry import get_backbone

# Share of ImageNet's validation pictures that the published weights classify rightly. Of
# keras.applications: the table at keras.io/api/applications; networks that it gives no accuracy
# are absent. Of EfficientNet-Lite: the README in tensorflow/tpu, models/official/efficientnet/lite.
IMAGENET_TOP1 = {
    "Xception": 0.790, "VGG16": 0.713, "VGG19": 0.713,
    "ResNet50": 0.749, "ResNet101": 0.764, "ResNet152": 0.766,
    "ResNet50V2": 0.760, "ResNet101V2": 0.772, "ResNet152V2": 0.780,
    "InceptionV3": 0.779, "InceptionResNetV2": 0.803,
    "MobileNet": 0.704, "MobileNetV2": 0.713,
    "DenseNet121": 0.750, "DenseNet169": 0.762, "DenseNet201": 0.773,
    "NASNetMobile": 0.744, "NASNetLarge": 0.825,
    "EfficientNetV2B0": 0.787, "EfficientNetV2B1": 0.798, "EfficientNetV2B2": 0.805,
    "EfficientNetV2B3": 0.820, "EfficientNetV2S": 0.839, "EfficientNetV2M": 0.853,
    "EfficientNetV2L": 0.857,
    "EfficientNetLite0": 0.751, "EfficientNetLite1": 0.767, "EfficientNetLite2": 0.776,
}  # fmt: skip


def imagenet_top(
    backbone: Backbone,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]] | None:
    """Return the dense layer that classifies the average of the last feature map.

    Parameters
    ----------
    backbone : Backbone
        One with its ImageNet weights.

    Returns
    -------
    (kernel, bias) or None
        Of shapes (features, 1000) and (1000,); a softmax of features @ kernel + bias are the
        probabilities. None where the network is cut or has other weights, where those of its top
        would have to be downloaded, and where its top is more than average and dense layer.

    Examples
    --------
    >>> kernel, bias = imagenet_top(get_backbone("EfficientNetLite0"))
    >>> kernel.shape
    (1280, 1000)
    """
    if backbone.layer is not None or backbone.weights.kind != "imagenet":
        return None
    last = "predictions"
    if backbone.family == "keras.applications":
        last = applications()[backbone.network].top_layers[-1]
    whole = get_backbone(f"{backbone.network}@{last}")
    if not whole.weights.here:
        return None
    network = whole.load()
    before = backbone.load().output_shape[-1]
    kinds = [type(layer).__name__ for layer in network.layers[-3:]]
    dense = network.layers[-1]
    plain = kinds[-2:] == ["GlobalAveragePooling2D", "Dense"] or kinds == [
        "GlobalAveragePooling2D",
        "Dropout",
        "Dense",
    ]
    if not plain or dense.kernel.shape[0] != before:
        return None
    kernel, bias = dense.get_weights()
    return kernel, bias
