"""The step that reads each picture once and says what it is: its content id, or why it is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from embedlens.cluster.listing import Reader
from embedlens.cluster.pool import Maker
from embedlens.files import content_key
from embedlens.images.levels import DeepRange, shared_ranges
from embedlens.images.record import Record, read_records

_FORMAT = 2  # raise it when the same pictures begin to give other rows


@dataclass(frozen=True)
class Identify:
    """A row a picture: ``path``, ``id``, its header, the range of deep pixels, and the ``reason``.

    Attributes
    ----------
    root : str
        As in `Listing`.
    """

    root: str
    name = "identified"

    @property
    def key(self) -> str:
        """What a row depends on besides the listing."""
        return content_key([_FORMAT, self.root])

    def start(self) -> Maker:
        """Return the function of a listing's shard."""
        reader = Reader(self.root)

        def identified(listed: Any) -> Any:
            names = listed["path"].to_pylist()
            return _table(names, read_records(reader, names, {}))

        return identified


def _table(names: list[str], records: Iterable[Any]) -> Any:
    import pyarrow as pa

    rows = []
    for name, record in zip(names, records, strict=True):
        if isinstance(record, Record):
            deep = record.deep
            rows.append({
                "path": name, "id": record.id, "width": record.width, "height": record.height,
                "format": record.format, "hash": record.hash, "reason": "",
                "kind": deep.kind if deep else "", "low": deep.low if deep else 0.0,
                "high": deep.high if deep else 0.0,
            })  # fmt: skip
        else:
            rows.append({"path": name, "id": "", "reason": str(record)})
    text, number = ("path", "id", "format", "reason", "kind"), pa.float64()
    schema = [(each, pa.string()) for each in text]
    schema += [("width", pa.int64()), ("height", pa.int64()), ("hash", pa.uint64())]
    return pa.Table.from_pylist(rows, pa.schema([*schema, ("low", number), ("high", number)]))


def deep_range(row: dict[str, Any]) -> DeepRange | None:
    """Return the range of a row's pixels, where they do not say what is black and white."""
    return DeepRange(row["kind"], row["low"], row["high"]) if row["kind"] else None


def ranges_of(tables: Iterable[Any]) -> dict[str, DeepRange]:
    """Return the ranges that all pictures of a kind share, by the kind."""
    shared: dict[str, DeepRange] = {}
    for table in tables:
        columns = table.select(["kind", "low", "high"]).to_pylist()
        found = [each for row in columns if (each := deep_range(row))]
        shared = shared_ranges([*shared.values(), *found])
    return shared
