"""Training on a disk that is full or read-only, and from a checkpoint cut in half."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch

from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.training import train as module
from sk_viz.training.recipe import Recipe
from sk_viz.training.train import train
from sk_viz.zoo.load import load_model

RECIPE = Recipe(steps=6, batch=8, size=32, size_schedule=((0.0, 32),), warmup=2, validation=0.25)
PLAIN = {"compiled": False, "processes": 1, "save_seconds": 0.0}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    config = SKNetConfig(
        depths=(1, 1), unit_widths=(8, 16), out_widths=(16, 16), stem_width=8, stem="small",
        groups=2, min_features=4,
    )  # fmt: skip
    monkeypatch.setattr(
        module, "sknet_tiny", lambda classes: SKNet(replace(config, classes=classes))
    )


def weights(folder):
    return load_model(folder, "cpu").network.state_dict()


def test_the_last_checkpoint_stays_and_the_run_ends_as_an_easy_one(
    pictures, tmp_path, contents, fault
):
    """At every moment of the run there is a whole checkpoint and a whole model."""
    easy = weights(train(pictures, tmp_path / "easy", RECIPE, **PLAIN))
    out = tmp_path / "hard"
    before: dict[str, bytes] = {}
    stack = ExitStack()

    def fail(progress):
        if progress.step == 4:
            before.update(contents(out))
            stack.enter_context(fault())

    with stack, pytest.raises(OSError, match=r"."):
        train(pictures, out, RECIPE, report=fail, **PLAIN)
    assert {"checkpoint.pt", "model/model.safetensors", "log.jsonl"} <= set(before)
    assert contents(out) == before
    weights(out / "model")
    again = weights(train(pictures, out, RECIPE, **PLAIN))
    assert all(torch.equal(easy[name], again[name]) for name in easy)


def test_a_checkpoint_cut_in_half_is_named_and_kept(pictures, tmp_path):
    train(pictures, tmp_path, RECIPE, **PLAIN)
    checkpoint = tmp_path / "checkpoint.pt"
    half = checkpoint.read_bytes()[:5000]
    checkpoint.write_bytes(half)
    with pytest.raises(ModelError, match=r"checkpoint\.pt is damaged: bring back a whole one"):
        train(pictures, tmp_path, RECIPE, **PLAIN)
    assert checkpoint.read_bytes() == half
