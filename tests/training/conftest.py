from pathlib import Path

import cv2
import numpy as np
import pytest


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
