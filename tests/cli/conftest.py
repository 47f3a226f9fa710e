from pathlib import Path

import cv2
import numpy as np
import pytest

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName, save_bundled


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small random model as a folder."""
    config = SKNetConfig(
        depths=(1, 1),
        unit_widths=(8, 16),
        out_widths=(16, 24),
        stem_width=8,
        stem="small",
        groups=2,
        min_features=4,
        classes=6,
    )
    network = SKNet(config)
    network.wake()
    folder = tmp_path_factory.mktemp("model")
    classes = [ClassName(f"thing {i}", (f"n{i}",)) for i in range(6)]
    save_bundled(folder, network.eval(), Preprocessing(32, 1.0), classes, "Random, for a test.")
    return str(folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six pictures."""
    place = tmp_path_factory.mktemp("pictures")
    for seed in range(6):
        pixels = np.random.default_rng(seed).integers(0, 256, (80, 100, 3), dtype=np.uint8)
        cv2.imwrite(str(place / f"{seed}.png"), pixels)
    return place


@pytest.fixture(scope="session")
def picture(folder: Path) -> str:
    """One picture's file."""
    return str(folder / "0.png")
