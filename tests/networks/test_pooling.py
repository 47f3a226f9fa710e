from __future__ import annotations

import threading

import pytest
import timm
import torch
from torch import nn

from sk_viz import ModelError
from sk_viz.networks.pooling import pooled_gates
from sk_viz.networks.readout import Readout
from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.networks.sknet import sknet_tiny

CENTRE = (0.25, 0.25, 0.75, 0.75)


@pytest.fixture(scope="module")
def readout():
    torch.manual_seed(0)
    network = sknet_tiny(classes=3)
    network.wake()
    return Readout(network.eval())


@pytest.fixture(scope="module")
def x():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_over_the_whole_picture_nothing_changes(readout, x):
    logits, weights = readout(x)
    with pooled_gates(readout.network, readout.units, (0.0, 0.0, 1.0, 1.0)):
        again, pooled = readout(x)
    torch.testing.assert_close(again, logits)
    for own, other in zip(weights, pooled, strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("side", [8, 6])
def test_the_gate_chooses_by_the_mean_over_the_window(side):
    """The maps are cut to the window by hand; of 6 places the outer two count half."""
    torch.manual_seed(0)
    unit = SelectiveKernelConv(8, groups=1, reduction=2, min_features=4).eval()
    readout = Readout(unit)
    x = torch.randn(2, 8, side, side)
    summed = unit.trace(x).summed
    part = torch.ones(side)
    part[: side // 4] = part[side - side // 4 :] = 0
    if side == 6:
        part = torch.tensor([0.0, 0.5, 1.0, 1.0, 0.5, 0.0])
    share = part[:, None] * part[None, :]
    mean = (summed * share).sum(dim=(2, 3), keepdim=True) / share.sum()
    expected = unit.select(unit.fuse(mean)).view(2, 2, 8).softmax(dim=1)
    with pooled_gates(unit, readout.units, CENTRE):
        (weights,) = readout(x)[1]
    torch.testing.assert_close(weights, expected)


def test_timm_pools_alike(x):
    torch.manual_seed(0)
    network = timm.create_model("skresnet18", num_classes=3).eval()
    readout = Readout(network)
    first = readout.units[0]
    seen = []
    attention = network.get_submodule("layer1.0.conv1.attn")
    handle = attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with pooled_gates(network, readout.units, CENTRE):
        pooled = readout(x)[1]
    handle.remove()
    (maps,) = seen  # (N, M, C, 16, 16), the same with and without: it is the first unit
    cut = attention(maps[..., 4:12, 4:12]).flatten(2)
    assert first.path.startswith("layer1.0.conv1")
    torch.testing.assert_close(pooled[0], cut)


def test_means_in_two_steps_count_both_axes():
    class TwoSteps(nn.Module):
        """The seed's kind of gate: ``mean(-1).mean(-1)``."""

        def __init__(self):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(4, 4, k, padding=k // 2) for k in (3, 5))
            self.fc = nn.Linear(4, 3)
            self.fcs = nn.ModuleList(nn.Linear(3, 4) for _ in range(2))
            self.softmax = nn.Softmax(dim=1)

        def forward(self, x):
            maps = torch.stack([conv(x) for conv in self.convs], dim=1)
            pooled = maps.sum(dim=1).mean(-1).mean(-1)
            z = self.fc(pooled)
            weights = self.softmax(torch.stack([fc(z) for fc in self.fcs], dim=1))
            return (maps * weights[..., None, None]).sum(dim=1)

    torch.manual_seed(0)
    network = TwoSteps().eval()
    readout = Readout(network)
    x = torch.randn(2, 4, 8, 8)
    maps = sum(conv(x) for conv in network.convs)
    z = network.fc(maps[..., 2:6, 2:6].mean(dim=(2, 3)))
    expected = torch.stack([fc(z) for fc in network.fcs], dim=1).softmax(dim=1)
    with pooled_gates(network, readout.units, CENTRE):
        (weights,) = readout(x)[1]
    torch.testing.assert_close(weights, expected)


def test_a_gate_without_a_global_mean_is_named(x):
    class MaxPooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(3, 4, k, padding=k // 2) for k in (3, 5))
            self.fcs = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
            self.softmax = nn.Softmax(dim=1)

        def forward(self, x):
            maps = torch.stack([conv(x) for conv in self.convs], dim=1)
            z = maps.sum(dim=1).amax(dim=(2, 3))
            weights = self.softmax(torch.stack([fc(z) for fc in self.fcs], dim=1))
            return (maps * weights[..., None, None]).sum(dim=1)

    readout = Readout(MaxPooled().eval())
    with (
        pytest.raises(ModelError, match="SK_2_1 does not come from a global mean"),
        pooled_gates(readout.network, readout.units, CENTRE),
    ):
        readout(x)


def test_nothing_stays_after_an_error_and_other_threads_see_nothing(readout, x):
    own = readout(x)[1]
    with pytest.raises(KeyError), pooled_gates(readout.network, readout.units, CENTRE):
        raise KeyError
    torch.testing.assert_close(readout(x)[1], own)
    others = []
    with pooled_gates(readout.network, readout.units, CENTRE):
        thread = threading.Thread(target=lambda: others.extend(readout(x)[1]))
        thread.start()
        thread.join()
        pooled = readout(x)[1]
    torch.testing.assert_close(others, own)
    assert not torch.equal(pooled[0], own[0])
