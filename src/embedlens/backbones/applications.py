"""Every image classifier of ``keras.applications``.

``applications.json`` is what ``python -m embedlens.backbones.applications`` finds by introspection:
it lets the registry be listed in milliseconds, without importing Keras or building a network.
A network that the installed Keras has and the table lacks is introspected when it is asked for.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.keras_backend import import_keras

if TYPE_CHECKING:
    import keras

# The study's five come first wherever backbones are listed.
STUDY = ("Xception", "ResNet50V2", "InceptionV3", "MobileNetV2", "DenseNet201")

_TABLE = Path(__file__).with_name("applications.json")


@dataclass(frozen=True)
class WeightsFile:
    """A file of ImageNet weights in Keras's download."""

    name: str
    url: str
    md5: str


@dataclass(frozen=True)
class Application:
    """One network of ``keras.applications``.

    Attributes
    ----------
    name : str
        As in ``keras.applications``.
    module : str
        The submodule that holds its ``preprocess_input``.
    size : int
        Height and width of its input by default, in pixels.
    parameters : int
        Weights in all, with the ImageNet top, counted by Keras.
    feature_map : (int, int, int)
        Height, width and channels of its last feature map at the default size.
    top_layers : tuple of str
        The layers that only the network with its ImageNet top has.
    weights, weights_with_top : WeightsFile
        The ImageNet weights without and with the top.
    """

    name: str
    module: str
    size: int
    parameters: int
    feature_map: tuple[int, int, int]
    top_layers: tuple[str, ...]
    weights: WeightsFile
    weights_with_top: WeightsFile


@cache
def applications() -> dict[str, Application]:
    """Return the table of networks by name, the study's five first."""
    rows = [_from_json(row) for row in json.loads(_TABLE.read_text(encoding="utf-8"))]
    rows.sort(key=lambda row: STUDY.index(row.name) if row.name in STUDY else len(STUDY))
    return {row.name: row for row in rows}


def build_application(name: str, size: tuple[int, int], *, top: bool) -> keras.Model:
    """Build a network of ``keras.applications`` with Keras's initial weights.

    Parameters
    ----------
    name : str
        As in ``keras.applications``.
    size : (int, int)
        Height and width of the input, in pixels.
    top : bool
        Whether the ImageNet classifier is on. With it Keras asks for the network's own size in
        some networks, and the dense layers of VGG fix it.
    """
    build = getattr(import_keras().applications, name)
    return build(weights=None, include_top=top, input_shape=(*size, 3))


def application_preprocessing(name: str) -> Callable[[Any], Any]:
    """Return the function that brings pixels of 0 to 255 to the scale ``name`` was trained on."""
    module = getattr(import_keras().applications, applications()[name].module)
    preprocess: Callable[[Any], Any] = module.preprocess_input
    return preprocess


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


class _Asked(Exception):
    """Carries a download that Keras asked for, instead of doing it."""


def _weights_file(application: Callable[..., Any], **kwargs: Any) -> WeightsFile:
    from keras.src.utils import file_utils

    def get_file(fname: str, origin: str, file_hash: str = "", **_: Any) -> None:
        raise _Asked(WeightsFile(fname, origin, file_hash))

    original, file_utils.get_file = file_utils.get_file, get_file
    try:
        application(weights="imagenet", **kwargs)
    except _Asked as asked:
        weights: WeightsFile = asked.args[0]
        return weights
    finally:
        file_utils.get_file = original
    raise RuntimeError(f"{application.__name__} asked for no weights")


def _from_json(row: dict[str, Any]) -> Application:
    height, width, channels = row["feature_map"]
    return Application(
        **{
            **row,
            "feature_map": (height, width, channels),
            "top_layers": tuple(row["top_layers"]),
            "weights": WeightsFile(**row["weights"]),
            "weights_with_top": WeightsFile(**row["weights_with_top"]),
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
