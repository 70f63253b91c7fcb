from __future__ import annotations

import urllib.error
from pathlib import Path

import numpy as np
import pytest

from embedlens.backbones import get_backbone
from embedlens.backbones.construction import construction
from embedlens.backbones.families.keras_applications import KerasApplications
from embedlens.backbones.weights import INSTALLED, randomize
from embedlens.errors import WeightsError


@pytest.fixture(scope="module")
def mobilenets(keras, tmp_path_factory) -> dict[str, Path]:
    """Weights files of MobileNetV2: without and with the top, as Keras 3 and Keras 2 save them.

    Keras's downloads are of the older kind.
    """
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    folder = tmp_path_factory.mktemp("weights")
    files = {}
    for kind, top in [("notop", False), ("top", True)]:
        with construction():
            network = KerasApplications().architecture("MobileNetV2", (64, 64), top=top)
        randomize(network, seed=7)
        files[kind] = folder / f"{kind}.weights.h5"
        network.save_weights(files[kind])
        files[f"older {kind}"] = folder / f"{kind}_older.h5"
        import h5py

        with h5py.File(files[f"older {kind}"], "w") as file:
            save_weights_to_hdf5_group(file, network)
    return files


def test_random_weights_are_the_same_each_time_and_say_so():
    backbone = get_backbone("MobileNetV2", weights="random")
    first, second = backbone.load(64).get_weights(), backbone.load(96).get_weights()
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert backbone.weights.here
    assert "random" in backbone.weights.origin
    assert "not pretrained" in backbone.weights.origin


def test_random_kernels_keep_the_variance_of_what_passes_through(keras):
    """He et al. 2015: the deviation of a kernel is the root of 2 over its inputs."""
    network = keras.Sequential(
        [
            keras.Input((8, 8, 32)),
            keras.layers.Conv2D(64, 3, name="conv"),
            keras.layers.DepthwiseConv2D(7, padding="same", name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(50, name="dense"),
        ]
    )
    randomize(network)
    for name, inputs in [("conv", 9 * 32), ("depthwise", 49), ("dense", 36 * 64)]:
        kernel, bias = network.get_layer(name).get_weights()
        assert kernel.std() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
        assert abs(kernel.mean()) < 3 * kernel.std() / kernel.size**0.5
        assert not bias.any()


@pytest.mark.parametrize("kind", ["notop", "top", "older notop", "older top"])
def test_a_file_with_or_without_the_top_gives_the_same_network(mobilenets, kind):
    network = get_backbone("MobileNetV2", weights=mobilenets[kind]).load(96)
    with construction():
        expected = KerasApplications().architecture(
            "MobileNetV2", (64, 64), top="notop" not in kind
        )
    expected.load_weights(mobilenets[kind])
    assert len(network.weights) == 260
    for ours, theirs in zip(network.get_weights(), expected.get_weights()[:260], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_layer_of_the_top_needs_a_file_with_the_top(mobilenets):
    name = "MobileNetV2@predictions"
    assert get_backbone(name, weights=mobilenets["top"]).load(64).output_shape == (None, 1000)
    with pytest.raises(WeightsError, match="MobileNetV2 with its ImageNet top"):
        get_backbone(name, weights=mobilenets["notop"]).load(64)


@pytest.mark.parametrize("kind", ["notop", "older top"])
def test_weights_of_another_network_are_refused(mobilenets, kind):
    with pytest.raises(WeightsError) as error:
        get_backbone("MobileNet", weights=mobilenets[kind]).load(64)
    assert str(mobilenets[kind]) in str(error.value)
    assert "does not hold the weights of MobileNet:" in str(error.value)
    assert "--weights MobileNet=FILE" in str(error.value)


def test_weights_of_another_network_are_refused_for_xception(shared):
    file = shared / "weights" / "mobilenet_v2_notop.weights.h5"
    with pytest.raises(WeightsError, match="does not hold the weights of Xception"):
        get_backbone("Xception", weights=file).load(96)


@pytest.mark.parametrize("length", [0, 100, 5_000, 2_000_000])
def test_a_file_cut_short_is_refused(mobilenets, tmp_path, length):
    file = tmp_path / "short.weights.h5"
    file.write_bytes(mobilenets["notop"].read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"short\.weights\.h5"):
        get_backbone("MobileNetV2", weights=file).load(64)


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("weights")
    with pytest.raises(WeightsError, match=r"notes\.txt does not hold the weights of MobileNetV2"):
        get_backbone("MobileNetV2", weights=file).load(64)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("MobileNetV2", "mobilenet_v2_notop.weights.h5"),
        ("Xception", "xception_notop.weights.h5"),
        ("InceptionV3", "inception_v3_notop_near.weights.h5"),
    ],
)
def test_real_weights_tell_a_cat_from_a_cup_of_coffee(shared, keras, name, file):
    """Two halves of one photograph are nearer to each other than to the other photograph's."""
    from skimage import data

    backbone = get_backbone(name, weights=shared / "weights" / file)
    assert backbone.weights.kind == "file"
    assert file in backbone.weights.origin
    cat, coffee = data.chelsea(), data.coffee()
    pictures = [cat[:, :250], cat[:, 200:450], coffee[:300, 50:300], coffee[100:, 250:500]]
    batch = np.stack([np.asarray(keras.ops.image.resize(p, (96, 96))) for p in pictures])
    features = np.asarray(backbone.build(96).predict_on_batch(batch.astype(np.float32)))
    assert np.isfinite(features).all()
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    near = features @ features.T
    assert min(near[0, 1], near[2, 3]) > near[:2, 2:].max()


class TestWithoutNetwork:
    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch, tmp_path):
        from keras.src.utils import file_utils

        def refuse(*_: object) -> None:
            raise urllib.error.URLError("no route to host")

        monkeypatch.setattr(file_utils, "urlretrieve", refuse)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def test_absent_weights_name_both_ways_out(self):
        backbone = get_backbone("DenseNet121")
        assert not backbone.weights.here
        with pytest.raises(WeightsError) as error:
            backbone.build(64)
        message = str(error.value)
        assert "ImageNet weights of DenseNet121 are not on this machine" in message
        assert "no route to host" in message
        assert "--weights DenseNet121=FILE" in message
        assert "came with the install: EfficientNetLite0, EfficientNetLite1" in message
        assert all(get_backbone(name).weights.here for name in INSTALLED)
        assert "\n" not in message

    def test_weights_in_keras_s_cache_need_no_download(self, mobilenets, tmp_path):
        download = get_backbone("MobileNetV2").weights.download
        folder = tmp_path / "keras" / "models"
        folder.mkdir(parents=True)
        (folder / download.name).write_bytes(mobilenets["older notop"].read_bytes())
        backbone = get_backbone("MobileNetV2")
        assert backbone.weights.here
        assert backbone.weights.origin == f"ImageNet ({download.name})"
        assert len(backbone.load(64).weights) == 260


def test_a_download_lands_where_the_weights_are_looked_for(monkeypatch, tmp_path):
    """Keras reads KERAS_HOME when it is imported; we read it when we need it."""
    from keras.src.utils import file_utils

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    asked = []

    def retrieve(url: str, path: str, *_: object) -> None:
        asked.append(url)
        Path(path).write_bytes(b"not what was published")

    monkeypatch.setattr(file_utils, "urlretrieve", retrieve)
    backbone = get_backbone("DenseNet121")
    with pytest.raises(WeightsError, match="hash"):
        backbone.weights.fetch(backbone.network)
    assert asked == [backbone.weights.download.url]
    assert backbone.weights.file.is_file()
    assert backbone.weights.file.parent == tmp_path / "models"


def test_a_file_that_vanished_is_named(mobilenets, tmp_path):
    file = tmp_path / "gone.weights.h5"
    file.write_bytes(mobilenets["notop"].read_bytes())
    backbone = get_backbone("MobileNetV2", weights=file)
    file.unlink()
    with pytest.raises(WeightsError, match=r"gone\.weights\.h5 of MobileNetV2 does not exist"):
        backbone.load(64)


def test_the_digest_follows_the_content(tmp_path):
    file = tmp_path / "x.weights.h5"
    file.write_bytes(b"one")
    weights = get_backbone("MobileNetV2", weights=file).weights
    before = weights.digest()
    file.write_bytes(b"another")
    assert weights.digest() != before
    file.write_bytes(b"one")
    assert weights.digest() == before
