"""An ONNX file as a backbone, read by OpenVINO: with neither PyTorch nor TensorFlow."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.channel_axis import channel_axis, tokens_before
from embedlens.backbones.families.family import Built, Family, Form
from embedlens.backbones.families.model_file import model_file
from embedlens.backbones.onnx_format import external_files
from embedlens.backbones.pooling import Output, Pooling, vector_of
from embedlens.backbones.transform import Transform
from embedlens.backbones.transform_file import file_beside, read_transform
from embedlens.backbones.weights import Weights
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras
    import openvino

_LISTED = 8

_WHOLE = ("u8", "i16", "u16", "i32", "u32", "i64", "u64")

# How OpenVINO says that it has no such operator.
_UNSUPPORTED = ("No conversion rule", "Conversion is failed", "does not support")


class OnnxFile(Family):
    """Files of the Open Neural Network Exchange; NAME@OUTPUT chooses one of several outputs."""

    name = "ONNX"
    forms = ("openvino",)
    requires = ("openvino",)

    def networks(self) -> Sequence[str]:
        """Name none: files are where their users keep them."""
        return []

    def find(self, text: str) -> str | None:
        """Return the path, if it ends as one of an ONNX file does."""
        return text if Path(text).suffix.lower() == ".onnx" else None

    def path(self, network: str) -> Path:
        """Return the file."""
        return Path(network)

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a file, which holds its own weights; a file beside it may say its transform."""
        path = model_file(network, weights)
        described = Backbone(
            f"{network}@{layer}" if layer else network,
            str(path),
            self,
            layer,
            Weights("file", path, beside=external_files(path)),
            Transform(),
            transform_from=None,
        )
        try:
            said = file_beside(path)
            transform = read_transform(said) if said else Transform()
        except BackboneError as error:  # the user's own transform does without the file
            return replace(described, unread=str(error))
        return replace(described, transform=transform, transform_from=str(said) if said else None)

    def build(
        self,
        backbone: Backbone,
        form: Form,
        transform: Transform,
        pooling: Pooling,
        tail: str | None,
    ) -> Built:
        """Build the graph from pixels to features."""
        name = backbone.name
        if tail is not None or (backbone.layer or "").startswith("<"):
            raise BackboneError(_untuned(name))
        model = _read(Path(backbone.network))
        layout = _layout(name, model)
        size = _sized(name, model, layout, transform)
        output = _chosen(name, model, backbone.layer)
        _fix_batch(name, model, output, layout, size)
        _expect_one_picture(name, output)
        output, kind = _arranged(name, model, output, size, pooling)
        features, vector = _pooled(name, output, pooling, kind, size)
        graph = _from_pixels(name, _only(model, features), transform.of_size(size), layout)
        parameters = sum(
            math.prod(op.get_output_shape(0))
            for op in graph.get_ops()
            if op.get_type_name() == "Constant" and op.get_element_type().is_real()
        )
        width = math.prod(graph.output(0).get_partial_shape().to_shape()[1:])
        return Built(graph, size, int(width), 0, _shape(output), parameters, vector)

    def load(self, backbone: Backbone, size: tuple[int, int] | None) -> keras.Model:
        """Refuse: nothing here trains an ONNX file."""
        raise BackboneError(_untuned(backbone.name))


def _untuned(name: str) -> str:
    return (
        f"{name} is an ONNX file, which runs as it is and cannot be fine-tuned; leave fine-tuning "
        "out, or take the network from the library that it was exported from."
    )


def _read(path: Path) -> openvino.Model:
    import openvino

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    try:
        return core.read_model(path)
    except RuntimeError as error:
        raise BackboneError(_refusal(path, str(error))) from error


def _refusal(path: Path, said: str) -> str:
    """Say in a sentence why OpenVINO does not read a file, from its pages."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for line in lines:
        if any(sign in line for sign in _UNSUPPORTED):
            return (
                f"{path} has an operator that OpenVINO does not run ({line.lstrip('- ')}). Export "
                "the model again without it, or with another opset."
            )
    told = [line for line in lines if "Exception from" not in line and "Check '" not in line]
    return (
        f"{path} cannot be read as an ONNX model: {(told or lines or ['no reason given'])[-1]}. "
        "Check it with onnx.checker, or export it again."
    )


def _layout(name: str, model: openvino.Model) -> str:
    """Return "NCHW" or "NHWC": where the file has its three colours."""
    if len(model.inputs) != 1:
        names = ", ".join(_name(each) for each in model.inputs)
        raise BackboneError(
            f"{name} takes {len(model.inputs)} inputs ({names}); a backbone takes one, pictures. "
            "Export the part that embeds pictures alone."
        )
    kind = model.inputs[0].get_element_type()
    if not kind.is_real() and kind.get_type_name() not in _WHOLE:
        raise BackboneError(
            f"{name} takes inputs of type {kind.get_type_name()}, which holds no pixels of 0 to "
            "255; export it with inputs of float32 or uint8."
        )
    shape = model.inputs[0].get_partial_shape()
    said = f"{name} takes inputs of shape {shape}"
    wanted = "a backbone takes pictures of three colours, (n, 3, h, w) or (n, h, w, 3)."
    if shape.rank.is_dynamic or len(shape) != 4:
        raise BackboneError(f"{said}; {wanted}")
    channels = [None if shape[at].is_dynamic else shape[at].get_length() for at in (1, 3)]
    if channels[0] == 3 or channels == [None, None]:  # operators of ONNX take NCHW
        return "NCHW"
    if channels[1] == 3:
        return "NHWC"
    raise BackboneError(f"{said}; {wanted}")


def _sized(name: str, model: openvino.Model, layout: str, transform: Transform) -> tuple[int, int]:
    """Return the height and width of its pictures: the file's own, or those asked for."""
    shape = model.inputs[0].get_partial_shape()
    own = [
        None if shape[at].is_dynamic else int(shape[at].get_length())
        for at in map(layout.index, "HW")
    ]
    wanted = transform.size
    if wanted is None:
        if own[0] is None or own[1] is None:
            raise BackboneError(
                f"{name} takes pictures of any size; say one, --size 224 or in the transform."
            )
        return own[0], own[1]
    if any(mine not in (None, asked) for mine, asked in zip(own, wanted, strict=True)):
        fixed = " x ".join("any" if each is None else str(each) for each in own)
        raise BackboneError(
            f"{name} takes pictures of {fixed} pixels, not of {wanted[0]} x {wanted[1]}; leave the "
            "size out, or export it with dynamic axes."
        )
    return wanted


def _chosen(name: str, model: openvino.Model, layer: str | None) -> Any:
    """Return the output, or the tensor in the graph's midst, that features are made of."""
    outputs = {_name(each): each for each in model.outputs}
    if layer is None:
        if len(outputs) == 1:
            return next(iter(outputs.values())).get_node().input_value(0)
        listed = ", ".join(f"{each} {out.get_partial_shape()}" for each, out in outputs.items())
        raise BackboneError(
            f"{name} has {len(outputs)} outputs: {listed}. Choose one, "
            f"{name}@{next(iter(outputs))}."
        )
    named = {
        each: output
        for op in model.get_ordered_ops()
        for output in op.outputs()
        for each in output.get_names()
    }
    for out in model.outputs:
        named |= dict.fromkeys(out.get_names(), out.get_node().input_value(0))
    if layer not in named:
        near = difflib.get_close_matches(layer, named, 3) or list(outputs)[:_LISTED]
        raise BackboneError(
            f"{name.rpartition('@')[0]} has no output {layer!r}; its outputs are "
            f"{', '.join(list(outputs)[:_LISTED])}. Any tensor can be named; nearest are "
            f"{', '.join(near)}."
        )
    return named[layer]


def _name(port: Any) -> str:
    names = sorted(port.get_names())
    return names[0] if names else str(port.get_node().get_friendly_name())


def _fix_batch(
    name: str, model: openvino.Model, output: Any, layout: str, size: tuple[int, int]
) -> None:
    """Let it take one picture of one size, as engines give them."""
    lengths = {"N": 1, "C": 3, "H": size[0], "W": size[1]}
    before = model.inputs[0].get_partial_shape()[0]
    try:
        model.reshape({model.inputs[0]: [lengths[axis] for axis in layout]})
    except RuntimeError as error:
        batch = "" if before.is_dynamic or before.get_length() == 1 else (
            f" It was exported for batches of {before.get_length()}; export it for one, or with a "
            "dynamic batch."
        )  # fmt: skip
        raise BackboneError(
            f"{name} does not run on one picture of {size[0]} x {size[1]} pixels: "
            f"{_last_line(error)}.{batch}"
        ) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1].rstrip(".")


def _expect_one_picture(name: str, output: Any) -> None:
    shape = output.get_partial_shape()
    if shape.is_dynamic:
        raise BackboneError(
            f"{name} gives an output of shape {shape} for a picture: how many numbers there are "
            "depends on the picture. Choose another output."
        )
    lengths = list(shape.to_shape())
    if not lengths or (len(lengths) > 1 and lengths[0] != 1):
        raise BackboneError(
            f"{name} gives an output of shape {lengths} for one picture; the first number must "
            "be that of pictures. Choose another output."
        )


def _shape(output: Any) -> tuple[int, ...]:
    """Return the shape of what it gives for a picture, without the batch."""
    lengths = tuple(int(each) for each in output.get_partial_shape().to_shape())
    return lengths[1:] if len(lengths) > 1 else lengths


def _arranged(
    name: str, model: openvino.Model, output: Any, size: tuple[int, int], pooling: Pooling
) -> tuple[Any, Output]:
    """Return an output with its channels last, and what it is."""
    import openvino.opset13 as ops

    shape = _shape(output)
    if math.prod(shape) == max(shape):  # (d,), (d, 1, 1), (1, d)
        return output, "vector"
    if len(shape) not in (2, 3):
        return output, "other"
    axis = channel_axis(model, output, size)
    if axis is None and pooling == "none":
        return output, "other"
    if axis is None:
        raise BackboneError(
            f"{name} gives an output of shape {[1, *shape]} for a picture of {size[0]} x {size[1]} "
            "pixels, and neither lengths nor operators tell which of its axes is that of "
            "features. Choose --pooling none, which takes all numbers, or another output."
        )
    if axis == 1:
        output = ops.transpose(output, [0, *range(2, len(shape) + 1), 1]).output(0)
    if len(shape) == 3:
        return output, "map"
    return output, "class and tokens" if tokens_before(_shape(output)[0], size) else "tokens"


def _pooled(
    name: str, output: Any, pooling: Pooling, kind: Output, size: tuple[int, int]
) -> tuple[Any, str]:
    """Return the node of features (1, d), and what they are in words."""
    import openvino.opset13 as ops

    defaults: dict[Output, Pooling] = {
        "vector": "none", "map": "mean", "class and tokens": "cls", "other": "none",
    }  # fmt: skip
    count = _shape(output)[0]
    if pooling == "own" and kind not in defaults:
        raise BackboneError(
            f"{name} gives {count} tokens and no vector of them all; choose --pooling mean or max, "
            "or another output."
        )
    chosen = defaults[kind] if pooling == "own" else pooling
    vector = vector_of(name, kind, chosen)
    reduce = ops.reduce_max if chosen == "max" else ops.reduce_mean
    if chosen == "none":
        parts = [output]
    elif kind == "map":
        parts = [reduce(output, [1, 2]).output(0)]
    else:
        token = ops.gather(output, 0, 1).output(0)
        first = tokens_before(count, size) or 0
        pooled = reduce(ops.slice(output, [first], [count], [1], [1]), [1]).output(0)
        parts = {"cls": [token], "cls+mean": [token, pooled]}.get(chosen, [pooled])
    flat = [ops.reshape(each, [1, -1], False).output(0) for each in parts]
    return (ops.concat(flat, 1).output(0) if len(flat) > 1 else flat[0]), vector


def _only(model: openvino.Model, features: Any) -> openvino.Model:
    import openvino

    return openvino.Model([features], model.get_parameters(), "onnx")


def _from_pixels(
    name: str, model: openvino.Model, transform: Transform, layout: str
) -> openvino.Model:
    """Return it from pixels (1, h, w, 3) of 0 to 255, RGB, with the transform's scaling inside."""
    import openvino
    from openvino.preprocess import PrePostProcessor

    plain = transform.scaled_by("none")
    whole = not model.inputs[0].get_element_type().is_real()
    if whole and transform != plain:
        raise BackboneError(
            f"{name} takes whole numbers, pixels of 0 to 255 that it scales itself; say the "
            "scaling 'none' in its transform."
        )
    steps = PrePostProcessor(model)
    taken = steps.input()
    taken.tensor().set_element_type(openvino.Type.f32).set_layout(openvino.Layout("NHWC"))
    taken.model().set_layout(openvino.Layout(layout))
    made = taken.preprocess()
    if transform.channels == "BGR":
        made.reverse_channels()
    if transform.scale != 1.0:
        made.scale(transform.scale)
    if any(transform.mean):
        made.mean(list(transform.mean))
    if set(transform.deviation) != {1.0}:
        made.scale(list(transform.deviation))
    steps.output().tensor().set_element_type(openvino.Type.f32)
    return steps.build()
