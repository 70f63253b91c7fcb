"""What a check found as a scene: a map of the features that it used."""

from __future__ import annotations

import numpy as np

from embedlens.features.store import read_features
from embedlens.reduce import PCA
from embedlens.results.checked import Checked
from embedlens.results.vocabulary import MAPS, PRETRAINED
from embedlens.viewer.label_scene import label_sets_scene
from embedlens.viewer.scene import Scene, backbone_key
from embedlens.viewer.study_scene import add_purity, map_id, pictures_scene

_METHOD = "pca"


def check_scene(checked: Checked) -> Scene:
    """Return the principal components of a check's features, coloured by what it found.

    Parameters
    ----------
    checked : Checked
        What was read from its folder.

    Returns
    -------
    Scene
        Without thumbnails, pictures and neighbours, which depend on where it is shown.
    """
    told = checked.name, checked.pictures
    codes = None
    if checked.label_sets is None:
        scene, codes = pictures_scene(*told, checked.findings)
    else:
        scene = label_sets_scene(*told, checked.label_sets, checked.findings)
    scene.opening_colour = next((each.id for each in scene.columns if each.role == "finding"), None)
    features = read_features(checked.features)
    axes = min(3, *features.shape)
    pca = PCA(axes, random_state=0)
    points = np.pad(pca.fit_transform(features), [(0, 0), (0, 3 - axes)])
    key, name = backbone_key(checked.backbone, PRETRAINED.key), checked.backbone
    scene.backbones[key] = name
    scene.add_map(
        points,
        id=map_id(name, PRETRAINED.key, _METHOD),
        backbone=key,
        method=_METHOD,
        name=f"{name} · {MAPS.title(_METHOD)}",
        pretrained=checked.pretrained,
        facts=f"{pca.explained_variance_ratio_.sum():.0%} of the variance of the features",
    )
    if codes is not None:
        add_purity(scene, key, _METHOD, f"{name} · {MAPS.title(_METHOD)}", points, codes)
    return scene
