from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import sk_viz.zoo.given
from sk_viz.zoo.fingerprint import Fingerprint
from sk_viz.zoo.given import as_loaded


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1))


def in_place(net: nn.Module) -> None:
    with torch.no_grad():
        net[0].weight[1, 2, 1, 1] += 1e-3


def optimiser(net: nn.Module) -> None:
    torch.optim.SGD(net.parameters(), lr=1e-6).zero_grad()
    net(torch.rand(2, 3, 8, 8)).sum().backward()
    torch.optim.SGD(net.parameters(), lr=1e-6).step()


def other_weights(net: nn.Module) -> None:
    net.load_state_dict(network().state_dict())


def new_parameter(net: nn.Module) -> None:
    net[3].bias = nn.Parameter(net[3].bias.detach().clone())


def behind_torchs_back(net: nn.Module) -> None:
    net[0].weight.data *= 1.001


def by_numpy(net: nn.Module) -> None:
    values = net[3].weight.detach().numpy()
    np.multiply(values, 2, out=values)


def statistics(net: nn.Module) -> None:
    net.train()(torch.rand(2, 3, 8, 8))
    net.eval()


def another_module(net: nn.Module) -> None:
    net[2] = nn.SiLU()


def half(net: nn.Module) -> None:
    net.half()


@pytest.mark.parametrize(
    "change",
    [
        in_place,
        optimiser,
        other_weights,
        new_parameter,
        behind_torchs_back,
        by_numpy,
        statistics,
        another_module,
        half,
    ],
)
def test_changes_are_noticed(change):
    net = network().eval()
    before = Fingerprint(net)
    assert before.fits(net)
    with torch.no_grad():
        net(torch.rand(1, 3, 8, 8))
    assert before.fits(net)
    change(net)
    assert not before.fits(net)


def test_weights_made_in_inference_mode_have_one():
    with torch.inference_mode():
        net = network().eval()
    assert Fingerprint(net).fits(net)


def test_an_unchanged_network_is_hashed_once(monkeypatch):
    """Loading the same values again changes the fingerprint and not the copy."""
    config = sk_viz.networks.SKNetConfig(
        (1,), (8,), (16,), stem_width=8, stem="cifar", groups=1, classes=3
    )
    net = sk_viz.networks.SKNet(config)
    hashed = []
    real = sk_viz.zoo.given.state_sha256
    monkeypatch.setattr(
        sk_viz.zoo.given, "state_sha256", lambda one: hashed.append(one) or real(one)
    )
    first = as_loaded(net)
    assert as_loaded(net) is first
    assert len(hashed) == 1
    net.load_state_dict({name: value.clone() for name, value in net.state_dict().items()})
    assert as_loaded(net) is first
    assert len(hashed) == 2
    assert as_loaded(net) is first
    assert len(hashed) == 2
