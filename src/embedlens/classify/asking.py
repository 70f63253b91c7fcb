"""A classifier asked of pictures: a row for each, written as they come, whatever it answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.embedding_classifier import EmbeddingClassifier
from embedlens.classify.new_pictures import NewPictures
from embedlens.errors import EmbedlensError
from embedlens.features import Runner
from embedlens.features.decoding import ahead, decoding_threads
from embedlens.files import content_key, replacing
from embedlens.images import ImageError, Problem, Source, decode
from embedlens.images.record import content_id

_BLOCK = 256  # pictures between two writes: a killed run loses so many at most

Row = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """What a row of a classifier's answers looks like.

    Attributes
    ----------
    columns : tuple of str
        All of the table.
    given : str
        The one that holds what the place says of a picture.
    numbers : tuple of str
        Those that hold numbers; in "unknown", "seen" and "labelled" is yes or no, in all others
        text.
    joint : str
        Stands between the items of a cell that is a list.
    rows : callable
        Returns the cells of pictures by their features, (pictures, d).
    """

    columns: tuple[str, ...]
    given: str
    numbers: tuple[str, ...]
    joint: str
    rows: Callable[[NDArray[np.floating[Any]]], list[Row]]


def ask(
    classifier: EmbeddingClassifier,
    form: Form,
    new: NewPictures,
    out: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Write a row for each picture; see `predict`.

    Parameters
    ----------
    classifier : EmbeddingClassifier
    form : Form
        Of its rows.
    new : NewPictures
    out : Path
        The table to write, ``.csv`` or ``.tsv``.
    progress : callable
        Called with (pictures done, pictures in all).
    """
    part = out.with_name(out.name + ".part")
    key = content_key([3, classifier.key, new.place, form.columns])
    out.parent.mkdir(parents=True, exist_ok=True)
    done = _kept(part, key, new)
    progress(done, len(new.names))
    if done < len(new.names):
        _go_on(classifier, form, new, part, done, progress)
    with replacing(out, out.suffix) as partial:
        separator = "\t" if out.suffix.lower() == ".tsv" else ","
        _write_table([*map(_aside, new.problems)], _rows(part), partial, separator, form)
    part.unlink()


def _go_on(
    classifier: EmbeddingClassifier,
    form: Form,
    new: NewPictures,
    part: Path,
    done: int,
    progress: Callable[[int, int], None],
) -> None:
    runner = classifier.runner()
    names = iter(new.names[done:])
    while block := list(islice(names, _BLOCK)):
        start = done

        def tell(count: int, start: int = start) -> None:
            progress(start + count, len(new.names))

        rows = _classified(classifier, form, runner, new, block, tell)
        with part.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
        done += len(block)


def _classified(
    classifier: EmbeddingClassifier,
    form: Form,
    runner: Runner,
    new: NewPictures,
    names: Sequence[str],
    tell: Callable[[int], None],
) -> list[Row]:
    """Return the rows of a block of pictures."""
    rows = [_told(new, name) for name in names]
    features: dict[int, NDArray[np.float32]] = {}

    def keep(row: int, values: NDArray[np.float32]) -> None:
        if np.isfinite(values).all():
            features[row] = values
        else:
            rows[row]["problem"] = "the network gives numbers for it that are not finite"
        tell(len(features))

    threads = decoding_threads(runner)
    runner.run(_decoded(classifier, new.source, names, rows, threads), keep)
    read = sorted(features)
    if read:
        answers = form.rows(np.stack([features[row] for row in read]))
        for row, answer in zip(read, answers, strict=True):
            rows[row] |= answer
    tell(len(names))
    return rows


def fitted(classifier: EmbeddingClassifier, data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a picture file as a classifier's network takes them.

    Raises
    ------
    ImageError
        If it is no picture.
    """
    transform = classifier.transform
    return decode(
        data, transform.size, transform.resize, classifier.training.levels_of(data),
        crop=transform.crop, shorter_side=transform.shorter_side,
        interpolation=transform.interpolation, fill=transform.fill, centre=transform.centre,
    )  # fmt: skip


def _decoded(
    classifier: EmbeddingClassifier,
    source: Source,
    names: Sequence[str],
    rows: list[Row],
    threads: int,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield pixels of what can be read, a few pictures ahead; note why others cannot."""

    def read(row: int) -> NDArray[np.uint8] | None:
        try:
            data = source.read(names[row])
            rows[row] |= {"id": content_id(data), "seen": classifier.training.holds(data)}
            return fitted(classifier, data)
        except (ImageError, OSError) as error:
            rows[row]["problem"] = str(error)
            return None

    for row, future in ahead(read, range(len(names)), threads):
        if (pixels := future.result()) is not None:
            yield row, pixels


def _told(new: NewPictures, name: str) -> Row:
    """Return what is known of a picture before it is asked of: a kept row holds if that is so."""
    return {
        "path": name,
        "given": new.labels.get(name, ""),
        "labelled": name in new.sets,
        "stamp": _stamp(new.source, name),
    }


def _stamp(source: Source, name: str) -> list[int]:
    try:
        return list(source.stamp(name))
    except (ImageError, OSError):
        return [-1, -1]


def _kept(part: Path, key: str, new: NewPictures) -> int:
    """Return how many rows an earlier run left that still hold; cut off what does not."""
    end, done = 0, 0
    try:
        with part.open("rb") as file:
            if json.loads(file.readline()).get("key") == key:
                end = file.tell()
                for name, line in zip(new.names, file, strict=False):
                    row = json.loads(line) if line.endswith(b"\n") else {}
                    now = _told(new, name)
                    if {key: row.get(key) for key in now} != now:
                        break
                    end, done = end + len(line), done + 1
    except (OSError, ValueError, AttributeError):
        pass
    if not end:
        part.write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")
        return 0
    with part.open("r+b") as file:
        file.truncate(end)
    return done


def _rows(part: Path) -> Iterator[Row]:
    with part.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            yield json.loads(line)


def _aside(problem: Problem) -> Row:
    return {"path": problem.path, "problem": problem.reason}


def _write_table(
    aside: Iterable[Row], rows: Iterable[Row], path: Path, separator: str, form: Form
) -> None:
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.DictWriter(
            file, form.columns, restval="", delimiter=separator,
            lineterminator="\n",
        )  # fmt: skip
        writer.writeheader()
        for row in chain(rows, aside):
            cells = {
                name: form.joint.join(cell) if isinstance(cell, list) else cell
                for name, cell in row.items()
                if name in form.columns
            }
            writer.writerow({**cells, form.given: row.get("given", "")})


def read_table(table: Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return a table that `ask` wrote; what is no number is text, whatever it looks like.

    Parameters
    ----------
    table : Path
    columns, numbers
        As in `Form`.

    Raises
    ------
    EmbedlensError
        If it is none.
    """
    text = {name: str for name in columns if name not in numbers}
    separator = "\t" if table.suffix.lower() == ".tsv" else ","
    try:
        frame = pd.read_csv(table, sep=separator, dtype=text, keep_default_na=False, na_values={
            name: [""] for name in numbers
        })  # fmt: skip
    except (OSError, ValueError) as error:
        raise EmbedlensError(f"{table} cannot be read as predictions: {error}.") from error
    for name in {"unknown", "seen", "labelled"} & set(columns):
        frame[name] = frame[name] == "True"
    return frame
