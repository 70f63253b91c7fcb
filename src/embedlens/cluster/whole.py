"""What is measured of all pictures, however many: two passes over their shards.

The first adds up what PCA and silhouettes need, a part of the set at a time; the second gives each
picture its coordinates and its silhouettes. Nothing else of the set is in one place.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.cluster.parts import rows_of
from embedlens.cluster.pool import Maker
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError
from embedlens.files import content_key
from embedlens.metrics import ClassSums
from embedlens.metrics.class_sums import SummedMetric
from embedlens.reduce import PCA, Moments

METRICS: tuple[SummedMetric, ...] = get_args(SummedMetric)
AXES = ("x", "y", "z")

_FORMAT = 1  # raise it when the same features begin to give other numbers
_SUMS = b"sums"
_MOST_FEATURES = 10_000  # a covariance of as many columns takes 0.8 GB


@dataclass(frozen=True, eq=False)
class Sums:
    """What all pictures add up to.

    Attributes
    ----------
    moments : Moments
        Mean and scatter of their features.
    classes : dict of str to ClassSums
        By the metric.
    """

    moments: Moments
    classes: dict[SummedMetric, ClassSums]

    @classmethod
    def of(cls, features: NDArray[np.float32], labels: Sequence[str]) -> Sums:
        """Add up some pictures; there may be none."""
        named = np.array(labels, dtype=str)
        classes = {m: ClassSums.of(features, named, metric=m) for m in METRICS}
        return cls(Moments.of(features), classes)

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        classes = {m: self.classes[m] + other.classes[m] for m in METRICS}
        return Sums(self.moments + other.moments, classes)


@dataclass(frozen=True)
class AddUp:
    """The first pass: of each part its rows without features, and in its metadata their sums.

    Attributes
    ----------
    storage : Storage
        Where the shards of a part are.
    """

    storage: Storage
    name = "sums"
    key = content_key([_FORMAT])

    def start(self) -> Maker:
        """Return the function of a part."""

        def summed(part: Any) -> Any:
            import pyarrow as pa

            total: Sums | None = None
            columns = {name: list[str]() for name in ("id", "path", "label", "split")}
            for rows in rows_of(self.storage, part):
                _expect_narrow(rows.features)
                sums = Sums.of(rows.features, rows.labels)
                total = sums if total is None else total + sums
                found = (rows.ids, rows.paths, rows.labels, rows.splits)
                for name, values in zip(columns, found, strict=True):
                    columns[name] += values
            assert total is not None
            typed = {name: pa.array(values, pa.string()) for name, values in columns.items()}
            return pa.table(typed).replace_schema_metadata({_SUMS: _packed(total)})

        return summed


@dataclass(frozen=True)
class MeasureEach:
    """The second pass: a row a picture, its ``id``, ``x``, ``y``, ``z`` and silhouettes.

    Attributes
    ----------
    storage : Storage
        Where the shards of a part are.
    sums : bytes
        Of all parts, as `packed_sums` gives them.
    """

    storage: Storage
    sums: bytes
    name = "measured"

    @property
    def key(self) -> str:
        """What a row depends on besides its part."""
        return content_key([_FORMAT, self.sums.hex()])

    def start(self) -> Maker:
        """Return the function of a part."""
        sums = _unpacked(self.sums)
        pca = fitted_pca(sums)

        def measured(part: Any) -> Any:
            import pyarrow as pa

            tables = [_measured_rows(sums, pca, rows) for rows in rows_of(self.storage, part)]
            return pa.concat_tables(tables)

        return measured


def fitted_pca(sums: Sums) -> PCA:
    """Return the principal components of all pictures, three or as many as there are."""
    most = min(len(AXES), sums.moments.count, len(sums.moments.mean))
    return PCA(most).fit_moments(sums.moments)


def packed_sums(tables: Iterable[Any]) -> bytes:
    """Add up the sums of parts, in their order, and pack them for the second pass."""
    return _packed(reduce(add, (_unpacked(table.schema.metadata[_SUMS]) for table in tables)))


def measures_of(sums: bytes, tables: Iterable[Any]) -> pd.DataFrame:
    """Return what was measured of all pictures, with columns ``metric`` and ``value``.

    Parameters
    ----------
    sums : bytes
        Of all parts.
    tables : iterable of pyarrow.Table
        What `MeasureEach` made of each part, with the column ``label``.

    Returns
    -------
    DataFrame
        ``pictures``; ``pca.variance_kept``, the share of the variance on the map's axes; and for
        each metric ``silhouette.<metric>``, the mean of all pictures, ``....macro``, that of the
        means of the classes, and ``....class.<class>``.
    """
    by_class = (
        table.select(["label", *METRICS]).to_pandas().assign(count=1).groupby("label").sum()
        for table in tables
    )
    total = reduce(lambda one, other: one.add(other, fill_value=0), by_class)
    kept = float(fitted_pca(_unpacked(sums)).explained_variance_ratio_.sum())
    rows = [("pictures", float(total["count"].sum())), ("pca.variance_kept", kept)]
    for metric in METRICS:
        means = total[metric] / total["count"]
        rows += [
            (f"silhouette.{metric}", float(total[metric].sum() / total["count"].sum())),
            (f"silhouette.{metric}.macro", float(means.mean())),
            *((f"silhouette.{metric}.class.{name}", float(mean)) for name, mean in means.items()),
        ]
    return pd.DataFrame(rows, columns=["metric", "value"])


def _measured_rows(sums: Sums, pca: PCA, rows: Any) -> Any:
    import pyarrow as pa

    labels = np.array(rows.labels, dtype=str)
    scores = np.full((len(labels), len(AXES)), 0.0, np.float32)
    if len(labels):
        scores[:, : len(pca.components_)] = pca.transform(rows.features)
    columns = {"id": pa.array(rows.ids, pa.string()), "label": pa.array(rows.labels, pa.string())}
    columns |= {axis: pa.array(scores[:, i]) for i, axis in enumerate(AXES)}
    for metric in METRICS:
        columns[metric] = pa.array(sums.classes[metric].silhouettes(rows.features, labels))
    return pa.table(columns)


def _expect_narrow(features: NDArray[np.float32]) -> None:
    if features.shape[1] > _MOST_FEATURES:
        raise EmbedlensError(
            f"Features of {features.shape[1]:,} columns: on a cluster at most {_MOST_FEATURES:,} "
            "are measured. Leave --pooling none out."
        )


def _packed(sums: Sums) -> bytes:
    """Return sums as the bytes of an npz, which runs nothing when it is read."""
    arrays: dict[str, Any] = {
        "count": sums.moments.count, "mean": sums.moments.mean, "scatter": sums.moments.scatter
    }  # fmt: skip
    for metric, each in sums.classes.items():
        arrays |= {
            f"{metric}.names": each.names.astype(str), f"{metric}.counts": each.counts,
            f"{metric}.placed": each.placed, f"{metric}.means": each.means,
            f"{metric}.squares": each.squares,
        }  # fmt: skip
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **arrays)
    return sink.getvalue()


def _unpacked(data: bytes) -> Sums:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        moments = Moments(int(arrays["count"]), arrays["mean"], arrays["scatter"])
        classes = {
            metric: ClassSums(
                metric,
                arrays[f"{metric}.names"].astype(object),
                *(arrays[f"{metric}.{each}"] for each in ("counts", "placed", "means", "squares")),
            )
            for metric in METRICS
        }
    return Sums(moments, classes)
