"""Files of the Hugging Face hub and of plain addresses, in their libraries' caches."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from embedlens.errors import WeightsError

_PATIENCE = 10.0  # seconds: the hub's library would ask a silent hub for minutes
_TRUE = {"1", "ON", "YES", "TRUE"}


def hub_cache() -> Path:
    """Return the folder of the hub's cache: ``HF_HUB_CACHE``, or ``hub`` in ``HF_HOME``."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return Path(os.path.expandvars(given)).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME") or str(Path(cache) / "huggingface")
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def offline() -> bool:
    """Whether the user forbade the hub: ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").upper() in _TRUE for name in names)


@dataclass(frozen=True)
class HubFile:
    """A file in a repository of the Hugging Face hub.

    Attributes
    ----------
    repository : str
        ``"organisation/name"``.
    names : tuple of str
        What the file may be called, the best first. The index of several brings those along.
    """

    repository: str
    names: tuple[str, ...]

    @property
    def file(self) -> Path:
        """Where it lies in the hub's cache, or a path that does not exist.

        Found without ``huggingface_hub``, whose import is slow: the cache holds
        ``models--organisation--name/snapshots/<commit>/``, and the commit in ``refs/main``.
        """
        folder = hub_cache() / f"models--{self.repository.replace('/', '--')}"
        try:
            commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
        except OSError:
            commit = "main"
        files = [folder / "snapshots" / commit / name for name in self.names]
        return next((each for each in files if each.is_file()), files[0])

    def get(self) -> None:
        """Download it.

        Raises
        ------
        WeightsError
            In one sentence: there is no such repository or file, it is gated, the hub is forbidden
            or cannot be reached.
        """
        if offline():
            raise WeightsError(
                f"{self.repository} is not in the cache {hub_cache()}, and HF_HUB_OFFLINE forbids "
                "to ask the hub"
            )
        try:
            from huggingface_hub import hf_hub_download
            from huggingface_hub.utils import logging
        except ImportError as error:
            raise WeightsError(
                "huggingface_hub is not installed: pip install huggingface_hub"
            ) from error
        logging.set_verbosity_error()  # of each retry it would write a line
        self._expect_hub()
        where = {"cache_dir": hub_cache(), "endpoint": os.environ.get("HF_ENDPOINT")}
        for name in self.names:
            try:
                found = hf_hub_download(self.repository, name, **where)
                for part in _parts(Path(found)):
                    hf_hub_download(self.repository, part, **where)
            except Exception as error:
                if _is_no_such_file(error):
                    continue
                raise WeightsError(self._sentence(error)) from error
            else:
                return
        raise WeightsError(f"{self.repository} has no file {' or '.join(self.names)}")

    def _expect_hub(self) -> None:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        address = hf_hub_url(self.repository, self.names[0], endpoint=os.environ.get("HF_ENDPOINT"))
        try:
            get_hf_file_metadata(address, timeout=_PATIENCE)
        except Exception as error:
            if getattr(error, "response", None) is None:
                raise WeightsError(self._unreachable()) from error

    def _unreachable(self) -> str:
        return f"the hub cannot be reached, and {self.repository} is not in the cache"

    def _sentence(self, error: Exception) -> str:
        from huggingface_hub import errors

        if isinstance(error, errors.GatedRepoError):
            return (
                f"{self.repository} is gated: accept its terms on its page at the hub, then log in "
                "with `hf auth login` or set HF_TOKEN"
            )
        if isinstance(error, errors.RepositoryNotFoundError):
            return f"the hub has no public repository {self.repository}"
        if isinstance(error, errors.LocalEntryNotFoundError):
            cause = error.__cause__
            if isinstance(cause, errors.FileMetadataError):
                place = os.environ.get("HF_ENDPOINT") or "the hub's address"
                absent = f"{self.repository} is not in the cache"
                return f"what answers at {place} is no hub, and {absent}"
            if not isinstance(cause, errors.HfHubHTTPError):
                return self._unreachable()
            error = cause
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"the hub answered for {self.repository}: {line}"


def _is_no_such_file(error: Exception) -> bool:
    """Whether the hub has no file of that name; not all that serve one say so in its words."""
    from huggingface_hub import errors

    if not isinstance(error, errors.LocalEntryNotFoundError):
        return isinstance(error, errors.EntryNotFoundError)
    response = getattr(error.__cause__, "response", None)
    return response is not None and response.status_code == 404


def _parts(index: Path) -> list[str]:
    if not index.name.endswith(".index.json"):
        return []
    return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))


@dataclass(frozen=True)
class UrlFile:
    """A file at a plain address, in the cache of ``torch.hub``.

    Attributes
    ----------
    url : str
        Its address.
    """

    url: str

    @property
    def file(self) -> Path:
        """Where it lies, or will lie: ``checkpoints`` in ``TORCH_HOME``'s ``hub``."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
        name = Path(urlsplit(self.url).path).name
        return Path(home).expanduser() / "hub" / "checkpoints" / name

    def get(self) -> None:
        """Download it; a hash in its name is checked."""
        from torch.hub import download_url_to_file

        file = self.file
        file.parent.mkdir(parents=True, exist_ok=True)
        stem = file.stem.rpartition("-")[2]
        digest = stem if len(stem) >= 8 and all(c in "0123456789abcdef" for c in stem) else None
        download_url_to_file(self.url, str(file), digest, progress=False)
