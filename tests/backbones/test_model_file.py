from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedlens.backbones import get_backbone
from embedlens.errors import BackboneError


@pytest.fixture(params=[".keras", ".h5"])
def save(tmp_path, request):
    """Saves a model in either of Keras's files."""

    def save(model) -> Path:
        path = tmp_path / f"net{request.param}"
        model.save(path)
        return path

    return save


@pytest.fixture
def network(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.Conv2D(6, 3, name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, name="head"),
        ],
        name="net",
    )


@pytest.fixture
def batch(pixels):
    return pixels[:, :32, :32]


@pytest.fixture
def outputs(keras, network, batch):
    """What a layer of the network gives for some pixels."""

    def outputs(layer, pixels=batch):
        return np.asarray(keras.Model(network.inputs[0], network.get_layer(layer).output)(pixels))

    return outputs


def test_a_model_is_cut_at_its_last_feature_map(save, network, batch, outputs):
    model = get_backbone(str(save(network))).build(pooling="none")
    expected = outputs("last").reshape(2, -1)
    np.testing.assert_allclose(np.asarray(model(batch)), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("layer", "shape"), [("first", (30, 30, 4)), ("head", (5,))])
def test_a_model_is_cut_at_a_named_layer(save, network, batch, outputs, layer, shape):
    model = get_backbone(f"{save(network)}@{layer}").build(pooling="none")
    expected = outputs(layer)
    assert expected.shape[1:] == shape
    given = np.asarray(model(batch))
    np.testing.assert_allclose(given, expected.reshape(2, -1), rtol=1e-4, atol=1e-3)


def test_a_pretrained_network_inside_a_model_is_its_last_feature_map(keras, save, batch):
    """What transfer learning saves: augmentation, scaling, a network as one layer, a head."""
    layers = keras.layers
    inner_input = keras.Input((32, 32, 3))
    trunk = keras.Model(inner_input, layers.Conv2D(7, 3)(inner_input), name="trunk")
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(layers.RandomFlip()(inputs))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(trunk(x)))
    path = save(keras.Model(inputs, layers.Dense(3)(x)))
    expected = np.asarray(trunk(batch / 127.5 - 1))
    for name in (str(path), f"{path}@trunk"):
        given = np.asarray(get_backbone(name).build(pooling="none")(batch))
        np.testing.assert_allclose(given, expected.reshape(2, -1), rtol=1e-4, atol=1e-4)


def test_a_model_without_feature_maps_gives_its_output(keras, save, batch):
    layers = keras.layers
    network = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(5)])
    model = get_backbone(str(save(network))).build()
    np.testing.assert_allclose(
        np.asarray(model(batch)), np.asarray(network(batch)), rtol=1e-4, atol=1e-3
    )


def test_an_open_input_takes_any_size(keras, save, pixels):
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    path = save(network)
    assert get_backbone(str(path)).build((48, 64), "none").output_shape == (None, 46 * 62 * 4)
    assert get_backbone(str(path)).build(pooling="none").input_shape == (None, 224, 224, 3)


def test_a_fixed_input_refuses_another_size(save, network):
    with pytest.raises(BackboneError, match=r"takes pictures of \(32, 32, 3\), not of \(64, 64, 3"):
        get_backbone(str(save(network))).build(64)


@pytest.mark.parametrize("shape", [(32, 32, 1), (32, 32, 4)])
def test_a_model_of_other_channels_is_refused(keras, save, shape):
    path = save(keras.Sequential([keras.Input(shape), keras.layers.Conv2D(4, 3)]))
    with pytest.raises(BackboneError, match=r"takes pictures of"):
        get_backbone(str(path)).build()


def test_a_model_that_takes_no_picture_is_refused(keras, save):
    path = save(keras.Sequential([keras.Input((10,)), keras.layers.Dense(4)]))
    with pytest.raises(BackboneError, match=r"\(None, 10\).*one picture"):
        get_backbone(str(path)).build()


def trapped(keras, trap):
    run = eval(f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x)[1]")
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Lambda(run)])


def test_a_model_with_code_inside_is_refused_before_the_code_runs(keras, save, trap):
    path = save(trapped(keras, trap))
    trap.unlink()  # building the model ran it once
    with pytest.raises(BackboneError, match="without running code from it"):
        get_backbone(str(path)).build()
    assert not trap.exists()


def test_the_code_would_have_run(keras, save, trap):
    """The test above means something: Keras runs the code when it is told that it is safe."""
    path = save(trapped(keras, trap))
    trap.unlink()
    keras.saving.load_model(path, safe_mode=False)
    assert trap.exists()


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5", ".H5"])
def test_a_file_that_is_no_model_is_refused(tmp_path, suffix, data):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(data)
    with pytest.raises(BackboneError, match=r"cannot be loaded as a Keras model"):
        get_backbone(str(path)).build()


def test_weights_without_an_architecture_are_no_model(network, tmp_path):
    path = tmp_path / "net.weights.h5"
    network.save_weights(path)
    with pytest.raises(BackboneError, match=r"cannot be loaded as a Keras model"):
        get_backbone(str(path)).build()


def test_pixels_go_in_as_they_are_by_default(save, network, batch):
    given = get_backbone(str(save(network))).preprocess(batch.copy())
    np.testing.assert_array_equal(given, batch)


@pytest.mark.parametrize(
    ("mode", "module"), [("tf", "mobilenet_v2"), ("torch", "densenet"), ("caffe", "resnet")]
)
def test_a_scaling_is_that_of_the_networks_that_use_it(
    keras, save, network, batch, outputs, mode, module
):
    """Inside the model, and in the order of channels too."""
    path = save(network)
    own = getattr(keras.applications, module).preprocess_input(batch.copy())
    backbone = get_backbone(f"{path}@first", preprocessing=mode)
    given = np.asarray(backbone.build(pooling="none")(batch))
    expected = outputs("first", own).reshape(2, -1)
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-3)
