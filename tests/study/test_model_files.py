"""Two models of one file name: each has its own features, results and name."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.backbones.keras_backend import import_keras
from embedlens.errors import StudyError
from embedlens.results.results import feature_folders
from embedlens.study import Study


def write_model(path, seed):
    keras = import_keras()
    start = keras.initializers.RandomNormal(seed=seed)
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(6 + seed, 5, strides=4, kernel_initializer=start, activation="relu"),
    ]
    path.parent.mkdir(parents=True)
    keras.Sequential(layers).save(path)


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # To random weights all pictures look alike, and a check of them is not what is tested here.
    monkeypatch.setattr("embedlens.study.study.write_findings", lambda *arguments: None)
    for seed, run in enumerate("AB"):
        write_model(tmp_path / f"run{run}" / "best.keras", seed)
    return ["runA/best.keras", "runB/best.keras"]


def test_models_of_one_name_are_kept_apart(models, pictures, tmp_path, monkeypatch):
    alone = Study(pictures, models[:1], out="out", repeats=1, engine="keras", maps="pca")
    assert alone.run().backbones["backbone"].tolist() == ["best.keras"]
    study = Study(pictures, models, out="out", repeats=1, engine="keras", maps="pca")
    said = []
    results = study.run(lambda step, done, total: said.append(step))
    names = ["best.keras (runA)", "best.keras (runB)"]
    assert results.backbones["backbone"].tolist() == names
    assert results.backbones["features"].tolist() == [6, 7]
    assert list(results.maps) == [(name, "pretrained") for name in names]
    assert not np.array_equal(*(maps["pca"] for maps in results.maps.values()))
    assert "best.keras (runA): features reused" in "\n".join(said)

    # Resumed from another folder, by the settings alone.
    monkeypatch.chdir(tmp_path / "runA")
    said.clear()
    Study.open("../out").run(lambda step, done, total: said.append(step))
    assert sum("results too" in each for each in said) == 2

    # B alone: what is left of A is under no name that B has.
    other = Study(
        pictures, ["../runB/best.keras"], out="../out", repeats=1, engine="keras", maps="pca"
    ).run()
    assert list(other.maps) == [("best.keras", "pretrained")]
    np.testing.assert_array_equal(
        other.maps["best.keras", "pretrained"]["pca"], results.maps[names[1], "pretrained"]["pca"]
    )
    folders = feature_folders(tmp_path / "out", other)
    assert np.load(folders["best.keras", "pretrained"] / "features.npy").shape == (60, 7)

    # Other pictures do not take the folder.
    (tmp_path / "others").mkdir()
    for label in ("across", "down"):
        (pictures / label).rename(tmp_path / "others" / label)
    with pytest.raises(StudyError, match=r"holds a study of .*pictures, and .*others"):
        Study(tmp_path / "others", ["../runA/best.keras"], out="../out", engine="keras").run()
    assert Study.open("../out").results().backbones["backbone"].tolist() == ["best.keras"]
