"""What is measured of all pictures and of a sample of them, part after part, without a cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from embedlens.cluster.parts import write_parts
from embedlens.cluster.sample import Sample, TakeRows
from embedlens.cluster.shards import read_shard, write_shard
from embedlens.cluster.storage import Storage
from embedlens.cluster.whole import AddUp, MeasureEach, measures_of, packed_sums
from embedlens.errors import EmbedlensError
from embedlens.metrics import silhouette_samples
from embedlens.reduce import PCA

COLUMNS = 5


@pytest.fixture(scope="module")
def rows():
    """60 pictures: a class of one, copies, one without a class, ten in a row without features."""
    rng = np.random.default_rng(0)
    label = np.array(["a"] * 20 + ["b"] * 10 + ["c"] * 29 + ["only"])
    label[25] = ""
    values = rng.normal(1000, 1, (60, COLUMNS)).astype(np.float32)
    values[:30] += 2
    values[40:50] = values[40]
    number = [f"{row:032x}" for row in range(60)]
    bad = np.isin(np.arange(60), range(30, 40))
    return pd.DataFrame(
        {
            "id": np.where(bad, "", number),
            "path": [f"{row}.png" for row in range(60)],
            "label": label,
            "split": "",
            "features": list(values),
        }
    )


@pytest.fixture(scope="module")
def good(rows):
    return rows[(rows["id"] != "") & (rows["label"] != "")]


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    return Storage(tmp_path_factory.mktemp("storage"))


@pytest.fixture(scope="module")
def parts(rows, storage):
    """Parts of three shards of ten rows: shards of one class, and one of which no row is good."""
    listed, embedded = [], []
    for start in range(0, 60, 10):
        some = rows[start : start + 10]
        places = pa.table({name: some[name].tolist() for name in ("path", "label", "split")})
        listed.append(write_shard(storage, "listed", f"{start:032x}", places))
        flat = pa.array(np.concatenate(some["features"].tolist()))
        columns = {
            "id": some["id"].tolist(),
            "reason": ["" if each else "broken" for each in some["id"]],
            "features": pa.FixedSizeListArray.from_arrays(flat, COLUMNS),
        }
        embedded.append(write_shard(storage, "embedded", f"{start:032x}", pa.table(columns)))
    shards = write_parts(storage, listed, embedded, shards=3)
    assert write_parts(storage, listed, embedded, shards=3) == shards
    return [read_shard(storage, shard) for shard in shards]


def test_two_passes_give_what_all_pictures_together_give(parts, good, storage):
    summed = [AddUp(storage).start()(part) for part in parts]
    told = pa.concat_tables(summed).to_pandas()
    columns = ["id", "path", "label", "split"]
    pd.testing.assert_frame_equal(told, good[columns].reset_index(drop=True))
    sums = packed_sums(summed)
    each = [MeasureEach(storage, sums).start()(part) for part in parts]
    frame, values = pa.concat_tables(each).to_pandas(), np.stack(good["features"].tolist())
    labels = good["label"].to_numpy(str)
    assert frame["id"].tolist() == good["id"].tolist()
    pca = PCA(3, method="covariance")
    np.testing.assert_allclose(frame[["x", "y", "z"]], pca.fit_transform(values), atol=1e-3)
    measures = measures_of(sums, each).set_index("metric")["value"]
    assert measures["pictures"] == len(good)
    assert measures["pca.variance_kept"] == pytest.approx(
        pca.explained_variance_ratio_.sum(), rel=1e-5
    )
    for metric in ("sqeuclidean", "cosine"):
        expected = silhouette_samples(values, labels, metric=metric)
        np.testing.assert_allclose(frame[metric], expected, atol=1e-6)
        assert measures[f"silhouette.{metric}"] == pytest.approx(expected.mean(), abs=1e-7)
        means = {name: expected[labels == name].mean() for name in np.unique(labels)}
        assert measures[f"silhouette.{metric}.macro"] == pytest.approx(
            np.mean(list(means.values())), abs=1e-7
        )
        for name, mean in means.items():
            assert measures[f"silhouette.{metric}.class.{name}"] == pytest.approx(mean, abs=1e-6)


def test_the_rows_of_a_sample_are_taken_wherever_they_lie(parts, good, storage):
    wanted = good.iloc[[0, 17, 30, len(good) - 1]]
    step = TakeRows(storage, frozenset(wanted["id"]))
    taken = pa.concat_tables([step.start()(part) for part in parts]).to_pydict()
    assert taken["id"] == wanted["id"].tolist()
    assert np.array_equal(np.float32(taken["features"]), np.stack(wanted["features"].tolist()))


def test_features_of_too_many_columns_are_refused(parts, storage, monkeypatch):
    monkeypatch.setattr("embedlens.cluster.whole._MOST_FEATURES", COLUMNS - 1)
    with pytest.raises(EmbedlensError, match="Features of 5 columns: on a cluster at most 4"):
        AddUp(storage).start()(parts[0])


def test_a_sample_is_a_table_of_pictures_of_each_class(good, tmp_path):
    rows = good.drop(columns="features").reset_index(drop=True)
    drawn = Sample.drawn(rows, str(tmp_path), 20, seed=0)
    assert (len(drawn.rows), drawn.of) == (20, len(good))
    assert set(drawn.rows["label"]) == {"a", "b", "c", "only"}
    drawn.write(tmp_path / "sample.csv")
    table = pd.read_csv(tmp_path / "sample.csv")
    assert list(table) == ["path", "label"]
    assert table["path"].tolist() == [str(tmp_path / name) for name in _names(drawn)]
    told = Sample.drawn(rows.assign(split="train"), "s3://bucket/photos/", 20, seed=0)
    told.write(tmp_path / "sample.csv")
    table = pd.read_csv(tmp_path / "sample.csv")
    assert set(table["split"]) == {"train"}
    assert table["path"].tolist() == [f"s3://bucket/photos/{name}" for name in _names(drawn)]


def _names(drawn):
    return [path.rpartition("/")[2] for path in drawn.rows["path"]]


def test_pictures_in_an_archive_are_refused(good):
    with pytest.raises(EmbedlensError, match=r"pictures\.zip is an archive"):
        Sample.drawn(good, "pictures.zip", 20, seed=0)
