"""Data sets of Kaggle, by name."""

from __future__ import annotations

from pathlib import Path

from embedlens.errors import ImageSetError

PREFIX = "kaggle:"


def download_from_kaggle(place: str) -> Path:
    """Download ``kaggle:OWNER/NAME`` with kagglehub, once, and return its folder.

    Raises
    ------
    ImageSetError
        kagglehub is not installed, or the download fails.
    """
    name = place.removeprefix(PREFIX).strip("/")
    if name.count("/") != 1:
        raise ImageSetError(
            f"{place}: write {PREFIX}OWNER/NAME, as in kaggle.com/datasets/OWNER/NAME"
        )
    try:
        import kagglehub
    except ImportError as error:
        raise ImageSetError(f"{place}: needs kagglehub: pip install 'embedlens[kaggle]'") from error
    try:
        return Path(kagglehub.dataset_download(name))
    except Exception as error:  # no network, no such data set, terms not accepted, no token
        told = " ".join(str(error).split()) or type(error).__name__
        raise ImageSetError(
            f"{place}: cannot be downloaded ({told}); check the name, the network and, for data "
            "that ask for it, your Kaggle token"
        ) from error
