"""Choosing a device."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sk_viz import ModelError
from sk_viz.networks.device import choose_device, place


@pytest.fixture
def machine(monkeypatch):
    """A machine with as many CUDA devices and MPS as asked for."""

    def make(cuda: int = 0, mps: bool = False) -> None:
        monkeypatch.delenv("SK_VIZ_DEVICE", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


def test_auto_takes_the_fastest(machine):
    for cuda, mps, expected in ((1, True, "cuda"), (0, True, "mps"), (0, False, "cpu")):
        machine(cuda, mps)
        assert choose_device("auto") == torch.device(expected)


def test_environment_decides_auto_alone(machine, monkeypatch):
    machine(cuda=1)
    monkeypatch.setenv("SK_VIZ_DEVICE", "cpu")
    assert choose_device("auto").type == "cpu"
    assert choose_device("cuda").type == "cuda"
    monkeypatch.setenv("SK_VIZ_DEVICE", "")
    assert choose_device().type == "cuda"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "no CUDA device 'cuda': choose auto or cpu"),
        ("mps", "no MPS device: choose auto or cpu"),
        ("gpu", "There is no device 'gpu': choose auto, cuda, mps or cpu"),
        ("meta", "There is no device 'meta'"),
        ("", "There is no device ''"),
        (None, "There is no device None"),
    ],
)
def test_devices_that_are_not_there(machine, name, message):
    machine()
    with pytest.raises(ModelError, match=message):
        choose_device(name)


def test_the_second_of_one(machine):
    machine(cuda=1)
    assert choose_device("cuda:0").index == 0
    with pytest.raises(ModelError, match="no CUDA device 'cuda:1'"):
        choose_device("cuda:1")


def test_placed_for_evaluation():
    network = place(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), torch.device("cpu"))
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_channels_last_on_cuda():
    network = place(nn.Conv2d(4, 4, 3), torch.device("cuda"))
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
