"""From the name of a class to the texts that a text-aligned network is asked with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
"""The seven prompts that CLIP's authors chose of their eighty for ImageNet ("itap": I took a
picture), in their notebook ``Prompt_Engineering_for_ImageNet``; OpenCLIP's
``SIMPLE_IMAGENET_TEMPLATES``."""


def spoken(name: str) -> str:
    """Return the name of a class as a text would have it.

    Examples
    --------
    >>> spoken("t-shirt_long--sleeve")
    't shirt long sleeve'
    """
    return " ".join(name.replace("_", " ").replace("-", " ").split())


def prompts(name: str) -> list[str]:
    """Return the texts about a class, one of each template."""
    return [each.format(spoken(name)) for each in TEMPLATES]


def ensemble(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Make one direction of each class's texts, as CLIP's authors do.

    Each text's vector is brought to length 1, they are averaged, and the average too.

    Parameters
    ----------
    vectors : ndarray of shape (classes, templates, d)
        Of the texts.

    Returns
    -------
    ndarray of shape (classes, d)
        Of length 1.
    """
    mean = unit(np.asarray(vectors, np.float64)).mean(axis=1)
    return unit(mean)


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring vectors to length 1; one of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)
    return scaled
