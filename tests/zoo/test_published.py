"""The bundled model as a repository of the hub: saved, laid out as its cache, loaded again."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
import torch
import yaml

import sk_viz
from sk_viz.paths import models_dir
from sk_viz.zoo.published import HubSKNet

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    HubSKNet.from_bundle(models_dir() / "sknet_tiny").save_pretrained(folder)
    return folder


@pytest.fixture
def hub(saved, tmp_path, monkeypatch) -> Path:
    """A cache in the hub's layout, and no network."""
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))
    folder = tmp_path / "models--owner--name"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(REVISION)
    shutil.copytree(saved, folder / "snapshots" / REVISION)

    def no_network(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", no_network)
    return folder / "snapshots" / REVISION


def test_the_weights_and_the_card_are_those_of_the_bundled_model(saved):
    bundled = models_dir() / "sknet_tiny"
    for name in ("model.safetensors", "config.json"):
        assert (saved / name).read_bytes() == (bundled / name).read_bytes(), name
    assert (saved / "README.md").read_text() == (bundled / "MODEL_CARD.md").read_text()


def test_a_repository_is_loaded_by_its_name(hub):
    model, bundled = (
        sk_viz.load_model("hf:owner/name", "cpu"),
        sk_viz.load_model("sknet_tiny", "cpu"),
    )
    assert model.id == "hf:owner/name"
    assert model.kind == "checkpoint"
    assert (model.sha256, model.classes) == (bundled.sha256, bundled.classes)
    assert model.preprocessing == bundled.preprocessing
    x = torch.randn(1, 3, 88, 88)
    with torch.inference_mode():
        torch.testing.assert_close(model.readout(x)[0], bundled.readout(x)[0])


@pytest.mark.parametrize("where", ["folder", "repository"])
def test_the_hubs_own_loader_makes_the_network(hub, where):
    cache = {"cache_dir": hub.parents[2], "local_files_only": True}
    name, settings = (str(hub), {}) if where == "folder" else ("owner/name", cache)
    network = HubSKNet.from_pretrained(name, **settings)
    assert isinstance(network, torch.nn.Module)
    assert not network.training
    bundled = sk_viz.load_model("sknet_tiny", "cpu").network
    x = torch.randn(1, 3, 88, 88)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), bundled(x))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hf:name", "is not a repository"),
        ("hf:", "is not a repository"),
        ("hf:../../etc/passwd", "is not a repository"),
        ("hf:owner/name:factory", "is not a repository"),
        ("hf:owner/other", "could not be downloaded"),
    ],
)
def test_a_repository_that_cannot_be_had_is_one_sentence(hub, monkeypatch, name, words):
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
    monkeypatch.setattr("sk_viz.zoo.hub.getproxies", dict)
    with pytest.raises(sk_viz.ModelError, match=words) as raised:
        sk_viz.load_model(name, "cpu")
    assert "\n" not in str(raised.value)


def test_a_repository_without_a_config_is_one_sentence(hub):
    (hub / "config.json").write_text("{}")
    with pytest.raises(sk_viz.ModelError, match="does not describe a model"):
        sk_viz.load_model("hf:owner/name", "cpu")


def test_the_card_has_a_head_that_registries_read(saved):
    text = (saved / "README.md").read_text()
    if not text.startswith("---\n"):
        pytest.skip("the bundled card is from a training before the head was written")
    head = yaml.safe_load(text.split("---\n", 2)[1])
    assert {"license", "tags"} <= set(head)
