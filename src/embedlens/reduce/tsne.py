"""t-distributed stochastic neighbour embedding (t-SNE) in one to three dimensions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from embedlens.arrays.checks import as_points
from embedlens.arrays.threads import bounded_threads, limit_threads
from embedlens.reduce import student
from embedlens.reduce.affinities import conditional_affinities, joint_affinities
from embedlens.reduce.barnes_hut import TreeRepulsion
from embedlens.reduce.exaggeration import LARGEST, bearable_exaggeration
from embedlens.reduce.gradient_descent import Check, Descent, Repulsion, Schedule
from embedlens.reduce.neighbors import Neighbors
from embedlens.reduce.placement import place
from embedlens.reduce.point_set import Features, PointSet, point_set
from embedlens.reduce.repulsion import ExactRepulsion, padded

Metric = Literal["euclidean", "cosine", "precomputed", "gram"]
Method = Literal["auto", "exact", "barnes_hut"]

# Beyond this many points all pairs take several times as long as the tree.
_EXACT_LIMIT = 15_000

# From as many points on, a coarse tree repels while attraction is exaggerated: clusters find their
# places as well, in a small part of the time while the map is compact. Where the fine tree follows,
# the coarse one serves for half of the iterations; of 10,000 points that saved no time, and made
# the map 0.2% worse.
_MANY_POINTS = 3_000
_SKETCH_ANGLE = 1.0

# Once attraction is not exaggerated, where one descent is made: with 0.8 it takes longer to end at
# a divergence 0.2% higher, and 0.92 keeps fewer of the nearest neighbours.
_LATE_MOMENTUM = 0.9

# Of an iteration, so that a thread has more to do than to be sent off: two pay from 300 points on.
_PAIRS_A_THREAD = 50_000

_START_SPREAD = 1e-4  # standard deviation of the first coordinate

# Maps of fewer points have optima that differ by a quarter in their divergence. Exaggerations
# differ in which of them they end in; steps several times longer than the stable ones
# (scikit-learn's least rate) jump between them before they settle. Each costs a few hundredths of a
# second.
_FEW_POINTS = 100
_JUMPING_RATE = 50.0
# Of fewer than these the optima still differ by a tenth, and longer steps find the better ones.
_SOME_POINTS = 500

_FLAT = 0.05  # of the widest axis


@dataclass(frozen=True)
class _Map:
    """Where a descent ended."""

    points: NDArray[np.float32]
    checks: list[Check]

    @property
    def divergence(self) -> float:
        end = self.checks[-1].divergence
        return end if math.isfinite(end) and np.isfinite(self.points).all() else math.inf

    @property
    def flat(self) -> bool:
        """Whether an axis is all but lost, where there are points enough to fill it."""
        spans = np.ptp(self.points, axis=0)
        filled = len(self.points) <= len(spans) or bool(spans.min() >= _FLAT * spans.max() > 0)
        return not (filled and math.isfinite(self.divergence))


class TSNE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """t-SNE, exact and fast, the same to the last bit for any number of threads.

    Affinities are those of the exact 3 · perplexity nearest neighbours. Repulsion is computed over
    all pairs, and beyond 15,000 points by a tree. The descent starts from the principal components,
    early exaggeration falls to 1 by degrees, the learning rate is the largest stable one, and it
    stops when the divergence settles. Of fewer than 500 points two descents are made, and of fewer
    than 100 eight, by different schedules; the map of the lowest divergence is kept. Of 500 points
    and more momentum is 0.9 instead of 0.8 once attraction is not exaggerated. Of 3,000 and more a
    coarse tree repels while it is, beyond 15,000 for the first half of the iterations.

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
    early_exaggeration : float or "auto", default "auto"
        Factor on the attraction at first, so that clusters find their places. ``"auto"`` is the
        largest, up to 12, at which no axis of the map shrinks to nothing: 12 for many points of few
        neighbours each, about 6 where perplexity is n / 10 and 2 where it is n / 3.
    learning_rate : float or "auto", default "auto"
        Length of a step. ``"auto"`` is n / (4 · exaggeration of the moment).
    max_iter : int, default 1000
        Iterations at most. Exaggeration takes three eighths of them, 375 at most.
    init : {"pca", "random"} or ndarray of shape (n, n_components), default "pca"
        Starting points; an array is taken as it is.
    metric : {"euclidean", "cosine", "precomputed", "gram"}, default "euclidean"
        How X is meant: features, or the (n, n) matrix of their distances or products.
    method : {"auto", "exact", "barnes_hut"}, default "auto"
        How repulsion is computed. ``"auto"`` is exact up to 15,000 points, but for the coarse tree
        above; the others hold for every iteration.
    angle : float, default 0.5
        Accuracy of ``"barnes_hut"``; smaller is slower.
    tol : float, default 0.007
        Stop when 50 iterations lower the divergence by less than this share of it, at the earliest
        halfway, and beyond 15,000 points 50 iterations later.
    callback : callable, optional
        Called as ``callback(iteration, divergence, max_iter)`` every 50 iterations of each descent.
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
    early_exaggeration_ : float
        The exaggeration that the descent kept began with.

    Warns
    -----
    ConvergenceWarning
        If the map lost an axis (points coincide along it, but for a twentieth of the widest) by a
        schedule that was asked for: it is then made again as ``"auto"`` makes it, and where that
        loses an axis too, without exaggeration from a wide start. And if the map that is returned
        is flat all the same.

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
        early_exaggeration: float | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        max_iter: int = 1000,
        init: Literal["pca", "random"] | NDArray[Any] = "pca",
        metric: Metric = "euclidean",
        method: Method = "auto",
        angle: float = 0.5,
        tol: float = 7e-3,
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
            points = point_set(self._validated(X, reset=True), self.metric)
            k = self._n_neighbors(len(points.matrix))
            squared, neighbors = points.nearest(k)
            P = joint_affinities(neighbors, conditional_affinities(squared, self.perplexity))
            self._make(P, self._start(points))
        self._points = points
        return self.embedding_

    @classmethod
    def of_map(cls, X: ArrayLike, embedding: ArrayLike, *, perplexity: float = 30.0) -> TSNE:
        """Return a fitted estimator from a map that was made before, for ``transform``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            The features that the map is of.
        embedding : array-like of shape (n, n_components)
            The map.
        perplexity : float, default 30.0
            That it was made with.
        """
        places = np.asarray(embedding, np.float32)
        one = cls(places.shape[1], perplexity=perplexity)
        one._points = Features(as_points(one._validated(X, reset=True)))
        one.embedding_ = places
        return one

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
        if self.metric != "gram":  # which no new points fit
            X = self._validated(X, reset=False)
        n = len(self.embedding_)
        scale = np.float32(math.sqrt(student.degrees_of_freedom(self.n_components)))
        with bounded_threads(self.n_jobs):
            found: Neighbors = self._points.nearest_of(X, min(n, self._n_neighbors(n) + 1))
            affinities = conditional_affinities(found[0], self.perplexity)
            Y = np.zeros((3, n), np.float32)
            Y[: self.n_components] = self.embedding_.T / scale
            law = student.SPACE_WEIGHTED if self.n_components == 3 else student.PLANE
            places = place(Y, found[1], affinities, law)
        return np.ascontiguousarray(places[: self.n_components].T * scale)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric in ("precomputed", "gram")
        tags.transformer_tags.preserves_dtype = []  # maps are float32
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    @property
    def _asked(self) -> bool:
        """Whether the user chose the schedule."""
        return self.early_exaggeration != "auto" or self.learning_rate != "auto"

    def _validated(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:
        # Finiteness is checked by the set of points, which names the place.
        checked: NDArray[Any] = validate_data(
            self, X, reset=reset, dtype=None, ensure_all_finite=False
        )
        return checked if checked.dtype.kind in "biuf" else checked.astype(np.float64)

    def _check_parameters(self) -> None:
        wrong = {
            "n_components must be 1, 2 or 3": self.n_components not in (1, 2, 3),
            "perplexity must be positive": not 0 < self.perplexity < math.inf,
            "early_exaggeration must be at least 1, or 'auto'": not _auto_or(
                self.early_exaggeration, 1
            ),
            "max_iter must be positive": self.max_iter < 1,
            "method must be 'auto', 'exact' or 'barnes_hut'": self.method
            not in ("auto", "exact", "barnes_hut"),
            "angle must be positive": not self.angle > 0,
            "learning_rate must be positive or 'auto'": not _auto_or(
                self.learning_rate, np.nextafter(0, 1)
            ),
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

    def _start(self, points: PointSet) -> NDArray[np.float32]:
        """Return the starting points, (n, n_components)."""
        shape = (len(points.matrix), self.n_components)
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
        start = points.principal(self.n_components, self.random_state)
        spread = start.std(axis=0)
        # Directions without variance start from noise: no force would ever leave them.
        varied = np.flatnonzero(spread > 1e-6 * spread[0])
        noise[:, varied] = start[:, varied] * (_START_SPREAD / max(spread[0], 1e-300))
        return noise.astype(np.float32)

    def _make(self, P: Any, start: NDArray[np.float32]) -> None:
        """Make the map; no axis of it is lost if there is another way."""
        schedules = self._schedules(P)
        made = [(self._descend(P, start, schedule), schedule) for schedule in schedules]
        if self._asked and made[0][0].flat:
            made += [(self._descend(P, start, each), each) for each in self._bearable(P, None)]
        if all(map_.flat for map_, _ in made):
            safe = Schedule(self.max_iter, 1.0, None, self.tol)
            made.append((self._descend(P, _wide(start), safe), safe))
        if made[0][0].flat:
            self._warn_of_loss(schedules[0], all(map_.flat for map_, _ in made))
        kept, schedule = min(made, key=lambda m: (m[0].flat, m[0].divergence))
        self.embedding_ = kept.points
        self.trace_ = np.array(
            [(c.iteration, c.divergence, c.gradient_norm) for c in kept.checks],
            dtype=[("iteration", int), ("kl", float), ("gradient_norm", float)],
        )
        self.kl_divergence_ = kept.checks[-1].divergence
        self.n_iter_ = kept.checks[-1].iteration
        self.early_exaggeration_ = schedule.exaggeration

    def _schedules(self, P: Any) -> list[Schedule]:
        """Return the schedule asked for; where none is, those that the affinities bear."""
        rate = None if self.learning_rate == "auto" else float(self.learning_rate)
        if self.early_exaggeration != "auto":
            return [Schedule(self.max_iter, float(self.early_exaggeration), rate, self.tol)]
        return self._bearable(P, rate)

    def _bearable(self, P: Any, rate: float | None) -> list[Schedule]:
        """Return schedules that lose no axis: one, and more for few points."""
        bearable = bearable_exaggeration(P, self.n_components, self.random_state)
        if rate is None and P.shape[0] < _SOME_POINTS:
            others = (1.0, 4.0, LARGEST) if P.shape[0] < _FEW_POINTS else ()
            return [
                Schedule(self.max_iter, exaggeration, step, self.tol)
                for step in (None, _JUMPING_RATE)
                for exaggeration in (bearable, *others)
            ]
        return [Schedule(self.max_iter, bearable, rate, self.tol, _LATE_MOMENTUM)]

    def _descend(self, P: Any, start: NDArray[np.float32], schedule: Schedule) -> _Map:
        n = len(start)
        exact = self.method == "exact" or (self.method == "auto" and n <= _EXACT_LIMIT)
        self.method_ = "exact" if exact else "barnes_hut"
        scale = np.float32(math.sqrt(student.degrees_of_freedom(self.n_components)))
        Y = padded(start / scale)
        repulsion: Repulsion = (
            ExactRepulsion(Y.shape[1]) if exact else TreeRepulsion(Y.shape[1], n, self.angle)
        )
        sketched = self.method == "auto" and n >= _MANY_POINTS
        sketch = TreeRepulsion(Y.shape[1], n, _SKETCH_ANGLE) if sketched else repulsion
        limit_threads(n**2 // _PAIRS_A_THREAD)
        longer = schedule.max_iter // 2 if sketched and not exact else 0
        descent = Descent(P, Y, self.n_components, repulsion, sketch, longer)
        checks = descent.run(schedule, self.callback)
        embedding = descent.Y[: self.n_components, :n].T * scale
        return _Map(np.ascontiguousarray(embedding - embedding.mean(axis=0)), checks)

    def _warn_of_loss(self, schedule: Schedule, still: bool) -> None:
        if still:
            warnings.warn(
                f"The map is flat: an axis spans less than {_FLAT:.0%} of the widest. Points all"
                " equal, or a perplexity near the number of points, fill no more.",
                ConvergenceWarning,
                stacklevel=4,
            )
        elif self._asked:
            rate = schedule.learning_rate or "auto"
            warnings.warn(
                f"With early_exaggeration={schedule.exaggeration:g} and learning_rate={rate} the"
                " map lost an axis; it was made again as 'auto' makes it. Leave both at 'auto'.",
                ConvergenceWarning,
                stacklevel=4,
            )


def _auto_or(value: object, least: float) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating))
    return value == "auto" or (number and least <= float(value) < math.inf)  # type: ignore[arg-type]


def _wide(start: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the start with a standard deviation of 1 along each axis that has any."""
    spread = start.std(axis=0)
    return np.asarray(start / np.where(spread > 0, spread, 1), np.float32)
