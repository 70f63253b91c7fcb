"""Colours and shapes of classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.markers import MarkerStyle
from skimage.color import rgb2lab

from embedlens.report.palette import COLOURS, DISTINCT, MARKERS, look

# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def as_seen(sight: str) -> np.ndarray:
    """CIELAB of the palette."""
    values = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in COLOURS])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(SIGHTS[sight]).T, 0, 1)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(srgb[None])[0]


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_for_every_eye(sight):
    lab = as_seen(sight)
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e3 * np.eye(len(lab))
    assert distances.min() > 15


def test_sixty_classes_all_look_different():
    assert DISTINCT >= 60
    assert len({look(i) for i in range(60)}) == 60


def test_a_class_after_the_last_look_has_an_earlier_one():
    assert look(1_000) in {look(i) for i in range(1_000)}


def test_matplotlib_knows_every_shape():
    for marker in MARKERS:
        MarkerStyle(marker)
    assert len(set(MARKERS.values())) == len(MARKERS)
