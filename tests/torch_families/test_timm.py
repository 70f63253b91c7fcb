"""timm's networks from files of pictures and weights, against timm's own transform and forward."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="needs the extra [torch]")
torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from safetensors.torch import save_file  # noqa: E402

from embedlens.backbones import get_backbone, list_backbones  # noqa: E402
from embedlens.backbones.families import timm_family  # noqa: E402
from embedlens.backbones.hub_file import HubFile  # noqa: E402
from embedlens.backbones.transform_file import timm_transform  # noqa: E402
from embedlens.errors import BackboneError, WeightsError  # noqa: E402
from embedlens.features.decoding import decoded  # noqa: E402

# Convolutions, class token, attention pool, class token instead of the average, squash.
NETWORKS = [
    ("test_vit", {}),
    ("test_vit3", {}),
    ("test_efficientnet", {}),
    ("test_convnext", {}),
    ("mobilenetv4_conv_small", {}),
    ("vit_small_patch16_dinov3", {"global_pool": "token"}),
]


def reference(name, options, opened, randomized, path: Path | None = None):
    """What timm says, and a file of the weights it says it with."""
    module = randomized(timm.create_model(name, num_classes=0, **options))
    if path is not None:
        save_file({k: v.contiguous().clone() for k, v in module.state_dict().items()}, path)
    config = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        rows = [module(transform(image)[None])[0].numpy() for image in opened]
    return np.stack(rows)


@pytest.mark.parametrize(("name", "options"), NETWORKS, ids=lambda v: v if type(v) is str else "")
def test_features_are_those_of_timm(name, options, opened, randomized, embedded, cosines, tmp_path):
    """The vector that counts, of timm's own pipeline, from the same files."""
    file = tmp_path / "weights.safetensors"
    expected = reference(name, options, opened, randomized, file)
    backbone = get_backbone(f"timm:{name}", weights=file)
    assert cosines(embedded(backbone), expected) >= 0.9999


@pytest.mark.parametrize("name", ["test_vit", "test_efficientnet"])
def test_a_network_that_was_saved_as_a_part_of_another_is_taken_from_it(
    name, randomized, opened, embedded, cosines, tmp_path
):
    """As what trains without labels keeps it: under a prefix, with a head, beside its optimiser."""
    own = randomized(timm.create_model(name))
    state = {f"net.backbone.{key}": each for key, each in own.state_dict().items()}
    state["net.projector.0.weight"] = torch.zeros(3, 3)
    held = {"epoch": 3, "optimizer": {"state": {}}, "network": state}
    torch.save(held, tmp_path / "one.pth")
    expected = reference(name, {}, opened, randomized)
    backbone = get_backbone(f"timm:{name}", weights=tmp_path / "one.pth")
    assert cosines(embedded(backbone, form="torch"), expected) >= 0.9999
    twice = state | {key.replace("net.", "teacher."): each for key, each in state.items()}
    for held, said in (
        (twice, r"holds 2 networks that could be timm:\S+, under net\.backbone\., teacher\."),
        ({"student": state, "teacher": state}, r"several state dicts \(student, teacher\)"),
    ):
        torch.save(held, tmp_path / "two.pth")
        backbone = get_backbone(f"timm:{name}", weights=tmp_path / "two.pth")
        with pytest.raises(WeightsError, match=said):
            backbone.family.build(backbone, "torch", backbone.transform, "own", None)


def published(name, module):
    """Write a module's weights where timm's cache of the hub has those of a network."""
    file = HubFile(f"timm/{name}", ("model.safetensors",)).file
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous().clone() for k, v in module.state_dict().items()}, file)


@pytest.mark.parametrize("name", ["test_convnext.r160_in1k", "efficientvit_m0.r224_in1k"])
def test_the_classifier_is_read_without_timm(name, randomized):
    """Its kernel and bias turn the features into timm's own logits; one normalises them first."""
    own = randomized(timm.create_model(name))
    published(name, own)
    backbone = get_backbone(f"timm:{name}")
    kernel, bias = backbone.imagenet_top()
    built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    picture = torch.rand(1, *backbone.transform.size, 3) * 255
    with torch.no_grad():
        features = built.model(picture).numpy()
        expected = own(built.model.scaling(picture)).numpy()
    np.testing.assert_allclose(features @ kernel + bias, expected, rtol=1e-3, atol=1e-3)


def test_a_head_of_several_layers_beside_a_norm_is_left_out(randomized):
    """The vector is what goes into it, and it is no dense layer on that."""
    name = "convformer_s18.sail_in1k"
    own = randomized(timm.create_model(name))
    published(name, own)
    backbone = get_backbone(f"timm:{name}")
    network = backbone.family.network(backbone, (64, 64))
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        features = network.vector(network.module, picture)
        expected = own.forward_head(own.forward_features(picture), pre_logits=True)
    torch.testing.assert_close(features, expected)
    assert len(backbone.imagenet_top()[0]) != features.shape[1]


def test_a_folder_of_timm_s_is_a_backbone(randomized, opened, embedded, cosines, tmp_path):
    """As ``timm.models.save_for_hf`` writes one, with architecture and transform."""
    own = randomized(timm.create_model("test_vit", num_classes=5))
    timm.models.save_for_hf(own, tmp_path, model_config={"num_classes": 5})
    module = timm.create_model(f"local-dir:{tmp_path}", pretrained=True, num_classes=0).eval()
    config = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        expected = np.stack([module(transform(each)[None])[0].numpy() for each in opened])
    backbone = get_backbone(f"timm:local-dir:{tmp_path}")
    assert cosines(embedded(backbone, form="torch"), expected) >= 0.9999


CONFIGURATIONS = [
    {"num_classes": 0},
    {"input_size": None, "interpolation": "", "crop_mode": None},
    {"input_size": [3, 96, 80], "crop_pct": 0.8, "mean": [0.5] * 3, "std": [0.25] * 3},
    {"input_size": [3, 96, 96], "crop_pct": 1.2, "interpolation": "bilinear"},
    {"input_size": [3, 96, 96], "crop_mode": "squash", "crop_pct": 0.9},
    {"input_size": [3, 96, 96], "crop_mode": "border", "crop_pct": 1.0},
]


@pytest.mark.parametrize("stated", CONFIGURATIONS, ids=str)
def test_a_configuration_s_pixels_are_those_of_timm(stated, images, opened):
    """What it does not say, too; a level of 255 apart at most."""
    config = timm.data.resolve_data_config({}, pretrained_cfg=stated)
    theirs = timm.data.create_transform(**config, is_training=False)
    own = timm_transform(stated)
    one = 1.01 / (own.scale * min(own.deviation))
    # timm makes a side of no pixels of a strip that it fits into a border.
    rows = [i for i, each in enumerate(opened) if own.resize != "pad" or min(each.size) > 4]
    for row, pixels in decoded(images, rows, own):
        given = own.apply(np.asarray(pixels, np.float32)).transpose(2, 0, 1)
        expected = theirs(opened[row]).numpy()
        np.testing.assert_allclose(given, expected, rtol=0, atol=one, err_msg=images.paths[row])


@pytest.mark.parametrize("size", [(1, 64, 64), (3, 64, 64)], ids=str)
def test_a_folder_of_a_network_of_one_channel_is_refused(size, tmp_path):
    """Whether its pictures' size says so or only its architecture's arguments."""
    overlay = {"input_size": size, "mean": (0.5,) * size[0], "std": (0.5,) * size[0]}
    own = timm.create_model("test_convnext", in_chans=1, pretrained_cfg_overlay=overlay)
    timm.models.save_for_hf(own, tmp_path, model_args={"in_chans": 1})
    with pytest.raises(BackboneError, match=r"config\.json.* 1[ ,].*pictures have 3"):
        get_backbone(f"timm:local-dir:{tmp_path}")


def test_weights_of_another_depth_are_refused(randomized, tmp_path):
    """Every tensor of the smaller network is there, and means something else."""
    file = tmp_path / "weights.pth"
    torch.save(timm.create_model("test_vit", depth=8).state_dict(), file)
    backbone = get_backbone("timm:test_vit", weights=file)
    with pytest.raises(WeightsError, match=r"does not hold the weights of timm:test_vit"):
        backbone.family.build(backbone, "torch", backbone.transform, "own", None)


def test_the_table_says_what_timm_says():
    """Of every network the transform, the licence and where its weights are."""
    if timm.__version__ != timm_family._table()["timm"]:
        pytest.skip("the table is of another timm")
    for name in ("resnet50", "vit_base_patch16_siglip_224", "vit_small_patch14_dinov2"):
        assert timm_family.introspect(name).pretrained == {
            tag: replace(each, url=each.url or row.url)
            for (tag, each), row in zip(
                timm_family.architectures()[name].pretrained.items(),
                timm_family.introspect(name).pretrained.values(),
                strict=True,
            )
        }


@pytest.fixture
def another_timm(monkeypatch):
    """The installed timm is not the table's: an architecture and a tag are of its own."""
    table = dict(timm_family.architectures())
    missing = table.pop("resnet18")
    known = table["resnet34"]
    tag, *_ = known.pretrained
    less = {name: each for name, each in known.pretrained.items() if name != tag}
    table["resnet34"] = replace(known, pretrained=less)
    monkeypatch.setattr(timm_family, "_table_holds", lambda: False)
    monkeypatch.setattr(timm_family, "architectures", lambda: table)
    timm_family._installed.cache_clear()
    yield missing, tag
    timm_family._installed.cache_clear()


def test_with_another_timm_lists_ask_it_nothing(another_timm, monkeypatch):
    """It would build a thousand networks to say what the table says."""
    monkeypatch.setattr(timm_family, "introspect", None)
    assert len(list_backbones(family="timm")) > 1000
    assert get_backbone("timm:resnet50", weights="random").size == 224


def test_what_only_the_installed_timm_has_is_taken_from_it(another_timm):
    missing, tag = another_timm
    found = timm_family.described("resnet18")
    assert (found.parameters, found.features) == (missing.parameters, missing.features)
    assert found.pretrained.keys() == missing.pretrained.keys()
    assert get_backbone(f"timm:resnet34.{tag}", weights="random").network == f"timm:resnet34.{tag}"
    with pytest.raises(BackboneError, match="no_such_network"):
        get_backbone("timm:no_such_network")
    with pytest.raises(BackboneError, match="no_such_tag"):
        get_backbone("timm:resnet34.no_such_tag")


def test_networks_that_read_numbers_while_they_are_built_are_introspected():
    assert timm_family.introspect("csatv2").features > 0


def test_dinov3_is_its_class_token_and_its_licence_is_told():
    backbone = get_backbone("timm:vit_small_patch16_dinov3")
    assert backbone.weights.licence == "dinov3-license"
    assert backbone.size == 256
    random = get_backbone("timm:vit_small_patch16_dinov3", weights="random")
    built = random.family.build(random, "torch", random.transform.of_size(64), "own", None)
    assert built.vector == "class token"
