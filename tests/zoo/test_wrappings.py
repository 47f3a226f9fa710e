"""Weights as training scripts leave them: wrapped, prefixed, averaged, under any name of file."""

from __future__ import annotations

import argparse
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import SKNet, SKNetConfig

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SKNet(SKNetConfig((1, 1), (32, 64), (64, 96), 16, classes=3))
        network.wake()
    return network.eval()


def prefixed(prefix: str) -> Callable[[State], Any]:
    return lambda state: {prefix + name: value for name, value in state.items()}


def zeros(state: State) -> State:
    return {name: torch.zeros_like(value) for name, value in state.items()}


WRAPPINGS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "data parallel": prefixed("module."),
    "compiled": prefixed("_orig_mod."),
    "both": prefixed("module._orig_mod."),
    "lightning": lambda s: {
        "state_dict": prefixed("model.")(s),
        "epoch": 3,
        "hyper_parameters": {"lr": 0.1},
        "callbacks": {"best": torch.tensor(0.5)},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
    },
    "lightning with a loss": lambda s: {
        "state_dict": {**prefixed("net.backbone.")(s), "loss.weight": torch.ones(3)}
    },
    "backbone": prefixed("backbone."),
    "net": lambda s: {"net": s, "acc": 90.1, "epoch": 3},
    "params": lambda s: {"params": s},
    "nested": lambda s: {"model": {"state_dict": prefixed("module.")(s)}},
    "an unknown wrapper": lambda s: {"weights of mine": s, "note": "hello"},
    "an unknown prefix": prefixed("stages.image_tower."),
    "timm's train.py": lambda s: {
        "epoch": 3,
        "arch": "sknet",
        "state_dict": zeros(s),
        "state_dict_ema": s,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}},
        "args": argparse.Namespace(lr=0.1),
        "metric": 80.0,
    },
    "ema of basicsr": lambda s: {"params": zeros(s), "params_ema": s},
    "averaged": lambda s: {"n_averaged": torch.tensor(3), **prefixed("module.")(s)},
    "thop": lambda s: {
        **s,
        "total_ops": torch.zeros(1, dtype=torch.float64),
        "blocks.SK_2_1.total_params": torch.zeros(1, dtype=torch.float64),
    },
    "teacher beside": lambda s: {**prefixed("model.")(s), "teacher.fc.weight": torch.ones(2)},
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_every_wrapping_is_taken_off(name: str, network: nn.Module, tmp_path: Path) -> None:
    state = network.state_dict()
    path = tmp_path / "weights.pth"
    torch.save(WRAPPINGS[name](OrderedDict(state)), path)
    model = sk_viz.load_model(path, "cpu")
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.network(x), network(x))


@pytest.mark.parametrize(
    "file",
    ["model_best.pth.tar", "last.ckpt", "pytorch_model.bin", "UPPER.PTH", "weights", "a.zip"],
)
def test_content_decides_and_not_the_name(file: str, network: nn.Module, tmp_path: Path) -> None:
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, tmp_path / file)
    assert sk_viz.load_model(tmp_path / file, "cpu").kind == "checkpoint"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / file)
    assert sk_viz.load_model(tmp_path / file, "cpu").kind == "checkpoint"


def test_what_is_left_over_is_named(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(WRAPPINGS["lightning with a loss"](network.state_dict()), path)
    assert "Not of the network and left out: loss.weight." in sk_viz.load_model(path, "cpu").note
    torch.save(WRAPPINGS["timm's train.py"](network.state_dict()), path)
    assert "under state_dict_ema" in sk_viz.load_model(path, "cpu").note
    state = prefixed("encoder.q.")(network.state_dict())
    del state["encoder.q.head.weight"]
    torch.save({**state, "queue": torch.ones(3)}, path)
    with pytest.raises(
        ModelError, match=r"head\.weight.*the prefix 'encoder\.q\.' there are queue"
    ):
        sk_viz.load_model(path, "cpu")
    torch.save(timm.create_model("resnet18", num_classes=2).state_dict(), path)
    with pytest.raises(ModelError, match=r"does not hold an SKNet .* but 'bn1\.bias' and others"):
        sk_viz.load_model(path, "cpu")


def test_a_head_outside_of_the_prefix(network: nn.Module, tmp_path: Path) -> None:
    state = network.state_dict()
    moved = {k if k.startswith("head.") else f"backbone.{k}": v for k, v in state.items()}
    torch.save(moved, tmp_path / "weights.pth")
    model = sk_viz.load_model(tmp_path / "weights.pth", "cpu")
    assert torch.equal(model.network.head.weight, state["head.weight"])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as timm pushes it to the hub."""
    folder = tmp_path_factory.mktemp("hub")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = timm.create_model("skresnet18", num_classes=3)
    save_file(
        {k: v.contiguous() for k, v in theirs.state_dict().items()}, folder / "model.safetensors"
    )
    config = {
        "architecture": "skresnet18",
        "num_classes": 3,
        "pretrained_cfg": {
            "input_size": [3, 96, 96], "crop_pct": 0.9, "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5], "num_classes": 3,
            "label_names": ["n02123045", "thing 1", "thing 2"],
            "label_descriptions": {"n02123045": "tabby, tabby cat"},
        },
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_hub_folder_of_timm_brings_its_names(hub: Path) -> None:
    for place in (hub, hub / "model.safetensors"):
        model = sk_viz.load_model(place, "cpu")
        assert model.classes == ("tabby", "thing 1", "thing 2")
        assert model.wordnet_ids == (("n02123045",), (), ())
        assert model.preprocessing.input_size == 96
        assert model.preprocessing.crop_fraction == 0.9
        assert model.preprocessing.mean == (0.5, 0.5, 0.5)
        assert len(model.units) == 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architecture": "skresnet9000"}, "no architecture 'skresnet9000'"),
        ({"num_classes": "many"}, "num_classes must be a number"),
        ({"num_classes": 4}, "has the shape"),
        ({"label_names": ["one"]}, "names 1 classes for 3 logits"),
        ({"pretrained_cfg": {"input_size": []}}, "does not say how pictures are prepared"),
        ({"pretrained_cfg": {"std": [0, 0, 0]}}, "std must not be 0"),
    ],
)
def test_a_hub_folder_that_is_wrong_is_one_sentence(
    hub: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    config = json.loads((hub / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((hub / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=says) as caught:
        sk_viz.load_model(tmp_path, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("skresnet18", "skresnet18.ra_in1k"),
        ("skresnext50_32x4d", "skresnext50_32x4d.ra_in1k"),
        ("sknet_tinny", "sknet_tiny"),
        ("SKNet50", "sknet50"),
    ],
)
def test_did_you_mean(name: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"did you mean {meant}?"):
        sk_viz.load_model(name)


def test_nan_in_weights_is_one_sentence(network: nn.Module, tmp_path: Path) -> None:
    state = dict(network.state_dict())
    state["head.weight"] = state["head.weight"] * torch.nan
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=r"weights\.pth: head\.weight holds values that are not"):
        sk_viz.load_model(tmp_path / "weights.pth", "cpu")
    broken = SKNet(network.config)
    broken.load_state_dict(state, strict=False)
    picture = sk_viz.samples()[0].path
    with pytest.raises(ModelError, match=r"SKNet: head\.weight holds values that are not finite"):
        sk_viz.sweep(broken, sk_viz.read_picture(picture), (1.0,))


def test_a_network_for_pictures_of_four_channels_is_one_sentence() -> None:
    network = timm.create_model("skresnet18", in_chans=4, num_classes=2)
    picture = sk_viz.read_picture(sk_viz.samples()[0].path)
    with pytest.raises(ModelError, match="takes pictures of 4 channels, and pictures have"):
        sk_viz.sweep(network, picture, (1.0,))
