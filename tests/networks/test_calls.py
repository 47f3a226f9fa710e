"""This project's networks are ordinary modules: hooks fire, and torch's own tools take them."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from sk_viz.networks import (
    SelectiveKernelConv,
    sknet26,
    sknet29_cifar,
    sknet50,
    sknet101,
    sknet_tiny,
)
from sk_viz.networks.readout import Readout

_SHORT = {"depths": (1, 1), "unit_widths": (32, 64), "out_widths": (32, 64), "classes": 3}
_SMALL = {**_SHORT, "stem_width": 8, "groups": 4}

NETWORKS = {
    "tiny": lambda: sknet_tiny(**_SMALL),
    "cifar": lambda: sknet29_cifar(**_SMALL),
    "imagenet": lambda: sknet50(**_SMALL),
    "three kernels": lambda: sknet50(**_SMALL, kernels=(3, 5, 7)),
    "no choice": lambda: sknet_tiny(**_SMALL, fuse="sum"),
    "unit": lambda: SelectiveKernelConv(3, groups=1),
    "plain unit": lambda: SelectiveKernelConv(3, groups=1, dense=True, fuse="plain", bias=True),
}
FULL = {
    "sknet26": sknet26,
    "sknet50": sknet50,
    "sknet101": sknet101,
    "sknet29_cifar": sknet29_cifar,
    "sknet_tiny": sknet_tiny,
}


@pytest.fixture
def network(request) -> nn.Module:
    torch.manual_seed(0)
    made = {**NETWORKS, **FULL}[request.param]().eval()
    if hasattr(made, "wake"):
        made.wake()
    return made


def _picture() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32)


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_a_hook_on_any_submodule_fires_once_a_forward(network):
    fired: Counter[str] = Counter()
    containers = nn.ModuleList | nn.ModuleDict
    called = [n for n, m in network.named_modules() if not isinstance(m, containers)]
    for name, module in network.named_modules():
        module.register_forward_hook(lambda *_, name=name: fired.update([name]))
    with torch.no_grad():
        network(_picture())
        assert fired == Counter(called)
        if getattr(network, "selects", True) and network.__class__.__name__ == "SKNet":
            fired.clear()
            if any(m.selects for m in network.modules() if isinstance(m, SelectiveKernelConv)):
                Readout(network)(_picture())
                assert fired == Counter(called)


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_a_hook_may_change_what_a_block_returns(network):
    x = _picture()
    last = [m for m in network.modules() if isinstance(m, SelectiveKernelConv)][-1]
    with torch.no_grad():
        before = network(x)
        handle = last.register_forward_hook(lambda *a: a[2] * 2)
        after = network(x)
        handle.remove()
        assert not torch.equal(before, after)
        assert torch.equal(network(x), before)


def _check_tools(network: nn.Module) -> None:
    x = _picture()
    with torch.no_grad():
        expected = network(x)
        batch = torch.export.Dim("batch")
        exported = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
        torch.testing.assert_close(exported.module()(x), expected)
        torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)
        compiled = torch.compile(network, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(x), expected)
    torch.compiler.reset()


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_export_trace_and_compile(network):
    _check_tools(network)


@pytest.mark.parametrize("network", FULL, indirect=True)
def test_export_trace_and_compile_of_the_networks_in_full(network, request):
    if not request.config.getoption("--long"):
        pytest.skip("long: run with --long")
    _check_tools(network)
