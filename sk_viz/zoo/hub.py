"""Weights from the Hugging Face hub, cached on disk."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from sk_viz.errors import ModelError

FILE = "model.safetensors"
CONFIG = "config.json"
PREFIX = "hf:"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
ShareProgress = Callable[[float], None]


def cached_weights(repository: str) -> Path | None:
    """The weights of a repository if they are on disk and complete; no network is used.

    They lie in ``SK_VIZ_CACHE``, or in the hub's own cache where that is not set.
    """
    found = _on_disk(repository)
    return found if found is not None and _is_whole(found) else None


def repository_folder(repository: str, progress: ShareProgress | None = None) -> Path:
    """The folder of a repository's ``config.json`` and weights, downloaded unless it is cached.

    Args:
        repository: ``owner/name`` on the hub.
        progress: as that of :func:`download_weights`.

    Raises:
        ModelError: not such a name, no such files, or no connection.
    """
    if not _NAME.fullmatch(repository):
        raise ModelError(f"{repository!r} is not a repository: write {PREFIX}OWNER/NAME.")
    _fetch(repository, CONFIG, None)
    return _fetch(repository, FILE, progress).parent


def download_weights(repository: str, progress: ShareProgress | None = None) -> Path:
    """The weights of a repository, downloaded unless they are on disk.

    Args:
        repository: name on the hub, such as ``timm/skresnet18.ra_in1k``.
        progress: called with the share that is done, in [0, 1]; without it a bar is drawn on
            stderr where that is a terminal.

    Raises:
        ModelError: they are not on disk and cannot be downloaded.
    """
    return _fetch(repository, FILE, progress)


def _fetch(repository: str, file: str, progress: ShareProgress | None) -> Path:
    """One file of a repository.

    Raises:
        ModelError: it is not on disk and cannot be downloaded.
    """
    from huggingface_hub import constants, errors, hf_hub_download
    from huggingface_hub.utils.tqdm import tqdm as hub_tqdm

    found = _on_disk(repository, file)
    if found is not None and (file != FILE or _is_whole(found)):
        return found
    broken = found is not None
    options: dict[str, Any] = {"force_download": True} if broken else {}
    # Of whichever client this version of the hub uses: not all of them are OSErrors.
    transport: type[Exception] = getattr(errors, "HTTPError", OSError)
    if progress is not None:
        options["tqdm_class"] = _reporting(hub_tqdm, progress)
    try:
        if constants.is_offline_mode():
            raise ConnectionError("downloads are turned off by HF_HUB_OFFLINE")
        _probe(constants.ENDPOINT)
        return Path(hf_hub_download(repository, file, cache_dir=_cache_dir(), **options))
    except (OSError, transport, errors.EntryNotFoundError) as error:
        unreached = isinstance(error, errors.LocalEntryNotFoundError)
        if isinstance(error, errors.EntryNotFoundError) and not unreached:
            raise ModelError(
                f"{repository} has no {file}: give a repository with {CONFIG} and {FILE}, as "
                "save_pretrained and timm write them."
            ) from error
        there = "not whole" if broken else "not"
        raise ModelError(
            f"The weights of {repository} are {there} on this machine and could not be downloaded "
            f"({_reason(error)}): connect to the internet once, set SK_VIZ_CACHE to a folder "
            "that holds them, or choose the bundled sknet_tiny."
        ) from error


def _on_disk(repository: str, file: str = FILE) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, file, cache_dir=_cache_dir())
    return Path(found) if isinstance(found, str) else None


def _is_whole(file: Path) -> bool:
    """Whether a safetensors file is as long as its header says; the weights are not read."""
    from safetensors import safe_open

    try:
        with safe_open(file, framework="np"):
            return True
    except Exception:  # its errors have no common kind
        return False


def _cache_dir() -> str | None:
    return os.environ.get("SK_VIZ_CACHE") or None


def _probe(endpoint: str) -> None:
    """An error at once where the hub cannot be reached; its own client retries for long."""
    address = urlsplit(endpoint)
    if address.scheme in getproxies():
        return  # a proxy is asked instead of the hub, and answers for it
    port = address.port or (443 if address.scheme == "https" else 80)
    with socket.create_connection((address.hostname or endpoint, port), timeout=5):
        pass


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return "the Hugging Face hub cannot be reached"  # the system's words help nobody here
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removesuffix(".")


def _reporting(base: type[Any], progress: ShareProgress) -> type[Any]:
    """The hub's progress bar, which draws nothing and reports the share instead."""

    class Reporting(base):  # type: ignore[misc]  # the base is only known when it is imported
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = True
            super().__init__(*args, **kwargs)
            # A disabled bar keeps neither of these.
            self.total = kwargs.get("total")
            self.done = kwargs.get("initial", 0)

        def update(self, n: float | None = 1) -> None:
            self.done += n or 0
            if self.total:
                progress(min(1.0, self.done / self.total))

    return Reporting
