"""What is looked at: selective kernel networks, and how their branch weights are read."""

from sk_viz.networks.selective_kernel import SelectionTrace, SelectiveKernelConv
from sk_viz.networks.sknet import (
    SKNet,
    SKNetConfig,
    sknet26,
    sknet29_cifar,
    sknet50,
    sknet101,
    sknet_tiny,
)
from sk_viz.networks.units import near_misses

__all__ = [
    "SKNet",
    "SKNetConfig",
    "SelectionTrace",
    "SelectiveKernelConv",
    "near_misses",
    "sknet26",
    "sknet29_cifar",
    "sknet50",
    "sknet101",
    "sknet_tiny",
]
