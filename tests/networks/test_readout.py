"""Reading logits and weights together, without leaving anything on the network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import timm
import torch
from torch import nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import SelectiveKernelConv, sknet_tiny
from sk_viz.networks.readout import Readout
from sk_viz.zoo.read import readout


def _hooks(network: nn.Module) -> int:
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in network.modules()
    )


@pytest.fixture(scope="module")
def networks(foreign, randomised) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    own = sknet_tiny(classes=5)
    own.wake()
    return {
        "own": randomised(own),
        "wrapped": randomised(nn.Sequential(nn.Identity(), own)),
        "timm": randomised(timm.create_model("skresnet18", num_classes=5)),
        "pytorchcv": randomised(foreign.PytorchcvSKNet()),
        "syt2": randomised(foreign.Syt2SKNet()),
        "note": randomised(
            nn.Sequential(nn.Conv2d(3, 8, 1), foreign.NoteSKConv(8, M=3, G=2, r=2), nn.Flatten())
        ),
        "branch first": randomised(
            nn.Sequential(nn.Conv2d(3, 8, 1), foreign.BranchFirstAttention(8), nn.Flatten())
        ),
    }


ALL = ["own", "wrapped", "timm", "pytorchcv", "syt2", "note", "branch first"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("pictures", [1, 3])
def test_one_forward_reads_all(networks, name, pictures):
    network = networks[name]
    x = torch.randn(pictures, 3, 32, 32)
    with torch.no_grad():
        logits, weights = sk_viz.readout(network, x)
        assert torch.equal(logits, network(x))
    found = sk_viz.units(network)
    assert list(weights) == [u.name for u in found]
    for unit in found:
        w = weights[unit.name]
        assert w.shape == (pictures, len(unit.kernels), unit.channels)
        assert (w >= 0).all()
        torch.testing.assert_close(w.sum(1), torch.ones(pictures, unit.channels))
    assert _hooks(network) == 0


@pytest.mark.parametrize("name", ALL)
def test_weights_are_the_branch_they_multiply(networks, name):
    """With all of a unit's weight on one branch the other branches do not matter."""
    network = networks[name]
    reader = Readout(network)
    unit = reader.units[0]
    x = torch.randn(2, 3, 32, 32)
    held = torch.zeros(1, len(unit.kernels), unit.channels)
    held[:, 0] = 1
    holder = network.get_submodule(unit.path.rpartition(".")[0])
    container = next(
        getattr(holder, n) for n in ("paths", "branches", "convs") if hasattr(holder, n)
    )
    with torch.no_grad():
        before = reader(x, {unit.name: held})[0]
        handle = container[1].register_forward_hook(lambda *a: a[2] * 0.9)
        try:
            after = reader(x, {unit.name: held})[0]
            free = reader(x)[0]
        finally:
            handle.remove()
        assert torch.equal(before, after)
        assert not torch.equal(free, reader(x)[0])


@pytest.mark.parametrize("name", ALL)
def test_own_weights_held_change_nothing(networks, name):
    reader = Readout(networks[name])
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits, weights = reader(x)
        held = {u.name: w for u, w in zip(reader.units, weights, strict=True)}
        again, chosen = reader(x, held)
    torch.testing.assert_close(again, logits)
    for a, b in zip(chosen, weights, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ALL)
def test_held_weights_for_one_picture_are_for_all_and_the_own_choice_is_returned(networks, name):
    reader = Readout(networks[name])
    first, last = reader.units[0], reader.units[-1]
    x = torch.randn(2, 3, 32, 32)
    held = torch.zeros(1, len(first.kernels), first.channels)
    held[:, -1] = 1
    with torch.no_grad():
        logits, weights = reader(x)
        one, chosen = reader(x, {first.name: held})
        many, _ = reader(x, {first.name: held.expand(2, -1, -1).double()})
    assert torch.equal(one, many)
    assert not torch.allclose(one, logits)
    torch.testing.assert_close(chosen[0], weights[0])
    if last != first:
        assert not torch.allclose(chosen[-1], weights[-1])


@pytest.mark.parametrize("name", ALL)
def test_gradients_flow_through_weights_and_logits(networks, name):
    reader = Readout(networks[name])
    x = torch.randn(1, 3, 32, 32, requires_grad=True)
    logits, weights = reader(x)
    for scalar in (logits.sum(), weights[-1][0, 0].mean()):
        (gradient,) = torch.autograd.grad(scalar, x, retain_graph=True)
        assert gradient.abs().sum() > 0


def test_gradient_of_a_weight_is_its_slope(networks):
    """Against a central difference, in double precision."""
    network = sknet_tiny(classes=5).double().eval()
    network.wake()
    reader = Readout(nn.Sequential(network))
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    direction = torch.randn_like(x)

    def value(at: torch.Tensor) -> torch.Tensor:
        return reader(at)[1][3][0, 1].mean()

    (gradient,) = torch.autograd.grad(value(x), x)
    step = 1e-6 * direction
    with torch.no_grad():
        slope = (value(x + step) - value(x - step)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-4)


def test_hooks_are_gone_after_an_error(networks):
    network = networks["timm"]
    with pytest.raises(RuntimeError):
        readout(network, torch.randn(1, 4, 32, 32))
    assert _hooks(network) == 0
    logits, _ = readout(network, torch.randn(1, 3, 32, 32))
    assert logits.shape == (1, 5)


def test_state_mode_and_gradients_of_the_network_are_left_alone(networks):
    network = networks["syt2"]
    before = {k: v.clone() for k, v in network.state_dict().items()}
    readout(network, torch.randn(2, 3, 32, 32))
    assert not network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize("name", ["own", "timm"])
def test_threads_on_one_network(networks, name):
    """Also beside plain forwards of the same network, which hooks must not touch."""
    network = networks[name]
    pictures = [torch.randn(1, 3, 32, 32) for _ in range(6)]
    reader = Readout(network)
    unit = reader.units[0]
    held = {unit.name: torch.tensor([1.0, 0.0])[None, :, None].expand(1, 2, unit.channels)}

    @torch.no_grad()
    def ask(job: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        x = pictures[job % 6]
        if job % 3 == 0:
            return network(x), []
        return Readout(network)(x, held if job % 3 == 1 else None)

    alone = [ask(job) for job in range(6)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(ask, range(24)))
    for job, (logits, weights) in enumerate(together):
        torch.testing.assert_close(logits, alone[job % 6][0])
        for a, b in zip(weights, alone[job % 6][1], strict=True):
            torch.testing.assert_close(a, b)
    assert _hooks(network) == 0


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"SK_9_9": torch.zeros(1, 2, 64)}, "There is no unit SK_9_9; the units are SK_2_1"),
        ({"SK_2_1": torch.zeros(1, 2, 63)}, r"\(1 or 2, 2, 64\), not \(1, 2, 63\)"),
        ({"SK_2_1": torch.zeros(2, 64)}, r"not \(2, 64\)"),
        ({"SK_2_1": torch.zeros(5, 2, 64)}, "are for 5 pictures; give them for 1 or for all 2"),
    ],
)
def test_held_weights_that_do_not_fit(networks, held, message):
    with pytest.raises(ModelError, match=message):
        Readout(networks["timm"])(torch.randn(2, 3, 32, 32), held)


class _Repeated(nn.Module):
    def __init__(self, times: int):
        super().__init__()
        self.unit = SelectiveKernelConv(3, groups=1)
        self.times = times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.times):
            x = self.unit(x)
        return x


def test_a_unit_that_runs_twice_is_two_units():
    network = _Repeated(2).eval()
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        first, weights = network.unit.forward_with_weights(x)
        _, second = network.unit.forward_with_weights(first)
        _, found = readout(network, x)
    assert list(found) == ["SK_2_1", "SK_2_2"]
    assert torch.equal(found["SK_2_1"], weights)
    assert torch.equal(found["SK_2_2"], second)


def test_a_unit_that_no_longer_runs_is_one_sentence():
    network = _Repeated(2).eval()
    reader = Readout(network)
    network.times = 1
    with pytest.raises(ModelError, match="did not compute the weights of SK_2_2"):
        reader(torch.randn(1, 3, 8, 8))


def test_a_network_whose_unit_never_runs_has_none():
    with pytest.raises(ModelError, match="No SK unit was found"):
        readout(_Repeated(0).eval(), torch.randn(1, 3, 8, 8))


def test_networks_without_units_are_refused():
    with pytest.raises(ModelError, match="No SK unit"):
        readout(nn.Flatten(), torch.randn(1, 3, 8, 8))
