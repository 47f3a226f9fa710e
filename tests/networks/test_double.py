from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.networks.double import branch_modules, double_of
from sk_viz.networks.tracing.reading import reading
from sk_viz.networks.units import Unit


def test_a_double_answers_like_the_network_and_shares_its_weights(tiny_model):
    x = torch.randn(2, 3, 32, 32)
    double = double_of(tiny_model.network)
    assert torch.equal(double(x), tiny_model.network(x))
    for own, other in zip(double.parameters(), tiny_model.network.parameters(), strict=True):
        assert own.data_ptr() == other.data_ptr()
        assert not own.requires_grad
    ours = {id(m) for m in tiny_model.network.modules()}
    assert not ours & {id(m) for m in double.modules()}


def test_hooks_neither_come_along_nor_leak(tiny_model):
    seen = []
    handle = tiny_model.network.head.register_forward_hook(lambda *_: seen.append("network"))
    try:
        double = double_of(tiny_model.network)
        double.head.register_forward_hook(lambda *_: seen.append("double"))
        double(torch.zeros(1, 3, 32, 32))
        assert seen == ["double"]
        tiny_model.network(torch.zeros(1, 3, 32, 32))
        assert seen == ["double", "network"]
    finally:
        handle.remove()


def test_the_network_keeps_its_mode_and_its_gradients(make_model):
    network = make_model().network.train().requires_grad_()
    double = double_of(network)
    assert network.training
    assert not double.training
    assert all(p.requires_grad for p in network.parameters())


def test_a_network_can_be_doubled_while_hooks_come_and_go_in_other_threads(tiny_model):
    stop = threading.Event()

    def hook_and_unhook():
        while not stop.is_set():
            handles = [
                m.register_forward_hook(lambda *_: None) for m in tiny_model.network.modules()
            ]
            for handle in handles:
                handle.remove()

    thread = threading.Thread(target=hook_and_unhook)
    thread.start()
    try:
        for _ in range(30):
            double = double_of(tiny_model.network)
            assert not any(m._forward_hooks for m in double.modules())
    finally:
        stop.set()
        thread.join()


def test_a_meta_double_has_no_numbers(tiny_model):
    double = double_of(tiny_model.network, meta=True)
    assert all(p.is_meta for p in double.parameters())
    assert double(torch.empty(1, 3, 32, 32, device="meta")).shape == (1, 7)
    assert not any(p.is_meta for p in tiny_model.network.parameters())


def test_held_gates_cut_the_path_through_the_weights(tiny_model):
    x = torch.randn(1, 3, 32, 32)
    gradients = []
    for hold in (False, True):
        double = double_of(tiny_model.network)
        leaf = x.clone().requires_grad_()
        with reading(double, tiny_model.units, constant=hold):
            logits = double(leaf)
        logits[0, 0].backward()
        gradients.append(leaf.grad)
    assert not torch.allclose(*gradients)


def test_parts_of_a_unit_are_found(three_branch_model):
    unit = three_branch_model.units[0]
    block = three_branch_model.network.blocks[unit.name]
    assert branch_modules(three_branch_model.network, unit) == tuple(block.sk.branches)


def test_a_branch_that_is_no_module_of_its_own_is_refused():
    odd = nn.ModuleDict({"sk": nn.ModuleDict({"a": nn.Conv2d(3, 3, 3), "b": nn.Conv2d(3, 3, 5)})})
    unit = Unit(
        "SK_2_1", 2, 1, (3, 5), 3, "sk", False, False, convolutions=(("sk.a",), ("sk.a", "sk.b"))
    )
    with pytest.raises(ModelError, match="Branch 0 of SK_2_1 is not a module of its own"):
        branch_modules(odd, unit)
