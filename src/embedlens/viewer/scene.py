"""The scene: what the viewer is given. A manifest of names and facts, and binary blobs."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.files import content_key
from embedlens.viewer.sprites import Sheets

FORMAT = 2
_LEAST, _MOST = 1e-15, 1e15  # an extent within these has its square in float32
UNKNOWN = 65_535
"""The code of a picture whose category is not known."""

Array = NDArray[Any]
Blob = Array | bytes | Callable[[], "Array | bytes"]
"""What a name stands for: an array, bytes, or a function that makes one when it is asked for."""

Role = Literal[
    "class", "split", "prediction", "correctness", "confidence", "silhouette", "purity", "finding"
]
"""What the viewer knows a column as, whatever it is called."""


@dataclass(frozen=True)
class TextBlob:
    """A text a picture: UTF-8 bytes of all, and uint32 offsets (n + 1) into them."""

    bytes: str
    offsets: str


@dataclass(frozen=True)
class Column:
    """Something that pictures are coloured and filtered by.

    Attributes
    ----------
    id, name : str
        For programs, and for people. Nothing is to be read from the spelling of an id.
    kind : {"category", "number"}
        uint16 codes, `UNKNOWN` where nothing is known; or float32, NaN where nothing is known.
    blob : str
        The values.
    categories : sequence of str, optional
        What the codes stand for.
    backbone : str, optional
        The backbone it belongs to, as `backbone_key` names it.
    role : str, optional
        What it is; one of `Role`. None for what a user gave.
    short_name : str, optional
        Its name where the map shown says the rest; ``name`` by default.
    range : (float, float), optional
        The ends of the colour scale.
    unknown : str, optional
        What is said where nothing is known; "not known" by default.
    """

    id: str
    name: str
    kind: Literal["category", "number"]
    blob: str
    categories: Sequence[str] | None = None
    backbone: str | None = None
    role: Role | None = None
    short_name: str | None = None
    range: tuple[float, float] | None = None
    unknown: str | None = None


@dataclass(frozen=True)
class SceneMap:
    """A map: float32 coordinates, (n, dimensions), and what is to be said of them.

    Attributes
    ----------
    id, name : str
        For programs, and for people. Nothing is to be read from the spelling of an id.
    backbone : str
        Of whose features, as `backbone_key` names them in columns and neighbours.
    method : str
        How it was made: maps of one method are compared first.
    dimensions : {2, 3}
        Columns of the blob.
    blob : str
        The coordinates.
    pretrained : bool
        False for random weights.
    learned : bool
        Whether the map was made with the labels.
    facts : str
        A line under the map.
    silhouette_column : str, optional
        The column with the silhouette of each point in this map.
    """

    id: str
    backbone: str
    method: str
    name: str
    dimensions: int
    blob: str
    pretrained: bool = True
    learned: bool = False
    facts: str = ""
    silhouette_column: str | None = None


@dataclass(frozen=True)
class ThumbnailSheets:
    """Sheets of small pictures, cells of size x size pixels, row by row, in order."""

    size: int
    columns: int
    rows: int
    sheets: Sequence[str]


@dataclass(frozen=True)
class NearestPictures:
    """The k nearest of each picture, nearest first, itself left out: uint32 and float32, (n, k)."""

    k: int
    indices: str
    distances: str
    metric: str


@dataclass(frozen=True)
class CheckFindings:
    """What a check found.

    Attributes
    ----------
    blob : str
        JSON: a list of findings, each with kind, picture and other (rows), reason, action and
        suggested (a label); other and suggested where there are some.
    kinds : dict of str to str
        The kinds that there are, with their titles.
    elsewhere : dict of str to int
        How many findings are of no picture of the scene, by the title of their kind.
    """

    blob: str
    kinds: dict[str, str]
    elsewhere: dict[str, int]


@dataclass(frozen=True)
class Moved:
    """Coordinates less a middle, divided by a power of ten.

    Attributes
    ----------
    middle : ndarray of shape (dimensions,)
    power : int
    """

    middle: NDArray[np.float64]
    power: int

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Do it to other points of the same map."""
        # Two steps: a power of ten beyond 308 is none in float64.
        half = self.power // 2
        return (points - self.middle) / 10.0**half / 10.0 ** (self.power - half)


@dataclass
class Scene:
    r"""The manifest and the blobs it names.

    Attributes
    ----------
    title : str
        The study's name.
    count : int
        Pictures, and so points.
    classes : tuple of str
        Sorted.
    labels : int
        How many labels there are, where a picture has several; 0 where each has one class.
    paths : TextBlob or None
        The file of each picture.
    backbones : dict of str to str
        What each backbone at its stage is called, by `backbone_key`.
    columns, maps : list
        In the order that they are offered.
    opening : str, optional
        The id of the map that is shown first; by default the first map.
    opening_colour : str, optional
        The id of the column that it is coloured by; by default the class.
    thumbnails : ThumbnailSheets or None
        Of all pictures.
    pictures : bool
        Whether the viewer may ask for the pictures themselves.
    neighbours : dict of str to NearestPictures
        By backbone.
    neighbours_on_demand : bool
        Whether the viewer may ask for more of them.
    findings : CheckFindings or None
        What a check found.
    table : dict of str to TextBlob
        The columns of the image set that decisions about pictures change, beside the labels: path,
        and split and group where some were given. Empty where a server writes that table, or
        nothing can.
    blobs : dict of str to Blob
        By name; names are letters, digits and "-".
    moved : dict of str to Moved
        What was done to the coordinates of each map, by its id.

    Examples
    --------
    >>> scene = Scene("two points", 2, ("a", "b"))
    >>> scene.add_category("class", "class", np.array([0, 1]), scene.classes, role="class")
    >>> scene.add_map(np.eye(2), id="x/pca", backbone="x", method="pca", name="x · PCA")
    >>> [each["id"] for each in scene.manifest()["columns"]], bytes(scene.blob("column-0"))
    (['class'], b'\x00\x00\x01\x00')
    """

    title: str
    count: int
    classes: tuple[str, ...]
    labels: int = 0
    paths: TextBlob | None = None
    backbones: dict[str, str] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    maps: list[SceneMap] = field(default_factory=list)
    opening: str | None = None
    opening_colour: str | None = None
    thumbnails: ThumbnailSheets | None = None
    pictures: bool = False
    neighbours: dict[str, NearestPictures] = field(default_factory=dict)
    neighbours_on_demand: bool = False
    findings: CheckFindings | None = None
    table: dict[str, TextBlob] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    moved: dict[str, Moved] = field(default_factory=dict)

    def manifest(self) -> dict[str, Any]:
        """Return what JSON says of the scene; names as in the viewer's own types."""
        columns = [_known(column) for column in self.columns]
        return {
            "format": FORMAT,
            "title": self.title,
            "count": self.count,
            "classes": list(self.classes),
            "picturesKey": self._pictures_key(),
            "columnsKey": content_key(columns, 4),
            "paths": asdict(self.paths) if self.paths else None,
            "backbones": self.backbones,
            "columns": columns,
            "maps": [_known(each) for each in self.maps],
            "opening": self.opening,
            "openingColour": self.opening_colour,
            "thumbnails": asdict(self.thumbnails) if self.thumbnails else None,
            "pictures": self.pictures,
            "neighbours": {name: asdict(each) for name, each in self.neighbours.items()},
            "neighboursOnDemand": self.neighbours_on_demand,
            "findings": asdict(self.findings) if self.findings else None,
            "table": {name: asdict(each) for name, each in self.table.items()},
        }

    def _pictures_key(self) -> str:
        """Name the pictures in their order, by which an address in the browser calls them."""
        digest = hashlib.blake2b(digest_size=4)
        for name in (self.paths.bytes, self.paths.offsets) if self.paths else ():
            digest.update(self.blob(name))
        return f"{self.count}-{digest.hexdigest()}"

    def blob(self, name: str) -> memoryview:
        """Return a blob's bytes, little-endian; it is made now if it is a function.

        Raises
        ------
        KeyError
            If there is none of this name.
        """
        content = self.blobs[name]
        made = content() if callable(content) else content
        if isinstance(made, np.ndarray):
            made = np.ascontiguousarray(made, made.dtype.newbyteorder("<"))
            return made.reshape(-1).view(np.uint8).data
        return memoryview(made)

    def add_paths(self, paths: Sequence[str]) -> None:
        """Name the file of each picture."""
        self.paths = self._add_text("paths", paths)

    def add_table(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Add the columns of the image set that decisions change; see ``table``."""
        self.table = {
            name: self._add_text(f"table-{number}", texts)
            for number, (name, texts) in enumerate(columns.items())
        }

    def _add_text(self, name: str, texts: Sequence[str]) -> TextBlob:
        encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.uint32)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        made = TextBlob(f"{name}-bytes", f"{name}-offsets")
        self.blobs |= {made.bytes: b"".join(encoded), made.offsets: offsets}
        return made

    def named_paths(self) -> list[str]:
        """Return the file of each picture; none where they have no names."""
        if self.paths is None:
            return []
        text, ends = bytes(self.blob(self.paths.bytes)), self.blobs[self.paths.offsets]
        assert isinstance(ends, np.ndarray)
        return [text[start:end].decode("utf-8") for start, end in pairwise(ends.tolist())]

    def add_category(
        self,
        id: str,
        name: str,
        codes: Array,
        categories: Sequence[str],
        **facts: Any,
    ) -> None:
        """Add a column of codes that point into ``categories``; -1 is not known.

        ``facts`` are the other fields of `Column`.
        """
        blob = self._next("column", len(self.columns))
        self.blobs[blob] = np.where(codes < 0, UNKNOWN, codes).astype(np.uint16)
        self.columns.append(Column(id, name, "category", blob, list(categories), **facts))

    def add_number(
        self,
        id: str,
        name: str,
        values: Array | Callable[[], Array],
        **facts: Any,
    ) -> None:
        """Add a column of numbers, or of a function that computes them; ``facts`` as above."""
        blob = self._next("column", len(self.columns))
        self.blobs[blob] = (
            (lambda: np.asarray(values(), np.float32))
            if callable(values)
            else np.asarray(values, np.float32)
        )
        self.columns.append(Column(id, name, "number", blob, **facts))

    def add_map(
        self,
        coordinates: ArrayLike,
        *,
        id: str,
        backbone: str,
        method: str,
        name: str,
        **facts: Any,
    ) -> None:
        """Add a map of coordinates (n, 2) or (n, 3); ``facts`` are the other fields of `SceneMap`.

        The middle of the points becomes the origin: coordinates far from it would lose their
        digits in float32. Coordinates whose squares float32 cannot hold are divided by a power of
        ten, which is told.
        """
        points = np.asarray(coordinates, np.float64)
        moved = Moved(_middle(points), 0)
        finite = np.isfinite(points)
        extent = float(np.abs(moved.apply(points)).max(initial=0.0, where=finite))
        if extent and not _LEAST < extent < _MOST:
            moved = Moved(moved.middle, math.floor(math.log10(extent)))
            told = f"coordinates divided by 1e{moved.power}"
            facts["facts"] = "; ".join(filter(None, [facts.get("facts"), told]))
        blob = self._next("map", len(self.maps))
        self.blobs[blob] = moved.apply(points).astype(np.float32)
        self.moved[id] = moved
        self.maps.append(SceneMap(id, backbone, method, name, points.shape[1], blob, **facts))

    def add_neighbours(self, backbone: str, indices: Array, distances: Array, metric: str) -> None:
        """Add the nearest pictures of each in a backbone's features."""
        number = len(self.neighbours)
        names = f"neighbours-{number}-indices", f"neighbours-{number}-distances"
        self.blobs[names[0]] = indices.astype(np.uint32)
        self.blobs[names[1]] = distances.astype(np.float32)
        self.neighbours[backbone] = NearestPictures(indices.shape[1], *names, metric)

    def add_thumbnails(self, sheets: Sheets, draw: Callable[[int], bytes]) -> None:
        """Add sheets of thumbnails; ``draw`` makes one, by its number, when it is asked for."""
        names = [f"thumbnails-{sheet}" for sheet in range(sheets.number)]
        self.blobs |= {name: partial(draw, sheet) for sheet, name in enumerate(names)}
        self.thumbnails = ThumbnailSheets(sheets.side, sheets.across, sheets.across, names)

    def _next(self, kind: str, number: int) -> str:
        return f"{kind}-{number}"


def _middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the middle of the points' box; those that have no place count for nothing."""
    finite = np.isfinite(points)
    low = points.min(axis=0, initial=np.inf, where=finite)
    high = points.max(axis=0, initial=-np.inf, where=finite)
    middle: NDArray[np.float64] = np.where(low <= high, low / 2 + high / 2, 0.0)
    return middle


def backbone_key(backbone: str, stage: str) -> str:
    """Name a backbone and its stage in one: "Xception", "Xception tuned"."""
    return backbone if stage == "pretrained" else f"{backbone} {stage}"


def _known(entry: Column | SceneMap) -> dict[str, Any]:
    """Return an entry's fields that are set, their names in the viewer's spelling."""
    fields = {name: value for name, value in asdict(entry).items() if value is not None}
    return {re.sub("_(.)", lambda m: m[1].upper(), name): value for name, value in fields.items()}
