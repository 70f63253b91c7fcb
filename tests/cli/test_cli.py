"""The command line as its user meets it: output, exit codes, sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

COMMAND = [sys.executable, "-c", "from embedlens.cli import main; main()"]


@pytest.fixture
def pictures(tmp_path):
    """Two classes of ten pictures: dark ones and light ones."""
    rng = np.random.default_rng(0)
    for name, shade in {"dark": 40, "light": 210}.items():
        folder = tmp_path / "my pictures" / name
        folder.mkdir(parents=True)
        for i in range(10):
            grey = np.clip(rng.normal(shade, 20, (40, 40)), 0, 255).astype(np.uint8)
            Image.fromarray(grey).save(folder / f"{i}.png")
    return tmp_path / "my pictures"


def embedlens(*arguments, cwd=None):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_help_names_every_command():
    done = embedlens("--help")
    assert done.returncode == 0
    for command in ("demo", "study", "report", "view", "export", "backbones", "embed", "score"):
        assert command in done.stdout


def test_help_does_not_wait_for_heavy_imports():
    code = (
        "import sys\nfrom embedlens.cli import main\nsys.argv = ['embedlens', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'pandas', 'keras', 'openvino', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_shell_completes_commands():
    environment = {
        **os.environ,
        "_EMBEDLENS_COMPLETE": "complete_bash",
        "COMP_WORDS": "embedlens st",
        "COMP_CWORD": "1",
    }
    code = "import sys; sys.argv = ['embedlens']; from embedlens.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["study"]


def test_version_is_the_package_version():
    from embedlens import __version__

    assert embedlens("--version").stdout.strip() == __version__


def test_backbones_lists_all_and_says_where_the_weights_are():
    rows = json.loads(embedlens("backbones", "--json").stdout)
    families = [row["family"] for row in rows]
    assert families.count("keras.applications") == 40
    assert families.count("timm") > 1_000
    assert [row["backbone"] for row in rows[:4]] == [
        "EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2", "Xception",
    ]  # fmt: skip
    assert all(row["here"] for row in rows[:3])
    assert {"parameters", "feature map", "weights_file"} <= set(rows[0])


def test_a_family_that_has_no_list_is_said_to_have_none():
    said = embedlens("backbones", "--family", "HF").stdout
    assert said.startswith("There is no list of HF: name")


def test_embed_score_and_map_go_through_files(pictures, tmp_path):
    done = embedlens(
        "embed", pictures, "--backbone", "EfficientNetLite0", "--size", 64, "--out", "f.npz",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "f.npz: 20 pictures x 1280 features\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.npz", "my pictures"]
    rows = json.loads(embedlens("score", "f.npz", "--json", cwd=tmp_path).stdout)
    values = {row["score"]: row["value"] for row in rows}
    assert values["knn accuracy"] == 1.0
    assert values["silhouette (micro)"] > 0.2
    done = embedlens("map", "f.npz", "--method", "pca", "--out", "map.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "map.csv")
    assert list(table.columns) == ["path", "label", "split", "x", "y", "z"]
    assert len(table) == 20
    done = embedlens("map", "f.npz", "--method", "silhouette", "--out", "map.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "learned from the labels of 16 pictures. Silhouette of the 4 held out: " in done.stdout
    table = pd.read_csv(tmp_path / "map.csv")
    assert list(table.columns) == ["path", "label", "split", "learned", "x", "y", "z"]
    assert table["learned"].sum() == 16


def test_study_ends_with_verdict_and_report(pictures, tmp_path):
    arguments = ("study", pictures, "-b", "EfficientNetLite0", "--size", 64, "--repeats", 1)
    done = embedlens(*arguments, "--maps", "pca", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Take EfficientNetLite0" in done.stdout
    assert " PCA " in done.stdout
    assert "t-SNE" not in done.stdout
    assert (tmp_path / "embedlens-my pictures" / "report.html").is_file()
    assert "embedding" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["study", "nowhere"], "nowhere: no such file or folder"),
        (["study", ".", "-b", "Xceptio"], "Did you mean Xception"),
        (["study", ".", "-b", "Xception", "-w", "Xception"], "is not NAME=FILE"),
        (["study", ".", "-b", "Xception", "-w", "Xception=none.h5"], "none.h5"),
        (["report", "nowhere"], "is not a study folder"),
        (["score", "nowhere.npz"], "does not exist"),
        (["view", "nowhere"], "nowhere does not exist; give a study folder or a map"),
        (["export", "nowhere", "--to", "parquet", "--out", "out"], "is not a study folder"),
        (["export", "nowhere", "--to", "xlsx", "--out", "out"], "xlsx"),
        (["study", ".", "--pooling", "median"], "median"),
        (["study"], "PHOTOS"),
    ],
)
def test_a_mistake_gets_a_sentence_and_exit_code_2(arguments, sentence, tmp_path):
    done = embedlens(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_features_file_that_is_none_is_refused_without_unpickling(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, features=np.array([{}], dtype=object), labels=np.array(["a"]))
    done = embedlens("score", path)
    assert done.returncode == 2
    assert "is not a features file" in done.stderr


def test_ctrl_c_says_that_nothing_is_lost(pictures, tmp_path):
    child = subprocess.Popen(
        [*COMMAND, "study", str(pictures), "-b", "EfficientNetLite0", "--out", "out"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "out" / "images.parquet").exists():
        time.sleep(0.05)
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate()
    assert child.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
