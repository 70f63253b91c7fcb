"""t-distributed stochastic neighbour embedding (t-SNE) in one to three dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from embedlens.arrays.threads import bounded_threads, limit_threads
from embedlens.reduce import student
from embedlens.reduce.affinities import conditional_affinities, joint_affinities
from embedlens.reduce.barnes_hut import TreeRepulsion
from embedlens.reduce.gradient_descent import Descent, Repulsion, Schedule
from embedlens.reduce.neighbors import Neighbors
from embedlens.reduce.placement import place
from embedlens.reduce.repulsion import ExactRepulsion, padded
from embedlens.reduce.tsne_input import Source, source_of

Metric = Literal["euclidean", "cosine", "precomputed", "gram"]
Method = Literal["auto", "exact", "barnes_hut"]

# Beyond this many points all pairs take several times as long as the tree.
_EXACT_LIMIT = 15_000

# Threads meet twice an iteration, and wait for each other: each is to have a fifth of a millisecond
# of work.
_PAIRS_A_THREAD = 600_000

_START_SPREAD = 1e-4  # standard deviation of the first coordinate


class TSNE(BaseEstimator):  # type: ignore[misc]
    """t-SNE, exact and fast, the same to the last bit for any number of threads.

    Affinities are those of the exact 3 · perplexity nearest neighbours. Repulsion is computed over
    all pairs, and beyond 15,000 points by a tree. The descent starts from the principal components,
    early exaggeration falls to 1 by degrees, the learning rate is the largest stable one, and it
    stops when the divergence settles.

    For many points of many features, reduce them first: ``PCA(50).fit_transform(X)``. Wide features
    (d > n) are reduced to their Gram matrix here, in one pass.

    Parameters
    ----------
    n_components : {3, 2, 1}, default 3
        Dimensions of the map. As in scikit-learn the map's distribution has n_components - 1
        degrees of freedom, at least one. In three dimensions the last forces are scikit-learn's,
        not the gradient of the divergence; why is told in ``embedlens.reduce.student``.
    perplexity : float, default 30.0
        Effective number of neighbours; below n. Larger sets of points bear larger values.
    early_exaggeration : float, default 12.0
        Factor on the attraction at first, so that clusters find their places.
    learning_rate : float or "auto", default "auto"
        Length of a step. ``"auto"`` is n / (4 · exaggeration of the moment).
    max_iter : int, default 1000
        Iterations at most. Exaggeration takes three eighths of them, 375 at most.
    init : {"pca", "random"} or ndarray of shape (n, n_components), default "pca"
        Starting points; an array is taken as it is.
    metric : {"euclidean", "cosine", "precomputed", "gram"}, default "euclidean"
        How X is meant: features, or the (n, n) matrix of their distances or products.
    method : {"auto", "exact", "barnes_hut"}, default "auto"
        ``"auto"`` is exact up to 15,000 points.
    angle : float, default 0.5
        Accuracy of ``"barnes_hut"``; smaller is slower.
    tol : float, default 0.004
        Stop when 50 iterations lower the divergence by less than this share of it, at the earliest
        halfway.
    callback : callable, optional
        Called as ``callback(iteration, divergence, max_iter)`` every 50 iterations.
    n_jobs : int, optional
        Threads at most; None and -1 for all processors. It does not affect the map.
    random_state : int, default 0
        Seeds what is random: ``init="random"``, and directions in which the data do not vary.

    Attributes
    ----------
    embedding_ : ndarray of shape (n, n_components), float32
    kl_divergence_ : float
        KL(P || Q) of the embedding.
    n_iter_ : int
    trace_ : ndarray with fields ``iteration``, ``kl``, ``gradient_norm``
        The way down. The norm is that of the forces at the iteration before.
    method_ : str
        The repulsion used.

    References
    ----------
    L. van der Maaten, G. Hinton, JMLR 9, 2008. D. Kobak, P. Berens, "The art of using t-SNE for
    single-cell transcriptomics", Nat. Commun. 10, 2019 (start, exaggeration, learning rate).
    A. C. Belkina et al., "Automated optimized parameters for t-SNE", Nat. Commun. 10, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from embedlens.reduce import TSNE
    >>> X = np.random.default_rng(0).normal(size=(60, 5))
    >>> TSNE(perplexity=10).fit_transform(X).shape
    (60, 3)
    """

    def __init__(
        self,
        n_components: int = 3,
        *,
        perplexity: float = 30.0,
        early_exaggeration: float = 12.0,
        learning_rate: float | Literal["auto"] = "auto",
        max_iter: int = 1000,
        init: Literal["pca", "random"] | NDArray[Any] = "pca",
        metric: Metric = "euclidean",
        method: Method = "auto",
        angle: float = 0.5,
        tol: float = 4e-3,
        callback: Callable[[int, float, int], object] | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.init = init
        self.metric = metric
        self.method = method
        self.angle = angle
        self.tol = tol
        self.callback = callback
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> TSNE:
        """Make the map of ``X``; see ``fit_transform``."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: ArrayLike, y: object = None) -> NDArray[np.float32]:
        """Return the map of ``X``.

        Parameters
        ----------
        X : array-like of shape (n, d), or (n, n) where ``metric`` says so
        y : ignored

        Returns
        -------
        ndarray of shape (n, n_components), float32

        Raises
        ------
        ValueError
            If X is not a matrix of finite numbers as ``metric`` says, has fewer than two rows, or
            a parameter is out of range, the perplexity above all.
        """
        self._check_parameters()
        with bounded_threads(self.n_jobs):
            source = source_of(X, self.metric)
            k = self._n_neighbors(len(source.matrix))
            squared, neighbors = source.nearest(k)
            P = joint_affinities(neighbors, conditional_affinities(squared, self.perplexity))
            self._descend(P, self._start(source))
        self._source = source
        self.n_features_in_ = source.matrix.shape[1]
        return self.embedding_

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the places of new points in the map, which stays as it is.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Features; with ``metric="precomputed"`` the distances, (m, n), to the points fitted.

        Returns
        -------
        ndarray of shape (m, n_components), float32
            Each depends on its own row only.

        Raises
        ------
        ValueError
            If ``X`` does not match the points fitted, or they were given by their Gram matrix.
        """
        check_is_fitted(self, "embedding_")
        n = len(self.embedding_)
        scale = np.float32(math.sqrt(student.degrees_of_freedom(self.n_components)))
        with bounded_threads(self.n_jobs):
            found: Neighbors = self._source.nearest_of(X, min(n, self._n_neighbors(n) + 1))
            affinities = conditional_affinities(found[0], self.perplexity)
            Y = np.zeros((3, n), np.float32)
            Y[: self.n_components] = self.embedding_.T / scale
            law = student.SPACE_WEIGHTED if self.n_components == 3 else student.PLANE
            places = place(Y, found[1], affinities, law)
        return np.ascontiguousarray(places[: self.n_components].T * scale)

    def _check_parameters(self) -> None:
        wrong = {
            "n_components must be 1, 2 or 3": self.n_components not in (1, 2, 3),
            "perplexity must be positive": not 0 < self.perplexity < math.inf,
            "early_exaggeration must be at least 1": not 1 <= self.early_exaggeration < math.inf,
            "max_iter must be positive": self.max_iter < 1,
            "method must be 'auto', 'exact' or 'barnes_hut'": self.method
            not in ("auto", "exact", "barnes_hut"),
            "angle must be positive": not self.angle > 0,
            "learning_rate must be positive or 'auto'": self.learning_rate != "auto"
            and not (isinstance(self.learning_rate, (int, float)) and self.learning_rate > 0),
        }
        for rule, broken in wrong.items():
            if broken:
                name = rule.split()[0]
                raise ValueError(f"{rule}, not {getattr(self, name)!r}.")

    def _n_neighbors(self, n: int) -> int:
        if self.perplexity >= n:
            raise ValueError(
                f"perplexity ({self.perplexity}) must be less than the number of points ({n}): "
                f"lower it, to about {max((n - 1) // 3, 1)}."
            )
        return min(n - 1, int(3 * self.perplexity + 1))

    def _start(self, source: Source) -> NDArray[np.float32]:
        """Return the starting points, (n, n_components)."""
        shape = (len(source.matrix), self.n_components)
        noise = _START_SPREAD * np.random.default_rng(self.random_state).standard_normal(shape)
        if isinstance(self.init, np.ndarray):
            if self.init.shape != shape or not np.isfinite(self.init).all():
                raise ValueError(
                    f"init must be finite and of shape {shape}, not {self.init.shape}."
                )
            return self.init.astype(np.float32)
        if self.init == "random":
            return noise.astype(np.float32)
        if self.init != "pca":
            raise ValueError(f"init must be 'pca', 'random' or an array, not {self.init!r}.")
        start = source.principal(self.n_components, self.random_state)
        spread = start.std(axis=0)
        # Directions without variance start from noise: no force would ever leave them.
        varied = np.flatnonzero(spread > 1e-6 * spread[0])
        noise[:, varied] = start[:, varied] * (_START_SPREAD / max(spread[0], 1e-300))
        return noise.astype(np.float32)

    def _descend(self, P: Any, start: NDArray[np.float32]) -> None:
        n = len(start)
        exact = self.method == "exact" or (self.method == "auto" and n <= _EXACT_LIMIT)
        self.method_ = "exact" if exact else "barnes_hut"
        scale = np.float32(math.sqrt(student.degrees_of_freedom(self.n_components)))
        Y = padded(start / scale)
        repulsion: Repulsion = (
            ExactRepulsion(Y.shape[1]) if exact else TreeRepulsion(Y.shape[1], n, self.angle)
        )
        limit_threads(n**2 // _PAIRS_A_THREAD)
        descent = Descent(P, Y, self.n_components, repulsion)
        rate = None if self.learning_rate == "auto" else float(self.learning_rate)
        schedule = Schedule(self.max_iter, self.early_exaggeration, rate, self.tol)
        checks = descent.run(schedule, self.callback)
        embedding = descent.Y[: self.n_components, :n].T * scale
        self.embedding_ = np.ascontiguousarray(embedding - embedding.mean(axis=0))
        self.trace_ = np.array(
            [(c.iteration, c.divergence, c.gradient_norm) for c in checks],
            dtype=[("iteration", int), ("kl", float), ("gradient_norm", float)],
        )
        self.kl_divergence_ = checks[-1].divergence
        self.n_iter_ = checks[-1].iteration
