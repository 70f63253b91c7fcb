from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from embedlens.backbones import get_backbone
from embedlens.errors import BackboneError, WeightsError
from embedlens.features import Recipe
from embedlens.features.engines import openvino_export
from embedlens.features.engines.openvino_export import cache_folder, exporting


def export(backbone, size=None, pooling="mean"):
    """Export by OpenVINO's own recipe."""
    recipe = Recipe.of(backbone, size=size, pooling=pooling, engine="openvino")
    return openvino_export.export(recipe)


@pytest.fixture
def children(monkeypatch) -> list[list[str]]:
    """The child processes that were started."""
    started, original = [], subprocess.run

    def run(command, **options):
        started.append(command)
        return original(command, **options)

    monkeypatch.setattr(openvino_export.subprocess, "run", run)
    return started


def test_a_graph_is_exported_once(network_file, children):
    backbone = get_backbone(f"{network_file}@norm")
    first = export(backbone, None, "mean")
    second = export(backbone, None, "mean")
    assert first == second
    assert len(children) == 1
    assert first.model.is_file()
    assert (first.size, first.features, first.feature_map) == ((32, 32), 8, (16, 16, 8))
    assert sorted(p.suffix for p in first.model.parent.glob(f"{first.model.stem}*")) == [
        ".bin",
        ".json",
        ".xml",
    ], "something is left over"


@pytest.fixture
def two(network_file, tmp_path, monkeypatch):
    """Recipes of two cuts of a network, in an empty cache."""
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path / "cache"))
    return [
        Recipe.of(get_backbone(f"{network_file}@{layer}"), pooling="mean", engine="openvino")
        for layer in ("norm", "stem")
    ]


def test_one_process_makes_several_graphs_while_other_work_goes_on(two, children):
    with exporting(two) as begun:
        assert begun == 2
    assert [openvino_export.export(each).model.is_file() for each in two] == [True, True]
    assert children == [], "a graph was made once more"
    with exporting(two) as begun:
        assert begun == 0


def test_an_interruption_ends_the_process_that_makes_graphs(two):
    with pytest.raises(KeyboardInterrupt), exporting(two):
        raise KeyboardInterrupt
    assert list(cache_folder().glob("*.xml")) == []


def test_another_pooling_scaling_or_layer_is_another_graph(network_file, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path))

    def stop(request, graph):
        raise BackboneError(graph.name)

    monkeypatch.setattr(openvino_export, "_run_child", stop)
    names = set()
    for name, options, pooling in [
        (f"{network_file}@stem", {}, "max"),
        (f"{network_file}@stem", {}, "none"),
        (f"{network_file}@stem", {"preprocessing": "tf"}, "max"),
        (f"{network_file}@last", {}, "max"),
    ]:
        with pytest.raises(BackboneError) as error:
            export(get_backbone(name, **options), None, pooling)
        names.add(str(error.value))
    assert len(names) == 4


def test_another_content_of_the_same_file_is_another_graph(network_file, tmp_path, monkeypatch):
    def stop(request, graph):
        raise BackboneError(graph.name)

    monkeypatch.setattr(openvino_export, "_run_child", stop)
    file = tmp_path / "net.keras"
    names = []
    for data in (b"one", b"another", b"one"):
        file.write_bytes(data)
        with pytest.raises(BackboneError) as error:
            export(get_backbone(str(file)), None, "mean")
        names.append(str(error.value))
    assert names[0] == names[2] != names[1]


def test_a_broken_record_of_a_half_written_export_is_not_believed(network_file, children):
    backbone = get_backbone(f"{network_file}@norm")
    graph = export(backbone, None, "mean").model
    graph.with_suffix(".bin").unlink()
    started = len(children)
    assert export(backbone, None, "mean").model.with_suffix(".bin").is_file()
    assert len(children) == started + 1


def test_weights_that_do_not_fit_are_told_as_if_there_were_no_child(tmp_path):
    file = tmp_path / "wrong.weights.h5"
    file.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"wrong\.weights\.h5 does not hold the weights"):
        export(get_backbone("MobileNetV2", weights=file), 64, "mean")


def test_a_model_that_cannot_be_loaded_is_told_as_if_there_were_no_child(tmp_path):
    file = tmp_path / "broken.keras"
    file.write_bytes(b"nothing")
    with pytest.raises(BackboneError, match=r"broken\.keras cannot be loaded"):
        export(get_backbone(str(file)), None, "mean")


def test_the_cache_is_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path / "here"))
    assert cache_folder().is_relative_to(tmp_path / "here")
    monkeypatch.delenv("EMBEDLENS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert cache_folder().is_relative_to(tmp_path / "there")


def test_a_cache_that_cannot_be_written_to_is_no_reason_to_fail(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMBEDLENS_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    folder = cache_folder()
    assert folder.is_relative_to(tmp_path / "tmp")
    assert isinstance(folder, Path)
    assert folder.is_dir()
