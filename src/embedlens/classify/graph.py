"""One graph from pixels to probabilities and features: network, head and temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedlens.backbones import Built
from embedlens.classify.classifier import Classifier
from embedlens.classify.embedding_classifier import EmbeddingClassifier
from embedlens.classify.heads import Head, LinearHead, NeighborsHead, TunedHead
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.errors import ConversionError
from embedlens.features.engines.openvino_export import export

PIXELS, PROBABILITIES, FEATURES = "pixels", "probabilities", "features"


def classifier_graph(classifier: Classifier | LabelClassifier) -> Any:
    """Return an ``openvino.Model``: uint8 (1, height, width, 3) to probabilities and features.

    Numbers are float32 as the network has them; nothing is quantised.

    Raises
    ------
    ConversionError
        If the network's family has no such graph.
    """
    import openvino
    from openvino import opset13 as ops
    from openvino.preprocess import PrePostProcessor

    built = _built(classifier)
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    network = core.read_model(Path(built.model))
    network.reshape([1, *built.size, 3])
    features = network.output(0).get_node().input_value(0)
    scores = _scores(ops, features, classifier.head)
    shares = _probabilities(ops, scores, classifier)
    results = [ops.result(shares), ops.result(features)]
    model = openvino.Model(results, network.get_parameters(), "classifier")
    for place, name in enumerate((PROBABILITIES, FEATURES)):
        model.output(place).get_tensor().set_names({name})
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    model = steps.build()
    model.input(0).get_tensor().set_names({PIXELS})
    return model


def _probabilities(ops: Any, scores: Any, classifier: Classifier | LabelClassifier) -> Any:
    if isinstance(classifier, LabelClassifier):
        return ops.sigmoid(scores)
    degree = np.array(classifier.temperature, np.float32)
    return ops.softmax(ops.divide(scores, degree), 1)


def _built(classifier: EmbeddingClassifier) -> Built:
    if classifier.graph is not None:
        return classifier.graph
    assert classifier.recipe is not None
    family = classifier.recipe.backbone.family
    if "openvino" not in family.forms:
        raise ConversionError(
            f"{classifier.backbone} cannot be exported: its family ({family.name}) has no OpenVINO "
            "form. Take another backbone of the study with --backbone."
        )
    return export(classifier.recipe)


def _scores(ops: Any, features: Any, head: Head) -> Any:
    if isinstance(head, TunedHead):
        hidden = ops.relu(_dense(ops, features, head.kernel, head.bias))
        return _dense(ops, hidden, head.last_kernel, head.last_bias)
    if isinstance(head, LinearHead):
        return _dense(ops, features, head.kernel, head.bias)
    assert isinstance(head, NeighborsHead)
    return _votes(ops, features, head)


def _dense(ops: Any, values: Any, kernel: Any, bias: Any) -> Any:
    product = ops.matmul(values, kernel.astype(np.float32), False, False)
    return ops.add(product, bias.astype(np.float32)[None])


def _votes(ops: Any, features: Any, head: NeighborsHead) -> Any:
    points = head.points.astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    units = (points / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    square = ops.reduce_sum(ops.multiply(features, features), np.array([1]), True)
    own = ops.sqrt(ops.maximum(square, np.array(1e-30, np.float32)))
    likeness = ops.matmul(ops.divide(features, own), units, False, True)
    best = ops.topk(likeness, np.array(head.k, np.int64), 1, "max", "value", "i64")
    far = np.array(head.width, np.float32)
    # At most 0, so that no exponential overflows; shares do not depend on it.
    weights = ops.exp(ops.divide(ops.subtract(best.output(0), np.array(1, np.float32)), far))
    classes = np.eye(head.classes, dtype=np.float32)[head.codes]
    chosen = ops.gather(classes, best.output(1), np.array(0, np.int64))
    votes = ops.reduce_sum(
        ops.multiply(ops.unsqueeze(weights, np.array([2])), chosen), np.array([1]), False
    )
    shares = ops.divide(votes, ops.reduce_sum(votes, np.array([1]), True))
    more = ops.multiply(shares, np.array(head.k, np.float32))
    smooth = ops.add(more, np.array(1 / head.classes, np.float32))
    return ops.log(ops.divide(smooth, np.array(head.k + 1, np.float32)))
