from __future__ import annotations

import pytest

from embedlens.backbones.imagenet_classes import GROUPS, find_imagenet_classes, imagenet_classes
from embedlens.errors import BackboneError


def names(word):
    return [imagenet_classes()[index].name for index in find_imagenet_classes(word)]


def test_there_are_a_thousand_classes_in_order_each_with_its_synset():
    classes = imagenet_classes()
    assert [each.index for each in classes] == list(range(1000))
    synsets = [each.wnid for each in classes]
    assert len(set(synsets)) == 1000
    # ImageNet's order is that of the synsets.
    assert synsets == sorted(synsets)
    assert (classes[0].wnid, classes[285].name, classes[967].name, classes[999].name) == (
        "n01440764", "Egyptian cat", "espresso", "toilet tissue",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("fox", ["red fox", "kit fox", "Arctic fox", "grey fox"]),
        ("Wolf", ["timber wolf", "white wolf", "red wolf"]),
        ("lion", ["lion"]),
        ("elephant", ["Indian elephant", "African elephant"]),
        ("Panthera pardus", ["leopard"]),
        ("n02130308", ["cheetah"]),
        ("grey fox + lynx", ["grey fox", "lynx"]),
    ],
)
def test_a_word_means_the_classes_one_would_expect(word, expected):
    assert names(word) == expected


def test_kinds_with_many_classes_hold_their_members():
    members = {"dog": "beagle", "cat": "tabby", "bird": "flamingo", "snake": "green mamba"}
    for kind, member in members.items():
        assert member in names(kind)
    assert set(GROUPS) >= set(members)
    assert len(names("dog")) == 118


@pytest.mark.parametrize("word", ["wofl", "", "lion+"])
def test_an_unknown_word_is_told_with_what_is_spelt_alike(word):
    with pytest.raises(BackboneError, match=r"ImageNet has no class '(wofl|)'.*=CLASS\+CLASS"):
        find_imagenet_classes(word)
    with pytest.raises(BackboneError, match="Did you mean"):
        find_imagenet_classes("wofl")
