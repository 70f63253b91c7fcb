"""Backbones by what is wanted of them, and shortlists."""

from __future__ import annotations

import pytest

from embedlens.backbones import SHORTLISTS, STUDY, expand, list_backbones, parse_name
from embedlens.backbones.licence import is_non_commercial, is_permissive
from embedlens.errors import BackboneError


def test_conditions_are_met_together():
    everything = list_backbones()
    few = list_backbones(max_parameters=6e6, licence="permissive", family="KERAS.applications")
    assert [each.name for each in few] == [
        each.name
        for each in everything
        if each.family.name == "keras.applications"
        and each.parameters is not None
        and each.parameters <= 6e6
        and is_permissive(each.weights.licence)
    ]
    assert {"MobileNetV2", "NASNetMobile"} <= {each.name for each in few}
    assert "MobileNetV3Small" not in {each.name for each in few}, "nobody says its licence"
    here = list_backbones(here=True)
    assert here
    assert all(each.weights.here for each in here)
    found = list_backbones(licence="bsd", search="densenet", family="keras.applications")
    assert [each.name for each in found] == ["DenseNet201", "DenseNet121", "DenseNet169"]


def test_a_shortlist_is_searched_by_its_name():
    assert [each.name for each in list_backbones(search="@paper")] == list(STUDY)


@pytest.mark.parametrize(
    ("licence", "permissive", "non_commercial"),
    [
        ("Apache-2.0", True, False),
        ("mit", True, False),
        ("BSD-3-Clause", True, False),
        ("CC-BY-4.0", True, False),
        ("cc-by-nc-4.0", False, True),
        ("apple-amlr", False, True),
        ("dinov3-license", False, False),
        ("agpl-3.0", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_licences_are_told_apart_by_their_names(licence, permissive, non_commercial):
    assert is_permissive(licence) is permissive
    assert is_non_commercial(licence) is non_commercial


def test_each_shortlist_is_of_a_dozen_at_most_and_each_network_once():
    for networks in SHORTLISTS.values():
        assert 5 <= len(networks) == len(set(networks)) <= 12


@pytest.mark.parametrize("name", SHORTLISTS)
def test_networks_of_a_shortlist_are_spelt_as_their_families_spell_them(name):
    for network in SHORTLISTS[name]:
        found = parse_name(network)
        if found.family is not None:
            assert found == (network, None, found.family)
        else:
            assert network.startswith("timm:"), "only timm's may be unknown"


def test_a_shortlist_stands_for_its_networks_once_each():
    found = expand(["Xception", "@paper", "EfficientNetLite0"])
    assert found.names == (*STUDY, "EfficientNetLite0")
    assert found.note == ""


def test_what_cannot_be_built_here_is_left_out_and_named(monkeypatch):
    from embedlens.backbones.families.keras_applications import KerasApplications

    monkeypatch.setattr(KerasApplications, "missing", lambda self: ["keras"])
    with pytest.raises(BackboneError, match=r"5 of the 5 networks of @paper need.*nothing to run"):
        expand(["@paper"])
    found = expand(["@small"])
    assert found.names[:2] == ("EfficientNetLite0", "EfficientNetLite2")
    assert "MobileNetV2" not in found.names
    assert "pip install keras" in found.note
    assert "MobileNetV2" in found.note


def test_an_unknown_shortlist_is_named_with_those_there_are():
    with pytest.raises(BackboneError, match="'@big'; choose from @small, @modern, @paper"):
        expand(["@big"])
    with pytest.raises(BackboneError, match="'@big'"):
        list_backbones(search="@big")
