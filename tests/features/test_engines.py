"""Each engine gives the features that Keras gives; OpenVINO is held against Keras on JAX."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from embedlens.backbones import Built, get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.errors import BackboneError, EmbedlensError
from embedlens.features import Recipe, choose_engine
from embedlens.features.engines import make_engine, preparing
from embedlens.features.engines.keras_engine import KerasEngine, KerasRunner
from embedlens.features.engines.openvino_engine import OpenVINOEngine, _require_bf16

# Plain, inverted residual, dense, squeeze-and-excitation, layer scale, cells with many branches.
NETWORKS = [
    ("EfficientNetLite0", None, 96),
    ("MobileNetV2", "random", 64),
    ("DenseNet121", "random", 64),
    ("EfficientNetB0", "random", 64),
    ("ConvNeXtTiny", "random", 64),
    ("NASNetMobile", "random", 64),
]


def ready(engine, backbone, size, pooling, precision, tail=None):
    """A backbone made ready by an engine."""
    recipe = Recipe.of(backbone, size=size, pooling=pooling, precision=precision, engine=engine)
    return make_engine(recipe, tail)


@pytest.fixture(scope="module")
def graphs():
    """The graphs of the networks, made by one process."""
    recipes = [
        Recipe.of(get_backbone(name, weights=weights), size=size, pooling="mean", engine="openvino")
        for name, weights, size in NETWORKS
    ]
    with preparing(recipes):
        pass


@pytest.mark.parametrize(("name", "weights", "size"), NETWORKS, ids=[n[0] for n in NETWORKS])
def test_openvino_gives_the_features_that_keras_gives(
    name, weights, size, graphs, pixels, run, difference, keras
):
    backbone = get_backbone(name, weights=weights)
    pictures = pixels(3, (size, size))
    fast = ready("openvino", backbone, size, "mean", "float32")
    expected = backbone.build(size, "mean").predict_on_batch(pictures.astype(np.float32))
    assert difference(run(fast, pictures), expected) <= 1e-5
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("pooling", ["mean", "max", "none"])
def test_both_engines_pool_as_keras_does(network_file, pooling, pixels, run, difference, keras):
    backbone = get_backbone(str(network_file))
    pictures = pixels(5, (32, 32))
    network = keras.saving.load_model(network_file)
    maps = keras.Model(network.input, network.get_layer("last").output).predict_on_batch(
        pictures.astype(np.float32)
    )
    expected = {
        "mean": maps.mean((1, 2)),
        "max": maps.max((1, 2)),
        "none": maps.reshape(len(maps), -1),
    }[pooling]
    for name in ("openvino", "keras"):
        engine = ready(name, backbone, None, pooling, "float32")
        assert difference(run(engine, pictures), expected) <= 1e-5
        assert engine.features == expected.shape[1]
        assert engine.feature_map == maps.shape[1:]
        assert engine.size == (32, 32)


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_one_run_gives_the_features_and_what_the_trunk_gives(
    name, network_file, pixels, run, difference
):
    """The frontier before "norm" is two tensors: a shortcut passes it by."""
    backbone, trunk = (get_backbone(f"{network_file}{cut}") for cut in ("", "@<norm"))
    pictures = pixels(3, (32, 32))
    engine = ready(name, backbone, None, "mean", "float32", "norm")
    both = run(engine, pictures)
    features = run(ready(name, backbone, None, "mean", "float32"), pictures)
    frontier = run(ready(name, trunk, None, "none", "float32"), pictures)
    assert (engine.features, engine.frontier) == (features.shape[1], frontier.shape[1])
    assert engine.feature_map == (14, 14, 10)
    assert difference(both[:, : engine.features], features) <= 1e-6
    assert difference(both[:, engine.features :], frontier) <= 1e-6


def test_both_engines_cut_and_tell_the_shape_of_the_cut(network_file, pixels, run, difference):
    """At a layer that gives no feature map."""
    backbone = get_backbone(f"{network_file}@head")
    pictures = pixels(2, (32, 32))
    fast = ready("openvino", backbone, None, "none", "float32")
    keras = ready("keras", backbone, None, "none", "float32")
    assert fast.feature_map == keras.feature_map == (4,)
    assert fast.parameters == keras.parameters
    assert difference(run(fast, pictures), run(keras, pictures)) <= 1e-5


def test_a_user_s_model_is_given_the_scaling_asked_for(network_file, pixels, run, difference):
    backbone = get_backbone(f"{network_file}@stem", preprocessing="caffe")
    pictures = pixels(2, (32, 32))
    fast = ready("openvino", backbone, None, "mean", "float32")
    expected = backbone.build(None, "mean").predict_on_batch(pictures.astype(np.float32))
    assert difference(run(fast, pictures), expected) <= 1e-5


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_a_row_does_not_depend_on_the_pictures_beside_it(network_file, name, pixels, run):
    """More pictures than a batch or than there are requests, and each alone."""
    engine = ready(name, get_backbone(str(network_file)), None, "mean", "float32")
    pictures = pixels(35, (32, 32))
    together = run(engine, pictures)
    alone = np.concatenate([run(engine, each[None]) for each in pictures[::7]])
    np.testing.assert_array_equal(together[::7], alone)


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_no_pictures_are_no_rows(network_file, name):
    engine = ready(name, get_backbone(str(network_file)), None, "mean", "float32")
    engine.run(iter([]), lambda *_: pytest.fail("a row of nothing"))


def has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def test_bf16_is_near_float32_or_an_error_that_says_why(pixels, run, difference):
    backbone = get_backbone("EfficientNetLite0")
    if not has_bf16():
        with pytest.raises(EmbedlensError, match="does not compute in bfloat16"):
            ready("openvino", backbone, 96, "mean", "bf16")
        return
    pictures = pixels(3, (96, 96))
    half = run(ready("openvino", backbone, 96, "mean", "bf16"), pictures)
    full = run(ready("openvino", backbone, 96, "mean", "float32"), pictures)
    assert half.dtype == np.float32
    assert 1e-5 < difference(half, full) < 0.05


def test_a_cpu_without_bf16_is_named():
    class Core:
        def get_property(self, _, name):
            return {"OPTIMIZATION_CAPABILITIES": ["FP32"], "FULL_DEVICE_NAME": "Old CPU"}[name]

    with pytest.raises(EmbedlensError, match=r"\(Old CPU\) does not compute.*'float32'"):
        _require_bf16(Core())


def test_keras_computes_in_bf16_and_leaves_its_policy_as_it_was(keras, pixels, run, difference):
    backbone = get_backbone("MobileNetV2@block_3_depthwise", weights="random")
    pictures = pixels(2, (64, 64))
    half = ready("keras", backbone, 64, "mean", "bf16")
    assert keras.config.dtype_policy().name == "float32"
    full = ready("keras", backbone, 64, "mean", "float32")
    assert 1e-5 < difference(run(half, pictures), run(full, pictures)) < 0.05


@pytest.mark.parametrize("name", ["openvino", "keras"])
def test_both_engines_refuse_a_layer_that_is_not_there(network_file, name):
    with pytest.raises(BackboneError, match=r"small has no layer 'lost'\. Its layers include last"):
        ready(name, get_backbone(f"{network_file}@lost"), None, "mean", "float32")


@pytest.fixture
def network():
    return get_backbone("EfficientNetLite0")


def keras_gives(monkeypatch, devices):
    """Have Keras's backend say which GPUs it has."""
    keras = SimpleNamespace(
        distribution=SimpleNamespace(list_devices=lambda kind: devices),
        config=SimpleNamespace(backend=lambda: "jax"),
    )
    monkeypatch.setattr("embedlens.backbones.keras_backend.import_keras", lambda: keras)


@pytest.mark.parametrize(
    ("openvino", "gpu", "asked", "chosen"),
    [
        (True, False, "auto", "openvino"),
        (True, True, "auto", "keras"),
        (False, False, "auto", "keras"),
        (True, True, "openvino", "openvino"),
        (True, False, "keras", "keras"),
    ],
)
def test_keras_embeds_on_a_gpu_and_openvino_on_a_cpu(
    monkeypatch, network, openvino, gpu, asked, chosen
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: openvino or None)
    keras_gives(monkeypatch, ["gpu:0"])
    monkeypatch.setattr("shutil.which", lambda name: gpu or None)
    monkeypatch.setattr("pathlib.Path.exists", lambda path: gpu)
    assert choose_engine(asked, network).name == chosen


def test_a_driver_without_a_gpu_that_keras_can_use_is_no_gpu(monkeypatch, network):
    keras_gives(monkeypatch, [])
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    assert choose_engine("auto", network).name == "openvino"


def test_an_engine_is_not_asked_once_another_suits(monkeypatch, network):
    """To ask takes seconds where there is a GPU, and memory of it."""

    def never(engine):
        raise AssertionError("asked")

    monkeypatch.setattr(OpenVINOEngine, "suits", lambda engine: True)
    monkeypatch.setattr(KerasEngine, "suits", never)
    assert choose_engine("auto", network).name == "openvino"


def test_an_unknown_engine_is_named_with_those_there_are(network):
    with pytest.raises(EmbedlensError, match="'onnx'; choose auto, torch, openvino or keras"):
        choose_engine("onnx", network)


def test_keras_multiplies_in_float32_on_any_device():
    """JAX and TensorFlow round factors to ten bits on a GPU, where nobody forbids it."""
    keras = import_keras()
    if keras.config.backend() != "jax":
        pytest.skip("this looks at JAX")
    import jax

    seen = []

    class Model:
        def predict_on_batch(self, pixels):
            seen.append(jax.config.jax_default_matmul_precision)
            return pixels[:, 0, 0]

    built = Built(Model(), (2, 2), 3, 0, (3,), 0, "a pixel")
    KerasRunner(built).run([(0, np.zeros((2, 2, 3), np.uint8))], lambda row, values: None)
    assert seen == ["highest"]
    assert jax.config.jax_default_matmul_precision is None
