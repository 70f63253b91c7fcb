"""What a classifier answers by: a dense layer, the votes of neighbours, or a fine-tuned top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from embedlens.learn import LabelProbes, LinearProbe, NeighborsProbe, TopClassifier
from embedlens.metrics import nearest_neighbors
from embedlens.results.vocabulary import KNN, LINEAR_PROBE, TUNED

Numbers = NDArray[np.floating[Any]]

LEAST = 1e-30  # a share that rounds to 0 has no logarithm


class Head(Protocol):
    """Gives each class a score, whose softmax over a temperature is its probability.

    Attributes
    ----------
    key : str
        As in the vocabulary of a study's heads; of the top that was fine-tuned, its stage.
    """

    key: ClassVar[str]

    def scores(self, features: Numbers) -> NDArray[np.float64]:
        """Return the scores of pictures, (pictures, classes)."""

    def arrays(self) -> dict[str, Numbers]:
        """Return what it is made of, to be kept."""


@dataclass(frozen=True)
class LinearHead:
    """A dense layer: features @ kernel + bias.

    Attributes
    ----------
    kernel : ndarray of shape (d, classes), float32
        What a probe learned, its scaling of the features inside; of several labels a picture, a
        column a label.
    bias : ndarray of shape (classes,), float32
    """

    key: ClassVar[str] = LINEAR_PROBE.key
    kernel: Numbers
    bias: Numbers

    @classmethod
    def of(cls, probe: LinearProbe | LabelProbes, basis: Numbers | None = None) -> LinearHead:
        """Return a fitted probe as one layer.

        Parameters
        ----------
        probe : LinearProbe or LabelProbes
        basis : ndarray of shape (d, columns), optional
            Where the probe learned from coordinates: features times this are them.
        """
        kernel, bias = probe.layer()
        kernel = kernel if basis is None else basis @ kernel
        return cls(kernel.astype(np.float32), bias.astype(np.float32))

    @classmethod
    def read(cls, arrays: Mapping[str, Numbers]) -> LinearHead:
        """Return what `arrays` gave."""
        return cls(arrays["kernel"], arrays["bias"])

    def scores(self, features: Numbers) -> NDArray[np.float64]:
        """Return the logits of pictures, (pictures, classes)."""
        scores: NDArray[np.float64] = features.astype(np.float64) @ self.kernel + self.bias
        return scores

    def arrays(self) -> dict[str, Numbers]:
        """Return kernel and bias."""
        return {"kernel": self.kernel, "bias": self.bias}


@dataclass(frozen=True)
class NeighborsHead:
    """The votes of the nearest training pictures, as `NeighborsProbe` counts them.

    One vote more is spread over all classes: a class without a vote is unlikely, not impossible.

    Attributes
    ----------
    points : ndarray of shape (training pictures, d), float32
    codes : ndarray of shape (training pictures,), int64
        Their classes.
    k : int
        How many vote.
    width : float
        A neighbour of cosine similarity s votes with weight exp(s / width).
    classes : int
        How many there are.
    """

    key: ClassVar[str] = KNN.key
    points: Numbers
    codes: NDArray[np.int64]
    k: int
    width: float
    classes: int

    @classmethod
    def of(cls, probe: NeighborsProbe) -> NeighborsHead:
        """Return what a fitted probe remembers."""
        points, codes = probe.remembered()
        return cls(points, codes, probe.k_, probe.temperature, len(probe.classes_))

    @classmethod
    def read(cls, arrays: Mapping[str, Numbers]) -> NeighborsHead:
        """Return what `arrays` gave."""
        k, width, classes = arrays["votes"].tolist()
        return cls(
            arrays["points"], arrays["codes"].astype(np.int64), int(k), float(width), int(classes)
        )

    def scores(self, features: Numbers) -> NDArray[np.float64]:
        """Return the logarithms of the shares of the vote, (pictures, classes)."""
        distances, rows = nearest_neighbors(
            self.points, self.k, metric="cosine", queries=np.asarray(features, np.float32)
        )
        weights = np.exp(-distances / self.width)
        shares = np.zeros((len(features), self.classes))
        np.add.at(shares, (np.arange(len(features))[:, None], self.codes[rows]), weights)
        shares /= shares.sum(axis=1, keepdims=True)
        smooth: NDArray[np.float64] = np.log((self.k * shares + 1 / self.classes) / (self.k + 1))
        return smooth

    def arrays(self) -> dict[str, Numbers]:
        """Return points, codes and how votes are counted."""
        return {
            "points": self.points,
            "codes": self.codes.astype(np.float64),
            "votes": np.array([self.k, self.width, self.classes], np.float64),
        }


@dataclass(frozen=True)
class TunedHead:
    """The study's top, trained with the tail of a network: on no other network does it answer.

    Attributes
    ----------
    kernel : ndarray of shape (d, units), float32
        Of the hidden layer, the normalisation of the features inside.
    bias : ndarray of shape (units,), float32
    last_kernel : ndarray of shape (units, classes), float32
    last_bias : ndarray of shape (classes,), float32
    """

    key: ClassVar[str] = TUNED.key
    kernel: Numbers
    bias: Numbers
    last_kernel: Numbers
    last_bias: Numbers

    @classmethod
    def of(cls, top: TopClassifier) -> TunedHead:
        """Return a top as its two layers."""
        return cls(*top.layers())

    @classmethod
    def read(cls, arrays: Mapping[str, Numbers]) -> TunedHead:
        """Return what `arrays` gave."""
        return cls(arrays["kernel"], arrays["bias"], arrays["last_kernel"], arrays["last_bias"])

    def scores(self, features: Numbers) -> NDArray[np.float64]:
        """Return the logits of pictures, (pictures, classes)."""
        hidden = np.maximum(np.asarray(features, np.float32) @ self.kernel + self.bias, 0)
        scores: NDArray[np.float64] = hidden.astype(np.float64) @ self.last_kernel + self.last_bias
        return scores

    def arrays(self) -> dict[str, Numbers]:
        """Return both layers."""
        return {
            "kernel": self.kernel, "bias": self.bias,
            "last_kernel": self.last_kernel, "last_bias": self.last_bias,
        }  # fmt: skip


HEADS: dict[str, type[LinearHead] | type[NeighborsHead] | type[TunedHead]] = {
    each.key: each for each in (LinearHead, NeighborsHead, TunedHead)
}
