"""An option that takes one value is not given twice, and lists are added to."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import embedlens as el
from embedlens.cli.app import app


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["study", "photos", "--out", "a", "--out", "b"], "--out"),
        (["study", "photos", "--seed", "1", "--seed=1"], "--seed"),
        (["predict", "study", "photos", "-b", "A", "--backbone", "B"], "--backbone"),
        (["map", "features", "--out", "a.csv", "--method", "pca", "--method", "tsne"], "--method"),
    ],
)
def test_an_option_given_twice_is_refused_not_dropped(command, name):
    found = run(*command)
    assert found.exit_code == 2
    assert f"{name} is given 2 times, and takes one value." in " ".join(found.output.split())


def test_backbones_and_maps_of_several_options_are_all_taken(monkeypatch, tmp_path):
    given = {}

    class Stopped(Exception):
        pass

    def study(pictures, backbones, **settings):
        given.update(settings, backbones=backbones)
        raise Stopped

    monkeypatch.setattr(el, "Study", study)
    found = run(
        "study", tmp_path, "-b", "EfficientNetLite0,MobileNetV2", "--backbones", "Xception",
        "--maps", "pca", "--maps", "tsne", "--labels", "a,b", "--labels", "c",
    )  # fmt: skip
    assert isinstance(found.exception, Stopped), found.output
    assert given["backbones"] == ["EfficientNetLite0", "MobileNetV2", "Xception"]
    assert given["maps"] == ["pca", "tsne"]
    assert given["labels"] == ["a", "b", "c"]


def test_flags_and_both_of_a_pair_may_stand_twice():
    found = run("study", "no such folder", "--json", "--json", "--top", "--no-top")
    assert "is given" not in found.output
