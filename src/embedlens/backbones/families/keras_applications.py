"""Every image classifier of ``keras.applications``.

``keras_applications.json`` is what ``python -m embedlens.backbones.families.keras_applications``
finds by introspection: it lets the networks be listed in milliseconds, without importing Keras or
building one.
A network that the installed Keras has and the table lacks is introspected when it is asked for.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.keras_architecture import KerasArchitectures
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.keras_internals import download_of
from embedlens.backbones.transform import PREPROCESSINGS, Transform
from embedlens.backbones.weights import KerasDownload, Weights, chosen_weights

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

# The study's five come first wherever backbones are listed.
STUDY = ("Xception", "ResNet50V2", "InceptionV3", "MobileNetV2", "DenseNet201")

_TABLE = Path(__file__).with_name("keras_applications.json")

# Share of ImageNet's validation pictures that the published weights classify rightly, of the table
# at keras.io/api/applications; networks that it gives no accuracy are absent.
_ACCURACY = {
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
}  # fmt: skip

# By the module of the network, as Keras's documentation of its applications gave them until 2020
# (docs/templates/applications.md of its repository). Of later networks it says nothing.
_LICENCES = {
    "xception": "MIT", "vgg16": "CC-BY-4.0", "vgg19": "CC-BY-4.0",
    "resnet": "MIT", "resnet_v2": "BSD", "densenet": "BSD-3-Clause",
    "inception_v3": "Apache-2.0", "inception_resnet_v2": "Apache-2.0", "nasnet": "Apache-2.0",
    "mobilenet": "Apache-2.0", "mobilenet_v2": "Apache-2.0",
}  # fmt: skip


@dataclass(frozen=True)
class Application:
    """One network of ``keras.applications``.

    Attributes
    ----------
    name : str
        As in ``keras.applications``.
    module : str
        The submodule that holds its ``preprocess_input``.
    preprocessing : {"none", "tf", "torch", "caffe"}
        What that function does to pixels.
    size : int
        Height and width of its input by default, in pixels.
    parameters : int
        Weights in all, with the ImageNet top, counted by Keras.
    feature_map : (int, int, int)
        Height, width and channels of its last feature map at the default size.
    top_layers : tuple of str
        The layers that only the network with its ImageNet top has.
    weights, weights_with_top : KerasDownload
        The ImageNet weights without and with the top.
    """

    name: str
    module: str
    preprocessing: str
    size: int
    parameters: int
    feature_map: tuple[int, int, int]
    top_layers: tuple[str, ...]
    weights: KerasDownload
    weights_with_top: KerasDownload


@cache
def applications() -> dict[str, Application]:
    """Return the table of networks by name, the study's five first."""
    rows = [_from_json(row) for row in json.loads(_TABLE.read_text(encoding="utf-8"))]
    rows.sort(key=lambda row: STUDY.index(row.name) if row.name in STUDY else len(STUDY))
    return {row.name: row for row in rows}


class KerasApplications(KerasArchitectures):
    """The image classifiers that come with Keras."""

    name = "keras.applications"

    def networks(self) -> Sequence[str]:
        """Name those of the table, the study's five first."""
        return list(applications())

    def find(self, text: str) -> str | None:
        """Return a network's name; one that the table lacks costs an import of Keras."""
        found = super().find(text)
        if found is None and text.isidentifier():
            found = next((n for n in names_in_keras() if n.lower() == text.lower()), None)
        return found

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network; its ImageNet weights are those of Keras's download."""
        row = applications().get(network) or introspect(network)
        published = row.weights_with_top if layer in row.top_layers else row.weights
        licence = _LICENCES.get(row.module)
        return Backbone(
            f"{network}@{layer}" if layer else network,
            network,
            self,
            layer,
            chosen_weights(
                network, weights, Weights("imagenet", published.file, published, licence)
            ),
            evaluation(row),
            row.parameters,
            row.feature_map,
        )

    def architecture(self, network: str, size: tuple[int, int], *, top: bool) -> keras.Model:
        """Build a network with Keras's initial weights.

        With its top Keras asks for the network's own size in some networks, and the dense layers
        of VGG fix it.
        """
        build = getattr(import_keras().applications, network)
        return build(weights=None, include_top=top, input_shape=(*size, 3))

    def imagenet_layer(self, network: str) -> str | None:
        """Name the last layer of the top."""
        return (applications().get(network) or introspect(network)).top_layers[-1]

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of the ImageNet top, from Keras's file: no network is built.

        It is no more than average and dense layer where, of the layers that only the network with
        its top has, the last alone has weights, and takes as many channels as the feature map has.
        """
        row = applications().get(backbone.network) or introspect(backbone.network)
        file = row.weights_with_top.file
        found = _weights_of(file, row.top_layers) if file.is_file() else {}
        if row.top_layers[-1] not in found:
            return super().imagenet_top(backbone)
        weighted = [layer for layer in row.top_layers if found.get(layer)]
        top = found[row.top_layers[-1]]
        plain = weighted == [row.top_layers[-1]] and [each.ndim for each in top] == [2, 1]
        return (top[0], top[1]) if plain and len(top[0]) == row.feature_map[-1] else None

    def imagenet_accuracy(self, network: str) -> float | None:
        """Return what Keras's documentation says."""
        return _ACCURACY.get(network)


def _weights_of(file: Path, layers: Sequence[str]) -> dict[str, list[NDArray[np.floating]]]:
    """Return the arrays of those layers that one of Keras's downloads has; none of another kind."""
    import h5py

    if not h5py.is_hdf5(file):
        return {}
    with h5py.File(file) as content:
        names = [_text(name) for name in content.attrs.get("layer_names", ())]
        return {
            name: [content[name][_text(each)][()] for each in content[name].attrs["weight_names"]]
            for name in names
            if name in layers
        }


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def evaluation(row: Application) -> Transform:
    """Return the transform of a network's published evaluation.

    - EfficientNet: the centre of a picture whose short side is 32 pixels longer than the input,
      bicubic (tensorflow/tpu, models/official/efficientnet/preprocessing.py).
    - EfficientNetV2: the same, bilinear, below 320 pixels; from there on squashed (google/automl,
      efficientnetv2/preprocessing.py, ``preprocess_for_eval``).
    - ConvNeXt: the centre 224 of 256 pixels, bicubic (facebookresearch/ConvNeXt, datasets.py).
    - All others: "single center crop" is what Keras says of its own figures (README of
      keras-team/keras-applications), and not of how much. It is 87.5% here, 224 of 256 pixels: so
      the papers of ResNet, VGG and DenseNet, and TensorFlow's slim for the Inception and MobileNet
      families (it squashes the centre where the picture is not square). Bilinear, as slim is.

    Antialiasing is Pillow's; TensorFlow's resizing, which some of them used, has none.
    """
    own = Transform(**PREPROCESSINGS[row.preprocessing]).of_size(row.size)
    if row.module == "efficientnet":
        return replace(own, resize="crop", shorter_side=row.size + 32, interpolation="bicubic")
    if row.module == "efficientnet_v2":
        crops = row.size < 320
        return replace(own, resize="crop", shorter_side=row.size + 32) if crops else own
    cropped = replace(own, resize="crop", crop=0.875)
    return replace(cropped, interpolation="bicubic") if row.module == "convnext" else cropped


def introspect(name: str) -> Application:
    """Find out all of `Application` by building the network, without downloading anything."""
    keras = import_keras()
    application = keras.applications.__dict__[name]
    module = application.__module__.rsplit(".", 1)[-1]
    keras.utils.clear_session()
    with_top = application(weights=None)
    size = int(with_top.input_shape[1] or 224)  # MobileNetV3 leaves it open; it was trained at 224
    keras.utils.clear_session()  # so that unnamed layers get the same numbers in both
    without = application(weights=None, include_top=False, input_shape=(size, size, 3))
    height, width, channels = without.output_shape[1:]
    shared = {layer.name for layer in without.layers}
    return Application(
        name,
        module,
        _preprocessing(module),
        size,
        int(with_top.count_params()),
        (int(height), int(width), int(channels)),
        tuple(layer.name for layer in with_top.layers if layer.name not in shared),
        _weights_file(application, include_top=False, input_shape=(size, size, 3)),
        _weights_file(application, include_top=True),
    )


def names_in_keras() -> Iterator[str]:
    """Name every classifier that the installed ``keras.applications`` can build."""
    for name, value in sorted(vars(import_keras().applications).items()):
        if inspect.isfunction(value) and "include_top" in inspect.signature(value).parameters:
            yield name


def _weights_file(application: Any, **kwargs: Any) -> KerasDownload:
    asked = download_of(lambda: application(weights="imagenet", **kwargs))
    if asked is None:
        raise RuntimeError(f"{application.__name__} asked for no weights")
    return KerasDownload(*asked)


def _preprocessing(module: str) -> str:
    """Find out what a module's ``preprocess_input`` does, by what it makes of some pixels."""
    pixels = np.arange(0, 255, 17, dtype=np.float32).reshape(1, 1, -1, 3)
    made = getattr(import_keras().applications, module).preprocess_input(pixels.copy())
    for name, scaling in PREPROCESSINGS.items():
        if np.allclose(Transform(**scaling).apply(pixels), made, atol=1e-4):
            return name
    raise RuntimeError(f"preprocess_input of {module} is none of {', '.join(PREPROCESSINGS)}")


def _from_json(row: dict[str, Any]) -> Application:
    height, width, channels = row["feature_map"]
    return Application(
        **{
            **row,
            "feature_map": (height, width, channels),
            "top_layers": tuple(row["top_layers"]),
            "weights": KerasDownload(**row["weights"]),
            "weights_with_top": KerasDownload(**row["weights_with_top"]),
        }
    )


def main() -> None:
    """Write ``applications.json`` anew from the installed Keras."""
    rows = []
    for name in names_in_keras():
        print(name, file=sys.stderr)
        rows.append(asdict(introspect(name)))
    _TABLE.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
