"""A classifier asked of pictures: a row a picture, written as they come, and what it gets right."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.arrays import processors
from embedlens.classify.classifier import NEAREST, Classifier
from embedlens.classify.new_pictures import NewPictures
from embedlens.errors import EmbedlensError
from embedlens.features import Runner
from embedlens.files import content_key, replacing
from embedlens.images import ImageError, Problem, Source, decode
from embedlens.images.record import content_id
from embedlens.metrics.proportion import Interval, proportion_interval

COLUMNS = (
    "path", "class", "probability", "second_class", "second_probability", "set_90",
    "unknown_score", "unknown", "nearest_1", "nearest_2", "nearest_3", "label", "seen", "problem",
    "id",
)  # fmt: skip
_BLOCK = 256  # pictures between two writes: a killed run loses so many at most
_AHEAD = 16
_THREADS = 2

Row = dict[str, Any]


@dataclass(frozen=True)
class Predicted:
    """What came of it.

    Attributes
    ----------
    table : Path
        A row a picture, with the columns of `COLUMNS`.
    source : Source
        Where the pictures' bytes come from.
    pictures, unreadable, unknown, seen : int
        How many were classified, could not be read, were flagged, were among those that the
        classifier has learned from.
    counts : dict of str to int
        Pictures by the class that they were given.
    judged : Judged or None
        What was right, of labelled pictures that it had not seen; None where there is none.
    note : str
        What was not taken for labels.
    """

    table: Path
    source: Source
    pictures: int
    unreadable: int
    unknown: int
    seen: int
    counts: dict[str, int]
    judged: Judged | None
    note: str = ""

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "table": str(self.table.resolve()),
            "pictures": self.pictures,
            "unreadable": self.unreadable,
            "unknown": self.unknown,
            "seen": self.seen,
            "counts": self.counts,
            "judged": None if self.judged is None else self.judged.record(),
            "note": self.note,
        }


@dataclass(frozen=True)
class Judged:
    """Answers compared with labels, of pictures that the classifier has not seen.

    Attributes
    ----------
    accuracy : Interval
        Share of pictures of known classes that were right, with the 95% interval.
    pictures : int
        How many those are.
    seen : int
        Labelled pictures that it has learned from, which are left out.
    confusion : DataFrame
        Pictures by label (index, sorted; other classes too) and answer (columns).
    others : int
        Pictures of classes that it does not know, which no answer could get right.
    others_flagged : int
        Those of them that were flagged as unknown.
    """

    accuracy: Interval
    pictures: int
    seen: int
    confusion: pd.DataFrame
    others: int
    others_flagged: int

    def sentence(self) -> str:
        """Say it."""
        share = self.accuracy
        told = (
            f"It got {share.estimate:.1%} of {self.pictures:,} labelled pictures right that it had "
            f"not seen (95% interval {share.low:.1%} to {share.high:.1%})."
            if self.pictures
            else "No labelled picture of its classes was new to it, so that none can judge it."
        )
        if self.seen:
            told += f" {self.seen:,} that it had learned from are left out."
        if self.others:
            told += (
                f" {self.others:,} are of classes that it does not know; it flagged "
                f"{self.others_flagged:,} of these as unknown."
            )
        return told

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        share = self.accuracy
        return {
            "accuracy": share.estimate if self.pictures else None,
            "low": share.low if self.pictures else None,
            "high": share.high if self.pictures else None,
            "pictures": self.pictures,
            "seen": self.seen,
            "confusion": {
                str(label): {str(name): int(count) for name, count in row.items()}
                for label, row in self.confusion.to_dict("index").items()
            },
            "others": self.others,
            "others_flagged": self.others_flagged,
            "sentence": self.sentence(),
        }


def predict(
    classifier: Classifier,
    place: str,
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predicted:
    """Classify all pictures of a place, and write a row for each.

    It may be stopped at any moment: what was computed is kept beside the table, and the same call
    goes on. Pixels and features are held of a few hundred pictures at a time, the rows of the table
    of all of them at the end.

    Parameters
    ----------
    classifier : Classifier
    place : str
        As for ``ImageSet.read``; besides, a folder of pictures without class folders, one picture,
        and a table without a column of labels.
    out : Path
        The table to write, ``.csv`` or ``.tsv``.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Raises
    ------
    ImageSetError
        If there is no picture.
    """
    new = NewPictures.find(place, classifier.classes)
    part = out.with_name(out.name + ".part")
    key = content_key([1, classifier.key, str(place)])
    out.parent.mkdir(parents=True, exist_ok=True)
    done = _kept(part, key, new)
    progress(done, len(new.names))
    if done < len(new.names):
        _go_on(classifier, new, part, done, progress)
    with replacing(out, out.suffix) as partial:
        separator = "\t" if out.suffix.lower() == ".tsv" else ","
        _write_table([*map(_aside, new.problems)], _rows(part), partial, separator)
    part.unlink()
    return _told(classifier, out, new)


def _go_on(
    classifier: Classifier,
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

        rows = _classified(classifier, runner, new, block, tell)
        with part.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
        done += len(block)


def _classified(
    classifier: Classifier,
    runner: Runner,
    new: NewPictures,
    names: Sequence[str],
    tell: Callable[[int], None],
) -> list[Row]:
    """Return the rows of a block of pictures."""
    rows: list[Row] = [
        {"path": name, "label": new.labels.get(name, ""), "stamp": _stamp(new.source, name)}
        for name in names
    ]
    features: dict[int, NDArray[np.float32]] = {}

    def keep(row: int, values: NDArray[np.float32]) -> None:
        if np.isfinite(values).all():
            features[row] = values
        else:
            rows[row]["problem"] = "the network gives numbers for it that are not finite"
        tell(len(features))

    runner.run(_decoded(classifier, new.source, names, rows), keep)
    read = sorted(features)
    if read:
        answers = answer_rows(classifier, np.stack([features[row] for row in read]))
        for row, answer in zip(read, answers, strict=True):
            rows[row] |= answer
    tell(len(names))
    return rows


def answer_rows(classifier: Classifier, features: NDArray[np.floating[Any]]) -> list[Row]:
    """Return what a classifier says of pictures by their features, by the names of `COLUMNS`."""
    answers = classifier.answer(features)
    return [_answer(classifier, answers, at) for at in range(len(features))]


def _answer(classifier: Classifier, answers: Any, at: int) -> Row:
    shares = answers.probabilities[at]
    best, second = np.argsort(-shares, kind="stable")[:2]
    classes = classifier.classes
    order = np.argsort(-shares, kind="stable")
    near = {
        f"nearest_{place + 1}": classifier.training.paths[row]
        for place, row in enumerate(answers.nearest[at, :NEAREST])
    }
    return {
        "class": classes[best],
        "probability": float(shares[best]),
        "second_class": classes[second],
        "second_probability": float(shares[second]),
        "set_90": [classes[code] for code in order if answers.sets[at, code]],
        "unknown_score": float(answers.unknown[at]),
        "unknown": bool(answers.flagged[at]),
        **near,
    }


def fitted(classifier: Classifier, data: bytes) -> NDArray[np.uint8]:
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
    classifier: Classifier, source: Source, names: Sequence[str], rows: list[Row]
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

    with ThreadPoolExecutor(min(_THREADS, processors()), "decode") as pool:
        places = iter(range(len(names)))
        waiting = deque((row, pool.submit(read, row)) for row in islice(places, _AHEAD))
        try:
            while waiting:
                row, future = waiting.popleft()
                pixels = future.result()
                if pixels is not None:
                    yield row, pixels
                waiting.extend((row, pool.submit(read, row)) for row in islice(places, 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


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
                    now = [name, _stamp(new.source, name), new.labels.get(name, "")]
                    if [row.get("path"), row.get("stamp"), row.get("label")] != now:
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


def _write_table(aside: Iterable[Row], rows: Iterable[Row], path: Path, separator: str) -> None:
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.DictWriter(
            file, COLUMNS, restval="", extrasaction="ignore", delimiter=separator,
            lineterminator="\n",
        )  # fmt: skip
        writer.writeheader()
        for row in chain(rows, aside):
            named = "|".join(row["set_90"]) if "set_90" in row else ""
            writer.writerow({**row, "set_90": named})


def read_predictions(table: Path) -> pd.DataFrame:
    """Return a table that `predict` wrote; classes are text, whatever they look like.

    Raises
    ------
    EmbedlensError
        If it is none.
    """
    text = {name: str for name in COLUMNS if name not in _NUMBERS}
    separator = "\t" if table.suffix.lower() == ".tsv" else ","
    try:
        frame = pd.read_csv(table, sep=separator, dtype=text, keep_default_na=False, na_values={
            name: [""] for name in _NUMBERS
        })  # fmt: skip
    except (OSError, ValueError) as error:
        raise EmbedlensError(f"{table} cannot be read as predictions: {error}.") from error
    for name in ("unknown", "seen"):
        frame[name] = frame[name] == "True"
    return frame


_NUMBERS = ("probability", "second_probability", "unknown_score")


def _told(classifier: Classifier, out: Path, new: NewPictures) -> Predicted:
    frame = read_predictions(out)
    read = frame[frame["problem"] == ""]
    counts = read["class"].value_counts()
    return Predicted(
        out,
        new.source,
        len(read),
        len(frame) - len(read),
        int(read["unknown"].sum()),
        int(read["seen"].sum()),
        {name: int(counts.get(name, 0)) for name in classifier.classes},
        judge_predictions(read, classifier.classes),
        new.note,
    )


def judge_predictions(read: pd.DataFrame, classes: Sequence[str]) -> Judged | None:
    """Compare answers with labels; None where no picture has one.

    Parameters
    ----------
    read : DataFrame
        Rows of pictures that were classified, as `read_predictions` returns them.
    classes : sequence of str
        Those that the classifier knows.
    """
    labelled = read[read["label"] != ""]
    if labelled.empty:
        return None
    new = labelled[~labelled["seen"]]
    known = new[new["label"].isin(list(classes))]
    others = new[~new["label"].isin(list(classes))]
    right = (known["class"] == known["label"]).to_numpy(float)
    share = (
        proportion_interval(right, np.ones(len(right)))
        if len(right)
        else Interval(float("nan"), 0.0, 1.0)
    )
    confusion = pd.crosstab(new["label"], new["class"]).reindex(columns=list(classes), fill_value=0)
    return Judged(
        share, len(known), len(labelled) - len(new), confusion, len(others),
        int(others["unknown"].sum()),
    )  # fmt: skip
