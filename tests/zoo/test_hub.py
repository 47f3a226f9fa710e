"""Downloads, against a cache in the hub's own layout and a hub that is this test."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from sk_viz import ModelError
from sk_viz.zoo import hub

REPOSITORY = "timm/skresnet18.ra_in1k"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, which ``SK_VIZ_CACHE`` names."""
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))
    return tmp_path


def put_in_cache(cache: Path, repository: str, content: bytes) -> Path:
    """A file as the hub keeps it: a revision, and the files of its snapshot."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    revision = "0123456789abcdef0123456789abcdef01234567"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(revision)
    snapshot = folder / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / hub.FILE).write_bytes(content)
    return snapshot / hub.FILE


def test_weights_on_disk_need_no_network(cache, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", _no_network)
    assert hub.cached_weights(REPOSITORY) is None
    path = put_in_cache(cache, REPOSITORY, save({"w": np.ones(9, np.float32)}))
    assert hub.cached_weights(REPOSITORY) == path
    assert hub.download_weights(REPOSITORY) == path


def _no_network(*args: object, **kwargs: object) -> None:
    raise OSError("Network is unreachable")


def test_without_network_one_sentence_says_what_to_do(cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", _no_network)
    with pytest.raises(ModelError) as raised:
        hub.download_weights(REPOSITORY)
    text = str(raised.value)
    assert "Network is unreachable" in text
    assert "connect to the internet once, set SK_VIZ_CACHE" in text
    assert "\n" not in text


def test_downloads_turned_off(cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    with pytest.raises(ModelError, match="turned off by HF_HUB_OFFLINE"):
        hub.download_weights(REPOSITORY)


def test_progress_reaches_one(cache, monkeypatch):
    """The hub's client is replaced by one that moves its bar as the real one does."""

    def fake(repository, file, cache_dir, tqdm_class):
        assert (repository, file, cache_dir) == (REPOSITORY, hub.FILE, str(cache))
        with tqdm_class(total=10, initial=2, unit="B", desc=file, disable=None) as bar:
            for _ in range(4):
                bar.update(2)
        return str(cache / "file")

    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
    monkeypatch.setattr(hub, "_probe", lambda endpoint: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake)
    seen: list[float] = []
    assert hub.download_weights(REPOSITORY, seen.append) == cache / "file"
    assert seen == pytest.approx([0.4, 0.6, 0.8, 1.0])


def test_probe_leaves_proxies_alone(monkeypatch):
    monkeypatch.setattr(socket, "create_connection", _no_network)
    monkeypatch.setattr(hub, "getproxies", lambda: {"https": "http://proxy:3128"})
    hub._probe("https://huggingface.co")
    with pytest.raises(OSError, match="unreachable"):
        hub._probe("http://huggingface.co")
