"""Which maps a study makes, and that it needs nothing that trains networks."""

from __future__ import annotations

import pytest

from embedlens.errors import EmbedlensError, StudyError
from embedlens.results import MAPS
from embedlens.results.folder import StudyFolder
from embedlens.study import Study
from embedlens.study.maps import chosen_maps

from .conftest import BACKBONE


@pytest.fixture
def nothing_learns(monkeypatch):
    """As after an install without the extra [train]."""
    monkeypatch.setattr("embedlens.study.maps.learns", lambda: False)
    monkeypatch.setattr("embedlens.study.study.learns", lambda: False)
    monkeypatch.setattr("embedlens.backbones.keras_backend.learns", lambda: False)


def study_of(pictures, out, **settings):
    return Study(pictures, [BACKBONE], out=out, size=64, repeats=1, **settings)


def test_all_maps_that_can_be_made_are_the_default(pictures_once, tmp_path):
    study = study_of(pictures_once, tmp_path / "study")
    assert [space.key for space in chosen_maps(study.settings)] == list(MAPS)


def test_without_anything_that_trains_a_study_says_what_it_leaves_out(
    pictures_once, tmp_path, nothing_learns
):
    said = []
    study = study_of(pictures_once, tmp_path / "study", scores=False)
    results = study.run(lambda step, done, total: said.append(step))
    assert sum("learned map is left out" in step and "[train]" in step for step in said) == 1
    assert set(results.maps[BACKBONE, "pretrained"]) == {"pca", "tsne"}
    assert not any("score" in step for step in said)
    assert results.mean("linear_probe.accuracy", "test").notna().all()
    assert study.report().is_file()


def test_what_must_be_trained_is_refused_before_anything_is_read(tmp_path, nothing_learns):
    for settings in ({"top": True}, {"finetune": True}, {"maps": ["silhouette_projection"]}):
        with pytest.raises(EmbedlensError, match=r"pip install 'embedlens\[train\]'"):
            study_of(tmp_path / "absent", tmp_path / "study", **settings)


@pytest.mark.parametrize(("maps", "says"), [(["umap"], "no map 'umap'"), ([], "names none")])
def test_maps_that_there_are_not_are_refused_by_name(maps, says, tmp_path):
    with pytest.raises(StudyError, match=says):
        study_of(tmp_path / "absent", tmp_path / "study", maps=maps)


def test_heads_are_kept_when_other_maps_are_wanted(pictures_once, tmp_path, capsys):
    out = tmp_path / "study"
    study_of(pictures_once, out, maps="pca", scores=False).run()
    told = capsys.readouterr().err.splitlines()  # without a callback, each step as it begins
    assert sum(line.startswith(f"{BACKBONE}: embedding (") for line in told) == 1
    heads = StudyFolder(out).results / f"{BACKBONE}.heads"
    before = {file.name: file.stat().st_mtime_ns for file in heads.iterdir()}
    study = study_of(pictures_once, out, maps=["tsne", "pca"])
    maps = study.run().maps[BACKBONE, "pretrained"]
    assert list(maps) == ["pca", "tsne"]
    assert {file.name: file.stat().st_mtime_ns for file in heads.iterdir()} == before
    assert Study.open(out).settings == study.settings
