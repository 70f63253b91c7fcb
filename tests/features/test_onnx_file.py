"""An ONNX file gives what onnxruntime makes of the same file, or a sentence."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from embedlens.backbones import get_backbone, parse_transform
from embedlens.backbones.naming import states_transform
from embedlens.errors import BackboneError, EmbedlensError, WeightsError
from embedlens.features import Recipe
from embedlens.features.engines import make_engine

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def embedded(name, transform="32 imagenet", **asked):
    """Features of three random pictures, the pictures, and the engine that ran."""
    recipe = Recipe.of(get_backbone(str(name), transform=transform), **asked)
    engine = make_engine(recipe)
    pictures = np.random.default_rng(0).integers(0, 256, (3, *engine.size, 3), dtype=np.uint8)
    rows = {}
    engine.run(enumerate(pictures), rows.__setitem__)
    return np.stack([rows[i] for i in range(3)]), pictures, engine


def of_onnxruntime(path, output, pictures, transform="32 imagenet", layout="NCHW", whole=False):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    dtype = np.float16 if "float16" in session.get_inputs()[0].type else np.float32
    found = []
    for picture in pictures:
        x = picture
        if not whole:
            x = parse_transform(transform).apply(picture.astype(np.float64)).astype(dtype)
        x = x if layout == "NHWC" else x.transpose(2, 0, 1)
        found.append(session.run([output], {"pixels": x[None]})[0][0])
    return np.stack(found).astype(np.float64)


@pytest.mark.parametrize(
    ("made", "transform", "size"),
    [
        ({}, "32 imagenet", None),
        ({"batch": "n"}, "32 clip", None),
        ({"size": ("h", "w")}, "siglip", (40, 64)),
        ({"layout": "NHWC"}, "32 pad half", None),
        ({"external": True}, "32 caffe squash", None),
        ({"whole": True}, "32 squash none", None),
        ({"outputs": ("embedding", "map")}, "unit crop", None),
    ],
    ids=["fixed", "batch", "sizes", "NHWC", "external", "uint8", "several"],
)
def test_a_vector_is_that_of_onnxruntime(save_onnx, tmp_path, made, transform, size, difference):
    path = save_onnx(tmp_path / "model.onnx", **made)
    name = f"{path}@embedding" if "outputs" in made else path
    features, pictures, engine = embedded(name, transform, size=size)
    expected = of_onnxruntime(
        path, "embedding", pictures, transform, made.get("layout", "NCHW"), made.get("whole", False)
    )
    assert difference(features, expected) < 1e-5
    assert engine.size == (size or (32, 32))
    assert engine.vector == "the output, a vector"


def test_float16_is_run_in_float32(save_onnx, tmp_path, difference):
    features, pictures, _ = embedded(save_onnx(tmp_path / "half.onnx", dtype=np.float16))
    exact = save_onnx(tmp_path / "single.onnx")
    single = onnx.load(exact)
    for constant, rounded in zip(
        single.graph.initializer, onnx.load(tmp_path / "half.onnx").graph.initializer, strict=True
    ):
        values = onnx.numpy_helper.to_array(rounded).astype(np.float32)
        constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
    onnx.save(single, exact)
    assert difference(features, of_onnxruntime(exact, "embedding", pictures)) < 1e-3


def test_bf16_is_near_float32_or_an_error_that_says_why(save_onnx, tmp_path, difference):
    import openvino

    path = save_onnx(tmp_path / "model.onnx")
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if "BF16" not in able:
        with pytest.raises(EmbedlensError, match="does not compute in bfloat16"):
            embedded(path, precision="bf16")
        return
    half, _, _ = embedded(path, precision="bf16")
    full, _, _ = embedded(path)
    assert 1e-6 < difference(half, full) < 0.05


@pytest.mark.parametrize(
    ("output", "prefix", "pooling", "expected", "said"),
    [
        ("map", 1, None, lambda a: a.mean((2, 3)), "average of the feature map"),
        ("map", 1, "max", lambda a: a.max((2, 3)), "maximum of the feature map"),
        ("map", 1, "none", lambda a: a.transpose(0, 2, 3, 1).reshape(3, -1), "flattened"),
        ("gap", 1, None, lambda a: a.reshape(3, -1), "a vector"),
        ("tokens", 1, None, lambda a: a[:, 0], "class token"),
        ("tokens", 1, "cls", lambda a: a[:, 0], "class token"),
        ("tokens", 1, "avg", lambda a: a[:, 1:].mean(1), "average of the patch tokens"),
        ("tokens", 5, "mean", lambda a: a[:, 5:].mean(1), "average of the patch tokens"),
        ("tokens", 5, "max", lambda a: a[:, 5:].max(1), "maximum of the patch tokens"),
        ("tokens", 5, "cls+mean", lambda a: np.c_[a[:, 0], a[:, 5:].mean(1)], "class token, and"),
        ("tokens", 1, "none", lambda a: a.reshape(3, -1), "all tokens"),
        ("tokens", 0, "mean", lambda a: a.mean(1), "average of the tokens"),
        ("columns", 1, "mean", lambda a: a.mean(2), "average of the tokens"),
        ("unclear", 1, "none", lambda a: a.reshape(3, -1), "the output, flattened"),
    ],
)
def test_maps_and_tokens_are_pooled(
    save_onnx, tmp_path, output, prefix, pooling, expected, said, difference
):
    path = save_onnx(tmp_path / "model.onnx", outputs=(output,), prefix=prefix)
    features, pictures, engine = embedded(path, pooling=pooling)
    assert difference(features, expected(of_onnxruntime(path, output, pictures))) < 1e-5
    assert said in engine.vector


@pytest.mark.parametrize("named", [False, True], ids=["output", "tensor"])
@pytest.mark.parametrize("size", [(32, 32), (48, 48), (48, 64)], ids=["4x4", "6x6", "6x8"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("output", ["map", "map_last"])
def test_a_map_has_its_channels_where_they_are_whatever_the_input(
    save_onnx, tmp_path, output, layout, size, named, difference
):
    """Of six channels, which is a side too: then the convolution tells which is which."""
    outputs = ("embedding", output) if named else (output,)
    path = save_onnx(tmp_path / "model.onnx", outputs=outputs, layout=layout, size=size)
    name = f"{path}@{output}" if named else path
    for pooling, expected in [
        (None, lambda a: a.mean((1, 2))), ("max", lambda a: a.max((1, 2))),
        ("none", lambda a: a.reshape(3, -1)),
    ]:  # fmt: skip
        features, pictures, engine = embedded(name, "imagenet", pooling=pooling)
        values = of_onnxruntime(path, output, pictures, "imagenet", layout)
        values = values if output == "map_last" else values.transpose(0, 2, 3, 1)
        assert values.shape == (3, size[0] // 8, size[1] // 8, 6)
        assert difference(features, expected(values)) < 1e-5
        assert "feature map" in engine.vector


def test_a_tensor_in_the_midst_can_be_named(save_onnx, tmp_path, difference):
    path = save_onnx(tmp_path / "model.onnx")
    features, pictures, engine = embedded(f"{path}@gap")
    other = save_onnx(tmp_path / "other.onnx", outputs=("gap",))
    expected = of_onnxruntime(other, "gap", pictures).reshape(3, -1)
    assert difference(features, expected) < 1e-5
    assert engine.features == 6


@pytest.mark.parametrize(
    ("made", "output", "options", "said"),
    [
        ({"outputs": ("embedding", "map")}, "", {}, r"2 outputs: embedding .*, map .*@embedding"),
        ({}, "@embeding", {}, "has no output 'embeding'.*nearest are embedding"),
        ({"inputs": 2}, "", {}, r"takes 2 inputs \(pixels, extra1\)"),
        ({"size": ("h", "w")}, "", {"transform": "imagenet"}, "any size; say one, --size 224"),
        ({}, "", {"size": 64}, "pictures of 32 x 32 pixels, not of 64 x 64"),
        ({"whole": True}, "", {}, "scales itself; say the scaling 'none'"),
        ({}, "", {"pooling": "mean"}, "gives a vector, which the pooling 'mean' does not suit"),
        ({"outputs": ("map",)}, "", {"pooling": "cls"}, "'cls' does not suit.*mean, max, none"),
        ({"outputs": ("unclear",)}, "", {}, r"shape \[1, 4, 6, 4\] for .*32 x 32.*pooling none"),
        ({"outputs": ("unclear",)}, "", {"pooling": "mean"}, "which of its axes is that of"),
        ({"outputs": ("columns",)}, "", {}, "16 tokens and no vector.*mean or max"),
        ({"outputs": ("tokens",), "prefix": 0}, "", {}, "16 tokens and no vector.*mean or max"),
        ({"outputs": ("tokens",), "prefix": 0}, "", {"pooling": "cls"}, "without a class token"),
    ],
)
def test_what_it_cannot_be_is_said_in_a_sentence(save_onnx, tmp_path, made, output, options, said):
    path = save_onnx(tmp_path / "model.onnx", **made)
    with pytest.raises(BackboneError, match=said):
        embedded(f"{path}{output}", **options)


@pytest.mark.parametrize("kind", ["INT8", "BOOL", "STRING"])
def test_inputs_that_hold_no_pixels_are_refused(kind, save_onnx, tmp_path):
    """What 200 becomes as a signed byte, the file does not say."""
    path = save_onnx(tmp_path / "model.onnx", whole=True)
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = getattr(onnx.TensorProto, kind)
    onnx.save(model, path)
    with pytest.raises(BackboneError, match=r"takes inputs of type .*, which holds no pixels of 0"):
        embedded(path, "32 squash none")


def test_a_folder_is_said_to_be_one(tmp_path):
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(BackboneError, match=r"model\.onnx is a folder"):
        get_backbone(str(tmp_path / "model.onnx"))


def test_without_a_transform_it_is_refused_with_the_usual_ones(save_onnx, tmp_path):
    path = save_onnx(tmp_path / "model.onnx")
    with pytest.raises(BackboneError, match=r"wrong guess.*--transform.*imagenet.*clip.*siglip"):
        get_backbone(str(path))


@pytest.mark.parametrize("folder", ["", "onnx"])
def test_the_transform_is_taken_from_a_file_beside_it(save_onnx, tmp_path, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    path = save_onnx(tmp_path / folder / "model.onnx")
    says = {"transform": parse_transform("32 pad half").record()}
    (tmp_path / "classifier.json").write_text(json.dumps(says))
    backbone = get_backbone(str(path))
    assert backbone.transform == parse_transform("32 pad half")
    assert backbone.transform_from == str(tmp_path / "classifier.json")
    given = get_backbone(str(path), transform="clip 32")
    assert (given.transform, given.transform_from) == (parse_transform("32 clip"), "the user")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "preprocessor_config.json",
            "{broken",
            "cannot be read as JSON .*say the transform with --transform",
        ),
        (
            "preprocessor_config.json",
            '{"image_processor_type": "LevitImageProcessor"}',
            "Levit|no tr",
        ),
        ("config.json", "[]", "it holds a list"),
    ],
)
def test_the_user_s_transform_does_without_a_file_that_cannot_be_read(
    save_onnx, tmp_path, file, content, said
):
    path = save_onnx(tmp_path / "model.onnx")
    (tmp_path / file).write_text(content)
    with pytest.raises(BackboneError, match=said):
        get_backbone(str(path))
    assert get_backbone(str(path), transform="clip 32").transform == parse_transform("32 clip")
    assert not states_transform(str(path))  # so that --transform without a name is meant for it


def test_a_config_that_is_not_timm_s_says_nothing(save_onnx, tmp_path):
    path = save_onnx(tmp_path / "model.onnx")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit", "image_size": 224}))
    with pytest.raises(BackboneError, match="Nothing says what pictures"):
        get_backbone(str(path))


def test_other_numbers_are_another_key_wherever_they_lie(save_onnx, tmp_path):
    first = Recipe.of(
        get_backbone(str(save_onnx(tmp_path / "model.onnx", external=True)), transform="clip 32")
    ).key()
    numbers = tmp_path / "numbers.bin"
    changed = bytearray(numbers.read_bytes())
    changed[8] ^= 1
    numbers.write_bytes(changed)
    second = Recipe.of(get_backbone(str(tmp_path / "model.onnx"), transform="clip 32")).key()
    assert first != second
    numbers.unlink()
    with pytest.raises(
        BackboneError, match=r"has its numbers in numbers\.bin, which is not beside"
    ):
        get_backbone(str(tmp_path / "model.onnx"), transform="clip")


def test_data_outside_of_its_folder_is_not_read(save_onnx, tmp_path):
    (tmp_path / "inner").mkdir()
    path = save_onnx(tmp_path / "inner" / "model.onnx", external=True)
    shutil.move(tmp_path / "inner" / "numbers.bin", tmp_path / "numbers.bin")
    model = onnx.load(path, load_external_data=False)
    for constant in model.graph.initializer:
        for entry in constant.external_data:
            if entry.key == "location":
                entry.value = "../numbers.bin"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BackboneError, match="not beside it; only files in its folder"):
        get_backbone(str(path), transform="clip")


def _cut(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda data: data[:-3], "not all of one"),
        (_cut, "not all of one"),
        (lambda data: b"", "is empty"),
        (lambda data: b"\x89PNG\r\n\x1a\n" + bytes(99), "is no ONNX file"),
        (lambda data: b"<!DOCTYPE html><title>404</title>", "is no ONNX file"),
        (lambda data: bytes(100), "is no ONNX file"),
        (
            lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "Git LFS pointer",
        ),
    ],
)
def test_a_file_that_is_no_onnx_model_is_said_to_be_none(save_onnx, tmp_path, content, said):
    path = save_onnx(tmp_path / "model.onnx")
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(BackboneError, match=said) as caught:
        get_backbone(str(path), transform="clip")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_bytes_end_in_a_sentence(save_onnx, tmp_path, seed):
    path = save_onnx(tmp_path / "model.onnx")
    rng = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for place in rng.integers(0, 40, 4):
        data[place] = rng.integers(0, 256)
    path.write_bytes(data)
    said = str(path)
    try:
        get_backbone(str(path), transform="clip")
    except BackboneError as error:
        said = str(error)
    assert str(path) in said


def test_an_operator_that_there_is_not_is_named(save_onnx, tmp_path):
    helper = onnx.helper
    pixels = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 32, 32])
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    node = helper.make_node("Sorcery", ["x"], ["y"], domain="my.own")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.own", 1)]
    graph = helper.make_graph([node], "odd", [pixels], [out])
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "odd.onnx")
    with pytest.raises(BackboneError, match=r"operator that OpenVINO does not run.*Sorcery"):
        embedded(tmp_path / "odd.onnx")


def test_neither_keras_nor_weights_nor_fine_tuning_are_for_it(save_onnx, tmp_path):
    path = str(save_onnx(tmp_path / "model.onnx"))
    backbone = get_backbone(path, transform="clip")
    with pytest.raises(EmbedlensError, match=r"cannot be run by the engine 'keras'.*openvino"):
        Recipe.of(backbone, engine="keras")
    with pytest.raises(WeightsError, match="holds its own weights"):
        get_backbone(path, weights="random", transform="clip")
    with pytest.raises(BackboneError, match="cannot be fine-tuned"):
        backbone.load()
    with pytest.raises(BackboneError, match=r"nowhere\.onnx does not exist"):
        get_backbone("nowhere.onnx", transform="clip")
