"""Weights under the names of other projects, in this project's SKNet."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import timm
import torch
from torch import nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import SKNet, SKNetConfig, sknet29_cifar, sknet50, sknet_tiny
from sk_viz.zoo.checkpoints import fill
from sk_viz.zoo.layouts import network_from_state, to_own_names


def test_timm_weights_in_sknet50_give_timm_answers(randomised):
    torch.manual_seed(0)
    theirs = randomised(timm.create_model("skresnext50_32x4d"))
    ours = sknet50().eval()
    state, project = to_own_names(theirs.state_dict(), "timm's weights")
    fill(ours, state, "timm's weights")
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, expected_weights = sk_viz.readout(theirs, x)
        logits, weights = sk_viz.readout(ours, x)
    assert project == "timm"
    assert expected.std() > 0.01  # else the tolerance would say nothing
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
    assert list(weights) == list(expected_weights)
    for name, w in weights.items():
        torch.testing.assert_close(w, expected_weights[name], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("project", "name"), [("pytorchcv", "PytorchcvSKNet"), ("syt2/SKNet", "Syt2SKNet")]
)
def test_other_layouts_give_the_answers_of_the_original(foreign, randomised, project, name):
    torch.manual_seed(0)
    theirs = randomised(getattr(foreign, name)(depths=(2, 1, 2)))
    ours, preprocessing, found = network_from_state(theirs.state_dict(), "file")
    assert isinstance(ours, SKNet)
    assert found == project
    assert (ours.config.depths, ours.config.classes) == ((2, 1, 2), 7)
    assert preprocessing.input_size == 224
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, expected_weights = sk_viz.readout(theirs, x)
        logits, weights = sk_viz.readout(ours.eval(), x)
    torch.testing.assert_close(logits, expected)
    assert list(weights) == list(expected_weights)
    for key, w in weights.items():
        torch.testing.assert_close(w, expected_weights[key])


def test_a_split_input_stays_with_timm():
    torch.manual_seed(0)
    theirs = timm.create_model("skresnet18", num_classes=3).eval()
    ours, _, project = network_from_state(theirs.state_dict(), "file")
    assert project == "timm"
    assert all(u.split_input for u in sk_viz.units(ours))
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(x), theirs(x))


def _zeros(build: Callable[[], nn.Module]) -> dict[str, torch.Tensor]:
    """Weights of the right names and shapes, in no time."""
    with torch.device("meta"):
        state = build().state_dict()
    return {k: torch.zeros(v.shape) for k, v in state.items()}


@pytest.mark.parametrize("name", ["skresnet34", "skresnet50", "skresnet50d"])
def test_each_split_network_of_timm_is_told_from_the_others(name):
    state = _zeros(lambda: timm.create_model(name, num_classes=3))
    ours, _, _ = network_from_state(state, "file")
    assert set(ours.state_dict()) == set(state)
    assert all(u.split_input for u in sk_viz.units(ours))


def test_the_network_for_cifar_is_told_by_its_shape():
    ours, preprocessing, _ = network_from_state(_zeros(lambda: sknet29_cifar(classes=11)), "file")
    assert ours.config == sknet29_cifar_shape(11)
    assert (preprocessing.input_size, preprocessing.crop_fraction) == (32, 1.0)


def sknet29_cifar_shape(classes: int) -> SKNetConfig:
    with torch.device("meta"):
        return sknet29_cifar(classes=classes).config


@pytest.mark.parametrize(
    "build",
    [
        lambda: SKNet(_small()),
        lambda: SKNet(_small(kernels=(3, 5, 7), groups=8, reduction=4, min_features=16)),
        lambda: sknet_tiny(classes=9),
    ],
)
def test_own_weights_tell_the_shape_of_their_network(build):
    torch.manual_seed(0)
    network = build()
    again, _, project = network_from_state(network.state_dict(), "file")
    assert project == "this project"
    # r and L show only in the length of the compact feature.
    free = {"reduction": 1, "min_features": 1}
    assert replace(again.config, **free) == replace(network.config, **free)
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in network.state_dict().items())


def _small(**changes):
    shape = {"depths": (1, 2), "unit_widths": (32, 64), "out_widths": (64, 96), "classes": 4}
    return SKNetConfig(**{**shape, "stem_width": 16, **changes})


def test_what_is_missing_or_wrong_is_named():
    state = dict(SKNet(_small()).state_dict())

    def refused(message: str, **changes: torch.Tensor | None) -> None:
        changed = {**state, **{k.replace("/", "."): v for k, v in changes.items()}}
        with pytest.raises(ModelError, match=re.escape(message)):
            network_from_state({k: v for k, v in changed.items() if v is not None}, "my.pth")

    first = "blocks.SK_2_1."
    refused("my.pth lacks the weights head.weight.", **{"head/weight": None})
    refused("my.pth lacks the weights stem.1.running_var.", **{"stem.1.running_var": None})
    refused(
        f"my.pth lacks the weights {first}sk.fuse.0.weight.", **{f"{first}sk.fuse.0.weight": None}
    )
    refused("my.pth has the weights extra, which the network does not have.", extra=torch.ones(1))
    refused(
        f"my.pth: {first}reduce.1.bias has the shape (31,), the network needs (32,).",
        **{f"{first}reduce.1.bias": torch.ones(31)},
    )
    refused("stem.0.weight has 1 axes, the network needs 4", **{"stem.0.weight": torch.ones(3)})
    refused(
        "its branches are dense 5x5",
        **{f"{first}sk.branches.0.0.weight": torch.ones(32, 1, 5, 5)},
    )
    refused("follow no d = max(C / r, L)", **{f"{first}sk.fuse.0.weight": torch.ones(31, 32, 1, 1)})
    refused("the stride of its 3x3 stem", **{"stem.0.weight": torch.ones(16, 3, 3, 3)})
    unit = {k: None for k in state if k.startswith("blocks.SK_3_1.")}
    refused("my.pth lacks the unit SK_3_1.", **unit)


def test_unknown_names_are_refused():
    with pytest.raises(ModelError, match=r"my.pth does not hold an SKNet under names"):
        network_from_state(timm.create_model("resnet18").state_dict(), "my.pth")
