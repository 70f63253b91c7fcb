"""Scenes against the results and arrays they came from."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import EmbedlensError
from embedlens.metrics import nearest_neighbors, neighbor_purity
from embedlens.results.unlabelled import Unlabelled
from embedlens.results.verdict import judge
from embedlens.results.vocabulary import MAPS
from embedlens.viewer import Scene, arrays_scene
from embedlens.viewer.scene import FORMAT, UNKNOWN
from embedlens.viewer.study_scene import study_scene
from embedlens.viewer.whole_scene import fitting_maps, rounded, whole_study_scene


def column(scene, id):
    """A column, and its values as the viewer would read them."""
    found = next(each for each in scene.columns if each.id == id)
    dtype = {"category": "<u2", "number": "<f4"}[found.kind]
    return found, np.frombuffer(scene.blob(found.blob), dtype)


def words(scene, id):
    """A column of categories as text; None where nothing is known."""
    found, codes = column(scene, id)
    return [None if code == UNKNOWN else found.categories[code] for code in codes]


@pytest.fixture(scope="module")
def results(finished):
    return finished.results


@pytest.fixture(scope="module")
def scene(results):
    return study_scene(results)


def test_class_split_and_path_are_those_of_the_pictures(scene, results):
    assert words(scene, "class") == results.pictures["label"].tolist()
    assert words(scene, "split") == results.pictures["split"].tolist()
    text = bytes(scene.blob(scene.paths.bytes))
    offsets = np.frombuffer(scene.blob(scene.paths.offsets), "<u4")
    paths = [text[a:b].decode() for a, b in itertools.pairwise(offsets)]
    assert paths == results.pictures["path"].tolist()


@pytest.mark.parametrize(("key", "stage"), [("A", "pretrained"), ("A tuned", "tuned")])
def test_predictions_are_known_of_test_pictures_of_the_first_split_alone(
    scene, results, key, stage
):
    rows = results.predictions.query(
        "backbone == 'A' and stage == @stage and head == 'linear_probe' and repeat == 0"
    ).set_index("picture")
    said, right = words(scene, f"predicted:{key}"), words(scene, f"right:{key}")
    confidence = column(scene, f"confidence:{key}")[1]
    for i, label in enumerate(results.pictures["label"]):
        if i in rows.index:
            assert said[i] == rows["predicted"][i]
            assert right[i] == ("right" if said[i] == label else "wrong")
            assert confidence[i] == np.float32(rows["confidence"][i])
        else:
            assert said[i] is right[i] is None
            assert np.isnan(confidence[i])


def test_maps_are_the_coordinates_moved_to_the_origin(scene, results):
    by_id = {each.id: each for each in scene.maps}
    assert list(by_id)[: len(MAPS)] == [f"A/pretrained/{name}" for name in MAPS]
    assert len(by_id) == 3 * len(MAPS)
    assert {MAPS[each.method].learned for each in scene.maps} == {False, True}
    for (backbone, stage), maps in results.maps.items():
        for method, points in maps.items():
            each = by_id[f"{backbone}/{stage}/{method}"]
            got = np.frombuffer(scene.blob(each.blob), "<f4").reshape(-1, each.dimensions)
            moved = got - got[0] + points[0]
            np.testing.assert_allclose(moved, points, atol=1e-5)
            np.testing.assert_allclose(got.min(axis=0), -got.max(axis=0), atol=1e-5)
            assert each.learned == MAPS[method].learned
            assert each.name.endswith(f" · {MAPS[method].title}")
            assert each.pretrained == (backbone == "A")
            key = backbone if stage == "pretrained" else f"{backbone} {stage}"
            assert each.backbone == key
            _, values = column(scene, each.silhouette_column)
            rows = results.silhouettes.query("backbone == @backbone and stage == @stage")
            np.testing.assert_array_equal(values, rows[method].to_numpy(np.float32))
            _, purity = column(scene, f"purity:{key}:{method}")
            expected = neighbor_purity(points, results.pictures["label"], 10)
            np.testing.assert_allclose(purity, expected, atol=1e-6)


def test_a_map_says_its_silhouettes_and_what_it_keeps(scene):
    first = scene.maps[0]
    assert first.name == "A · PCA"
    assert first.facts == (
        "silhouette 0.500 in this map (test −0.250), Euclidean; keeps 17% of neighbours"
    )
    tuned = [each.name for each in scene.maps if each.backbone == "A tuned"]
    assert tuned[1] == "A, fine-tuned · t-SNE"


def test_backbones_are_named_and_columns_have_roles(scene):
    assert scene.backbones == {"A": "A", "A tuned": "A, fine-tuned", "B/2": "B/2"}
    assert [each.role for each in scene.columns if each.backbone is None] == ["class", "split"]
    for key in scene.backbones:
        roles = [each.role for each in scene.columns if each.backbone == key]
        counts = {role: roles.count(role) for role in dict.fromkeys(roles)}
        assert counts == {
            "prediction": 1, "correctness": 1, "confidence": 1,
            "purity": len(MAPS), "silhouette": len(MAPS) + 1,
        }  # fmt: skip
        maps = [each for each in scene.maps if each.backbone == key]
        for each in maps:
            assert column(scene, each.silhouette_column)[0].role == "silhouette"


def test_it_opens_on_the_best_backbones_map_that_keeps_most_without_labels(results):
    measures = results.measures.copy()
    for value, method in enumerate(MAPS):
        measures.loc[measures["metric"] == f"{method}.neighbors_kept", "value"] = value
    unlearned = [name for name in MAPS if not MAPS[name].learned]
    best = judge(results).standings[0].backbone
    assert study_scene(replace(results, measures=measures)).opening == (
        f"{best}/pretrained/{unlearned[-1]}"
    )
    others = {key: maps for key, maps in results.maps.items() if key[0] != best}
    assert study_scene(replace(results, maps=others)).opening is None
    assert study_scene(replace(results, predictions=results.predictions[:0])).opening is None


def test_the_manifest_is_json_with_the_viewers_names(scene):
    manifest = json.loads(json.dumps(scene.manifest()))
    assert set(manifest) == {
        "format", "title", "count", "classes", "paths", "columns", "maps", "opening",
        "openingColour", "thumbnails", "pictures", "backbones", "neighbours", "neighboursOnDemand",
        "findings", "table", "picturesKey", "columnsKey",
    }  # fmt: skip
    assert manifest["format"] == FORMAT
    assert manifest["thumbnails"] is None
    assert "silhouetteColumn" in manifest["maps"][0]
    assert "categories" not in next(c for c in manifest["columns"] if c["kind"] == "number")
    named = [each["blob"] for each in manifest["columns"] + manifest["maps"]]
    named += manifest["paths"].values()
    assert sorted(named) == sorted(scene.blobs)
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in scene.blobs)


@pytest.mark.parametrize(
    ("other", "changed"),
    [(("a.png", "b.png", "cat", "dog"), set()),
     (("b.png", "a.png", "cat", "dog"), {"picturesKey"}),
     (("a.pn", "gb.png", "cat", "dog"), {"picturesKey"}),
     (("a.png", "b.png", "cat", "fox"), {"columnsKey"})],
)  # fmt: skip
def test_an_address_can_tell_other_pictures_and_other_columns(other, changed):
    def keys(*told):
        scene = Scene("two", 2, told[2:])
        scene.add_paths(told[:2])
        scene.add_category("class", "class", np.array([0, 1]), scene.classes, role="class")
        return {name: scene.manifest()[name] for name in ("picturesKey", "columnsKey")}

    own, now = keys("a.png", "b.png", "cat", "dog"), keys(*other)
    assert {name for name in own if own[name] != now[name]} == changed


def test_a_picture_that_was_set_aside_is_in_no_column(results):
    table = results.pictures.copy()
    table.loc[len(table)] = {**table.iloc[0].to_dict(), "path": "gone.png", "kept": False}
    scene = study_scene(replace(results, pictures=table))
    assert scene.count == len(results.pictures)
    assert len(column(scene, "class")[1]) == scene.count


def test_the_whole_scene_has_neighbours_of_each_backbone_and_stage(study):
    scene = whole_study_scene(study.folder, study.results)
    assert list(scene.neighbours) == ["A", "A tuned", "B/2"]
    values = np.load(study.folder / "features" / "A.tuned" / "features.npy")
    distances, indices = nearest_neighbors(values, 12)
    stored = scene.neighbours["A tuned"]
    got = np.frombuffer(scene.blob(stored.indices), "<u4").reshape(-1, stored.k)
    np.testing.assert_array_equal(got, indices)
    near = np.frombuffer(scene.blob(stored.distances), "<f4").reshape(-1, stored.k)
    np.testing.assert_allclose(near, distances, rtol=2.5e-4)


def test_neighbours_are_found_anew_when_features_have_changed(study):
    whole_study_scene(study.folder, study.results)
    path = study.folder / "features" / "A" / "features.npy"
    values = np.random.default_rng(9).normal(size=np.load(path).shape).astype(np.float32)
    np.save(path, values)
    scene = whole_study_scene(study.folder, study.results)
    got = np.frombuffer(scene.blob(scene.neighbours["A"].indices), "<u4")
    np.testing.assert_array_equal(got.reshape(-1, 12), nearest_neighbors(values, 12)[1])


def test_features_of_other_pictures_are_not_used(study):
    (study.folder / "features" / "A" / "ids.txt").write_text("others")
    assert list(whole_study_scene(study.folder, study.results).neighbours) == ["A tuned", "B/2"]


def test_rounding_keeps_four_digits_and_special_values():
    values = np.array([0.123456789, -7.654321, 1e-20, 0.0, np.nan], np.float32)
    np.testing.assert_allclose(rounded(values), values, rtol=2.5e-4)
    assert not (rounded(values[:4]).view(np.uint32) & 0x7FF).any()


def test_arrays_become_a_scene_whatever_their_types():
    rng = np.random.default_rng(0)
    scene = arrays_scene(
        {"flat": rng.normal(size=(5, 2)), "deep": rng.normal(size=(5, 3))},
        np.array([3, 1, 1, 3, 2]),
        columns={"age": [1, 2, 3, 4, np.nan], "kind": ["b", "a", "b", "a", "b"]},
    )
    assert scene.classes == ("1", "2", "3")
    assert words(scene, "class") == ["3", "1", "1", "3", "2"]
    assert words(scene, "kind") == ["b", "a", "b", "a", "b"]
    np.testing.assert_array_equal(column(scene, "age")[1], np.float32([1, 2, 3, 4, np.nan]))
    assert [each.dimensions for each in scene.maps] == [2, 3]


def test_coordinates_far_from_the_origin_keep_their_digits():
    points = np.array([[1e9, 0.0], [1e9 + 0.25, 0.5], [1e9 + 0.5, 1.0]])
    scene = arrays_scene(points)
    got = np.frombuffer(scene.blob("map-0"), "<f4").reshape(-1, 2)
    np.testing.assert_allclose(got, [[-0.25, -0.5], [0, 0], [0.25, 0.5]])


def test_features_give_neighbours(tmp_path):
    values = np.random.default_rng(0).normal(size=(30, 7))
    scene = arrays_scene(values[:, :3], features=values)
    got = np.frombuffer(scene.blob(scene.neighbours[""].indices), "<u4").reshape(-1, 12)
    np.testing.assert_array_equal(got, nearest_neighbors(values, 12)[1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"coordinates": np.zeros((4, 5))}, r"\(4, 5\); a map needs"),
        ({"coordinates": np.zeros((0, 3))}, "a map needs"),
        ({"coordinates": [[0, np.nan], [1, 1]]}, "not all finite"),
        ({"coordinates": {"a": np.zeros((4, 2)), "b": np.zeros((5, 2))}}, r"\[4, 5\] points"),
        ({"coordinates": {}}, "no coordinates"),
        ({"coordinates": np.zeros(4)}, r"shape \(4,\)"),
        ({"coordinates": np.zeros((4, 2, 2))}, r"shape \(4, 2, 2\)"),
        ({"coordinates": np.zeros((4, 1))}, r"shape \(4, 1\)"),
        ({"coordinates": np.float64(3)}, r"shape \(\)"),
        ({"coordinates": {1, 2}}, r"shape \(\)"),
        ({"coordinates": [[0, 1], [2]]}, "no array of numbers"),
        ({"coordinates": [["0", "1"]]}, "not all finite numbers; they are of type"),
        ({"coordinates": np.ones((2, 2), bool)}, "of type bool"),
        ({"coordinates": [[0, 1], [2, None]]}, "1 of 2 rows are not, the first is row 1"),
        ({"coordinates": np.ma.masked_equal([[0, 1], [2, 3]], 3)}, "the first is row 1"),
        ({"coordinates": {1: np.eye(2), "1": np.eye(2)}}, "Two maps have one name"),
        ({"coordinates": np.zeros((4, 2)), "features": np.zeros(4)}, r"features have the shape"),
        ({"coordinates": np.zeros((4, 2)), "features": np.zeros((3, 5))}, "features has 3 entries"),
        ({"coordinates": np.zeros((2, 2)), "features": [[0, 1], [0, np.inf]]}, "features are not"),
        ({"coordinates": np.zeros((4, 2)), "paths": "abcd"}, "paths is a str"),
        ({"coordinates": np.zeros((4, 2)), "labels": ["a"]}, "labels has 1 entries for 4 points"),
        ({"coordinates": np.zeros((1, 2)), "columns": {"x": [1, 2]}}, r"columns\['x'\] has 2"),
    ],
)
def test_arrays_that_do_not_fit_get_a_sentence(arguments, sentence):
    with pytest.raises(EmbedlensError, match=sentence):
        arrays_scene(**arguments)


@pytest.mark.parametrize("size", [1e-320, 1e-40, 1.0, 1e39, 1e300, 1.7e308])
def test_coordinates_of_any_size_keep_their_shape(size):
    unit = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    scene = arrays_scene(unit * size)
    got = np.frombuffer(scene.blob("map-0"), "<f4").reshape(-1, 3)
    expected = unit - (unit.min(axis=0) + unit.max(axis=0)) / 2
    tolerance = 1e-3 if size < 1e-300 else 1e-5  # the smallest numbers have few digits
    scale = np.abs(got).max() / np.abs(expected).max()
    np.testing.assert_allclose(got, expected * scale, atol=tolerance * scale)
    assert np.isfinite(got @ got.T).all()
    assert ("coordinates divided by" in scene.maps[0].facts) == (size != 1.0)


def test_more_categories_than_codes_are_refused():
    with pytest.raises(EmbedlensError, match="70,000 different values"):
        arrays_scene(np.zeros((70_000, 2)), np.arange(70_000))


def test_a_blob_made_by_a_function_is_made_when_it_is_asked_for():
    calls = []
    scene = Scene("x", 2, ("a",))
    scene.add_number("n", "n", lambda: calls.append(1) or np.array([1.0, 2.0]))
    assert calls == []
    assert np.frombuffer(scene.blob("column-0"), "<f4").tolist() == [1, 2]
    assert calls == [1]


def test_maps_of_the_last_backbones_are_left_out_where_there_is_no_room(results):
    a_stage = 45 * (3 * 20 + 12)
    assert list(fitting_maps(results).maps) == list(results.maps)
    taken = fitting_maps(results, 2 * a_stage).maps
    assert list(taken) == [("A", "pretrained"), ("A", "tuned")]
    assert list(fitting_maps(results, 1).maps) == [("A", "pretrained")]


def test_pictures_without_a_label_come_last_and_are_of_no_class(results):
    count = int(results.pictures["kept"].sum())
    at = np.arange(6.0).reshape(2, 3).astype("f4")
    bare = Unlabelled(
        "key", str(results.settings.pictures), "A",
        pd.DataFrame({"path": ["x.png", "y.png"], "id": ["x", "y"], "kept": True}),
        pd.DataFrame({"class": ["ant", "ant"], "probability": [0.5, 0.75], "unknown": False}),
        {("A", "pretrained"): {"pca": at}}, {},
    )  # fmt: skip
    scene = study_scene(replace(results, unlabelled=bare))
    assert scene.count == count + 2

    about, codes = column(scene, "class")
    assert codes[count:].tolist() == [UNKNOWN, UNKNOWN]
    assert about.unknown == "without a label"
    assert words(scene, "predicted:A")[count:] == ["ant", "ant"]
    assert column(scene, "confidence:A")[1][count:].tolist() == [0.5, 0.75]
    assert column(scene, "right:A")[1][count:].tolist() == [UNKNOWN, UNKNOWN]
    _, purity = column(scene, "purity:A:pca")
    np.testing.assert_array_equal(purity[:count], column(study_scene(results), "purity:A:pca")[1])
    assert np.isnan(purity[count:]).all()
    shown = next(each for each in scene.maps if each.id == "A/pretrained/pca")
    points = np.frombuffer(scene.blob(shown.blob), "<f4").reshape(-1, 3)
    whole = np.concatenate([results.maps["A", "pretrained"]["pca"], at])
    middle = (whole.min(axis=0) + whole.max(axis=0)) / 2
    np.testing.assert_allclose(points, whole - middle, atol=1e-5)
    np.testing.assert_allclose(scene.moved[shown.id].apply(at), points[count:], atol=1e-5)
    other = next(each for each in scene.maps if each.id == "A/pretrained/tsne")
    assert "nothing tells where" in other.facts
    places = np.frombuffer(scene.blob(other.blob), "<f4").reshape(-1, 3)
    assert np.isfinite(places[:count]).all()
