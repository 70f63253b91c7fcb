"""How likely each label is wrong, given how good the classifier is that speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays.checks import as_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_TINY = 1e-9
_LEAST = 1e-6  # of a witness's probability: none is quite sure
_SAMPLE = 5_000  # points the few numbers are fitted to
# What is known of labels before any is seen, worth 51 of them: one is wrong. Data sets in use have
# 3% wrong ones on average (C. Northcutt, A. Athalye, J. Mueller, "Pervasive label errors in test
# sets", 2021); it keeps the rate off zero, at which no label could ever be doubted.
_KNOWN_WRONG, _KNOWN_RIGHT = 1.0, 50.0
# A probe held back and ten votes spread over all classes are a little less sure than they are
# right, so that both weights are near 1.35 (e^0.3, give or take a factor of 1.65) unless many
# labels say otherwise. Above 2 the fit could call every mistake of the witnesses a wrong label.
_USUAL, _SPREAD = 0.3, 0.5
_WEIGHT, _RATE, _BLIND = (-6.0, 0.7), (-9.0, 0.0), (-3.0, 6.0)  # logarithm, logit, logit
_STARTS = (-5.0, -3.0)  # logits of the rate: the likelihood may have two tops


@dataclass(frozen=True)
class LabelNoise:
    """What is estimated of labels.

    Attributes
    ----------
    wrong : ndarray of shape (n,), float64
        Probability that each label is wrong. Their sum over some labels is how many of them are
        expected to be.
    suggested : ndarray of shape (n,), int64
        The likeliest other class.
    probabilities : ndarray of shape (n, k), float64
        Of each point's true class: the witnesses together, as sure as they are right.
    rate : float
        Estimated share of wrong labels.
    """

    wrong: Floats
    suggested: NDArray[np.int64]
    probabilities: Floats
    rate: float


def label_noise(
    labels: ArrayLike, *witnesses: ArrayLike, prior: ArrayLike | None = None
) -> LabelNoise:
    """Estimate which labels are wrong from probabilities that did not see them.

    A classifier that is right in 70 of 100 cases speaks against 30 labels of which most are right.
    So the true class is taken to have the probabilities ``p ~ prod_w p_w^a_w`` of all witnesses,
    and a label to be another class than the true one with the probability ``rate``: any other one
    alike, or others as they are likely (mistakes between classes that look alike), in a share that
    is fitted too. The weights ``a_w`` make the witnesses as sure as they are right, as temperature
    does (C. Guo et al., "On calibration of modern neural networks", 2017). All are fitted together
    to the labels (the largest posterior under weak priors), and Bayes' rule then gives the
    probability that a label is wrong. Only labels that a well calibrated classifier would find
    much too surprising count as wrong.

    Parameters
    ----------
    labels : array-like of shape (n,), int
        Index of each point's class.
    *witnesses : array-like of shape (n, k)
        Probabilities by models that were not fitted to the point.
    prior : array-like of shape (k,), optional
        The share of each class, above 0, where each witness counts it: of unequal classes that
        none of the witnesses can tell, all would otherwise speak against the smaller. Then ``p ~
        prior prod_w (p_w / prior)^a_w``. By default classes count alike.

    Returns
    -------
    LabelNoise

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is no column, or a probability is not in [0, 1].

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = np.arange(300) % 3
    >>> shares = np.full((300, 3), 0.005)
    >>> shares[np.arange(300), true] = 0.99
    >>> labels = true.copy()
    >>> labels[:9] = (labels[:9] + 1) % 3
    >>> found = label_noise(labels, shares)
    >>> bool((found.wrong[:9] > 0.9).all()), round(found.wrong.sum())
    (True, 8)
    """
    from scipy.optimize import minimize

    codes, shares = _checked(labels, witnesses)
    n = len(codes)
    base = np.zeros(shares[0].shape[1]) if prior is None else np.log(np.asarray(prior, np.float64))
    logs = [np.log(np.maximum(each, _LEAST)) - base for each in shares]
    some = np.random.default_rng(0).permutation(n)[:_SAMPLE]
    sampled = [each[some] for each in logs]

    def loss(numbers: Floats) -> float:
        right, wrong = _parts(numbers, codes[some], sampled, base)[1:]
        rate = _logistic(numbers[-2])
        expected = _KNOWN_WRONG * np.log(rate) + _KNOWN_RIGHT * np.log1p(-rate)
        expected -= (((numbers[:-2] - _USUAL) / _SPREAD) ** 2).sum() / 2
        return -float(np.log(np.maximum(right + wrong, 1e-300)).sum() + expected)

    bounds = [*(_WEIGHT for _ in logs), _RATE, _BLIND]
    fits = [
        minimize(loss, [*(0.0 for _ in logs), rate, 0.0], method="L-BFGS-B", bounds=bounds)
        for rate in _STARTS
    ]
    numbers = min(fits, key=lambda fit: float(fit.fun)).x
    probabilities, right, wrong = _parts(numbers, codes, logs, base)
    others = probabilities.copy()
    others[np.arange(n), codes] = -1.0
    return LabelNoise(
        wrong / np.maximum(right + wrong, 1e-300),
        others.argmax(axis=1).astype(np.int64),
        probabilities,
        float(_logistic(numbers[-2])),
    )


def _checked(
    labels: ArrayLike, witnesses: tuple[ArrayLike, ...]
) -> tuple[NDArray[np.int64], list[Floats]]:
    codes = np.asarray(labels)
    shares = [as_points(each).astype(np.float64) for each in witnesses]
    n, k = shares[0].shape
    if any(each.shape != (n, k) for each in shares) or k < 2:
        shapes = ", ".join(str(each.shape) for each in shares)
        raise ValueError(f"witnesses must be of one shape, with two classes or more; got {shapes}.")
    if codes.shape != (n,) or codes.dtype.kind not in "iu":
        raise ValueError(f"labels must be {n} integers; got {codes.dtype} of shape {codes.shape}.")
    if codes.min() < 0 or codes.max() >= k:
        raise ValueError(f"labels must be 0 to {k - 1}, the columns; got {codes.max()}.")
    if not all(((each >= 0) & (each <= 1 + 1e-6)).all() for each in shares):
        raise ValueError("probabilities must be between 0 and 1.")
    return codes.astype(np.int64), shares


def _parts(
    numbers: Floats, codes: NDArray[np.int64], logs: list[Floats], base: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return probabilities of classes, and those of each label being right, and being wrong."""
    logits = sum(np.exp(weight) * log for weight, log in zip(numbers, logs, strict=False))
    logits = logits + base
    logits = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(logits)
    p = np.clip(p / p.sum(axis=1, keepdims=True), _TINY, 1 - _TINY)
    own = p[np.arange(len(p)), codes]
    rate, blind = _logistic(numbers[-2]), _logistic(numbers[-1])
    # Over each true class t but the label g: p_t p_g / (1 - p_t), the share of g among the others.
    mistaken = own * ((p / (1 - p)).sum(axis=1) - own / (1 - own))
    wrong = rate * (blind * (1 - own) / (p.shape[1] - 1) + (1 - blind) * mistaken)
    return p, (1 - rate) * own, wrong


def _logistic(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
