"""A classifier as a folder that runs elsewhere, without embedlens."""

from __future__ import annotations

import importlib.util
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from embedlens.backbones import Transform
from embedlens.classify.classifier import Classifier
from embedlens.classify.embedding_classifier import FACTS, expect_own
from embedlens.classify.graph import FEATURES, PIXELS, PROBABILITIES, classifier_graph
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.classify.model_card import model_card
from embedlens.classify.onnx_graph import OPSET, onnx_model
from embedlens.errors import ConversionError, EmbedlensError
from embedlens.files import replacing, write_json, write_whole
from embedlens.given_path import given_path

FORMATS = ("onnx", "openvino")
_TEMPLATE = Path(__file__).parent / "templates" / "classify.py.txt"
_SCALING = ("scale", "mean", "deviation", "channels")
_CLOSE = 1e-4  # of probabilities, between what was written and OpenVINO

# What runs them reports to nobody, as in `embedlens.telemetry`. The process by which OpenVINO would
# runs the script once more where processes are spawned: on macOS, on Linux from Python 3.14 on.
_RUNTIMES = {
    "onnx": {
        "@RUNTIME@": "onnxruntime",
        "@SYSTEM@": "import os, sys",
        "@IMPORT@": 'os.environ["ORT_DISABLE_TELEMETRY"] = "1"\nimport onnxruntime',
        "@LOAD@": 'MODEL = onnxruntime.InferenceSession(str(HERE / "classifier.onnx"), '
        'providers=["CPUExecutionProvider"])',
        "@RUN@": 'MODEL.run(["probabilities", "features"], {"pixels": pixels(path)})',
    },
    "openvino": {
        "@RUNTIME@": "openvino",
        "@SYSTEM@": "import sys",
        "@IMPORT@": 'sys.modules["openvino_telemetry"] = None\nimport openvino',
        "@LOAD@": 'MODEL = openvino.compile_model(HERE / "classifier.xml", "CPU", '
        '{"INFERENCE_PRECISION_HINT": "f32"})',
        "@RUN@": "MODEL(pixels(path)).values()",
    },
}

ONE_CLASS = """\
    print(path, FACTS["classes"][shares.argmax()], f"{shares.max():.6f}", sep="\\t")"""
SEVERAL_LABELS = """\
    found = sorted(zip(shares[0], FACTS["labels"]), reverse=True)
    print(path, *(f"{name} {p:.6f}" for p, name in found if p >= FACTS["rule"]), sep="\\t")"""


def export_classifier(classifier: Classifier | LabelClassifier, to: str, out: str | Path) -> Path:
    """Write a graph, what is to be known of it, a model card and a script; return the folder.

    The graph goes from uint8 pixels (1, height, width, 3) to probabilities and features, with
    scaling, pooling, head and temperature inside, in float32; it is not quantised.

    Parameters
    ----------
    classifier : Classifier or LabelClassifier
    to : {"onnx", "openvino"}
        What the graph is written as. ONNX needs the packages onnx and onnxruntime.
    out : path
        The folder; one that holds another export is written over.

    Raises
    ------
    ConversionError
        If the network cannot be written so; the message names another way.
    EmbedlensError
        If a package is missing, or the folder holds something else.
    """
    if to not in FORMATS:
        raise EmbedlensError(f"There is no format {to!r}; choose {' or '.join(FORMATS)}.")
    folder = given_path(out)
    expect_own(folder, "classify.py")
    if to == "onnx":
        _expect_onnx()
    graph = classifier_graph(classifier)
    folder.mkdir(parents=True, exist_ok=True)
    (_write_onnx if to == "onnx" else _write_openvino)(graph, folder)
    write_json(folder / FACTS, _facts(classifier, to))
    write_whole(folder / "model-card.md", model_card(classifier, to))
    write_whole(folder / "classify.py", script(classifier.transform, to, _telling(classifier)))
    return folder


def script(transform: Transform, to: str, telling: str) -> str:
    """Return ``classify.py`` for a transform: what its pictures are made into, and no more.

    Parameters
    ----------
    transform : Transform
    to : {"onnx", "openvino"}
        What it runs.
    telling : str
        The lines that print what is found: `ONE_CLASS` or `SEVERAL_LABELS`.
    """
    text = _TEMPLATE.read_text(encoding="utf-8")
    for mark, words in {**_RUNTIMES[to], **_fitting(transform), "@TELL@": telling}.items():
        text = text.replace(mark, words)
    return text


def _telling(classifier: Classifier | LabelClassifier) -> str:
    return SEVERAL_LABELS if isinstance(classifier, LabelClassifier) else ONE_CLASS


def _fitting(transform: Transform) -> dict[str, str]:
    """Return the parts of the script that say how pictures are fitted to size; see `Fitting`."""
    assert transform.size is not None
    height, width = transform.size
    side, crop = transform.shorter_side, transform.crop
    w, h = (side, side) if side else (int(width / crop), int(height / crop))
    if transform.resize == "squash":
        scaled = f"({w}, {h})"
    elif transform.resize == "crop" and w == h:
        scaled = f"tuple(max({w}, int({w} * side / min(image.size))) for side in image.size)"
    else:
        of = "min" if transform.resize == "crop" else "max"
        ratio = f"{of}(image.size[0] / {w}, image.size[1] / {h})"
        scaled = f"tuple(max(1, round(side / {ratio})) for side in image.size)"
    return {
        "@SCALED@": scaled,
        "@RESAMPLING@": transform.interpolation.upper(),
        "@CUT@": _cut(transform, whole=transform.resize == "squash" and (w, h) == (width, height)),
    }


def _cut(transform: Transform, *, whole: bool) -> str:
    """Return the lines that cut the centre out, or lay it on a border."""
    if whole:
        return "    # Nothing is cut off."
    middle = "(side - want) // 2" if transform.centre == "before" else "round((side - want) / 2)"
    fill = tuple(transform.fill) if transform.resize == "pad" else (0, 0, 0)
    place = f"(want - side) // 2 if side < want else -({middle})"
    target = (transform.size or ())[::-1]
    return (
        f"    place = [{place} for side, want in zip(scaled, {target})]\n"
        f"    whole, image = image, Image.new('RGB', {target}, {fill})\n"
        "    image.paste(whole, place)"
    )


def _facts(classifier: Classifier | LabelClassifier, to: str) -> dict[str, Any]:
    packages = ["embedlens", "openvino", "pillow", *(["onnx"] if to == "onnx" else [])]
    facts, size = classifier.facts(), classifier.transform.size or ()
    unscaled = Transform().record()
    learned = {name: told for name, told in classifier.learned().items() if name != "unknown"}
    return {
        "format": to,
        "graph": f"classifier.{'onnx' if to == 'onnx' else 'xml'}",
        "input": {
            "name": PIXELS,
            "type": "uint8",
            "shape": [1, *size, 3],
        },
        "outputs": [PROBABILITIES, FEATURES],
        "probabilities": "sigmoid" if isinstance(classifier, LabelClassifier) else "softmax",
        **learned,
        # What the graph is to be given: the scaling that follows is in it.
        "transform": {**facts["transform"], **{name: unscaled[name] for name in _SCALING}},
        "in_the_graph": {name: facts["transform"][name] for name in _SCALING},
        "levels": classifier.training.levels,
        "backbone": classifier.backbone,
        "licence": facts["licence"],
        "precision": "float32",
        "opset": OPSET if to == "onnx" else None,
        "versions": {name: version(name) for name in packages},
        "exported": date.today().isoformat(),
    }


def _write_openvino(graph: Any, folder: Path) -> None:
    import openvino

    openvino.save_model(graph, folder / "classifier.xml", compress_to_fp16=False)


def _write_onnx(graph: Any, folder: Path) -> None:
    import openvino

    reference = openvino.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    written = onnx_model(graph.clone()).SerializeToString()
    _compare(reference, written)
    with replacing(folder / "classifier.onnx") as partial:
        partial.write_bytes(written)


def _compare(reference: Any, written: bytes) -> None:
    """Refuse what onnxruntime runs otherwise than OpenVINO, on four made pictures."""
    import onnxruntime

    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    shape = list(reference.input(0).shape)
    rng = np.random.default_rng(0)
    across = np.linspace(0, 255, shape[2])[None, None, :, None]
    pictures = [
        rng.integers(0, 256, shape, np.uint8),
        np.broadcast_to(across, shape).astype(np.uint8),
        np.full(shape, 128, np.uint8),
        (np.broadcast_to(across, shape) * rng.uniform(0.2, 1, shape)).astype(np.uint8),
    ]
    for picture in pictures:
        told = session.run([PROBABILITIES, FEATURES], {PIXELS: picture})
        wanted = reference(picture)
        shares, features = wanted[PROBABILITIES], wanted[FEATURES]
        scale = float(np.abs(features).max()) or 1.0
        off = max(np.abs(told[0] - shares).max(), np.abs(told[1] - features).max() / scale / 10)
        if not off < _CLOSE:
            raise ConversionError(
                f"What was written as ONNX gives other numbers than the network (by {off:.2g}), so "
                "it is not kept. Export with --to openvino."
            )


def _expect_onnx() -> None:
    missing = [each for each in ("onnx", "onnxruntime") if importlib.util.find_spec(each) is None]
    if missing:
        raise EmbedlensError(
            f"To write ONNX, {' and '.join(missing)} must be installed: pip install "
            "'embedlens[onnx]'. Or export with --to openvino."
        )


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what an export says of itself."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts
