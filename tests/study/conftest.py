"""A small image set whose classes a pretrained network can tell apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import embedlens as el
from embedlens.backbones.keras_backend import import_keras

BACKBONE = "EfficientNetLite0"
COUNT, RARE = 60, 2  # pictures of several labels; how many of them have a rare one


@pytest.fixture(scope="session", autouse=True)
def _compile_each_network_once(tmp_path_factory):
    """Every study trains the same small network for its learned map; XLA compiles it once."""
    if import_keras().backend.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    yield
    jax.config.update("jax_compilation_cache_dir", None)


def stripes(kind: str, rng: np.random.Generator) -> np.ndarray:
    """A noisy picture of stripes that run across or down, or of none."""
    wave = 90 * np.sin(np.arange(64) / rng.uniform(1.5, 2.5))
    pattern = {"across": wave[:, None], "down": wave[None, :], "plain": np.zeros((1, 1))}[kind]
    grey = np.clip(128 + pattern + rng.normal(0, 25, (64, 64)), 0, 255)
    return grey.astype(np.uint8)


def write_stripes(folder):
    """Write three classes of 20 pictures."""
    rng = np.random.default_rng(0)
    for kind in ("across", "down", "plain"):
        (folder / kind).mkdir(parents=True)
        for i in range(20):
            Image.fromarray(stripes(kind, rng)).save(folder / kind / f"{i}.png")
    return folder


@pytest.fixture
def pictures(tmp_path):
    """A folder of three classes of 20 pictures."""
    return write_stripes(tmp_path / "pictures")


@pytest.fixture(scope="module")
def pictures_once(tmp_path_factory):
    """The same for all tests of a file; not to be changed."""
    return write_stripes(tmp_path_factory.mktemp("stripes") / "pictures")


PATIENTS, EACH, SIDE = 40, 6, 48


def write_patients(folder):
    """Write 40 patients of two classes, six pictures each, ``sick/patient_07_3.png``.

    What tells the classes apart is faint; what tells the patients apart is not.
    """
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    for patient in range(PATIENTS):
        label = ("sick", "well")[patient % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        colour = rng.uniform(40, 215, 3)
        wave = 30 * np.sin(across / rng.uniform(1, 5) + down / rng.uniform(1, 5))
        for picture in range(EACH):
            sign = (3 if label == "sick" else 0) * np.sin(across * 1.5)
            noise = rng.normal(0, 12, (SIDE, SIDE, 3))
            pixels = colour + np.roll(wave + sign, picture * 5, axis=picture % 2)[..., None] + noise
            name = f"patient_{patient:02d}_{picture}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / label / name)
    return folder


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    """A folder of 40 patients of two classes, six pictures each; not to be changed."""
    return write_patients(tmp_path_factory.mktemp("patients") / "patients")


def write_labelled(folder, seed=0):
    """Write pictures with stripes across, down, both or neither, and a table of their labels."""
    folder.mkdir()
    rng, rows = np.random.default_rng(seed), []
    y, x = np.mgrid[:48, :48]
    for i in range(COUNT):
        across, down, noise = rng.random(3) < (0.5, 0.4, 0.3)
        grey = rng.normal(128, 40, (48, 48)) + 40 * across * np.sin(y / 1.7)
        grey += 40 * down * np.sin(x / 1.7)
        Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(folder / f"{i:02}.png")
        labels = [n for n, has in (("across", across), ("down", down), ("noise", noise)) if has]
        rows.append({"path": f"{i:02}.png", "labels": [*labels, *(["rare"] if i < RARE else [])]})
    for row in rows:
        row["labels"] = "; ".join([*row["labels"], "every", "every"]) + ";"
        row["patient"] = int(row["path"][:2]) // 3
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """Pictures with several labels each, in a column with a separator."""
    return write_labelled(tmp_path_factory.mktemp("several") / "pictures")


@pytest.fixture(scope="session")
def study(table):
    """A study that has been run, with its report; not to be changed."""
    one = el.Study(
        table, [BACKBONE], out=table.parent.parent / "study", size=48, repeats=2, group="patient"
    )
    one.run()
    one.report()
    return one
