"""What a study measures, each said once: spaces, heads, scores, stages.

Those who read results (tables, figures, viewer, verdict) take names from here. What is made and
trained for each is in ``embedlens.study``, which adds to these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Term(Protocol):
    """A word: what programs call it, and what people do."""

    @property
    def key(self) -> str:
        """In files, in measures and for programs."""

    @property
    def title(self) -> str:
        """In tables, on figures and for people."""


Word = TypeVar("Word", bound=Term)


@dataclass(frozen=True)
class Space:
    """Where pictures are points: the features, or a map of them.

    Attributes
    ----------
    key, title : str
        For programs, and for people.
    cost : str
        The measure whose seconds are the time that it took to make; ``variance_kept``, after its
        key: ``pca.variance_kept``.
    learned : bool, default False
        Whether it learned from the labels of the training pictures: then its silhouette says
        something on test pictures only, and only the split it learned on may judge it.
    """

    key: str
    title: str
    cost: str
    learned: bool = False

    @property
    def judged_on(self) -> str:
        """The pictures whose silhouette says something of it: "all", or "test"."""
        return "test" if self.learned else "all"


@dataclass(frozen=True)
class Head:
    """A classifier on features or on a map.

    Attributes
    ----------
    key, title : str
        For programs, and for people.
    """

    key: str
    title: str


@dataclass(frozen=True)
class Score:
    """What foretells how well features will serve.

    Attributes
    ----------
    key, title : str
        For programs, and for people.
    is_share : bool, default False
        Whether it is a share of pictures, and shown in percent.
    """

    key: str
    title: str
    is_share: bool = False


@dataclass(frozen=True)
class Stage:
    """Which weights features come from.

    Attributes
    ----------
    key, title : str
        For programs, and for people.
    """

    key: str
    title: str


class Vocabulary(Mapping[str, Word], Generic[Word]):
    """Words of one kind by their key, in the order they are shown in.

    Examples
    --------
    >>> HEADS.title("knn"), [space.key for space in MAPS.values() if space.learned]
    ('k-NN', ['silhouette_projection'])
    """

    def __init__(self, *words: Word) -> None:
        self._words = {word.key: word for word in words}

    def __getitem__(self, key: str) -> Word:
        return self._words[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def title(self, key: str) -> str:
        """Return what people call it; the key itself where the word is another program's."""
        return self._words[key].title if key in self._words else key

    def add(self, word: Word) -> None:
        """Add a word at the end, for this process.

        Raises
        ------
        ValueError
            If there is one of its key.
        """
        if word.key in self._words:
            raise ValueError(
                f"There is {word.key!r} already ({self[word.key].title}); take another."
            )
        self._words[word.key] = word

    def remove(self, key: str) -> None:
        """Take a word out again.

        Raises
        ------
        KeyError
            If it is not there.
        """
        del self._words[key]


FEATURES = Space("features", "features", "gram")

# PCA and t-SNE know nothing of the classes: they are of all pictures together, as in the study.
MAPS = Vocabulary(
    Space("pca", "PCA", "variance_kept"),
    Space("tsne", "t-SNE", "kl_divergence"),
    Space("silhouette_projection", "silhouette projection", "best_epoch", learned=True),
)

LINEAR_PROBE = Head("linear_probe", "linear probe")
KNN = Head("knn", "k-NN")
TOP = Head("top", "the study's top")
HEADS = Vocabulary(LINEAR_PROBE, KNN, TOP)

SCORES = Vocabulary(
    Score("log_me", "LogME"),
    Score("h_score", "H-score"),
    Score("trans_rate", "TransRate"),
    Score("gbc", "GBC"),
    Score("n_leep", "N-LEEP"),
    Score("leep", "LEEP"),
    Score("nce", "NCE"),
    Score("imagenet_top1", "ImageNet top-1", is_share=True),
)

CALIBRATED_COVERAGE = 0.9
"""The share of new pictures whose class a conformal set is to hold."""

RECALL_AT = (1, 5, 10)
"""How many of the nearest are looked at where a picture is the query."""

PRETRAINED = Stage("pretrained", "pretrained")
TUNED = Stage("tuned", "fine-tuned")
STAGES = Vocabulary(PRETRAINED, TUNED)


def space_of(key: str) -> Space:
    """Return the features, a map, or what another program called by this key."""
    if key == FEATURES.key:
        return FEATURES
    return MAPS[key] if key in MAPS else Space(key, key, "")


def in_order(maps: Iterable[str]) -> list[str]:
    """Return the keys of maps in the order of `MAPS`; others follow, by name.

    Examples
    --------
    >>> in_order(["tsne", "other", "pca"])
    ['pca', 'tsne', 'other']
    """
    found = set(maps)
    return [*(key for key in MAPS if key in found), *sorted(found - set(MAPS))]


def metric_title(metric: str) -> str:
    """Return what people call a score or a silhouette.

    Examples
    --------
    >>> metric_title("score.log_me"), metric_title("silhouette.pca")
    ('LogME', 'silhouette in PCA')
    """
    kind, _, key = metric.partition(".")
    if kind == "score":
        return SCORES.title(key)
    if kind == "silhouette":
        where = "the features" if key == FEATURES.key else space_of(key).title
        return f"silhouette in {where}"
    return metric
