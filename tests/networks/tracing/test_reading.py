"""Reading and holding: nothing is put on a network, and nothing of it changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import timm
import torch
from fixtures.near_misses import LargeSelectiveKernel
from fixtures.spellings import Selective
from torch import Tensor, nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import sknet_tiny
from sk_viz.networks.readout import Readout
from sk_viz.networks.tracing.calls import module_names
from sk_viz.networks.tracing.reading import reading
from sk_viz.networks.tracing.recognition import recognise
from sk_viz.networks.units import units


@pytest.fixture(scope="module")
def network(randomised) -> nn.Module:
    """Functional, reversed and in place."""
    torch.manual_seed(0)
    return randomised(
        nn.Sequential(
            nn.Conv2d(3, 4, 3),
            Selective(combination="addcmul in place", softmax="functional"),
            Selective(combination="reversed", softmax="method", kernels=(3, 5, 7)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 5),
        )
    )


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(2, 3, 20, 18)


def hooks(network: nn.Module) -> int:
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in network.modules()
    )


def test_no_module_gets_a_hook(network, pictures):
    seen = []
    handle = network[1].register_forward_pre_hook(lambda *_: seen.append(hooks(network)))
    with torch.no_grad():
        Readout(network)(pictures)
        handle.remove()
    assert seen == [1]


def test_gradients_are_those_of_the_network_itself(network, pictures):
    inputs = [pictures.clone().requires_grad_() for _ in range(2)]
    network(inputs[0])[:, 0].sum().backward()
    expected = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    Readout(network)(inputs[1])[0][:, 0].sum().backward()
    found = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_the_gradient_of_a_weight_is_its_slope(network, pictures):
    precise = Readout(deepcopy(network).double())
    x = pictures.double().requires_grad_()
    direction = torch.randn_like(x)

    def value(at: Tensor) -> Tensor:
        return precise(at)[1][1][:, 2].mean()

    (gradient,) = torch.autograd.grad(value(x), x)
    with torch.no_grad():
        slope = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-4)


def test_weights_can_be_constants_of_differentiation(network, pictures):
    reader = Readout(network)
    x = pictures.clone().requires_grad_()
    output, weights = reader(x, constant=True)
    assert not any(w.requires_grad for w in weights)
    held = {u.name: w for u, w in zip(reader.units, weights, strict=True)}
    again = pictures.clone().requires_grad_()
    expected, _ = reader(again, held)
    gradients = [
        torch.autograd.grad(y[:, 0].sum(), at)[0] for y, at in ((output, x), (expected, again))
    ]
    torch.testing.assert_close(*gradients)


def test_the_weighted_sums_are_what_the_units_hand_on(network, pictures):
    kept: list[Tensor] = []
    handles = [
        network[i].register_forward_hook(lambda *a: kept.append(a[2].clone())) for i in (1, 2)
    ]
    with torch.no_grad():
        network(pictures)
        for handle in handles:
            handle.remove()
        _, read = Readout(network).read(pictures, sums=["SK_2_1", "SK_2_2"])
    for unit, expected in zip(("SK_2_1", "SK_2_2"), kept, strict=True):
        assert torch.equal(read.sums[unit], expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype, pictures):
    network = Selective(combination="reversed").eval().to(dtype)
    x = torch.randn(2, 4, 9, 9, dtype=dtype)
    (unit,) = units(network)
    with torch.inference_mode():
        output, (weights,) = Readout(network)(x)
        again, _ = Readout(network)(x, {unit.name: weights})
    assert weights.dtype == output.dtype == dtype
    assert torch.equal(again, output)


def test_under_inference_mode(network, pictures):
    with torch.no_grad():
        expected, weights = Readout(network)(pictures)
    with torch.inference_mode():
        found, again = Readout(network)(pictures)
    assert torch.equal(found, expected)
    assert all(torch.equal(a, b) for a, b in zip(weights, again, strict=True))


def test_a_network_made_under_inference_mode(pictures):
    with torch.inference_mode():
        network = nn.Sequential(nn.Conv2d(3, 4, 1), Selective()).eval()
    assert [u.kernels for u in units(network)] == [(3, 5)]
    with torch.inference_mode():
        assert torch.equal(Readout(network)(pictures)[0], network(pictures))


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrapped_networks(network, pictures, wrap):
    inner = Readout(network)
    wrapped = Readout(wrap(network))
    within = Readout(nn.Sequential(nn.Identity(), wrap(network)).eval())
    assert wrapped.units == inner.units
    assert [u.kernels for u in within.units] == [u.kernels for u in inner.units]
    with torch.no_grad():
        expected, weights = inner(pictures)
        for other in (wrapped, within):
            found, read = other(pictures)
            assert torch.equal(found, expected)
            assert all(torch.equal(a, b) for a, b in zip(weights, read, strict=True))


@pytest.mark.parametrize("pictures", [1, 3])
def test_a_network_in_training_mode_is_read_in_evaluation_mode(randomised, pictures):
    for trained in (sknet_tiny(classes=3), nn.Sequential(nn.Conv2d(3, 4, 1), Selective())):
        randomised(trained)
        x = torch.randn(pictures, 3, 32, 32)
        with torch.no_grad():
            expected, weights = sk_viz.readout(trained, x)
            trained.train()
            trained[1].convs[0].eval() if isinstance(trained, nn.Sequential) else None
            modes = [m.training for m in trained.modules()]
            before = {name: value.clone() for name, value in trained.state_dict().items()}
            found, again = sk_viz.readout(trained, x)
        assert torch.equal(found, expected)
        assert all(torch.equal(weights[name], again[name]) for name in weights)
        assert [m.training for m in trained.modules()] == modes
        after = trained.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in before.items())
        logits, _ = sk_viz.readout(trained, x)
        logits.sum().backward()
        assert any(p.grad is not None for p in trained.parameters())


def test_units_of_a_loaded_model_and_of_nothing(tiny_model):
    assert sk_viz.units(tiny_model) == tiny_model.units
    assert sk_viz.units(tiny_model.readout) == tiny_model.units
    with pytest.raises(ModelError, match="str is not a model: give one of"):
        sk_viz.units("sknet_tiny")


def test_four_threads_on_one_network(network, pictures):
    reader = Readout(network)
    first, last = reader.units
    held = {last.name: torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1).expand(1, 3, 4)}
    given = [torch.randn(2, 3, 20, 18) for _ in range(5)]

    @torch.no_grad()
    def ask(job: int) -> tuple[Tensor, list[Tensor]]:
        x = given[job % 5]
        if job % 3 == 0:
            return network(x), []
        return reader(x, held if job % 3 == 1 else None)

    alone = [ask(job) for job in range(15)]
    start = threading.Barrier(4)
    with ThreadPoolExecutor(4, initializer=start.wait) as pool:
        together = list(pool.map(ask, [*range(15)] * 6))
    for job, (output, weights) in enumerate(together):
        assert torch.equal(output, alone[job % 15][0])
        for a, b in zip(weights, alone[job % 15][1], strict=True):
            assert torch.equal(a, b)
    assert first.name == "SK_2_1"


class _Turning(nn.Module):
    """Does something else when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = Selective()
        self.how = "as before"

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "skips":
            return x
        if self.how == "other axes":
            logits = self.unit.logits(self.unit.features(x))
            return self.unit.softmax(logits.transpose(1, 2))
        return self.unit(self.unit(x) if self.how == "once more" else x)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("skips", "did not compute the weights of SK_2_1"),
        ("once more", "unit.softmax computes weights once more than when"),
        ("other axes", r"SK_2_1 have the shape \(2, 4, 2\), which is not"),
    ],
)
def test_another_control_flow_is_one_sentence(how, said):
    network = _Turning().eval()
    reader = Readout(network)
    x = torch.randn(2, 4, 9, 9)
    reader(x)
    network.how = how
    with pytest.raises(ModelError, match=said):
        reader(x)


def test_somebodys_hook_may_call_a_softmax(network, pictures):
    reader = Readout(network)
    with torch.no_grad():
        expected, weights = reader(pictures)
        handle = network[0].register_forward_hook(lambda *a: (a[2].softmax(1).sum(), None)[1])
        found, again = reader(pictures)
        handle.remove()
    assert torch.equal(found, expected)
    assert all(torch.equal(a, b) for a, b in zip(weights, again, strict=True))


def test_a_network_is_looked_at_once(monkeypatch):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), Selective())
    first = recognise(network)
    assert recognise(network) is first
    reader = Readout(network)
    monkeypatch.setattr("sk_viz.networks.tracing.recognition._recognise", lambda *_: "again")
    with torch.no_grad():
        network[0].weight.mul_(1)
    assert Readout(network).units == reader.units  # as after every step of a training
    assert recognise(network) == "again"


def test_what_a_foreign_forward_raises_is_one_sentence():
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unit = Selective()

        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("labels")

    with pytest.raises(ModelError, match=r"Broken fails on an input of the shape \(2, 4, .*labels"):
        units(Broken())
    with pytest.raises(ModelError, match=r"Broken fails on an input of the shape \(2, 3, 8, 8\)"):
        units(Broken(), torch.randn(1, 3, 8, 8))


def test_a_module_that_cannot_be_copied_is_one_sentence():
    network = Selective()
    network.lock = threading.Lock()
    with pytest.raises(ModelError, match="Selective cannot be copied"):
        units(network)


def test_an_input_of_a_fixed_size_and_of_another_number_of_channels():
    for channels, side in ((1, 224), (4, 32), (103, 96)):
        network = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1),
            Selective(),
            nn.Flatten(),
            nn.Linear(4 * side**2, 2),
        ).eval()
        assert [u.kernels for u in units(network)] == [(3, 5)]


def test_sigmoids_by_place_can_be_read_within_a_network():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), LargeSelectiveKernel(), Selective()).eval()
    assert [u.kind for u in units(network)] == ["places", "kernels"]


def test_timm_is_read_as_its_own_modules_compute():
    network = timm.create_model("skresnet18", num_classes=3).eval()
    kept: list[Tensor] = []
    for name, module in network.named_modules():
        if name.endswith(".attn"):
            module.register_forward_hook(lambda *a: kept.append(a[2].flatten(2)))
    with torch.no_grad():
        _, weights = sk_viz.readout(network, torch.randn(2, 3, 64, 64))
    assert all(torch.equal(a, b) for a, b in zip(kept, weights.values(), strict=True))


def test_a_context_of_ones_own(network, pictures):
    found = units(network)
    with torch.no_grad(), reading(network, found) as read:
        network(pictures)
    assert list(read.weights) == [u.name for u in found]


def test_modules_are_named_as_torch_names_them():
    shared = nn.ReLU()
    inner = nn.Sequential(shared, nn.Sequential(nn.Conv2d(3, 4, 1), shared), nn.Identity())
    inner.register_module("none", None)
    for network in (nn.Sequential(inner, shared), timm.create_model("skresnet18")):
        expected = {id(module): name for name, module in network.named_modules()}
        assert module_names(network) == expected
