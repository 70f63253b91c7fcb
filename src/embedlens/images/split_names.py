"""What the names of splits mean: one rule for folders, files, columns and arrays."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence

from embedlens.errors import ImageSetError

_MEANING = {
    **dict.fromkeys(("train", "training", "trn", "tr", "trainval"), "train"),
    **dict.fromkeys(
        ("validation", "validate", "validating", "val", "valid", "vld", "dev", "development"),
        "validation",
    ),
    **dict.fromkeys(("eval", "evaluation"), "eval"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
# Words that say nothing of which split it is: "train_images", "X_test", "PublicTest", "val (1)".
_EMPTY = frozenset({
    "set", "sets", "split", "splits", "data", "dataset", "subset", "partition", "folder", "dir",
    "image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos",
    "sample", "samples", "part", "x", "public", "private",
})  # fmt: skip
_JOINED = re.compile(
    rf"({'|'.join(sorted(_MEANING, key=len, reverse=True))})({'|'.join(sorted(_EMPTY))})"
)


def split_named(name: str) -> str:
    """Return the split that a name stands for, or "" where it stands for none.

    Case, spaces, signs and digits do not matter, nor do words such as "set", "data" and "images".

    Examples
    --------
    >>> [split_named(name) for name in ("Test ", "training_set", "val2017", "X_dev", "extra")]
    ['test', 'train', 'validation', 'validation', '']
    """
    return splits_named([name])[name]


def splits_named(names: Collection[str], *, alike: bool = False) -> dict[str, str]:
    """Return the split that each of several names beside each other stands for, "" for none.

    "eval" is the validation split; beside another validation split and no test split it is the
    test split.

    Parameters
    ----------
    names : collection of str
        Of folders or files beside each other, or the values of a column.
    alike : bool, default=False
        Whether words that all names share say nothing: "seg_train" beside "seg_test". So it is of
        folders and files; values of a column have to be splits and nothing else.

    Returns
    -------
    dict of str to str
        By the name: "train", "validation", "test", or "".

    Examples
    --------
    >>> splits_named(["seg_train", "seg_test"], alike=True)
    {'seg_train': 'train', 'seg_test': 'test'}
    >>> splits_named(["train", "dev", "eval"])
    {'train': 'train', 'dev': 'validation', 'eval': 'test'}
    """
    words = {name: _words(name) for name in names}
    shared: set[str] = set()
    if alike and len(words) > 1:
        shared = set.intersection(*map(set, words.values())) - set(_MEANING)
    found = {name: _meaning([w for w in own if w not in shared]) for name, own in words.items()}
    told = set(found.values())
    evaluated = "test" if "validation" in told and "test" not in told else "validation"
    return {name: evaluated if split == "eval" else split for name, split in found.items()}


def splits_hinted(names: Collection[str]) -> dict[str, str]:
    """Return the split that each name has a word of, whatever else it says; "" for none or two.

    For folders that cannot be classes: "flowers-train" beside "my test pictures".
    """
    hinted = {}
    for name in names:
        known = {word for word in _words(name) if word in _MEANING}
        hinted[name] = known.pop() if len(known) == 1 else name
    meant = splits_named(set(hinted.values()))
    return {name: meant[word] for name, word in hinted.items()}


def says_nothing(name: str) -> bool:
    """Whether a name is of words such as "images" and "data" alone."""
    return all(word in _EMPTY for word in _words(name))


def has_splits(splits: Collection[str]) -> bool:
    """Whether these are splits that can be used: training and another."""
    return "train" in splits and len(set(splits) - {""}) > 1


def splits_of_rows(
    values: Sequence[str], where: object, row_name: Callable[[int], str] | None = None
) -> list[str]:
    """Return the split of each row of a table or an array.

    Parameters
    ----------
    values : sequence of str
        As they are given; all of them empty where there are no splits.
    where : Path or str
        The table, for messages.
    row_name : callable, optional
        Names a row, given its index; by default "row 1" is the first.

    Raises
    ------
    ImageSetError
        A value is no split or missing, or no row is in training.
    """
    if not any(values):
        return list(values)
    meant = splits_named(set(values))
    for row, value in enumerate(values):
        if not meant[value]:
            place = row_name(row) if row_name else f"row {row + 1}"
            raise ImageSetError(
                f"{where}: split {value!r} in {place} is not train, validation or test; mend it"
            )
    splits = [meant[value] for value in values]
    if "train" not in splits:
        raise ImageSetError(f"{where}: no row has split train; add some or leave the column out")
    return splits


def _words(name: str) -> list[str]:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name)).casefold()
    text = re.sub(r"\bh[eo]ld[\W_]*out", "holdout", text)
    words: list[str] = []
    for word in re.findall(r"[^\W\d_]+", text):
        joined = _JOINED.fullmatch(word)
        words += [joined[1]] if joined and word not in _MEANING else [word]
    return words


def _meaning(words: Sequence[str]) -> str:
    telling = {_MEANING.get(word, "") for word in words if word not in _EMPTY}
    # The union of two splits, as in PASCAL VOC: validation is then drawn from it.
    if telling == {"train", "validation"}:
        return "train"
    return telling.pop() if len(telling) == 1 else ""
