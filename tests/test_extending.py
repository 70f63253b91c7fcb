"""What CONTRIBUTING.md says can be added is added here, through the public way, and is served.

The toys need neither Keras nor OpenVINO, so that nothing of them is there by accident.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from embedlens import Study, embed
from embedlens.backbones import (
    Backbone,
    Built,
    Family,
    Transform,
    Weights,
    get_backbone,
    list_backbones,
    register_family,
)
from embedlens.backbones.families import registered
from embedlens.errors import BackboneError, EmbedlensError
from embedlens.features import Recipe, choose_engine, register_engine
from embedlens.features.engines import registry
from embedlens.images import ImageSet
from embedlens.learn import finetune
from embedlens.report import Section, register_section, tables
from embedlens.report.sections import registered as sections
from embedlens.results import MAPS, SCORES, Score, Space, reduced_features
from embedlens.study import maps, register_map, register_score, scores
from embedlens.viewer.study_scene import study_scene


class Mosaics(Family):
    """Networks without weights: a picture's mean colours in so many tiles a side."""

    name = "mosaics"
    forms = ("arithmetic",)
    packages = ("numpy",)

    def networks(self):
        return ["mosaic:2", "mosaic:4"]

    def backbone(self, network, layer=None, weights=None):
        tiles = int(network.partition(":")[2])
        return Backbone(
            f"{network}@{layer}" if layer else network, network, self, layer, Weights("random"),
            Transform((8, 12), resize="crop", crop=0.5, interpolation="bicubic", scale=255.0),
            parameters=0, feature_map=(tiles, tiles, 3),
        )  # fmt: skip

    def build(self, backbone, form, transform, pooling, tail):
        tiles = int(backbone.network.partition(":")[2])
        height, width = transform.size

        def model(pixels):
            whole = transform.apply(pixels.astype(np.float32))
            parts = whole.reshape(tiles, height // tiles, tiles, width // tiles, 3)
            return parts.mean((1, 3)).ravel()

        return Built(
            model,
            (height, width),
            3 * tiles**2,
            0,
            (tiles, tiles, 3),
            0,
            "mean colours of the tiles",
        )


class Abacus:
    """An engine for what the family above builds."""

    name = "abacus"
    form = "arithmetic"
    packages = ("pillow", "numpy")

    def suits(self):
        return True

    def load(self, recipe, tail=None):
        backbone = recipe.backbone
        return Sums(backbone.family.build(backbone, self.form, recipe.transform, "none", tail))


class Sums:
    def __init__(self, built):
        self.model, self.size, self.features = built.model, built.size, built.features
        self.frontier, self.feature_map = built.frontier, built.feature_map
        self.parameters, self.vector = built.parameters, built.vector

    def run(self, pictures, write):
        for row, pixels in pictures:
            write(row, self.model(pixels))


FIRST_THREE = Space("first_three", "first three features", "largest", learned=True)


def first_three(geometry, images, seed):
    """A map that says it knows the labels."""
    return geometry.points[:, :3], float(geometry.points[:, :3].max())


KNOWN_CLASSES = Score("known_classes", "Known classes")


def known_classes(known):
    return len(np.unique(known.labels))


@dataclass
class Widths(Section):
    """Says how wide the pictures are; its template is its own."""

    template: Path

    key = "widths"
    title = "How wide the pictures are"
    link = "Widths"

    def applies(self, material):
        return "width" in material.results.pictures

    def context(self, material):
        return {"widths": material.results.pictures["width"].unique().tolist()}


class Nowhere(Section):
    """Applies to no study."""

    key = title = link = "nowhere"

    def applies(self, material):
        return False


class Elsewhere(Nowhere):
    key = "elsewhere"


@pytest.fixture(scope="module")
def _extended(tmp_path_factory):
    """The toys, registered for the tests of this file alone."""
    template = tmp_path_factory.mktemp("section") / "widths.html"
    template.write_text(
        '{% from "macros.html" import count %}'
        '<p>{{ count(material.pictures, "picture", "pictures") }}'
        ' of {{ widths | join(", ") }} pixels & more: {{ "<b>" }}</p>'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registered, "_FAMILIES", list(registered._FAMILIES))
        patch.setattr(registry, "_ENGINES", list(registry._ENGINES))
        patch.setattr(sections, "_SECTIONS", list(sections._SECTIONS))
        register_family(Mosaics())
        register_engine(Abacus())
        register_section(Widths(template), before="pictures")
        register_section(Nowhere())
        register_map(FIRST_THREE, first_three)
        register_score(KNOWN_CLASSES, known_classes)
        yield
    MAPS.remove(FIRST_THREE.key)
    SCORES.remove(KNOWN_CLASSES.key)
    del maps._MAKERS[FIRST_THREE.key], scores._MEASURERS[KNOWN_CLASSES.key]


pytestmark = pytest.mark.usefixtures("_extended")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two classes of 10 pictures, of warm and of cold colours."""
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for i in range(20):
        name = ("warm", "cold")[i % 2]
        pixels = rng.integers(0, 128, (24, 30, 3), dtype=np.uint8)
        pixels[..., 0 if name == "warm" else 2] += 100
        (folder / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def test_a_family_is_listed_found_and_suggested():
    assert [each.name for each in list_backbones(family="mosaics")] == ["mosaic:2", "mosaic:4"]
    assert [each.name for each in list_backbones(search="SAIC:4")] == ["mosaic:4"]
    assert get_backbone("Mosaic:2@layer").name == "mosaic:2@layer"
    with pytest.raises(BackboneError, match="Did you mean mosaic:"):
        get_backbone("mosaik:2")


def test_a_family_is_in_the_command_that_lists():
    from embedlens.cli.app import app

    done = CliRunner().invoke(app, ["backbones", "--json"])
    rows = {row["backbone"]: row for row in json.loads(done.stdout)}
    assert rows["mosaic:2"]["input"] == [8, 12]
    assert rows["mosaic:2"]["feature map"] == "2x2x3"


def test_the_engine_that_can_run_a_family_is_chosen():
    assert choose_engine("auto", get_backbone("mosaic:2")).name == "abacus"
    assert choose_engine("auto", get_backbone("EfficientNetLite0")).name != "abacus"
    with pytest.raises(EmbedlensError, match=r"mosaic:2 cannot be run .* 'openvino'.* abacus"):
        choose_engine("openvino", get_backbone("mosaic:2"))
    with pytest.raises(EmbedlensError, match=r"EfficientNetLite0 cannot be run .* 'abacus'"):
        choose_engine("abacus", get_backbone("EfficientNetLite0"))


def centre(path: Path) -> np.ndarray:
    """The middle of a picture of 30 x 24, as the toy's transform wants it, by Pillow alone."""
    with Image.open(path) as picture:
        # Fitted to 24 x 16 pixels or more, 24 x 19 that is, of which the centre 12 x 8 are kept.
        whole = picture.resize((24, 19), Image.Resampling.BICUBIC)
        return np.asarray(whole.crop((6, 6, 18, 14)))


def test_features_are_of_pictures_decoded_as_the_transform_says(pictures):
    images = ImageSet.read(pictures)
    features = embed(images, "mosaic:2")
    shown = np.stack([centre(pictures / path) for path in images.paths]) / 255
    expected = shown.reshape(20, 2, 4, 2, 6, 3).mean((2, 4)).reshape(20, 12)
    np.testing.assert_allclose(features.values, expected, atol=1e-5)
    record = features.record
    assert record["engine"] == "abacus"
    assert set(record["versions"]) == {"numpy", "pillow"}
    assert record["transform"]["interpolation"] == "bicubic"
    assert (record["resize"], record["size"]) == ("crop", [8, 12])


def test_the_user_s_way_to_resize_beats_the_transform_s(pictures):
    images = ImageSet.read(pictures)
    squashed = embed(images, "mosaic:2", resize="squash")
    assert squashed.record["resize"] == squashed.record["transform"]["resize"] == "squash"
    with Image.open(pictures / images.paths[0]) as picture:
        shown = np.asarray(picture.resize((12, 8), Image.Resampling.BICUBIC)) / 255
    expected = shown.reshape(2, 4, 2, 6, 3).mean((1, 3)).ravel()
    np.testing.assert_allclose(squashed.values[0], expected, atol=1e-5)


def test_a_recipe_s_key_knows_the_transform(pictures):
    own, squashed = Recipe.of("mosaic:2"), Recipe.of("mosaic:2", resize="squash")
    assert own.key() != squashed.key()
    assert Recipe.of(squashed, resize="crop").transform.crop == 1.0, "all of the centre"


def test_a_family_that_is_not_keras_s_cannot_be_tuned_and_says_so(pictures):
    with pytest.raises(BackboneError, match="mosaic:2 cannot be fine-tuned"):
        finetune(ImageSet.read(pictures), "mosaic:2")


def test_what_a_family_needs_and_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(Mosaics, "requires", ("json", "no_such_module"))
    monkeypatch.setattr(Mosaics, "extra", "mosaics")
    assert len(list_backbones(family="mosaics")) == 2
    with pytest.raises(BackboneError, match=r"needs no_such_module.*'embedlens\[mosaics\]'"):
        get_backbone("mosaic:2")


def test_two_of_one_name_are_refused():
    with pytest.raises(BackboneError, match="family 'mosaics' already"):
        register_family(Mosaics())
    with pytest.raises(EmbedlensError, match="engine 'abacus' already"):
        register_engine(Abacus())
    with pytest.raises(ValueError, match="section 'widths' already"):
        register_section(Widths(Path("widths.html")))
    with pytest.raises(ValueError, match=r"no section 'widht' to come before; take verdict, "):
        register_section(Elsewhere(), before="widht")
    with pytest.raises(ValueError, match="'first_three' already"):
        register_map(FIRST_THREE, first_three)
    with pytest.raises(ValueError, match="'known_classes' already"):
        register_score(KNOWN_CLASSES, known_classes)


@pytest.fixture(scope="module")
def study(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "out"
    study = Study(
        pictures, ["mosaic:2", "mosaic:4"], out=folder, repeats=1, maps=["pca", FIRST_THREE.key]
    )
    study.run()
    return study


def test_a_family_and_an_engine_go_through_a_study_to_its_report(study):
    rows = study.results().backbones.set_index("backbone")
    assert rows["family"].to_list() == ["mosaics"] * 2
    assert rows["engine"].to_list() == ["abacus"] * 2
    assert rows["resize"].to_list() == ["crop"] * 2
    assert "of which the centre of 8 x 12 pixels is kept" in rows["transform"]["mosaic:4"]
    page = study.report().read_text(encoding="utf-8")
    assert "mosaic:2" in page
    assert "of which the centre of 8 x 12 pixels is kept" in page


def test_a_map_is_made_measured_and_judged(study, pictures):
    results = study.results()
    features = embed(ImageSet.read(pictures), "mosaic:2").values
    made = results.maps["mosaic:2", "pretrained"]["first_three"]
    np.testing.assert_allclose(made, features[:, :3], rtol=1e-6)
    rows = results.measures[results.measures["backbone"] == "mosaic:2"].set_index("metric")
    assert rows.loc["first_three.largest", "value"] == pytest.approx(made.max())
    # It learned from the training pictures, so it is judged on the others alone.
    assert rows.loc[["silhouette.first_three"], "split"].to_list() == ["test"]
    assert rows.loc["first_three.trustworthiness", "value"] <= 1
    assert "first_three" in set(reduced_features(results)["space"])


def test_a_map_is_in_tables_report_and_viewer(study):
    shown = tables(study.results())
    assert (shown["maps"].frame["space"] == FIRST_THREE.title).sum() == 2
    assert f"mosaic:2 (random weights): {FIRST_THREE.title} (test)" in shown["silhouettes"].frame
    page = study.report().read_text(encoding="utf-8")
    written = (study.folder / "tables" / "maps.csv").read_text(encoding="utf-8")
    assert written.count(FIRST_THREE.title) == 2
    heading = f'<h4>{FIRST_THREE.title} <span class="badge">learned with labels</span>'
    assert page.count(heading) == 2
    assert (study.folder / "figures" / "map-mosaic_2.svg").is_file()
    offered = [
        each for each in study_scene(study.results()).manifest()["maps"]
        if each["method"] == "first_three"
    ]  # fmt: skip
    assert [each["name"] for each in offered] == [
        f"mosaic:2 · {FIRST_THREE.title}", f"mosaic:4 · {FIRST_THREE.title}",
    ]  # fmt: skip
    assert all(each["learned"] for each in offered)


def test_a_score_is_measured_and_shown(study):
    results = study.results()
    rows = results.measures[results.measures["metric"] == "score.known_classes"]
    assert rows[["backbone", "split", "value"]].to_numpy().tolist() == [
        ["mosaic:2", "train", 2.0], ["mosaic:4", "train", 2.0],
    ]  # fmt: skip
    frame = tables(results)["scores"].frame
    assert frame[KNOWN_CLASSES.title].to_list() == [2.0, 2.0]
    assert KNOWN_CLASSES.title in study.report().read_text(encoding="utf-8")


def test_a_section_is_in_the_report_where_it_applies(study):
    page = study.report().read_text(encoding="utf-8")
    assert '<a href="#widths">Widths</a>' in page
    assert page.count('<h2 id="widths-title">How wide the pictures are</h2>') == 1
    assert "20 pictures of 30 pixels & more: &lt;b&gt;</p>" in page
    assert page.index('id="labels"') < page.index('id="pictures"') < page.index('id="widths"')
    assert 'id="nowhere"' not in page
    assert "#nowhere" not in page


KERAS_FAMILY = """
from embedlens.backbones import Backbone, Transform
from embedlens.backbones.families.keras_architecture import KerasArchitectures
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.weights import Weights

class Pyramids(KerasArchitectures):
    name = "pyramids"

    def networks(self):
        return ["Pyramid"]

    def backbone(self, network, layer=None, weights=None):
        name = f"{network}@{layer}" if layer else network
        transform = Transform((16, 16), scale=127.5, mean=(1.0, 1.0, 1.0))
        return Backbone(name, network, self, layer, Weights("random"), transform)

    def architecture(self, network, size, *, top):
        keras = import_keras()
        pixels = keras.Input((*size, 3))
        maps = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="stem")(pixels)
        return keras.Model(pixels, keras.layers.Conv2D(6, 3, name="last")(maps), name="pyramid")
"""


def test_a_family_of_keras_networks_runs_on_openvino_and_is_tuned(pictures, tmp_path, monkeypatch):
    """The process that exports to OpenVINO gets the family by the name of its class."""
    (tmp_path / "pyramids.py").write_text(KERAS_FAMILY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path / "cache"))
    import pyramids

    monkeypatch.setattr(registered, "_FAMILIES", [*registered._FAMILIES, pyramids.Pyramids()])
    images = ImageSet.read(pictures)
    fast = embed(images, "pyramid", engine="openvino")
    slow = embed(images, "pyramid", engine="keras")
    assert fast.values.shape == (20, 6)
    np.testing.assert_allclose(fast.values, slow.values, rtol=1e-4, atol=1e-4)
    tuned = finetune(images, slow.recipe, epochs=1)
    assert tuned.layer == "last"
    del sys.modules["pyramids"]


@pytest.mark.parametrize("where", ["a function", "a module of this process alone"])
def test_a_family_that_no_other_process_can_import_is_told_so(
    pictures, tmp_path, monkeypatch, where
):
    class Hidden(Mosaics):
        name = "hidden"
        forms = ("openvino",)

        def networks(self):
            return ["hidden:2"]

    if where != "a function":
        Hidden.__qualname__, Hidden.__module__ = "Hidden", "nowhere_else"
        module = ModuleType("nowhere_else")
        module.Hidden = Hidden
        monkeypatch.setitem(sys.modules, "nowhere_else", module)
    monkeypatch.setattr(registered, "_FAMILIES", [*registered._FAMILIES, Hidden()])
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path))
    with pytest.raises(BackboneError, match=r"does not reach the process .* 'keras'"):
        embed(ImageSet.read(pictures), "hidden:2", engine="openvino")
