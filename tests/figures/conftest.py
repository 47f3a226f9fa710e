"""A small random model with four stages, and pictures drawn by numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName, save_bundled

CLASSES = ("dark_100%", "light & bright", "a class with a very long name", "d", "e", "f")


@pytest.fixture(scope="session")
def figure_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figure_model")
    config = SKNetConfig(
        depths=(1, 1, 1),
        unit_widths=(16, 32, 32),
        out_widths=(16, 32, 32),
        stem_width=8,
        stem="small",
        groups=4,
        classes=len(CLASSES),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SKNet(config)
        for name, parameter in network.named_parameters():
            if "select" in name:
                torch.nn.init.normal_(parameter, std=0.5)
    names = [ClassName(name) for name in CLASSES]
    save_bundled(folder, network, Preprocessing(input_size=32), names, "Random weights.")
    return str(folder)


@pytest.fixture(scope="session")
def figure_pictures(tmp_path_factory):
    """An ImageFolder of 3 classes with 6 pictures each; its first picture is used alone."""
    root = tmp_path_factory.mktemp("figure_pictures")
    rng = np.random.default_rng(0)
    for c, name in enumerate(CLASSES[:3]):
        (root / name).mkdir()
        for n in range(6):
            pixels = rng.integers(0, 256, (60, 70, 3), dtype=np.uint8)
            pixels[10 * c : 30] = 40 * n
            Image.fromarray(pixels).save(root / name / f"{n}.png")
    return root


@pytest.fixture(scope="session")
def figure_survey(figure_model, figure_pictures, tmp_path_factory):
    from sk_viz.surveys import run_survey

    out = tmp_path_factory.mktemp("surveys") / "survey"
    run_survey(figure_model, figure_pictures, out, device="cpu")
    return out
