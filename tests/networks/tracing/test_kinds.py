"""What choices are between, and that what only resembles a choice between kernels is told apart."""

from __future__ import annotations

import pytest
import timm
import torch
from fixtures import near_misses as other
from fixtures.spellings import Selective
from timm.layers import SplitAttn
from torch import nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks.readout import Readout
from sk_viz.networks.units import near_misses, recognition, units


@pytest.mark.parametrize(
    ("network", "kind", "kernels"),
    [
        (Selective(), "kernels", (3, 5)),
        (other.Bounded(), "bounded", (3, 5)),
        (other.ByPlace(), "places", (3, 5)),
        (other.LargeSelectiveKernel(), "places", (5, 23)),
    ],
    ids=["SK", "Holocron", "by place", "LSK"],
)
def test_units_have_a_kind_and_say_it(network, kind, kernels):
    (unit,) = units(network.eval())
    assert (unit.kind, unit.kernels) == (kind, kernels)
    assert (unit.note == "") == (kind == "kernels")
    assert ("do not sum to 1" in unit.note) == isinstance(network, other.LargeSelectiveKernel)


def test_branches_of_several_resolutions():
    (unit,) = units(other.Resolutions().eval())
    assert unit.kind == "resolutions"
    assert unit.kernels == (3, 6, 12)  # a 3x3 after pooling by 1, 2 and 4
    assert "different resolution" in unit.note


def test_weights_by_place_are_their_means_and_their_maps():
    network = other.LargeSelectiveKernel().eval()
    x = torch.randn(2, 4, 20, 24)
    gates: list[torch.Tensor] = []
    handle = network.conv_squeeze.register_forward_hook(lambda *a: gates.append(a[2].sigmoid()))
    with torch.no_grad():
        _, read = Readout(network).read(x)
        handle.remove()
        maps, weights = read.maps["SK_2_1"], read.weights["SK_2_1"]
        torch.testing.assert_close(maps, gates[0].unsqueeze(2))
        torch.testing.assert_close(weights, gates[0].mean((2, 3)).unsqueeze(2))


def test_weights_by_place_are_held_at_every_place():
    network = other.ByPlace().eval()
    x = torch.randn(2, 4, 9, 9)
    held = torch.tensor([0.0, 1.0]).view(1, 2, 1)
    with torch.no_grad():
        alone, _ = Readout(network)(x, {"SK_2_1": held})
        torch.testing.assert_close(alone, network.features(x)[1])


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        (other.Equal(), "equal"),
        (other.Turned(), "turned"),
        (other.Slices(), "slices"),
        (SplitAttn(16), "slices"),
        (other.OverPictures(), "axis"),
        (other.OverBoth(), "part"),
        (other.Concatenated(), "unsummed"),
        (other.FromParameters(), "parameters"),
        (other.Experts(), "experts"),
        (other.Experts(top=2), "rescaled"),
        (other.GlobalContext(), "positions"),
        (other.Fusion(), "maps"),
        (other.Independent(), "sigmoids"),
        (other.Several(), "several"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else value,
)
def test_what_is_not_a_choice_between_kernels(network, kind):
    found = recognition(network.eval())
    assert not found.units
    (missed,) = found.near_misses
    assert missed.kind == kind
    with pytest.raises(ModelError, match="is not an SK unit: ") as refused:
        units(network)
    assert missed.sentence in str(refused.value)


@pytest.mark.parametrize(
    ("network", "example", "kind"),
    [
        (other.Given(), tuple(torch.randn(2, 2, 4, 9, 9)), "maps"),
        (other.OfKernels(), torch.randn(2, 4, 9, 9), "constants"),
    ],
)
def test_what_only_an_example_shows(network, example, kind):
    (missed,) = near_misses(network.eval(), example)
    assert missed.kind == kind
    with pytest.raises(ModelError, match="give an example"):
        near_misses(network)


@pytest.mark.parametrize(
    ("network", "example"),
    [
        (other.FastFusion(), None),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Softmax(dim=1)), None),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(2, 5, 8)),
    ],
    ids=["BiFPN", "softmax at the end", "transformer"],
)
def test_what_does_not_even_resemble_one(network, example):
    found = recognition(network.eval(), example)
    assert not found.units
    assert not found.near_misses


_SHAPE = {"num_classes": 3, "pretrained": False}


@pytest.mark.parametrize(
    ("name", "more", "kinds"),
    [
        ("vit_tiny_patch16_224", {"depth": 2, "img_size": 32}, set()),
        ("resnet18", {}, set()),
        ("seresnet18", {}, set()),
        ("gcresnext26ts", {}, {"positions"}),
        ("resnest14d", {}, {"slices"}),
        ("xcit_nano_12_p16_224", {"depth": 2, "img_size": 32}, {"slices"}),
        ("mobilevit_xxs", {}, set()),
        ("tf_efficientnet_cc_b0_4e", {}, {"constants"}),
    ],
)
def test_ordinary_networks_of_timm(name, more, kinds):
    found = recognition(timm.create_model(name, **_SHAPE, **more).eval())
    assert not found.units
    assert {missed.kind for missed in found.near_misses} == kinds


def test_near_misses_beside_a_unit_are_told():
    network = nn.Sequential(Selective(), other.Slices(), other.Slices(), Selective()).eval()
    found = recognition(network)
    assert [u.path for u in found.units] == ["0.softmax", "3.softmax"]
    (missed,) = found.near_misses
    assert (missed.kind, missed.paths, missed.calls) == ("slices", ("1.softmax", "2.softmax"), 2)


def test_a_unit_inside_torchscript_is_seen_and_refused():
    network = torch.jit.trace(Selective().eval(), torch.randn(2, 4, 8, 8))
    with pytest.raises(ModelError, match="TorchScript"):
        sk_viz.units(nn.Sequential(network), torch.randn(2, 4, 8, 8))
