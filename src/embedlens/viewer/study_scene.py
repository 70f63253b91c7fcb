"""A study's results as a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.files import text_key, write_whole
from embedlens.images import SPLITS
from embedlens.metrics import neighbor_purity
from embedlens.results import Results, StudyFolder
from embedlens.results.pictures import Pictures
from embedlens.results.samples import LEARNED, SILHOUETTES, sample_size
from embedlens.results.verdict import judge
from embedlens.results.vocabulary import (
    FEATURES,
    HEADS,
    LINEAR_PROBE,
    MAPS,
    PRETRAINED,
    STAGES,
    in_order,
    space_of,
)
from embedlens.viewer.findings import add_findings
from embedlens.viewer.scene import Scene, backbone_key
from embedlens.viewer.sprites import Sheets

_PURITY_NEIGHBORS = 10
NO_LABEL = "without a label"
"""What is said of pictures that have none."""
_LOST = "nothing tells where on it they belong"


def study_scene(results: Results, head: str = LINEAR_PROBE.key) -> Scene:
    """Return the maps of a study and all that pictures can be coloured by.

    Parameters
    ----------
    results : Results
        Of the study.
    head : str, default "linear_probe"
        Whose predictions are shown.

    Returns
    -------
    Scene
        Without thumbnails, pictures and neighbours, which depend on where it is shown. The purity
        of a map is computed when it is asked for. Pictures without a label come after the others.
    """
    pictures, bare = results.pictures[results.pictures["kept"]], results.unlabelled
    others = [] if bare is None else bare.kept["path"].to_list()
    scene, codes = pictures_scene(results.name, pictures, results.findings, others)
    for backbone, stage in stages_of(results):
        scene.backbones[backbone_key(backbone, stage)] = stage_name(backbone, stage)
        _add_predictions(scene, results, backbone, stage, head, codes)
        for method in in_order(results.maps[backbone, stage]):
            _add_map(scene, results, backbone, stage, method, codes)
        _add_silhouettes(scene, results, backbone, stage)
    scene.opening = opening_map(results, head)
    return scene


def pictures_scene(
    name: str,
    pictures: pd.DataFrame,
    findings: pd.DataFrame | None,
    others: Sequence[str] = (),
) -> tuple[Scene, NDArray[np.int64]]:
    """Return pictures as a scene that has no map yet, and their classes' codes.

    Parameters
    ----------
    name : str
        What the scene is called.
    pictures : DataFrame
        A row each, with path, label and split.
    findings : DataFrame or None
        What a check found of them.
    others : sequence of str, optional
        Paths of pictures without a label, which come after them.

    Returns
    -------
    Scene
        With class, split and finding to colour by.
    ndarray of int64
        The class of each as its place in ``scene.classes``; -1 where it has none.
    """
    labels = pictures["label"].astype(str)
    classes = tuple(sorted(labels.unique()))
    paths = pictures["path"].to_list()
    scene = Scene(name, len(paths) + len(others), classes)
    scene.add_paths([*paths, *others])
    facts = {"unknown": NO_LABEL} if others else {}
    codes = padded(codes_in(labels, classes), scene.count, -1)
    scene.add_category("class", "class", codes, classes, role="class", **facts)
    splits = padded(codes_in(pictures["split"], SPLITS), scene.count, -1)
    scene.add_category("split", "split", splits, SPLITS, role="split", **facts)
    if findings is not None:
        add_findings(scene, findings, paths, labels.to_list())
    return scene, codes


def study_sheets(folder: Path, sheets: Sheets, pictures: Pictures) -> Callable[[int], bytes]:
    """Return what draws sheets of thumbnails, and keeps them in ``thumbnails/``.

    Parameters
    ----------
    folder : Path
        The folder of the study or the check. One that cannot be written to keeps none.
    sheets : Sheets
        The layout.
    pictures : Pictures
        Their files are read again only where their sheet is not there.
    """
    key = [str(sheets), *pictures.ids]
    name = text_key("\n".join(key), 8)

    def draw(sheet: int) -> bytes:
        path = StudyFolder(folder).thumbnails / f"{name}-{sheet}.jpg"
        try:
            return path.read_bytes()
        except OSError:
            made = sheets.draw(pictures.pixels, sheet)
        with suppress(OSError):
            write_whole(path, made)
        return made

    return draw


def padded(values: NDArray[Any], count: int, fill: float) -> NDArray[Any]:
    """Return rows of values for ``count`` pictures; those beyond the given ones are ``fill``."""
    rest = np.full((count - len(values), *values.shape[1:]), fill, values.dtype)
    return np.concatenate([values, rest]) if len(rest) else values


def codes_in(values: pd.Series, categories: Sequence[str]) -> NDArray[np.int64]:
    """Return the place of each value among the categories; -1 where it is none of them."""
    codes = pd.Index(list(categories)).get_indexer(pd.Index(values.to_numpy(object)))
    return np.asarray(codes, np.int64)


def stage_name(backbone: str, stage: str) -> str:
    """Name a backbone at a stage for people: "Xception", "Xception, fine-tuned"."""
    return backbone if stage == "pretrained" else f"{backbone}, {STAGES.title(stage)}"


def opening_map(results: Results, head: str = LINEAR_PROBE.key) -> str | None:
    """Return the id of the recommended backbone's map that keeps most neighbours.

    A map that learned from the labels does not come first: it parts classes better than the
    features do. None where nothing was predicted, or that backbone has no map here.
    """
    if results.predictions.query("head == @head and stage == 'pretrained'").empty:
        return None
    return opening_map_of(results, judge(results, head).take.backbone)


def opening_map_of(results: Results, best: str) -> str | None:
    """Return the id of that of a backbone's maps that is shown first; see `opening_map`."""

    def kept(method: str) -> float:
        return float(results.mean(f"{method}.neighbors_kept").get(best, -1.0))

    methods = in_order(results.maps.get((best, "pretrained"), {}))
    unlearned = [method for method in methods if not space_of(method).learned]
    return map_id(best, "pretrained", max(unlearned, key=kept)) if unlearned else None


def map_id(backbone: str, stage: str, method: str) -> str:
    """Name a map for programs."""
    return f"{backbone}/{stage}/{method}"


def stages_of(results: Results) -> list[tuple[str, str]]:
    """Return backbone and stage of all maps: backbones in their order, pretrained first."""
    order = {name: i for i, name in enumerate(results.backbones["backbone"].unique())}
    return sorted(results.maps, key=lambda key: (order[key[0]], key[1] != "pretrained", key[1]))


def _add_predictions(
    scene: Scene, results: Results, backbone: str, stage: str, head: str, codes: NDArray[np.int64]
) -> None:
    """Add what a head says of the test pictures of the first split; nothing is known of others."""
    rows = results.predictions.query(
        "backbone == @backbone and stage == @stage and head == @head and repeat == 0"
    )
    if rows.empty:
        return
    said = np.full(scene.count, -1, np.int64)
    said[rows["picture"]] = codes_in(rows["predicted"].astype(str), scene.classes)
    confidence = np.full(scene.count, np.nan, np.float32)
    confidence[rows["picture"]] = rows["confidence"]
    wrong = np.where(said < 0, -1, said != codes)
    key, name = backbone_key(backbone, stage), stage_name(backbone, stage)
    by = f"{name} ({HEADS.title(head)}, test pictures of the first split)"
    bare = results.unlabelled
    if bare is not None and (bare.backbone, PRETRAINED.key) == (backbone, stage):
        said[-len(bare) :] = codes_in(bare.predictions["class"].astype(str), scene.classes)
        confidence[-len(bare) :] = bare.predictions["probability"]
        by = by.replace(")", f"; {NO_LABEL}: by a probe on all)")
    scene.add_category(
        f"predicted:{key}", f"predicted by {by}", said, scene.classes,
        backbone=key, role="prediction", short_name="predicted",
    )  # fmt: skip
    scene.add_category(
        f"right:{key}", f"right or wrong, {by}", wrong, ("right", "wrong"),
        backbone=key, role="correctness", short_name="right or wrong",
    )  # fmt: skip
    scene.add_number(
        f"confidence:{key}", f"confidence of {by}", confidence,
        range=(0, 1), backbone=key, role="confidence", short_name="confidence",
    )  # fmt: skip


def _add_map(
    scene: Scene,
    results: Results,
    backbone: str,
    stage: str,
    method: str,
    codes: NDArray[np.int64],
) -> None:
    key, name = backbone_key(backbone, stage), stage_name(backbone, stage)
    title = MAPS.title(method)
    points = results.maps[backbone, stage][method]
    labelled = len(points)
    points, facts = _with_unlabelled(scene, results, backbone, stage, method)
    pretrained = results.backbones.set_index("backbone")["pretrained"]
    has_silhouettes = method in results.silhouettes
    scene.add_map(
        points,
        id=map_id(backbone, stage, method),
        backbone=key,
        method=method,
        name=f"{name} · {title}",
        pretrained=bool(np.all(pretrained[backbone])),
        learned=space_of(method).learned,
        facts=facts,
        silhouette_column=f"silhouette:{key}:{method}" if has_silhouettes else None,
    )
    add_purity(scene, key, method, f"{name} · {title}", points[:labelled], codes[:labelled])


def _with_unlabelled(
    scene: Scene, results: Results, backbone: str, stage: str, method: str
) -> tuple[NDArray[np.floating], str]:
    """Return the places of all pictures on a map, and what is said of it in a line."""
    points, bare = results.maps[backbone, stage][method], results.unlabelled
    facts = map_facts(results, backbone, stage, method)
    if bare is None:
        return points, facts
    labelled, places = len(points), bare.maps.get((backbone, stage), {}).get(method)
    points = padded(points, scene.count, np.nan)
    if places is None:
        lost = f"those {NO_LABEL} lie in its middle: {_LOST}"
        return points, "; ".join(filter(None, [facts, lost]))
    points[labelled:] = places
    return points, facts


def add_purity(
    scene: Scene,
    key: str,
    method: str,
    name: str,
    points: NDArray[np.floating],
    codes: NDArray[np.int64],
) -> None:
    """Add how many of the nearest of a picture on a map are of its class, computed when asked for.

    Parameters
    ----------
    scene : Scene
        Its first pictures are those that have a class.
    key, method, name : str
        The backbone's, as `backbone_key` gives it; the map's; what the map is called.
    points, codes : ndarray of shape (m, 3), (m,)
        Places and classes of those pictures.
    """
    scene.add_number(
        f"purity:{key}:{method}",
        f"own class among the {_PURITY_NEIGHBORS} nearest in {name}",
        lambda: padded(neighbor_purity(points, codes, _PURITY_NEIGHBORS), scene.count, np.nan),
        range=(0, 1),
        backbone=key,
        role="purity",
        short_name="own class near",
    )


def _add_silhouettes(scene: Scene, results: Results, backbone: str, stage: str) -> None:
    rows = results.silhouettes.query("backbone == @backbone and stage == @stage")
    key, name = backbone_key(backbone, stage), stage_name(backbone, stage)
    for space in rows.columns.drop(["backbone", "stage", "picture"]):
        if rows[space].isna().all():
            continue
        values = np.full(scene.count, np.nan, np.float32)
        values[rows["picture"]] = rows[space]
        where = "all features" if space == FEATURES.key else MAPS.title(space)
        scene.add_number(
            f"silhouette:{key}:{space}", f"silhouette in {name} · {where}", values,
            range=(-1, 1), backbone=key, role="silhouette", short_name="silhouette",
        )  # fmt: skip


def add_plain_map(scene: Scene, results: Results, backbone: str, stage: str, method: str) -> None:
    """Add a map of a study whose pictures have no class each: without silhouettes and purity."""
    key, pretrained = backbone_key(backbone, stage), results.backbones.set_index("backbone")
    points, facts = _with_unlabelled(scene, results, backbone, stage, method)
    scene.add_map(
        points,
        id=map_id(backbone, stage, method),
        backbone=key,
        method=method,
        name=f"{stage_name(backbone, stage)} · {MAPS.title(method)}",
        pretrained=bool(np.all(pretrained["pretrained"][backbone])),
        facts=facts,
    )


def map_facts(results: Results, backbone: str, stage: str, method: str) -> str:
    """Say in a line how far a map parts the classes and what it keeps."""

    def value(metric: str, split: str) -> float:
        return float(results.mean(metric, split, stage).get(backbone, np.nan))

    everywhere = value(f"silhouette.{method}", "all")
    tested = value(f"silhouette.{method}", "test")
    kept = value(f"{method}.neighbors_kept", "all")
    words = []
    if not np.isnan(everywhere):
        test = "" if np.isnan(tested) else f" (test {tested:.3f})"
        words.append(f"silhouette {everywhere:.3f} in this map{test}, Euclidean")
    elif not np.isnan(tested):
        words.append(f"silhouette {tested:.3f} of the test pictures in this map, Euclidean")
    if not np.isnan(kept):
        words.append(f"keeps {100 * kept:.0f}% of neighbours")
    if size := sample_size(results, SILHOUETTES):
        words.append(f"silhouettes of a stratified sample of {size:,} pictures")
    if size := sample_size(results, LEARNED) if method != "pca" else None:
        words.append(f"made of one of {size:,}, the others placed by it")
    return "; ".join(words).replace("-0.", "−0.")
