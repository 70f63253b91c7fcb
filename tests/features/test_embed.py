from __future__ import annotations

import importlib
import json
import math

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones import get_backbone
from embedlens.errors import EmbedlensError, ImageSetError, WeightsError
from embedlens.features import Recipe, Trunk, embed
from embedlens.features import store as store_module
from embedlens.images import ImageSet

# Not by its name in a string: `embedlens.features.embed` is the function.
EMBED = importlib.import_module("embedlens.features.embed")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "study" / "net"


@pytest.fixture
def embed_small(network_file):
    """Embeds with the small network."""
    return lambda images, **options: embed(images, str(network_file), **options)


def expected(images: ImageSet) -> np.ndarray:
    """What the engine without a network gives."""
    pictures = (images.pixels(i, (16, 16)) for i in range(len(images)))
    return np.stack([p.reshape(4, 4, 4, 4, 3).mean((1, 3)).ravel() for p in pictures])


class TestWithARealEngine:
    def test_features_are_those_of_the_network_in_the_order_of_the_pictures(
        self, images, embed_small, keras, network_file, store, difference
    ):
        network = keras.saving.load_model(network_file)
        part = keras.Model(network.input, network.get_layer("last").output)
        pictures = np.stack([images.pixels(i, (32, 32)) for i in range(len(images))])
        maps = part.predict(pictures.astype(np.float32), verbose=0)
        for options in ({}, {"store": store}, {"engine": "keras"}):
            features = embed_small(images, **options)
            assert features.values.dtype == np.float32
            assert difference(features.values, maps.mean((1, 2))) <= 1e-5

    def test_the_trunk_is_kept_in_the_run_that_embeds(
        self, images, embed_small, network_file, store, difference, monkeypatch
    ):
        """Also when it is stopped half way."""
        trunk = Trunk("norm", store.with_name("trunk"))
        recipe = Recipe.of(str(network_file)).trunk("norm")
        expected = [embed_small(images).values, embed(images, recipe).values]

        def stop(done, total):
            if done == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            embed_small(images, store=store, trunk=trunk, progress=stop)
        features = embed_small(images, store=store, trunk=trunk)
        assert 0 < features.record["embedded"] <= 7
        monkeypatch.setattr(EMBED, "make_engine", lambda *_: pytest.fail("the trunk ran again"))
        frontier = embed(images, recipe, store=trunk.store)
        assert difference(features.values, expected[0]) <= 1e-6
        assert difference(frontier.values, expected[1]) <= 1e-6

    def test_a_trunk_that_is_there_is_not_run_again(self, images, embed_small, network_file, store):
        trunk = Trunk("norm", store.with_name("trunk"))
        embed(images, Recipe.of(str(network_file)).trunk("norm"), store=trunk.store)
        before = (trunk.store / "features.npy").stat()
        embed_small(images, store=store, trunk=trunk)
        assert (trunk.store / "features.npy").stat().st_mtime_ns == before.st_mtime_ns

    def test_the_record_says_how_and_what_it_took(self, images, embed_small, store, network_file):
        features = embed_small(images, store=store, pooling="none", engine="openvino")
        record = features.record
        assert record["engine"] == "openvino"
        assert set(record["versions"]) >= {"keras", "openvino"}
        assert record["size"] == [32, 32]
        assert record["feature_map"] == [14, 14, 10]
        assert features.values.shape == (12, 1960)
        assert record["embedded"] == 12
        assert record["pooling"] == "none"
        assert record["precision"] == "float32"
        assert record["backbone"]["weights"]["kind"] == "file"
        assert features.pictures_per_second == 12 / record["seconds"]
        assert json.loads(json.dumps(record)) == record
        assert embed_small(images, store=store, pooling="none").record == record

    def test_auto_is_recorded_as_what_it_became(self, images, embed_small):
        assert embed_small(images).record["engine"] in ("openvino", "keras")

    def test_a_part_of_the_pictures_gets_the_same_bytes(self, images, embed_small):
        whole = embed_small(images, engine="openvino").values
        rows = [7, 2, 11]
        part = embed_small(images.subset(rows), engine="openvino").values
        assert part.tobytes() == whole[rows].tobytes()

    def test_resuming_ends_in_the_same_bytes(self, images, embed_small, tmp_path, contents):
        def stop(done, total):
            if done == 5:
                raise KeyboardInterrupt

        embed_small(images, store=tmp_path / "once" / "net")
        with pytest.raises(KeyboardInterrupt):
            embed_small(images, store=tmp_path / "twice" / "net", progress=stop)
        embed_small(images, store=tmp_path / "twice" / "net")
        once, twice = contents(tmp_path / "once" / "net"), contents(tmp_path / "twice" / "net")
        assert once["features.npy"] == twice["features.npy"]
        assert once["ids.txt"] == twice["ids.txt"]

    def test_resize_is_as_asked(self, images, embed_small):
        values = [embed_small(images, resize=r).values for r in ("squash", "crop", "pad")]
        assert not np.allclose(values[0], values[1])
        assert not np.allclose(values[0], values[2])


def test_a_store_is_filled_once(images, engine, embed_small, store):
    first = embed_small(images, store=store)
    second = embed_small(images, store=store)
    assert engine.embedded == list(range(12))
    np.testing.assert_allclose(first.values, expected(images), rtol=1e-6)
    np.testing.assert_array_equal(first.values, second.values)
    assert second.images is images


def test_features_without_a_store_are_held_in_memory(images, engine, embed_small):
    features = embed_small(images)
    np.testing.assert_allclose(features.values, expected(images), rtol=1e-6)


def test_a_picture_added_is_the_only_one_embedded(images, engine, embed_small, store, draw):
    before = embed_small(images, store=store).values.copy()
    new = draw(images.root / "cat" / "05b.png", 99)
    more = ImageSet.read(images.root)
    after = embed_small(more, store=store)
    assert [more.paths[row] for row in engine.embedded[12:]] == [f"cat/{new.name}"]
    old = [list(more.ids).index(each) for each in images.ids]
    np.testing.assert_array_equal(after.values[old], before)


def test_a_picture_renamed_is_not_embedded_again(images, engine, embed_small, store):
    before = embed_small(images, store=store).values.copy()
    (images.root / "cat" / "00.png").rename(images.root / "cat" / "zz.png")
    renamed = ImageSet.read(images.root)
    after = embed_small(renamed, store=store)
    assert len(engine.embedded) == 12
    assert sorted(after.values.tolist()) == sorted(before.tolist())


def test_a_picture_changed_is_embedded_again(images, engine, embed_small, store, draw):
    embed_small(images, store=store)
    draw(images.root / "cat" / "00.png", 77)
    changed = ImageSet.read(images.root)
    values = embed_small(changed, store=store).values
    assert len(engine.embedded) == 13
    np.testing.assert_allclose(values, expected(changed), rtol=1e-6)


def test_copies_of_a_picture_are_embedded_once(photos, engine, embed_small, store):
    for number in range(3):
        (photos / "cat" / f"copy {number}.png").write_bytes((photos / "cat/00.png").read_bytes())
    images = ImageSet.read(photos)
    values = embed_small(images, store=store).values
    np.testing.assert_allclose(values, expected(images), rtol=1e-6)
    assert len(engine.embedded) == len(set(images.ids)) == 12


@pytest.mark.parametrize(
    "change",
    [
        {"pooling": "max"},
        {"size": 24},
        {"resize": "pad"},
        {"precision": "bf16"},
        {"engine": "keras"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_setting_embeds_anew(images, engine, embed_small, store, change):
    embed_small(images, store=store, engine="openvino")
    embed_small(images, store=store, **{"engine": "openvino", **change})
    assert len(engine.embedded) == 24


def test_another_layer_scaling_or_weights_embed_anew(images, engine, store, tmp_path):
    file = tmp_path / "lite.pth"
    file.write_bytes(b"weights")
    names = ["EfficientNetLite0", "EfficientNetLite0@blocks_3_add"]
    backbones = [
        *map(get_backbone, names),
        get_backbone(names[0], weights="random"),
        get_backbone(names[0], preprocessing="tf"),
        get_backbone(names[0], weights=file),
    ]
    for backbone in backbones:
        embed(images, backbone, store=store)
    assert len(engine.embedded) == 12 * len(backbones)


def test_a_size_is_the_same_as_a_number_and_as_a_pair(images, engine, embed_small, store):
    embed_small(images, store=store, size=24)
    embed_small(images, store=store, size=(24, 24))
    assert len(engine.embedded) == 12


def test_progress_counts_up_to_all_pictures(images, engine, embed_small, store):
    told = []
    embed_small(images, store=store, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]


def test_progress_counts_what_was_there_already(images, engine, embed_small, store, draw):
    embed_small(images.subset(range(8)), store=store)
    told = []
    embed_small(images, store=store, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(9, 13)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_name_the_picture(images, engine, embed_small, store, bad):
    def spoil(row, values):
        return np.where(np.arange(48) == 7, bad, values) if row == 5 else values

    engine.values = spoil
    with pytest.raises(EmbedlensError) as error:
        embed_small(images, store=store)
    assert str(images.paths[5]) in str(error.value)
    assert "not finite" in str(error.value)
    engine.values = lambda row, values: values
    embed_small(images, store=store)
    assert sorted(set(engine.embedded)) == list(range(12))
    assert engine.embedded.count(0) == 1


def test_a_picture_that_vanishes_is_named_and_the_rest_is_kept(images, engine, embed_small, store):
    lost = images.root / images.paths[9]
    lost.unlink()
    with pytest.raises(ImageSetError) as error:
        embed_small(images, store=store)
    assert images.paths[9] in str(error.value)
    assert "Run again" in str(error.value)
    assert engine.embedded == list(range(9))
    again = ImageSet.read(images.root)
    values = embed_small(again, store=store).values
    assert len(engine.embedded) == 11, "what was embedded before the error was embedded again"
    np.testing.assert_allclose(values, expected(again), rtol=1e-6)


def test_a_picture_that_becomes_another_is_named(images, engine, embed_small, store):
    (images.root / images.paths[4]).write_bytes(b"no picture any more")
    with pytest.raises(ImageSetError, match=images.paths[4]):
        embed_small(images, store=store)


def test_an_interrupt_leaves_what_is_done(images, engine, embed_small, store):
    def interrupt(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_small(images, store=store, progress=interrupt)
    embed_small(images, store=store)
    assert sorted(engine.embedded) == list(range(12)), "some row was embedded twice"


def test_a_full_disk_is_told_in_a_sentence(images, engine, embed_small, store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embedlens.features.store._reserve", full)
    with pytest.raises(EmbedlensError) as error:
        embed_small(images, store=store)
    assert str(store) in str(error.value)
    assert "No space left on device" in str(error.value)
    assert "Make room" in str(error.value)
    assert engine.embedded == []


def test_a_disk_that_fills_up_midway_keeps_what_is_written(
    images, engine, embed_small, store, monkeypatch
):
    write_all = store_module._write_all

    def full(file, data):
        if len(engine.embedded) > 6:
            raise OSError(28, "No space left on device")
        write_all(file, data)

    monkeypatch.setattr(store_module, "_write_all", full)
    with pytest.raises(EmbedlensError, match="No space left"):
        embed_small(images, store=store)
    monkeypatch.setattr(store_module, "_write_all", write_all)
    embed_small(images, store=store)
    assert len(engine.embedded) == 13


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(images, engine, embed_small, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbedlensError, match="cannot be written to"):
        embed_small(images, store=tmp_path / "file" / "net")


def test_an_unknown_precision_or_engine_is_named(images, embed_small):
    with pytest.raises(EmbedlensError, match="'float16'; choose float32 or bf16"):
        embed_small(images, precision="float16")
    with pytest.raises(EmbedlensError, match="'tensorrt'"):
        embed_small(images, engine="tensorrt")


def test_weights_that_vanished_are_told_before_anything_is_done(images, engine, tmp_path, store):
    file = tmp_path / "x.weights.h5"
    file.touch()
    backbone = get_backbone("MobileNetV2", weights=file)
    file.unlink()
    with pytest.raises(WeightsError):
        embed(images, backbone, store=store)
    assert not store.parent.exists()


def test_speed_is_unknown_where_nothing_was_computed(images, engine, embed_small, store):
    embed_small(images, store=store)
    features = embed_small(images, store=store)
    assert features.pictures_per_second > 0
    features.record["seconds"] = 0.0
    assert math.isnan(features.pictures_per_second)


def test_a_run_that_finds_all_rows_written_has_no_speed(images, engine, store, monkeypatch):
    """Killed after the last row and before the store was finished."""
    monkeypatch.setattr(store_module.FeatureStore, "finish", _killed)
    with pytest.raises(KeyboardInterrupt):
        embed(images, "EfficientNetLite0", store=store)
    monkeypatch.undo()
    monkeypatch.setattr(EMBED, "make_engine", lambda *_: engine)
    features = embed(images, "EfficientNetLite0", store=store)
    assert features.record["embedded"] == 0
    assert math.isnan(features.pictures_per_second)


def _killed(*_):
    raise KeyboardInterrupt


def test_pictures_of_any_kind_come_as_rgb_of_the_network_s_size(engine, embed_small, tmp_path):
    for number, mode in enumerate(["L", "P", "RGBA", "CMYK", "I;16", "1"]):
        suffix = "jpg" if mode == "CMYK" else "png"
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (50, 20), 1).save(path)
    images = ImageSet.read(tmp_path / "photos")
    assert embed_small(images).values.shape == (6, 48)
