from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import Model, as_model

TWO_CLASSES = SKNetConfig(
    depths=(1, 1),
    unit_widths=(8, 16),
    out_widths=(16, 24),
    stem_width=8,
    stem="small",
    groups=2,
    min_features=4,
    classes=2,
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ImageFolder of two classes, told apart by their colour."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("blue things", "green things")):
        (root / name).mkdir()
        for index in range(24):
            pixels = rng.integers(0, 100, (40, 48, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            cv2.imwrite(str(root / name / f"{index}.png"), pixels)
    return root


@pytest.fixture
def two_classes() -> SKNetConfig:
    """The shape of a tiny network."""
    return TWO_CLASSES


@pytest.fixture(scope="session")
def model() -> Model:
    """An untrained network for the classes of ``folder``."""
    torch.manual_seed(0)
    network = SKNet(TWO_CLASSES)
    network.wake()
    return as_model(
        network,
        id="random",
        preprocessing=Preprocessing(64, 1.0),
        classes=[ClassName("blue things"), ClassName("green things")],
        kind="untrained",
        note="Random.",
        device=torch.device("cpu"),
    )
