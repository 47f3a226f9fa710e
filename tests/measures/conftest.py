from __future__ import annotations

import numpy as np
import pytest
import torch
from fixtures.training import folder, model
from torch import nn

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.pictures import Picture
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import Model, as_model


def wrap(network: nn.Module, input_size: int = 32, classes: int = 7) -> Model:
    """A network as the zoo would hand it out, on the CPU."""
    return as_model(
        network,
        id="tiny_random",
        preprocessing=Preprocessing(input_size=input_size, crop_fraction=1.0),
        classes=[ClassName(f"thing {i}, object {i}", ()) for i in range(classes)],
        kind="untrained",
        note="Untrained: its weights are random.",
        device=torch.device("cpu"),
    )


def random_network(seed: int = 0, **changes: object) -> SKNet:
    """Two units of one stage each; every layer has something to say."""
    torch.manual_seed(seed)
    config = {
        "depths": (1, 1),
        "unit_widths": (8, 12),
        "out_widths": (16, 24),
        "stem_width": 8,
        "stem": "small",
        "groups": 4,
        "min_features": 8,
        "classes": 7,
    }
    network = SKNet(SKNetConfig(**{**config, **changes}))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


@pytest.fixture(scope="session")
def tiny_model() -> Model:
    return wrap(random_network())


@pytest.fixture(scope="session")
def three_branch_model() -> Model:
    return wrap(random_network(kernels=(3, 5, 7)))


@pytest.fixture(scope="session")
def noise_picture() -> Picture:
    """Smooth colours with some texture, 80 x 64."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:64, 0:80]
    waves = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 5)], axis=-1)
    pixels = np.clip(127 + 90 * waves + rng.normal(0, 20, (64, 80, 3)), 0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    return Picture(pixels, "ab" * 32, "noise.png", "PNG")


@pytest.fixture(scope="session")
def make_model():
    """A tiny random model of any configuration: ``make_model(seed=1, depths=(2, 1))``."""
    return lambda **changes: wrap(random_network(**changes))
