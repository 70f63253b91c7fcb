from __future__ import annotations

from pathlib import Path

import pytest

from embedlens.backbones import STUDY, get_backbone, list_backbones, parse_name
from embedlens.errors import BackboneError, EmbedlensError, WeightsError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("xception", "Xception"),
        ("MOBILENETV2", "MobileNetV2"),
        ("efficientnetlite0", "EfficientNetLite0"),
        ("densenet201@conv5_block32_concat", "DenseNet201@conv5_block32_concat"),
        ("Xception@", "Xception"),
    ],
)
def test_names_are_read_in_any_case(given, name):
    assert get_backbone(given, weights="random").name == name


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("mobilnetv2", "MobileNetV2"),
        ("Xeption", "Xception"),
        ("resnet50_v2", "ResNet50V2"),
        ("EfficientNet-Lite0", "EfficientNetLite0"),
    ],
)
def test_an_unknown_name_is_repeated_and_the_nearest_suggested(wrong, meant):
    with pytest.raises(BackboneError) as error:
        get_backbone(wrong)
    assert repr(wrong) in str(error.value)
    assert meant in str(error.value)


def test_a_name_like_no_other_gets_no_suggestion():
    with pytest.raises(BackboneError, match=r"no backbone 'qqq'.*`embedlens backbones` lists them"):
        get_backbone("qqq")


def test_a_name_says_its_layer():
    backbone = get_backbone("Xception@block13_sepconv2_act", weights="random")
    assert (backbone.network, backbone.layer) == ("Xception", "block13_sepconv2_act")
    assert get_backbone("Xception", weights="random").layer is None


def test_a_layer_of_the_top_takes_the_weights_with_the_top():
    whole = get_backbone("Xception@predictions").weights.download
    trunk = get_backbone("Xception@block14_sepconv2_act").weights.download
    assert whole != trunk
    assert trunk == get_backbone("Xception").weights.download


def test_the_folders_of_a_model_file_may_hold_an_at_sign(tmp_path):
    file = tmp_path / "me@home" / "net.keras"
    file.parent.mkdir()
    file.touch()
    assert get_backbone(str(file)).network == str(file)
    backbone = get_backbone(f"{file}@conv")
    assert (backbone.network, backbone.layer) == (str(file), "conv")


@pytest.mark.parametrize(
    ("name", "network", "layer"),
    [
        ("xception", "Xception", None),
        ("Xception@", "Xception", None),
        ("xception@block13_sepconv2_act", "Xception", "block13_sepconv2_act"),
        ("Xception@<block14_sepconv2", "Xception", "<block14_sepconv2"),
        ("me@home/net.keras", "me@home/net.keras", None),
        ("me@home/net.h5@conv", "me@home/net.h5", "conv"),
        ("net.keras@a/b:0", "net.keras", "a/b:0"),
        ("nobody's@layer", "nobody's", "layer"),
    ],
)
def test_there_is_one_parser_of_names(name, network, layer):
    parsed = parse_name(name)
    assert parsed[:2] == (network, layer)
    assert (parsed.family is None) == (network == "nobody's")


def test_a_search_is_by_a_part_of_the_name_and_by_family():
    assert [b.name for b in list_backbones(search="lite1")] == [
        "EfficientNetLite1",
        "timm:tf_efficientnet_lite1.in1k",
    ]
    assert len(list_backbones(family="keras.applications")) == 40
    assert list_backbones(family="file") == []
    with pytest.raises(BackboneError, match="no family 'tinn'; choose from EfficientNet-Lite"):
        list_backbones(family="tinn")


def test_a_licence_is_told_where_the_publisher_tells_it():
    assert get_backbone("EfficientNetLite0").weights.licence == "Apache-2.0"
    assert get_backbone("ResNet50").weights.licence == "MIT"
    assert get_backbone("ResNet50", weights="random").weights.licence is None


def test_a_model_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BackboneError, match=r"none\.keras does not exist"):
        get_backbone(str(tmp_path / "none.keras"))


def test_a_model_file_takes_no_other_weights(tmp_path):
    file = tmp_path / "net.keras"
    file.touch()
    with pytest.raises(WeightsError, match="holds its own weights"):
        get_backbone(str(file), weights="random")


def test_an_unknown_preprocessing_is_named_with_those_there_are():
    with pytest.raises(BackboneError, match="'tensorflow'; choose from none, tf, torch, caffe"):
        get_backbone("Xception", preprocessing="tensorflow")


def test_a_weights_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.h5 of Xception does not exist"):
        get_backbone("Xception", weights=tmp_path / "none.h5")


def test_the_list_begins_with_what_came_with_the_install_and_the_study_s_five():
    names = [backbone.name for backbone in list_backbones() if "keras" in backbone.family.forms]
    assert names[:3] == ["EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"]
    assert names[3:8] == list(STUDY)
    assert names[8:] == sorted(names[8:])
    assert len(names) == len(set(names)) == 43


def test_the_list_says_everything_without_building_anything():
    for backbone in list_backbones():
        assert backbone.size
        if "keras" not in backbone.family.forms:
            continue  # what PyTorch's networks have before their vector, only building them tells
        assert backbone.parameters
        assert backbone.feature_map
        height, width, channels = backbone.feature_map
        assert height == width <= -(-backbone.size // 32) + 1
        assert channels >= 512


def test_weights_that_came_with_the_install_are_here():
    here = {each.name: each.weights.here for each in list_backbones()}
    assert all(here[f"EfficientNetLite{i}"] for i in range(3))


def test_weights_are_given_by_name_in_any_case(tmp_path):
    file = tmp_path / "x.weights.h5"
    file.touch()
    listed = {b.name: b for b in list_backbones({"xception": file, "MobileNetV2": "random"})}
    assert listed["Xception"].weights.file == file
    assert listed["Xception"].weights.kind == "file"
    assert listed["MobileNetV2"].weights.kind == "random"
    assert listed["VGG16"].weights.kind == "imagenet"


def test_weights_for_an_unknown_backbone_are_refused():
    with pytest.raises(BackboneError, match="Xeption, which is none"):
        list_backbones({"Xeption": "random"})


def test_every_message_is_the_user_s_to_mend():
    assert issubclass(WeightsError, BackboneError)
    assert issubclass(BackboneError, EmbedlensError)


def test_a_path_object_is_a_weights_file(tmp_path: Path):
    file = tmp_path / "x.weights.h5"
    file.touch()
    assert get_backbone("Xception", weights=file).weights == (
        get_backbone("Xception", weights=str(file)).weights
    )
