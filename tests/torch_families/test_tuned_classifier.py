"""What a study fine-tuned of a network of PyTorch, as a classifier: predicted with, exported."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

timm = pytest.importorskip("timm", reason="needs the extra [torch]")

from safetensors.torch import save_file  # noqa: E402

from embedlens import Classifier  # noqa: E402
from embedlens.classify import export_classifier, predict  # noqa: E402
from embedlens.classify.prediction import read_predictions  # noqa: E402
from embedlens.results import read_results  # noqa: E402
from embedlens.study import Study  # noqa: E402

NAME = "timm:test_vit.r160_in1k"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of noise: fine and coarse."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    for label, side in {"fine": 64, "coarse": 6}.items():
        (folder / label).mkdir()
        for i in range(12):
            picture = Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))
            picture.resize((80, 64)).save(folder / label / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def study(photos, randomized, tmp_path_factory):
    """A study that fine-tuned; its weights are a file that goes away afterwards."""
    folder = tmp_path_factory.mktemp("study")
    weights = folder / "weights.safetensors"
    module = randomized(timm.create_model("test_vit", num_classes=0))
    save_file({k: v.contiguous().clone() for k, v in module.state_dict().items()}, weights)
    study = Study(
        str(photos), [NAME], out=folder / "out", weights={NAME: str(weights)}, size=64,
        engine="torch", repeats=1, epochs=2, maps="pca", scores=False, finetune=True,
    )  # fmt: skip
    study.run()
    return study


@pytest.fixture(scope="module")
def classifier(study):
    return study.classifier(head="tuned")


def test_predict_gives_the_answers_of_the_study(study, classifier, photos, tmp_path):
    """Of the pictures held out, and so does the classifier from a folder of its own."""
    results = read_results(study.folder)
    told = results.predictions.query("stage == 'tuned' and head == 'top'")
    shown = results.pictures["path"].to_numpy()[told["picture"]]
    done = predict(classifier, str(photos), tmp_path / "a.csv")
    rows = read_predictions(done.table).set_index("path")
    assert rows.loc[shown, "class"].tolist() == told["predicted"].tolist()
    assert set(classifier.training.paths).isdisjoint(shown)
    saved = Classifier.load(classifier.save(tmp_path / "saved"))
    assert saved.backbone == f"{NAME}, fine-tuned"
    again = read_predictions(predict(saved, str(photos), tmp_path / "b.csv").table)
    np.testing.assert_allclose(again["probability"], rows["probability"], atol=1e-4)
    assert again["class"].tolist() == rows["class"].tolist()


@pytest.mark.parametrize("to", ["openvino", "onnx"])
def test_the_exported_script_answers_as_the_network_does(to, study, classifier, photos, tmp_path):
    """From its folder alone, with neither embedlens nor PyTorch."""
    if to == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = export_classifier(classifier, to, tmp_path / "out")
    paths = read_results(study.folder).pictures["path"].tolist()[::5]
    code = (
        "import runpy, sys; sys.modules['embedlens'] = sys.modules['torch'] = None;"
        "script, *sys.argv[1:] = sys.argv[1:]; runpy.run_path(script, run_name='__main__')"
    )
    pictures = [str(photos / each) for each in paths]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "classify.py"), *pictures],
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    stored = np.load(next((study.folder / "features").glob("*.tuned/features.npy")))[::5]
    shares = classifier.answer(stored).probabilities
    for line, share in zip(done.stdout.splitlines(), shares, strict=True):
        _, label, probability = line.split("\t")
        assert label == classifier.classes[share.argmax()]
        assert float(probability) == pytest.approx(share.max(), abs=1e-4)
    assert "fine-tuned with its last layers" in (folder / "model-card.md").read_text()
